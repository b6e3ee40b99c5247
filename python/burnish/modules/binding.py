"""How a candidate reaches the predictors of a program that is never copied or changed.

One context variable carries the binding of the rollout that is running. `Predict` looks itself up
in it by identity, and reads instructions, demos, LM and call settings through it. Since the
variable belongs to the task, one program object can run a thousand candidates at once.
"""

from __future__ import annotations

import contextvars
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from burnish.values.rollout import Step
from burnish.values.space import Choice


@dataclass(frozen=True, slots=True)
class Binding:
    """One rollout's view of a program.

    Attributes:
        names: `id` of each predictor → its name in the program.
        choices: Predictor name → what the candidate sets.
        numbers: Counts the calls as they begin.
        steps: Number of the call → its step, once it has ended.
    """

    names: Mapping[int, str]
    choices: Mapping[str, Choice]
    numbers: Iterator[int] = field(default_factory=itertools.count)
    steps: dict[int, Step] = field(default_factory=dict)

    @property
    def trace(self) -> list[Step]:
        """The steps so far, in the order in which the calls began: how long each takes must not matter."""
        return [self.steps[number] for number in sorted(self.steps)]


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
