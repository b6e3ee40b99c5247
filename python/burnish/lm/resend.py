"""A straggler is sent once more, and the first reply counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def first_of_two(
    first: Coroutine[Any, Any, T], again: Callable[[], Coroutine[Any, Any, T]], *, seconds: float
) -> tuple[T, bool]:
    """The first result, where a call that takes longer than `seconds` is made once more; the other is cancelled.

    Args:
        first: The call.
        again: Makes it once more.
        seconds: How long to wait for the first alone.

    Returns:
        The result, and whether it is the first call's.

    Raises:
        Exception: Both failed; the first one's error.
    """
    own = asyncio.create_task(first)
    under_way: set[asyncio.Task[T]] = {own}
    try:
        await asyncio.wait(under_way, timeout=seconds)
        if not own.done():
            under_way.add(asyncio.create_task(again()))
        waiting = under_way
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled() and task.exception() is None:
                    return task.result(), task is own
        return own.result(), True
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
