"""Searchers that plugins bring, and that do not keep their contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from burnish import ConfigError
from burnish.errors import PluginError
from burnish.optimizers import searchers
from burnish.testing import SearcherContract
from burnish.testing.searcher_contract import make_space, played
from burnish.values.board import Board


class TestHeld(SearcherContract):
    def make_searcher(self, space: Any, seed: int) -> Any:
        return searchers.searcher_of("tpe", space, seed)


class Asking:
    """A searcher that answers what it is told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def ask(self, tried: Any, board: Any, n: int, *, closed: Any = ()) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def asked(monkeypatch: pytest.MonkeyPatch, answer: Any, *, closed: Any = (0,)) -> Any:
    monkeypatch.setattr(searchers, "lookup", lambda kind, name: lambda space, seed: Asking(answer))
    space = make_space((2, 3))
    tried, board = played(space, 1, examples=2)
    return searchers.searcher_of("mine", space, 0).ask(tried, board, 2, closed=closed), tried[0]


def test_repeats_closed_ones_and_more_than_was_asked_for_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = make_space((2, 3)).all_picks()
    found, known = asked(monkeypatch, [*everything, *everything])
    assert found == [picks for picks in everything if picks != known][:2]


@pytest.mark.parametrize("answer", [[[1, 2]], np.array([[1, 2]]), iter([(True, np.int64(2))])])
def test_whole_numbers_of_any_kind_are_picks(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, answer, closed=())[0] == [(1, 2)]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([(2, 0)], r"asks for \(2, 0\), and the slots have \[2, 3\] choices"),
        ([(0, -1)], "counted from 0"),
        ([(0,)], r"asks for \(0,\)"),
        ([(0.0, 1.0)], "cannot be interpreted as an integer"),
        (None, "not iterable"),
        (RuntimeError("lost"), "RuntimeError: lost.*mend the plugin"),
    ],
)
def test_what_is_no_candidate_is_told_with_the_name_of_the_searcher(
    answer: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PluginError, match=f"(?s)searcher 'mine'.*{says}"):
        asked(monkeypatch, answer)


def test_what_burnish_says_itself_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="^Install it"):
        asked(monkeypatch, ConfigError("Install it."))


@pytest.mark.parametrize("make", [lambda space, seed: object(), lambda: None])
def test_a_searcher_that_cannot_be_had_is_told_of(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searchers, "lookup", lambda kind, name: make)
    with pytest.raises(PluginError, match="searcher 'mine'"):
        searchers.searcher_of("mine", make_space((2,)), 0).ask([], Board(), 1)
