"""What the board says: a standing for each candidate, who leads, by how much, and whom no other beats.

A board's statistics are worked out in Rust and kept beside it: a question hands over the rows that are new since the last
one, and works out again the candidates that these belong to. Asking after each batch costs what the batch touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from burnish import _core
from burnish.values.board import Board
from burnish.values.report import SHARE_TO_LEAD, Difference, Standing

Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]

_ALL = slice(None)


def standings(board: Board, names: Sequence[str]) -> list[Standing]:
    """How each candidate stands, in the order of their numbers.

    Args:
        board: The scores.
        names: The candidates' names; number i is ``names[i]``.
    """
    columns = (column.tolist() for column in _statistics(board).summary(len(names)))
    return [Standing(*row) for row in zip(names, *columns, strict=True)]


def leader(board: Board, candidates: int) -> int | None:
    """The number of the candidate with the best mean; ties keep the earlier, None if none has any.

    Candidates that were measured on far fewer examples than the others do not count.
    """
    return _statistics(board).leader(candidates, SHARE_TO_LEAD)


def difference(board: Board, first: int, second: int) -> Difference:
    """By how much the first candidate beats the second, on the examples measured for both."""
    return Difference(*_statistics(board).paired(first, second))


def levelled(board: Board, candidates: Mapping[str, int], leader: int) -> dict[str, float]:
    """What each candidate would score on all that the leader saw: as much less than the leader as on what both saw.

    A race drops candidates on a few examples, whose mean says nothing beside one of all examples. Who was not measured is left out.
    """
    examples, found = set(board.example), {}
    best, _ = board.mean(leader, examples)
    for text, candidate in candidates.items():
        own, _ = board.mean(candidate, examples)
        ahead = difference(board, candidate, leader)
        if ahead.n:
            # Far behind on easy examples would come to less than nothing.
            found[text] = max(best + ahead.mean, min(own, 0.0))
    return found


def front(board: Board, candidates: int) -> dict[int, int]:
    """The candidates that no other dominates, each with the examples on which it is best, alone or with others.

    One dominates another if it was measured on every example that counts for the other, is at least as good on each
    and better on one. Drawing from the front in proportion to the wins is what GEPA does.

    Args:
        board: The scores.
        candidates: How many candidates there are, from number 0 on.

    Returns:
        Number of the candidate → examples that it wins, by rising number.
    """
    numbers, wins = _statistics(board).front(candidates)
    return dict(zip(numbers.tolist(), wins.tolist(), strict=True))


class _Statistics:
    """The board in Rust, and how much of the rows it has been told."""

    def __init__(self) -> None:
        self.core = _core.Board()
        self._rows = 0
        self._replaced = 0

    def follow(self, board: Board) -> None:
        """Hand over what is new; if a row is refused, it is handed over again at the next question."""
        replaced = [row for row in board.replaced[self._replaced :] if row < self._rows]
        if replaced:
            self.core.replace(*columns(board, replaced))
        if self._rows < len(board):
            self.core.append(*columns(board, slice(self._rows, None)))
        self._rows, self._replaced = len(board), len(board.replaced)


def _statistics(board: Board) -> _core.Board:
    kept = board.statistics
    if not isinstance(kept, _Statistics):
        kept = board.statistics = _Statistics()
    kept.follow(board)
    return kept.core


def columns(board: Board, rows: slice | list[int] = _ALL) -> Columns:
    """Some rows of a board, copied: a view would keep the board from growing."""
    return (
        np.asarray(memoryview(board.candidate), np.int64)[rows].copy(),
        np.asarray(memoryview(board.example), np.int64)[rows].copy(),
        np.asarray(memoryview(board.score), np.float64)[rows].copy(),
        np.asarray(memoryview(board.status), np.uint8)[rows].copy(),
    )
