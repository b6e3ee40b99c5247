"""MIPROv2's settings: what `auto` stands for, how many trials that makes, and which examples choose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from burnish.errors import ConfigError
from burnish.values.example import Example
from burnish.values.seed import draw
from burnish.values.space import Space

Auto = Literal["light", "medium", "heavy"]
# Candidates a slot, and examples to choose by, of each mode.
_MODES = {"light": (6, 100), "medium": (12, 300), "heavy": (18, 1000)}
# Without a valset this share of the trainset becomes it, and no more than so many examples.
_SHARE, _MOST = 0.8, 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a search is.

    Attributes:
        trials: Trials of the original schedule.
        minibatch: Examples a trial sees; None is the whole valset.
        full_every: Trials from one full evaluation to the next.
        valset: Examples to choose by.
    """

    trials: int
    minibatch: int | None
    full_every: int
    valset: int

    @classmethod
    def of(cls, space: Space, *, trials: int | None, minibatch: int | None, full_every: int, valset: int) -> Plan:
        """The plan for a space; None trials are as many as the original schedule has for it."""
        slots = space.slots
        number = trials or trials_of(len(slots), max(len(slot.choices) for slot in slots))
        return cls(number, minibatch, full_every, valset)

    @property
    def evaluations(self) -> int:
        """Program runs that the original schedule may make at most: its minibatches and its full evaluations."""
        if self.minibatch is None:
            return (self.trials + 1) * self.valset
        full = 2 + self.trials // self.full_every
        return self.trials * self.minibatch + full * self.valset


def check_auto(auto: str | None, num_candidates: int | None, num_trials: int | None = None) -> None:
    """Refuse what contradicts itself.

    Raises:
        ConfigError: There is no such mode, a number is given beside it, or neither is.
    """
    if auto is not None and auto not in _MODES:
        raise ConfigError(f"auto={auto!r}: there are {', '.join(map(repr, _MODES))}, and None for numbers of your own.")
    if auto is not None and (num_candidates is not None or num_trials is not None):
        raise ConfigError(
            f"auto={auto!r} sets the number of candidates and of trials itself. For numbers of your own write "
            "MIPROv2(auto=None, num_candidates=...) and compile(num_trials=...)."
        )
    if auto is None and num_candidates is None:
        raise ConfigError("With auto=None MIPROv2 needs num_candidates=..., the choices a slot.")


def trials_of(slots: int, candidates: int) -> int:
    """The original schedule's trials for so many slots and choices a slot."""
    return int(max(2 * slots * math.log2(max(candidates, 2)), 1.5 * candidates))


def choices_of(auto: str | None, num_candidates: int | None, *, zero_shot: bool) -> tuple[int, int]:
    """Instructions and sets of demos to choose from.

    Without demos all choices are instructions; with them a mode's number is shared, half of it instructions.
    """
    number = _MODES[auto][0] if auto is not None else int(num_candidates or 0)
    if auto is None or zero_shot:
        return number, number
    return number // 2, number


def split(
    trainset: Sequence[Example], valset: Sequence[Example] | None, *, auto: str | None, seed: int
) -> tuple[list[Example], list[Example]]:
    """The examples to learn from and those to choose by.

    Without a valset 80% of the trainset (1000 at most) become it, drawn; a mode draws as many as it looks at. The trainset given twice
    is meant as no valset: else demos, and proposals, would hold the answers that choose.
    """
    train, held_out = list(trainset), None if valset is None or valset is trainset else list(valset)
    if held_out is None:
        if len(train) < 2:
            raise ConfigError("MIPROv2 needs at least two examples: some to learn from, the others to choose by.")
        order = draw(seed, "valset").sample(range(len(train)), len(train))
        most = max(1, min(round(_SHARE * len(train)), _MOST, len(train) - 1))
        held_out = [train[place] for place in sorted(order[:most])]
        train = [train[place] for place in sorted(order[most:])]
    if auto is not None and len(held_out) > _MODES[auto][1]:
        places = draw(seed, "examples to choose by").sample(range(len(held_out)), _MODES[auto][1])
        held_out = [held_out[place] for place in sorted(places)]
    return train, held_out
