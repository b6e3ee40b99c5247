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

    __slots__ = ("_kept", "_others", "adapter", "demos", "instructions", "signature")

    def __init__(
        self, adapter: Adapter, signature: type[Signature], *, instructions: str, demos: Sequence[Any]
    ) -> None:
        self.adapter = adapter
        self.signature = signature
        self.demos = demos
        self.instructions = instructions
        self._kept: dict[tuple[type[Signature], int], Prompt] = {}
        self._others: dict[tuple[Adapter, type[Signature]], Prompts] = {}

    def showing(self, number: int, *, asked: type[Signature] | None = None) -> Prompt:
        """The prompt with the first so many demos, and with the fields of `asked`, where these are fewer."""
        signature = self.signature if asked is None else asked
        prompt = self._kept.get((signature, number))
        if prompt is None:
            demos = self.demos if number == len(self.demos) else self.demos[:number]
            prompt = self.adapter.compile(signature, instructions=self.instructions, demos=demos)
            self._kept[signature, number] = prompt
        return prompt

    def through(self, adapter: Adapter) -> Prompts:
        """The same prompts by another adapter; kept like the rest."""
        return self._other(adapter, self.signature, self.instructions, self.demos)

    def of(self, adapter: Adapter, signature: type[Signature]) -> Prompts:
        """The prompts of another question that reading a reply leads to, without demos; kept like the rest."""
        return self._other(adapter, signature, signature.instructions, ())

    def _other(self, adapter: Adapter, signature: type[Signature], instructions: str, demos: Sequence[Any]) -> Prompts:
        key = adapter, signature
        if key not in self._others:
            self._others[key] = Prompts(adapter, signature, instructions=instructions, demos=demos)
        return self._others[key]


async def fitted(model: LM, prompts: Prompts, request_of: Callable[[int], Request], *, predictor: str) -> Request:
    """The request with as many demos as the window holds.

    Args:
        model: The model to ask.
        prompts: With all demos they are too long.
        request_of: The request that shows the first so many demos.
        predictor: Whose they are.

    Returns:
        The request; without demos it may be too long still.
    """
    most = too_many = len(prompts.demos)
    request, fit = request_of(0), 0
    while too_many - fit > 1:
        middle = (fit + too_many) // 2
        longer = request_of(middle)
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
