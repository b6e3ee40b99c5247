"""Bootstrapping makes exactly the runs up to the last one that is needed, however long each takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish import Candidate
from burnish.loop import all_of, run_sync
from burnish.stages.bootstrap import Teacher
from burnish.values.rollout import Cell, Rollout
from burnish.values.score import Status


class Attempts:
    """Runs that pass where they should, and end in an order of their own."""

    def __init__(self, passing: Sequence[int], turns: Sequence[int]) -> None:
        # Example → the round in which it passes, -1 for never.
        self.passing = passing
        self.turns = turns
        self.made: list[tuple[int, int]] = []
        self.running = self.most = 0

    async def __call__(self, place: int, number: int) -> Rollout | None:
        self.made.append((place, number))
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(self.turns[(place + number) % len(self.turns)]):
            await asyncio.sleep(0)
        self.running -= 1
        passed = self.passing[place] == number
        return Rollout(Cell(Candidate("teacher"), None, place), Status.SCORED) if passed else None


def places(rollouts: list[Rollout]) -> list[int]:
    return [rollout.cell.example_id for rollout in rollouts]


@given(
    st.lists(st.integers(-1, 2), min_size=1, max_size=12),
    st.integers(0, 6),
    st.integers(1, 3),
    st.lists(st.integers(0, 7), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_the_runs_made_are_those_that_one_at_a_time_would_make(
    passing: list[int], need: int, rounds: int, turns: list[int], random: Any
) -> None:
    order = list(range(len(passing)))
    random.shuffle(order)
    wanted, made = [], set()
    for place in order:
        if len(wanted) == need:
            break
        tries = [number for number in range(rounds) if passing[place] == -1 or number <= passing[place]]
        made |= {(place, number) for number in tries}
        if passing[place] in range(rounds):
            wanted.append(place)
    attempts = Attempts(passing, turns)
    found = run_sync(Teacher(attempts, max_rounds=rounds).first_passing(order, need=need))
    assert places(found) == wanted
    assert set(attempts.made) == made
    assert len(attempts.made) == len(made)


def test_as_many_are_under_way_as_are_missing() -> None:
    attempts = Attempts([0] * 20, [3])
    run_sync(Teacher(attempts).first_passing(range(20), need=5))
    assert (attempts.most, len(attempts.made)) == (5, 5)


def test_orders_share_their_runs() -> None:
    attempts = Attempts([0] * 8, [2, 0, 3])
    teacher = Teacher(attempts)
    orders = [range(8), range(7, -1, -1), [3, 4, 1, 0]]

    found = run_sync(all_of(teacher.first_passing(order, need=3) for order in orders))
    assert [places(rollouts) for rollouts in found] == [[0, 1, 2], [7, 6, 5], [3, 4, 1]]
    assert len(attempts.made) == len(set(attempts.made)) == 8


def test_rounds_end_with_the_first_that_passes() -> None:
    attempts = Attempts([1], [0])
    run_sync(Teacher(attempts, max_rounds=3).first_passing([0], need=1))
    assert attempts.made == [(0, 0), (0, 1)]


def test_an_error_comes_out_and_leaves_nothing_running() -> None:
    attempts = Attempts([0] * 4, [1])
    ended: list[int] = []

    async def fails(place: int, number: int) -> Rollout | None:
        if place == 2:
            raise LookupError("place 2")
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.01)
            ended.append(place)
        return await attempts(place, number)

    async def inside() -> None:
        before = asyncio.all_tasks()
        with pytest.raises(LookupError, match="place 2"):
            await Teacher(fails).first_passing(range(4), need=4)
        assert not asyncio.all_tasks() - before

    run_sync(inside())
    assert sorted(ended) == [0, 1, 3]


def test_needing_nothing_runs_nothing() -> None:
    attempts = Attempts([0], [0])
    assert run_sync(Teacher(attempts).first_passing([0], need=0)) == []
    assert attempts.made == []
