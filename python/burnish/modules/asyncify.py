"""`asyncify`: any program, awaited from any event loop."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from burnish.errors import ConfigError
from burnish.loop import in_thread, on_loop
from burnish.modules.module import Module


def asyncify(program: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The program as a coroutine function, which never blocks the event loop that awaits it.

    A `Module` runs as in `acall`; a function in a worker thread, unless it is async. Settings travel along.
    Cancelled, it cancels the LM calls under way; other blocking code of a function runs on to its end, unheeded.

    Raises:
        ConfigError: It cannot be called.

    Example:
        >>> import asyncio, burnish
        >>> from burnish.testing import ScriptedLM
        >>> answer = asyncify(burnish.Predict("question -> answer"))
        >>> with burnish.context(lm=ScriptedLM([{"answer": "Paris"}])):
        ...     asyncio.run(answer(question="The capital of France?")).answer
        'Paris'
    """
    if isinstance(program, Module):
        return program.acall
    if not callable(program):
        raise ConfigError(f"asyncify({program!r}): give a program or a function.")
    inner = getattr(program, "__call__", program)  # noqa: B004  an object's async __call__
    if inspect.iscoroutinefunction(program) or inspect.iscoroutinefunction(inner):
        return program

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        return await on_loop(in_thread(program, *args, **kwargs))

    return functools.update_wrapper(awaited, program)
