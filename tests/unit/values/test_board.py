"""The board: a cell has one row, the last that was put there."""

from __future__ import annotations

import copy
import math
import pickle

from burnish import Candidate, Score
from burnish.stages.score import leader
from burnish.values.board import Board
from burnish.values.rollout import Cell, Rollout
from burnish.values.score import Status


def rollout(example: int, status: Status = Status.SCORED, value: float = 1.0) -> Rollout:
    score = None if status is Status.NOT_MEASURED else Score(value)
    return Rollout(Cell(Candidate("c"), None, example), status, score)


def rows(board: Board) -> list[tuple[int, int, float, int]]:
    return list(zip(board.candidate, board.example, board.score, board.status, strict=True))


def test_rollouts_become_rows() -> None:
    board = Board()
    board.add(0, [rollout(3, value=0.5), rollout(1, Status.FAILED, -1.0), rollout(2, Status.NOT_MEASURED)])
    board.add(1, [rollout(3)])
    assert rows(board) == [(0, 3, 0.5, 0), (0, 1, -1.0, 1), (0, 2, 0.0, 2), (1, 3, 1.0, 0)]
    assert len(board) == 4


def test_a_cell_measured_again_replaces_its_row() -> None:
    board = Board()
    board.add(0, [rollout(0, Status.NOT_MEASURED), rollout(1)])
    assert not board.known(0, 0)
    board.add(0, [rollout(0, value=0.25)])
    assert board.known(0, 0)
    assert rows(board) == [(0, 0, 0.25, 0), (0, 1, 1.0, 0)]


def test_what_is_not_on_the_board_is_not_known() -> None:
    assert not Board().known(0, 0)
    assert not Board()


def test_a_board_that_was_asked_can_be_copied_and_pickled() -> None:
    board = Board()
    board.put(0, 0, 1.0, Status.SCORED)
    assert leader(board, 1) == 0
    for twin in (copy.deepcopy(board), pickle.loads(pickle.dumps(board))):
        twin.put(1, 0, 2.0, Status.SCORED)
        assert leader(twin, 2) == 1
    assert leader(board, 2) == 0


def test_a_mean_is_of_what_counts_among_the_examples_asked_for() -> None:
    board = Board()
    board.add(0, [rollout(0, value=0.5), rollout(1, Status.FAILED, 0.0), rollout(2, Status.NOT_MEASURED), rollout(3)])
    board.add(1, [rollout(4)])
    assert board.mean(0, [0, 1, 2, 4]) == (0.25, 2)
    mean, n = board.mean(1, [0, 1])
    assert (n, math.isnan(mean)) == (0, True)
