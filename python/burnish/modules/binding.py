"""How a candidate reaches the predictors of a program that is never copied or changed.

One context variable carries the binding of the rollout that is running. `Predict` looks itself up
in it by identity, and reads instructions, demos, LM and call settings through it. Since the
variable belongs to the task, one program object can run a thousand candidates at once.
"""

from __future__ import annotations

import contextvars
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from burnish.modules.replay import Advice, Memory
from burnish.values.rollout import Step
from burnish.values.seed import draw
from burnish.values.space import Choice


@dataclass(frozen=True, slots=True)
class Binding:
    """One rollout's view of a program.

    Attributes:
        names: `id` of each predictor → its name in the program.
        choices: Predictor name → what the candidate sets.
        numbers: Counts the calls as they begin.
        steps: Number of the call → its step, once it has ended; of a part that made several attempts, those of the one
            that counts.
        attempts: Which attempt this is of each part that is being tried several times, the outermost first.
        config: Call settings of this attempt; they go over those of the candidate.
        advice: What predictors are told on top of their instructions.
        memory: What the last run of the same program brought, where it is run again.
    """

    names: Mapping[int, str]
    choices: Mapping[str, Choice]
    numbers: Iterator[int] = field(default_factory=itertools.count)
    steps: dict[int, Step | Sequence[Step]] = field(default_factory=dict)
    attempts: tuple[int, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    advice: tuple[Advice, ...] = ()
    memory: Memory | None = None

    @property
    def trace(self) -> list[Step]:
        """The steps so far, in the order in which the calls began: how long each takes must not matter."""
        flat: list[Step] = []
        for number in sorted(self.steps):
            step = self.steps[number]
            flat += [step] if isinstance(step, Step) else step
        return flat

    def within(self, *, attempt: int | None = None, advice: Sequence[Advice] = (), **changes: Any) -> Binding:
        """This view with a trace of its own, for a part that may be tried again.

        Args:
            attempt: Which attempt it is: from 1 on, calls are other draws than those of attempt 0.
            advice: What predictors are told besides.
            changes: Other attributes.
        """
        attempts = self.attempts if attempt is None else (*self.attempts, attempt)
        told = (*self.advice, *advice)
        return replace(self, numbers=itertools.count(), steps={}, attempts=attempts, advice=told, **changes)

    def note(self, number: int, step: Step, told: Sequence[Advice]) -> None:
        """Keep the step that a call of this number ended with, after this advice."""
        self.steps[number] = step
        if self.memory is not None:
            self.memory.keep(self._call(step.predictor, told), step.inputs, step.outputs)

    def recall(self, number: int, predictor: Any, inputs: dict[str, Any], told: Sequence[Advice]) -> Any:
        """The prediction of such a call in the last run, which makes it the step of this number; None where there is none."""
        known = None if self.memory is None else self.memory.recall(self._call(predictor, told), inputs)
        if known is not None:
            self.steps[number] = Step(predictor, inputs, known)
        return known

    def _call(self, predictor: Any, told: Sequence[Advice]) -> tuple[Any, ...]:
        return (id(predictor), self.attempts, tuple((one.text, one.draw) for one in told))

    def draw_of(self, told: Sequence[Advice], given: int | None) -> int | None:
        """The ``rollout_id`` of a call: what it would be without attempts, as long as they are the first.

        Args:
            told: The advice for the call.
            given: Its rollout_id otherwise.
        """
        path = (*self.attempts, *(one.draw for one in told if one.draw))
        if not any(path):
            return given
        if given is None and len(path) == 1:
            return path[0]
        return draw(0, "attempt", given, *path).getrandbits(48)


_binding: contextvars.ContextVar[Binding | None] = contextvars.ContextVar("binding", default=None)


def current_binding() -> Binding | None:
    """The binding of the rollout that this code is part of, if any."""
    return _binding.get()


@contextmanager
def bound(binding: Binding | None) -> Iterator[Binding | None]:
    """Make this the binding of the block; None runs programs as they are, untraced."""
    token = _binding.set(binding)
    try:
        yield binding
    finally:
        _binding.reset(token)


def names_of(program: Any) -> dict[int, str]:
    """`id` → name of a program's predictors; valid as long as the program lives."""
    return {id(predictor): name for name, predictor in program.named_predictors(frozen=True)}


def binding_of(program: Any) -> Binding:
    """The binding that this code runs in, or one for this program alone."""
    return current_binding() or Binding(names_of(program), {})
