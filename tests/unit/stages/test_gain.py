"""The gain of a winner: an interval that the choice does not flatter, whoever was dropped, however few examples there are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from burnish.stages.gain import gain
from burnish.stages.score import difference, leader
from burnish.values.board import Board
from burnish.values.report import Difference
from burnish.values.score import Status


def board(rows: Any, *, seen: Any = None) -> Board:
    """A board with a row of scores a candidate; `seen` says how many examples each has, from the first on."""
    made = Board()
    for candidate, scores in enumerate(rows):
        for example, score in enumerate(list(scores)[: None if seen is None else seen[candidate]]):
            made.put(candidate, example, float(score), Status.SCORED)
    return made


def answers(random: np.random.Generator, candidates: int, examples: int, worth: Any = 0.0) -> Any:
    """Right and wrong, on examples that are more or less difficult for all."""
    hard = random.standard_normal(examples)
    return np.reshape(worth, (-1, 1)) - hard + random.standard_normal((candidates, examples)) > 0


def share(held: list[bool]) -> float:
    return sum(held) / len(held)


# What holds


@pytest.mark.parametrize(("candidates", "examples", "replays"), [(13, 40, 80), (6, 12, 80)])
def test_where_no_candidate_is_better_the_interval_of_the_best_says_so(
    candidates: int, examples: int, replays: int
) -> None:
    random = np.random.default_rng(3)
    corrected, plain = [], []
    for _ in range(replays):
        made = board(answers(random, candidates, examples))
        winner = leader(made, candidates)
        assert winner is not None
        corrected.append(gain(made, winner).significant)
        plain.append(difference(made, winner, 0).significant)
    assert share(corrected) <= 0.03
    # Without the correction noise is sold as gain.
    assert share(plain) > 0.06


def test_of_a_candidate_that_stands_out_the_interval_holds_the_truth_and_says_that_it_is_better() -> None:
    random = np.random.default_rng(4)
    worth = [0.0] * 8 + [1.2]
    # The sum of the two normals has a standard deviation of √2.
    truth = 0.5 * math.erf(1.2 / math.sqrt(2) / math.sqrt(2))
    told = [gain(board(answers(random, 9, 80, worth)), 8) for _ in range(100)]
    assert share([one.low <= truth <= one.high for one in told]) >= 0.93
    assert share([one.significant for one in told]) > 0.8


def test_a_race_that_drops_the_worst_keeps_the_interval_sound() -> None:
    random = np.random.default_rng(5)
    said = []
    for _ in range(80):
        rows = answers(random, 12, 60)
        ranks = np.argsort(np.argsort(-rows[:, :20].mean(1), kind="stable"))
        seen = [60 if place == 0 or rank < 4 else 20 for place, rank in enumerate(ranks)]
        made = board(rows, seen=seen)
        winner = leader(made, 12)
        assert winner is not None
        said.append(gain(made, winner).significant)
    assert share(said) <= 0.03


def test_rounds_that_build_on_the_luckiest_are_counted_for_what_they_might_have_built() -> None:
    random = np.random.default_rng(11)
    said, tried_alone = [], []
    for _ in range(30):
        rows, possible = [random.standard_normal(30)], 1
        for _ in range(5):
            best = max(rows, key=np.mean)
            rows += [math.sqrt(0.8) * best + math.sqrt(0.2) * random.standard_normal(30) for _ in range(6)]
            possible *= 7
        made = board(rows)
        winner = leader(made, len(rows))
        assert winner is not None
        said.append(gain(made, winner, possible=possible).significant)
        tried_alone.append(gain(made, winner).significant)
    assert share(said) <= 0.03
    assert share(tried_alone) > 0.06


def test_a_few_examples_that_all_agree_do_not_make_a_point() -> None:
    told = gain(board([[0] * 10, [1] * 10]), 1)
    assert (told.n, told.mean, told.high) == (10, 1.0, 1.0)
    assert 0.3 < told.low < 0.9
    assert told.significant
    assert not gain(board([[0] * 2, [1] * 2]), 1).significant
    # Alike on all of them is no proof of being alike everywhere.
    same = gain(board([[1] * 10, [1] * 10]), 1)
    assert same.low < 0 < same.high


# What makes it wider


def widths(*told: Difference) -> list[float]:
    return [one.high - one.low for one in told]


def test_each_candidate_that_competed_makes_it_wider_also_who_was_dropped_or_never_built() -> None:
    rows = answers(np.random.default_rng(6), 9, 40)
    alone = gain(board(rows[:2]), 1)
    dropped = gain(board(rows, seen=[40, 40] + [10] * 7), 1)
    possible = gain(board(rows[:2]), 1, possible=100)
    looks = gain(board(rows[:2]), 1, looks=5)
    assert widths(alone)[0] < min(widths(dropped, possible, looks))
    assert alone.mean == dropped.mean == possible.mean == looks.mean
    # Choosing the best can only flatter: the upper end stays.
    assert alone.high == dropped.high == possible.high == looks.high
    assert (alone.among, dropped.among, possible.among) == (2, 9, 100)


def test_candidates_that_answer_alike_count_less_than_as_many_that_do_not() -> None:
    rows = answers(np.random.default_rng(7), 12, 60)
    different = gain(board(rows), 1)
    alike = gain(board([rows[0], *[rows[1]] * 11]), 1)
    alone = gain(board(rows[:2]), 1)
    assert widths(alone)[0] < widths(alike)[0] < widths(different)[0]
    assert widths(alike)[0] < 1.15 * widths(alone)[0]


def test_examples_that_chose_nothing_need_no_correction() -> None:
    rows = answers(np.random.default_rng(8), 12, 60)
    fresh = gain(board(rows), 1, fresh=True)
    alone = gain(board(rows[:2]), 1)
    assert (fresh.low, fresh.high, fresh.among) == (alone.low, alone.high, 0)


def test_of_very_many_candidates_each_counts() -> None:
    rows = answers(np.random.default_rng(9), 301, 12)
    many, none = gain(board(rows), 1), gain(board(rows[:2]), 1)
    assert (many.among, none.among) == (301, 2)
    assert widths(many) > widths(none)


# Edges


def test_the_program_as_given_gains_nothing_over_itself() -> None:
    told = gain(board([[1, 0, 1], [0, 0, 1]]), 0)
    assert (told.n, told.mean, told.low, told.high, told.among) == (3, 0.0, 0.0, 0.0, 2)
    assert not told.significant


def test_where_no_example_was_measured_for_both_nothing_is_told() -> None:
    made = board([[1, 0]])
    made.put(1, 5, 1.0, Status.SCORED)
    made.put(1, 0, 0.0, Status.NOT_MEASURED)
    told = gain(made, 1)
    assert told.n == 0
    assert "unknown" in str(told)
    assert gain(made, 3).n == 0
    empty = Board()
    empty.put(0, 0, 0.0, Status.NOT_MEASURED)
    assert gain(empty, 0).n == 0


def test_one_example_says_next_to_nothing_and_failures_count() -> None:
    made = board([[0], [1]])
    assert not gain(made, 1).significant
    made.put(0, 1, 0.0, Status.FAILED)
    made.put(1, 1, 1.0, Status.SCORED)
    assert gain(made, 1).n == 2


@pytest.mark.parametrize("scale", [10.0, 1e-300, 1e300])
def test_scores_of_any_scale_are_told_on_their_scale(scale: float) -> None:
    scores = np.random.default_rng(10).uniform(0.2, 0.9, (4, 30))
    one, scaled = gain(board(scores), 2), gain(board(scale * scores), 2)
    assert (one.low, one.high) == pytest.approx((scaled.low / scale, scaled.high / scale))
