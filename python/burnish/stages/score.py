"""What the board says: a standing for each candidate, who leads, and by how much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from burnish._core import board_leader, board_paired, board_summary
from burnish.values.board import Board
from burnish.values.report import SHARE_TO_LEAD, Difference, Standing

_Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]


def columns(board: Board) -> _Columns:
    """The board as arrays of length n: candidate, example, score, status."""
    return (
        np.array(board.candidate, dtype=np.int64),
        np.array(board.example, dtype=np.int64),
        np.array(board.score, dtype=np.float64),
        np.array(board.status, dtype=np.uint8),
    )


def standings(board: Board, names: Sequence[str]) -> list[Standing]:
    """How each candidate stands, in the order of their numbers.

    Args:
        board: The scores.
        names: The candidates' names; number i is ``names[i]``.
    """
    n, failed, not_measured, mean, low, high = board_summary(*columns(board), len(names))
    return [
        Standing(name, int(n[i]), int(failed[i]), int(not_measured[i]), float(mean[i]), float(low[i]), float(high[i]))
        for i, name in enumerate(names)
    ]


def leader(board: Board, candidates: int) -> int | None:
    """The number of the candidate with the best mean; ties keep the earlier, None if none has any.

    Candidates that were measured on far fewer examples than the others do not count.
    """
    candidate, example, score, status = columns(board)
    n = board_summary(candidate, example, score, status, candidates)[0]
    enough = np.flatnonzero(n >= SHARE_TO_LEAD * n.max(initial=0))
    rows = np.isin(candidate, enough)
    best = board_leader(candidate[rows], example[rows], score[rows], status[rows], candidates)
    return None if best < 0 else int(best)


def difference(board: Board, first: int, second: int) -> Difference:
    """By how much the first candidate beats the second, on the examples measured for both."""
    n, mean, low, high = board_paired(*columns(board), first, second)
    return Difference(int(n), float(mean), float(low), float(high))
