"""Which slot made the difference: a surrogate fitted to a search's board, whoever searched, and read slot by slot."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.stages.search import Picks, SurrogateSearcher
from burnish.values.board import Board
from burnish.values.effects import Effects, SlotEffect
from burnish.values.score import Status
from burnish.values.space import Space

# The fit costs a second for so many candidates, and grows with their cube.
_MOST = 500
# So many standard deviations are beyond doubt. The surrogate leans to zero, which makes up for looking at many choices: of 100
# simulated searches without any difference, a slot stood out in at most 2.
_BEYOND_DOUBT = 1.96


def effects_of(space: Space, tried: Sequence[Picks], board: Board, winner: Picks) -> Effects | None:
    """What the choices in each slot did to the score.

    Makes no LM call. A slot stands out where the 95% interval of some choice's expected gain over the program's own excludes zero.

    Args:
        space: What was chosen from; the first choice of each slot is the program's own.
        tried: The picks of each candidate, by its number on the board.
        board: The scores.
        winner: The picks of the winner.

    Returns:
        The effects; None where there are none to tell: the space has one slot, which made all the difference there is, or
        fewer than two candidates were measured, or more than 500.
    """
    rows = zip(board.candidate, board.status, strict=True)
    measured = {candidate for candidate, status in rows if status != Status.NOT_MEASURED}
    if len(space.slots) < 2 or not 2 <= len(measured) <= _MOST:
        return None
    advice = SurrogateSearcher(space, 0).advise(tried, board)
    slots = tuple(
        SlotEffect(
            slot.predictor,
            slot.part,
            share,
            gain=above[pick],
            kept=pick == 0,
            stands_out=any(abs(mean) > _BEYOND_DOUBT * spread for mean, spread in zip(above, unsure, strict=True)),
        )
        for slot, pick, share, above, unsure in zip(
            space.slots, winner, advice.slots, advice.above, advice.unsure, strict=True
        )
    )
    return Effects(slots, advice.pairs, advice.own)
