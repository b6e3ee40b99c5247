"""Spaces: every pick of a choice for each slot is a candidate."""

from __future__ import annotations

import pytest

from burnish import Candidate, Choice, Example
from burnish.values.space import Slot, Space

DEMOS = (Example(a=1),)
SPACE = Space(
    [
        Slot("find", "instructions", ["short", "long", "odd"]),
        Slot("find", "demos", [(), DEMOS]),
        Slot("classify", "instructions", ["x", "y"]),
    ]
)


def test_a_candidate_has_what_was_picked() -> None:
    candidate = SPACE.candidate((1, 1, 0), name="c")
    assert candidate.name == "c"
    find, classify = candidate.choices["find"], candidate.choices["classify"]
    assert (find.instructions, find.demos, find.lm, dict(find.config)) == ("long", DEMOS, None, {})
    assert (classify.instructions, classify.demos) == ("x", None)


def test_all_picks_are_as_many_as_the_space_is_large() -> None:
    picks = SPACE.all_picks()
    assert len(picks) == len(set(picks)) == SPACE.size == 12
    assert picks[:3] == [(0, 0, 0), (0, 0, 1), (0, 1, 0)]
    assert Space([]).all_picks() == [()]


def test_a_pick_for_each_slot() -> None:
    with pytest.raises(ValueError, match="shorter"):
        SPACE.candidate((0, 0), name="c")


def test_candidates_are_told_apart_by_identity() -> None:
    # They are kept as keys, and their demos may hold what cannot be hashed.
    assert Candidate("c") != Candidate("c")
    assert len({Choice(demos=(Example(a=[1]),)), Choice()}) == 2
