"""Texts that a model writes beside the runs of the program: all at once, and told of as work that is there and done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from burnish.lm.scope import current_scope
from burnish.loop import all_of

A = TypeVar("A")
T = TypeVar("T")


async def written(write: Callable[[A], Coroutine[Any, Any, T]], wanted: Sequence[A]) -> list[T]:
    """What `write` brings for each thing that is wanted, in their order; each is one call, or a few in a row."""
    scope = current_scope()
    watch = None if scope is None else scope.watch
    if scope is None or watch is None or not wanted:
        return await all_of(write(one) for one in wanted)
    stage = scope.stage
    watch.emit("stage_started", stage=stage, cells=len(wanted))

    async def told(one: A) -> T:
        try:
            return await write(one)
        finally:
            watch.emit("text_written", stage=stage)

    return await all_of(told(one) for one in wanted)
