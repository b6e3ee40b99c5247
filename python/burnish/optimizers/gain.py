"""What a compile says of its gain: on examples that chose nothing where there are enough of them, else corrected for the choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.stages.gain import gain
from burnish.stages.schedule import FRESH_AT_LEAST, blocks
from burnish.stages.score import standings
from burnish.values.report import Difference, Standing

if TYPE_CHECKING:
    from burnish.optimizers.session import Session
    from burnish.values.space import Candidate


def told_gain(session: Session, winner: Candidate) -> tuple[Difference | None, Sequence[Standing]]:
    """The winner's gain over candidate 0; and the scores of both, of one where they are the same, on the examples that chose nothing, where it stands on these.

    None where nothing was scored, the winner is not on the board, or candidate 0 is not the program as given.
    """
    board, candidates, searched = session.board, session.candidates, session.searched
    if not board or winner not in candidates or not _as_given(session, candidates[0]):
        return None, ()
    number = candidates.index(winner)
    part = board.only(searched.fresh)
    if part:
        told = gain(part, number, fresh=True)
        if told.n >= FRESH_AT_LEAST:
            on_these = standings(part, [candidate.name for candidate in candidates])
            return told, [on_these[which] for which in dict.fromkeys((number, 0))]
    # Where a search was cut short, what it had seen may have decided at which point.
    whole = session.goes_on() and board.candidate.count(number) == len(session.valset)
    looks = 1 if whole else len(blocks(len(session.valset)))
    return gain(board, number, possible=min(searched.built, searched.possible), looks=looks), ()


def _as_given(session: Session, candidate: Candidate) -> bool:
    """Whether the candidate leaves the student as it is, and so is what a gain is measured from."""
    return all(
        choice.instructions is None
        and (choice.demos is None or list(choice.demos) == list(session.predictor(name).demos))
        for name, choice in candidate.choices.items()
    )
