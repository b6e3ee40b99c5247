"""The contract suite of searchers, as tests to subclass; the other suites are in `contracts`."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import Any

import pytest

from burnish.values.board import Board
from burnish.values.score import Status
from burnish.values.space import Slot, Space


class SearcherContract:
    """What holds for every searcher.

    Give it `make_searcher`, which is the factory that the plugin registers.
    """

    def make_searcher(self, space: Space, seed: int) -> Any:
        """The searcher of a space."""
        raise NotImplementedError("Define make_searcher(self, space, seed) in your subclass.")

    @pytest.mark.parametrize("sizes", [(1,), (2,), (6, 6), (3, 1, 4), (6,) * 8])
    def test_it_asks_for_different_candidates_of_the_space(self, sizes: tuple[int, ...]) -> None:
        space = make_space(sizes)
        searcher, n = self.make_searcher(space, 0), min(space.size, 7)
        check_picks(searcher.ask([], Board(), n), space, n)
        tried, board = played(space, min(space.size, 5), examples=6)
        check_picks(searcher.ask(tried, board, n), space, n, at_least=0)

    def test_a_space_that_is_used_up_has_no_more(self) -> None:
        space = make_space((2, 2))
        tried, board = played(space, 4, examples=3)
        assert self.make_searcher(space, 0).ask(tried, board, 3, closed=range(4)) == []
        assert len(self.make_searcher(space, 0).ask([], Board(), 9)) <= 4

    def test_closed_candidates_do_not_come_again(self) -> None:
        space = make_space((3, 3))
        tried, board = played(space, 6, examples=8)
        for seed in range(5):
            asked = self.make_searcher(space, seed).ask(tried, board, 3, closed=[0, 2, 4])
            assert not {tried[0], tried[2], tried[4]} & set(asked)

    def test_the_same_board_gives_the_same_picks(self) -> None:
        space = make_space((4, 5))
        tried, board = played(space, 8, examples=5)
        searcher = self.make_searcher(space, 3)
        first = searcher.ask(tried, board, 4)
        searcher.ask(tried[:2], played(space, 2, examples=9)[1], 3)
        assert searcher.ask(tried, board, 4) == first
        assert self.make_searcher(space, 3).ask(tried, board, 4) == first

    def test_the_seed_is_where_chance_comes_from(self) -> None:
        space = make_space((6,) * 4)
        assert len({tuple(self.make_searcher(space, seed).ask([], Board(), 4)) for seed in range(8)}) > 1

    def test_nothing_that_it_is_given_is_changed(self) -> None:
        space = make_space((4, 5))
        tried, board = played(space, 8, examples=5)
        before = copy.deepcopy((tried, board.candidate, board.example, board.score, board.status))
        self.make_searcher(space, 0).ask(tried, board, 4, closed=[1])
        assert (tried, board.candidate, board.example, board.score, board.status) == before

    def test_cells_without_a_score_are_no_trouble(self) -> None:
        space = make_space((4, 5))
        board = Board()
        board.put(0, 0, 0.0, Status.NOT_MEASURED)
        check_picks(self.make_searcher(space, 0).ask([(0, 0)], board, 3), space, 3, at_least=0)


def make_space(sizes: Sequence[int]) -> Space:
    """A space of so many choices a slot."""
    return Space([Slot("", "demos", list(range(size))) for size in sizes])


def played(space: Space, count: int, *, examples: int) -> tuple[list[tuple[int, ...]], Board]:
    """Candidates of the space, and a board on which each ran on some examples."""
    draw, board = random.Random(0), Board()
    tried = draw.sample(space.all_picks(), count) if space.size < 1000 else []
    while len(tried) < count:
        tried.append(tuple(draw.randrange(len(slot.choices)) for slot in space.slots))
    for number in range(count):
        for example in range(examples):
            board.put(number, example, float(draw.random() < 0.5), Status.SCORED)
    return tried, board


def check_picks(asked: Any, space: Space, n: int, *, at_least: int | None = None) -> None:
    """At most n picks, all different, each a choice of every slot."""
    assert isinstance(asked, list)
    assert (n if at_least is None else at_least) <= len(asked) <= n
    assert len(set(asked)) == len(asked)
    for picks in asked:
        assert len(picks) == len(space.slots)
        assert all(0 <= pick < len(slot.choices) for pick, slot in zip(picks, space.slots, strict=True))
