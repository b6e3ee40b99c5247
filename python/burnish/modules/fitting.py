"""Prompts that are longer than the model's window: demos are left out, from the last to the first.

The demos that a predictor learnt by bootstrapping stand before the labelled ones, so the labelled ones go
first. Instructions and inputs are never cut: where they do not fit alone, the call is refused before it is
sent (`PromptTooLong`). Each prompt that is shortened is an event of the run; a warning says it once for a
predictor and a model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from burnish.adapters.base import Adapter, Prompt
from burnish.lm.lm import LM
from burnish.lm.request import Request
from burnish.lm.scope import Watch, current_scope
from burnish.loop import over_loop
from burnish.values.signature import Signature


class Prompts:
    """The prompts with all of some demos, or only the first of them; each is compiled, hashed and counted once.

    Args:
        adapter: Who compiles them.
        signature: What is asked.
        instructions: The task in words.
        demos: Worked examples; not to be changed afterwards.
    """

    __slots__ = ("_instructions", "_kept", "adapter", "demos", "signature")

    def __init__(
        self, adapter: Adapter, signature: type[Signature], *, instructions: str, demos: Sequence[Any]
    ) -> None:
        self.adapter = adapter
        self.signature = signature
        self.demos = demos
        self._instructions = instructions
        self._kept: dict[int, Prompt] = {}

    def showing(self, number: int) -> Prompt:
        """The prompt with the first so many demos."""
        prompt = self._kept.get(number)
        if prompt is None:
            demos = self.demos if number == len(self.demos) else self.demos[:number]
            prompt = self.adapter.compile(self.signature, instructions=self._instructions, demos=demos)
            self._kept[number] = prompt
        return prompt


async def fitted(model: LM, prompts: Prompts, request_of: Callable[[Prompt], Request], *, predictor: str) -> Request:
    """The request with as many demos as the window holds.

    Args:
        model: The model to ask.
        prompts: With all demos they are too long.
        request_of: The request that begins with a prompt.
        predictor: Whose they are.

    Returns:
        The request; without demos it may be too long still.
    """
    most = too_many = len(prompts.demos)
    request, fit = request_of(prompts.showing(0)), 0
    while too_many - fit > 1:
        middle = (fit + too_many) // 2
        longer = request_of(prompts.showing(middle))
        if model.excess(longer):
            too_many = middle
        else:
            request, fit = longer, middle
    scope = current_scope()
    if scope is not None and scope.watch is not None:
        await over_loop(_tell(scope.watch, predictor=predictor, model=model.model, kept=fit, dropped=most - fit))
    # No number of demos: Python shows a text once, and this one would otherwise come again with each other number.
    warnings.warn(
        f"A prompt{f' of {predictor!r}' if predictor else ''} is longer with its demos than the window of "
        f"{model.model!r}, {model.capabilities.context_window} tokens: it shows the first of them, as many as fit.",
        stacklevel=2,
    )
    return request


async def _tell(watch: Watch, **fields: Any) -> None:
    watch.emit("demos_dropped", **fields)
