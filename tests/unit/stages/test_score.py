"""What the board says: who stands where, who leads, and by how much."""

from __future__ import annotations

import math

import pytest

from burnish.stages.score import difference, leader, standings
from burnish.values.board import Board
from burnish.values.score import Status

S, F, N = Status.SCORED, Status.FAILED, Status.NOT_MEASURED


def board(*rows: list[float | None]) -> Board:
    """A board with a row a candidate: scores, None where not measured."""
    made = Board()
    for candidate, scores in enumerate(rows):
        for example, score in enumerate(scores):
            made.put(candidate, example, 0.0 if score is None else score, N if score is None else S)
    return made


def test_a_standing_counts_what_was_measured_and_says_what_was_not() -> None:
    made = board([1, 0, 1, 1, None])
    made.put(0, 1, 0.0, F)
    (standing,) = standings(made, ["one"])
    assert (standing.name, standing.n, standing.failed, standing.not_measured) == ("one", 4, 1, 1)
    assert standing.mean == 0.75
    # Wilson's interval for 3 of 4.
    assert (standing.low, standing.high) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    assert str(standing) == "75.0 [30.1, 95.4] (4/5, 1 failed)"


def test_a_candidate_without_scores_has_no_mean() -> None:
    one, two = standings(board([1.0], []), ["one", "two"])
    assert one.n == 1
    assert (two.n, two.not_measured) == (0, 0)
    assert math.isnan(two.mean)


def test_the_best_mean_leads_and_ties_keep_the_earlier() -> None:
    assert leader(board([0, 1], [1, 1], [1, 1]), 3) == 1
    assert leader(board([1, 0], [0, 1]), 2) == 0
    assert leader(board([None], [None]), 2) is None
    assert leader(Board(), 2) is None


def test_one_measured_on_far_fewer_examples_does_not_lead() -> None:
    few = [1.0] * 7 + [None] * 3
    assert leader(board([0.5] * 10, few), 2) == 0
    enough = [1.0] * 8 + [None] * 2
    assert leader(board([0.5] * 10, enough), 2) == 1
    assert leader(board(few), 1) == 0


def test_a_failure_counts_and_an_outage_does_not() -> None:
    failed = board([1, 1, 1, 1, 1], [1, 1, 1, 1])
    failed.put(1, 4, 0.0, F)
    assert leader(failed, 2) == 0
    outage = board([1, 1, 1, 1, 0.5], [1, 1, 1, 1, None])
    assert leader(outage, 2) == 1


def test_a_difference_is_over_what_both_have() -> None:
    found = difference(board([1, 0, 1, None, 1], [0, 0, 1, 1, None]), 0, 1)
    assert (found.n, found.mean) == (3, pytest.approx(1 / 3))
    assert not found.significant
    same = difference(board([1, 0]), 0, 0)
    assert (same.n, same.mean, same.significant) == (2, 0.0, False)


def test_a_clear_difference_is_significant_both_ways() -> None:
    made = board([1, 1, 0.9, 1, 1], [0, 0.1, 0, 0, 0])
    assert difference(made, 0, 1).significant
    assert difference(made, 1, 0).significant
    assert "no significant gain" not in str(difference(made, 0, 1))
