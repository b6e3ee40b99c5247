"""What a compile says of its gain: on which examples, and how much the choice is worth."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import burnish
from burnish import Candidate, Choice, Optimizer, Session
from burnish.optimizers.gain import told_gain
from burnish.testing import toy
from burnish.values.board import Board
from burnish.values.score import Status
from burnish.values.trial import Searched


def session(*, examples: int = 60, seen: int = 60, goes_on: bool = True) -> Any:
    """Six candidates on a board; number 1 has seen so many of the examples."""
    random, board = np.random.default_rng(2), Board()
    for candidate in range(6):
        for example in range(seen if candidate == 1 else examples):
            board.put(candidate, example, float(random.random() < 0.5), Status.SCORED)
    candidates = [Candidate(f"number {number}") for number in range(6)]
    made = SimpleNamespace(board=board, candidates=candidates, valset=range(examples), goes_on=lambda: goes_on)
    made.searched = Searched()
    return made


def told(made: Any, fresh: Any = (), built: int = 6) -> Any:
    made.searched.fresh, made.searched.built = frozenset(fresh), built
    return told_gain(made, made.candidates[1])


def below(made: Any, fresh: Any = (), built: int = 6) -> float:
    gain, _ = told(made, fresh, built)
    return gain.mean - gain.low


def test_enough_fresh_examples_tell_it_and_confirm_both_scores() -> None:
    gain, confirmed = told(session(), range(30, 60))
    assert (gain.n, gain.among) == (30, 0)
    assert [(one.name, one.n) for one in confirmed] == [("number 1", 30), ("number 0", 30)]
    # The program as given confirms nobody but itself.
    made = session()
    made.searched.fresh = frozenset(range(30, 60))
    gain, confirmed = told_gain(made, made.candidates[0])
    assert (gain.mean, [(one.name, one.n) for one in confirmed]) == (0, [("number 0", 30)])
    # Too few of them, planned or measured, and all examples tell it.
    for made, fresh in ((session(), range(41, 60)), (session(seen=45), range(30, 60)), (session(), ())):
        gain, confirmed = told(made, fresh)
        assert (gain.n, gain.among, confirmed) == (len(made.valset) if made.board.known(1, 59) else 45, 6, ())


def test_a_search_that_was_cut_short_is_corrected_for_its_end_too() -> None:
    assert below(session(goes_on=False)) > below(session())
    # The same scores, of a valset that has no more.
    part, whole = session(seen=50), session(examples=60, seen=50)
    whole.valset = range(50)
    assert below(part) > below(whole)


def test_what_might_have_been_widens_it() -> None:
    assert (
        below(session(), built=10**400)
        > below(session(), built=100)
        > below(session(), built=6)
        == below(session(), built=0)
    )


class Rounds(Optimizer):
    """Three rounds of two candidates each beside the student; all in one where the search is blind."""

    async def search(self, session: Session, *, blind: bool = False, most: int | None = None) -> Candidate:
        """Instructions that change nothing."""
        made = [Candidate(f"{n}", {"classify": Choice(instructions=f"Say it, {n}.")}) for n in range(6)]
        if most is not None:
            session.searched.possible = most
        if blind:
            await session.score([session.baseline(), *made])
        else:
            await session.score([session.baseline()])
            for begin in (0, 2, 4):
                await session.score(made[begin : begin + 2])
        return made[0]

    def phases(self, *, trainset: int, valset: int) -> dict[str, tuple[int, int]]:
        """Seven candidates."""
        return {"score": (7 * valset, 7 * valset)}


@pytest.mark.parametrize(
    ("options", "among"), [({"blind": True}, 7), ({}, 3 * 3 * 3), ({"most": 12}, 12), ({"most": 2}, 7)]
)
def test_candidates_that_are_built_on_scores_stand_for_those_that_others_would_have_brought(
    options: Any, among: int
) -> None:
    with burnish.context(lm=toy.lm()):
        program = Rounds(metric=toy.metric).compile(
            toy.Classifier(), trainset=toy.trainset(), valset=toy.valset(), **options
        )
    assert program.report.gain.among == among
