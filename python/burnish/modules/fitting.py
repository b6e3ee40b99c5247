"""Prompts that are longer than the model's window: demos are left out, from the last to the first.

The demos that a predictor learnt by bootstrapping stand before the labelled ones, so the labelled ones go
first. Instructions and inputs are never cut: where they do not fit alone, the call is refused before it is
sent (`PromptTooLong`). Each prompt that is shortened is an event of the run, and the first one a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from burnish.lm.lm import LM
from burnish.lm.request import Request
from burnish.lm.scope import Watch, current_scope
from burnish.loop import over_loop


async def fitted(model: LM, with_demos: Callable[[int], Request], *, most: int, predictor: str) -> Request:
    """The request with as many demos as the window holds.

    Args:
        model: The model to ask.
        with_demos: The request with only the first so many demos.
        most: How many there are, which are too many.
        predictor: Whose they are.

    Returns:
        The request; without demos it may be too long still.
    """
    request, fit, too_many = with_demos(0), 0, most
    while too_many - fit > 1:
        middle = (fit + too_many) // 2
        longer = with_demos(middle)
        if model.excess(longer):
            too_many = middle
        else:
            request, fit = longer, middle
    scope = current_scope()
    if scope is not None and scope.watch is not None:
        await over_loop(_tell(scope.watch, predictor=predictor, model=model.model, kept=fit, dropped=most - fit))
    warnings.warn(
        f"A prompt with {most} demos is longer than the window of {model.model!r}, "
        f"{model.capabilities.context_window} tokens: it shows the first {fit} of them.",
        stacklevel=2,
    )
    return request


async def _tell(watch: Watch, **fields: Any) -> None:
    watch.emit("demos_dropped", **fields)
