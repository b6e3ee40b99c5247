"""What a compile says of its gain: on examples that chose nothing where there are enough of them, else corrected for the choice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from burnish.stages.gain import gain
from burnish.stages.schedule import blocks
from burnish.stages.score import standings
from burnish.values.report import Difference, Standing

if TYPE_CHECKING:
    from burnish.optimizers.session import Session

# Fewer examples than this say too little of a gain to leave the others out.
_ENOUGH = 20


def gain_of(
    session: Session, winner: int, fresh: Collection[int], possible: float
) -> tuple[Difference, Sequence[Standing]]:
    """The winner's gain over candidate 0; and the scores of both on the examples that chose nothing, where it stands on these.

    Args:
        session: The compile.
        winner: The winner's number.
        fresh: Places in the valset that chose nothing.
        possible: How many candidates might have been chosen, candidate 0 one of them.
    """
    board = session.board
    part = board.only(fresh)
    if part:
        told = gain(part, winner, fresh=True)
        if told.n >= _ENOUGH:
            on_these = standings(part, [candidate.name for candidate in session.candidates])
            return told, [on_these[winner], on_these[0]]
    # Where a search was cut short, what it had seen may have decided at which point.
    whole = session.goes_on() and board.candidate.count(winner) == len(session.valset)
    looks = 1 if whole else len(blocks(len(session.valset)))
    return gain(board, winner, possible=possible, looks=looks), []
