"""What a search tried, in its order: trials, which DSPy's logs are made of, and what else it notes for the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.values.effects import Effects


@dataclass(frozen=True, slots=True)
class Trial:
    """One look at one candidate.

    Attributes:
        candidate: Its number on the board.
        picks: The choices it is made of, by DSPy's names for them, such as ``{"0_predictor_instruction": 2}``.
        mean: Its mean score on the examples of this trial, those that it was run on before among them.
        n: How many of them count.
        full: Whether they are the whole valset, but for a few that were not measured.
        runs: Program runs of the search up to here, those of this trial among them.
    """

    candidate: int
    picks: Mapping[str, int]
    mean: float
    n: int
    full: bool
    runs: int

    @property
    def score(self) -> float:
        """The mean as DSPy gives it, 0 to 100."""
        return round(100 * self.mean, 2)

    def log(self, name: str, program: Any) -> dict[str, Any]:
        """The trial as DSPy logs it, with the candidate's name and the number of examples besides."""
        kind = "full_eval" if self.full else "mb"
        return {
            **self.picks,
            f"{kind}_program_path": None,
            f"{kind}_score": self.score,
            "total_eval_calls_so_far": self.runs,
            f"{kind}_program": program,
            "name": name,
            "n": self.n,
        }


@dataclass(slots=True)
class Searched:
    """What a search notes on its way for the report.

    Attributes:
        trials: What was tried, in order; empty where a recipe makes no trials.
        effects: Which slots made the difference; None where that was not asked or cannot be told.
        ranking: Numbers of the candidates that were measured, best first, where a recipe ranks them by more than their means.
        fresh: Places in the valset that were kept back from the search, and chose nothing.
        built: How many candidates might have been built, had the scores been others.
        possible: How many there can be, where a recipe knows.
    """

    trials: list[Trial] = field(default_factory=list)
    effects: Effects | None = None
    ranking: Sequence[int] = ()
    fresh: frozenset[int] = frozenset()
    built: int = 0
    possible: float = math.inf
