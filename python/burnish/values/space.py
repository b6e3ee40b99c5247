"""What a search chooses from: slots, choices and candidates.

A candidate is an overlay. It says, for some predictors of a program, which instructions, demos,
LM and call settings to use instead of the program's own; the program object is never touched.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What a candidate sets for one predictor; None leaves the program's own.

    Attributes:
        instructions: The task in words.
        demos: Worked examples, first shown first.
        sources: For each demo, the place in the trainset of the example that it comes from.
        lm: The `LM` to ask.
        config: Call settings such as ``{"temperature": 1.0, "rollout_id": 2}``.
        prompts: Prompts compiled from this choice, kept by whoever renders it.
    """

    instructions: str | None = None
    demos: tuple[Any, ...] | None = None
    sources: tuple[int, ...] | None = None
    lm: Any = None
    config: Mapping[str, Any] = field(default_factory=dict)
    prompts: dict[Any, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One way to set a program: a choice for each predictor that it changes.

    Attributes:
        name: How the report calls it, such as ``"bootstrap 3"``.
        choices: Predictor name (as in `Module.named_predictors`) → choice. Predictors that do
            not stand here keep the program's own settings.
        around: Makes what `compile` returns from the program with these choices put in, where that
            is more than the program itself; not seen while the candidate is run.
    """

    name: str
    choices: Mapping[str, Choice] = field(default_factory=dict)
    around: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One decision of a space.

    Attributes:
        predictor: Which predictor it sets.
        part: ``"instructions"`` or ``"demos"``.
        choices: The values to choose from: texts, or for ``"demos"`` tuples of them, each perhaps in a `Choice` with its sources.
    """

    predictor: str
    part: str
    choices: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Space:
    """All candidates that can be made by picking one choice for each slot."""

    slots: Sequence[Slot]

    @property
    def size(self) -> int:
        """How many candidates there are."""
        size = 1
        for slot in self.slots:
            size *= len(slot.choices)
        return size

    def candidate(self, picks: Sequence[int], *, name: str) -> Candidate:
        """The candidate with choice number ``picks[i]`` in slot ``i``."""
        chosen: dict[str, dict[str, Any]] = {}
        for slot, pick in zip(self.slots, picks, strict=True):
            picked = slot.choices[pick]
            shown = isinstance(picked, Choice)
            parts = {"demos": picked.demos, "sources": picked.sources} if shown else {slot.part: picked}
            chosen.setdefault(slot.predictor, {}).update(parts)
        return Candidate(name, {name: Choice(**parts) for name, parts in chosen.items()})

    def all_picks(self) -> Sequence[tuple[int, ...]]:
        """Every combination of choice numbers, in counting order."""
        return list(itertools.product(*(range(len(slot.choices)) for slot in self.slots)))
