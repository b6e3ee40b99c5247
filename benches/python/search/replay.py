"""What a strategy sees of a trial: cells for money, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """What a strategy decided.

    Attributes:
        winner: The winner's number.
        reported: The score that is reported for it.
        steps: Steps one after another.
        on: Examples that the reported score is of; None is all of them, more or less.
        surrogate: What the surrogate expects of the winner, where there is one.
    """

    winner: int
    reported: float
    steps: int
    on: tuple[int, ...] | None = None
    surrogate: float = float("nan")


class Replay:
    """A trial's cells, sold one by one: a cell seen before is free.

    Attributes:
        sizes: Choices of each slot.
        n_val: Examples, numbered from 0 on, in no order that means anything.
        budget: Cells that may be paid for.
    """

    def __init__(self, trial, budget: int) -> None:
        self.sizes, self.n_val, self.budget = trial.sizes, trial.n_val, budget
        self._trial = trial
        self._seen: dict[tuple[int, int], float] = {}

    @property
    def size(self) -> int:
        """Candidates of the space."""
        return int(np.prod(self.sizes))

    @property
    def paid(self) -> int:
        """Cells paid for."""
        return len(self._seen)

    @property
    def left(self) -> int:
        """Cells that may still be paid for."""
        return self.budget - self.paid

    def ask(self, candidate: int, examples) -> np.ndarray:
        """The scores of a candidate on some examples; those beyond the budget are not answered."""
        new = [example for example in examples if (candidate, example) not in self._seen][: max(self.left, 0)]
        if new:
            scores = self._trial.score(np.full(len(new), candidate), np.array(new))
            self._seen.update({(candidate, e): float(s) for e, s in zip(new, scores, strict=True)})
        return np.array([self._seen[candidate, e] for e in examples if (candidate, e) in self._seen])

    def picks(self, candidates) -> np.ndarray:
        """Choice numbers of candidates, a row each."""
        return np.stack(np.unravel_index(np.asarray(candidates), self.sizes), axis=-1)

    def number(self, picks) -> np.ndarray:
        """Numbers of candidates, from choice numbers a row each."""
        return np.ravel_multi_index(tuple(np.asarray(picks).T), self.sizes)
