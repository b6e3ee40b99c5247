"""What the board says: who stands where, who leads, and by how much."""

from __future__ import annotations

import math
from typing import Any

import pytest

from burnish import _core
from burnish.errors import ConfigError
from burnish.stages.score import difference, front, leader, standings
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


def test_the_front_says_who_is_on_it_and_how_often_each_is_best() -> None:
    assert front(board([1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]), 4) == {0: 2, 1: 2, 3: 2}
    assert front(Board(), 4) == {}


def test_a_question_between_two_batches_changes_no_later_answer() -> None:
    rows = [(c, e, (3 * c + 7 * e) % 10 / 10, N if (c + e) % 7 == 6 else S) for e in range(12) for c in (2, 0, 1)]
    asked, whole = Board(), Board()
    for number, row in enumerate(rows):
        asked.put(*row)
        whole.put(*row)
        # What stood before is measured again now and then, some of it before any question and some after.
        if number % 4 == 3:
            for target in (asked, whole):
                target.put(*rows[number // 2][:2], 0.35, S)
        if number % 3 == 0:
            standings(asked, ["a", "b", "c"])
    assert standings(asked, ["a", "b", "c"]) == standings(whole, ["a", "b", "c"])
    assert difference(asked, 2, 1) == difference(whole, 2, 1)
    assert front(asked, 3) == front(whole, 3)


def test_a_cell_measured_again_has_its_last_score_only() -> None:
    made = board([None, 1])
    assert standings(made, ["one"])[0].n == 1
    made.put(0, 0, 0.0, S)
    assert standings(made, ["one"])[0].mean == 0.5
    made.put(0, 0, 1.0, S)
    assert standings(made, ["one"])[0].mean == 1.0


def test_a_question_hands_over_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[list[int]] = []

    class Watched:
        def append(self, candidate: Any, *_: Any) -> None:
            taken.append(candidate.tolist())

        def leader(self, *_: Any) -> None: ...

    monkeypatch.setattr(_core, "Board", Watched)
    made = board([1, 1])
    leader(made, 1)
    leader(made, 1)
    made.put(1, 0, 1.0, S)
    leader(made, 2)
    assert taken == [[0, 0], [1]]


def test_a_row_that_is_refused_is_refused_again() -> None:
    made = board([1, math.inf])
    for _ in range(2):
        with pytest.raises(ConfigError, match="score\\[1\\] is inf"):
            leader(made, 1)
    made.put(0, 1, 0.0, S)
    assert standings(made, ["one"])[0].mean == 0.5
