"""All scores of a run: the only memory that a search has."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable
from typing import Any

from burnish.values.rollout import Rollout
from burnish.values.score import Status


class Board:
    """Rows of (candidate, example, score, status), appended in any order, read as columns.

    Candidates and examples are numbers: a candidate's is its place in the order in which it was
    first put on the board, an example's its place in the set being scored. A cell has one row:
    what is measured again takes the place of what stood there.

    Attributes:
        candidate: Which candidate ran, for each row.
        example: On which example.
        score: With what score; anything where it was not measured.
        status: How it ended, a `Status`.
        replaced: The rows that took the place of others, in the order in which they did.
        statistics: What a reader of the board keeps beside it, so that its next question costs what is
            new; no part of the board.
    """

    def __init__(self) -> None:
        self.candidate = array("q")
        self.example = array("q")
        self.score = array("d")
        self.status = array("B")
        self.replaced = array("q")
        self.statistics: object = None
        self._cells: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.candidate)

    def __getstate__(self) -> dict[str, Any]:
        # What a reader keeps is made again by its next question.
        return {**self.__dict__, "statistics": None}

    def add(self, candidate: int, rollouts: Iterable[Rollout]) -> None:
        """Put a candidate's rollouts on the board; a cell measured again replaces its row."""
        for rollout in rollouts:
            value = 0.0 if rollout.score is None else rollout.score.value
            self.put(candidate, rollout.cell.example_id, value, rollout.status)

    def known(self, candidate: int, example: int) -> bool:
        """Whether the cell has a score that counts."""
        row = self._cells.get((candidate, example))
        return row is not None and self.status[row] != Status.NOT_MEASURED

    def mean(self, candidate: int, examples: Iterable[int]) -> tuple[float, int]:
        """A candidate's mean score on some examples, nan where there is none, and how many of them count."""
        rows = [self._cells[candidate, example] for example in examples if self.known(candidate, example)]
        return (math.fsum(self.score[row] for row in rows) / len(rows) if rows else math.nan), len(rows)

    def put(self, candidate: int, example: int, score: float, status: Status) -> None:
        """Put one cell on the board, in place of what stood there."""
        row = self._cells.setdefault((candidate, example), len(self))
        if row == len(self):
            self.candidate.append(candidate)
            self.example.append(example)
            self.score.append(score)
            self.status.append(status)
        else:
            self.score[row] = score
            self.status[row] = status
            self.replaced.append(row)

    def only(self, examples: Collection[int]) -> Board:
        """A board with the rows of some examples."""
        part = Board()
        for candidate, example, score, status in zip(
            self.candidate, self.example, self.score, self.status, strict=True
        ):
            if example in examples:
                part.put(candidate, example, score, Status(status))
        return part
