"""Effects of slots, read off boards whose truth is known."""

from __future__ import annotations

import random
from typing import Any

import pytest

from burnish.stages.effects import effects_of
from burnish.values.board import Board
from burnish.values.score import Status
from burnish.values.space import Slot, Space


def make_space(sizes: tuple[int, ...]) -> Space:
    return Space([Slot(f"p{n}", "instructions", range(size)) for n, size in enumerate(sizes)])


def board_of(tried: Any, worth: Any, *, examples: int = 30, seed: int = 0) -> Board:
    """Every candidate on the same examples, right with its worth as the chance."""
    board = Board()
    for number, picks in enumerate(tried):
        for example in range(examples):
            right = random.Random(f"{seed}/{picks}/{example}").random() < worth(picks)
            board.put(number, example, float(right), Status.SCORED)
    return board


def test_gains_are_over_the_first_choice_and_lean_to_zero() -> None:
    space = make_space((3, 4))
    tried = space.all_picks()
    board = board_of(tried, lambda picks: 0.3 + 0.2 * picks[0], examples=200)
    found = effects_of(space, tried, board, (2, 1))
    assert found is not None
    first, second = found.slots
    assert (first.stands_out, second.stands_out) == (True, False)
    assert 0.35 < first.gain < 0.42
    assert abs(second.gain) < 0.05
    own = effects_of(space, tried, board, (0, 1))
    assert own is not None
    assert (own.slots[0].gain, own.slots[0].kept, own.slots[0].stands_out) == (0.0, True, True)
    assert [slot.share for slot in own.slots] == [slot.share for slot in found.slots]


def test_pairs_count_for_what_they_have_along_a_slot() -> None:
    space = make_space((4, 4))
    tried = space.all_picks()
    board = board_of(tried, lambda picks: 0.2 + 0.6 * (picks[0] == picks[1]), examples=200)
    found = effects_of(space, tried, board, (2, 2))
    assert found is not None
    assert found.pairs > 0.7
    assert found.stand_out == []


def test_chance_hardly_ever_stands_out() -> None:
    space = make_space((6, 6))
    tried = random.Random(0).sample(space.all_picks(), 20)
    named = 0
    for seed in range(60):
        board = board_of(tried, lambda picks: 0.5, examples=12, seed=seed)
        found = effects_of(space, tried, board, tried[0])
        assert found is not None
        named += bool(found.stand_out)
    assert named <= 3


@pytest.mark.parametrize("measured", [0, 1])
def test_too_little_tells_nothing(measured: int) -> None:
    space = make_space((2, 2))
    tried = space.all_picks()
    board = board_of(tried[:measured], lambda picks: 0.5)
    board.put(3, 0, 0.0, Status.NOT_MEASURED)
    assert effects_of(space, tried, board, tried[0]) is None


def test_one_slot_divides_nothing() -> None:
    space = make_space((5,))
    tried = space.all_picks()
    assert effects_of(space, tried, board_of(tried, lambda picks: picks[0] / 5), tried[4]) is None


def test_more_candidates_than_a_fit_is_worth() -> None:
    space = make_space((30, 30))
    tried = space.all_picks()[:501]
    assert effects_of(space, tried, board_of(tried, lambda picks: 0.5, examples=1), tried[0]) is None


def test_all_alike_is_no_difference() -> None:
    space = make_space((3, 3))
    tried = space.all_picks()
    found = effects_of(space, tried, board_of(tried, lambda picks: 1.1), tried[1])
    assert found is not None
    assert found.stand_out == []


def test_candidates_that_are_right_on_the_same_examples_are_no_news_of_their_choice() -> None:
    # An idle slot: who shares the other choice answers each example alike, and no choice is the better one.
    space, wrong = make_space((4, 6)), 0
    tried = space.all_picks()
    for seed in range(20):
        board = Board()
        for number, (_, choice) in enumerate(tried):
            for example in range(20):
                right = random.Random(f"{seed}/{choice}/{example}").random() < 0.5
                board.put(number, example, float(right), Status.SCORED)
        found = effects_of(space, tried, board, (1, 1))
        assert found is not None
        wrong += bool(found.stand_out)
    assert wrong <= 2


def test_one_example_tells_nothing_beyond_doubt() -> None:
    space, board = make_space((2, 2)), Board()
    tried = space.all_picks()
    for number, picks in enumerate(tried):
        board.put(number, 0, float(picks[0]), Status.SCORED)
        board.put(number, 1, 0.0, Status.NOT_MEASURED)
    found = effects_of(space, tried, board, (1, 0))
    assert found is not None
    assert found.stand_out == []
