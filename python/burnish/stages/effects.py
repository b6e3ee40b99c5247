"""Which slot made the difference: a surrogate fitted to a search's board, whoever searched, and read slot by slot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from burnish.stages.search import MOST_CANDIDATES, Picks, SurrogateSearcher
from burnish.values.board import Board
from burnish.values.effects import Effects, SlotEffect
from burnish.values.score import Status
from burnish.values.space import Space

# Parts of the examples of which each is left out once.
_PARTS = 10
# So many of the surrogate's standard deviations are beyond doubt. It leans to zero, which makes up for looking at many choices.
_BEYOND_DOUBT = 1.96


def effects_of(space: Space, tried: Sequence[Picks], board: Board, winner: Picks) -> Effects | None:
    """What the choices in each slot did to the score.

    Makes no LM call, and fits the surrogate eleven times. A slot stands out where the 95% interval of some choice's expected gain over the
    program's own excludes zero, by the surrogate and by the jackknife over examples, whichever is wider: to the surrogate every score
    is news, while candidates that share what matters are right on the same examples, so that many say no more of it than one.

    Args:
        space: What was chosen from; the first choice of each slot is the program's own.
        tried: The picks of each candidate, by its number on the board.
        board: The scores.
        winner: The picks of the winner.

    Source:
        Tukey 1958; of groups that are left out: Shao and Tu 1995, *The Jackknife and Bootstrap*, section 1.

    Returns:
        The effects; None where there are none to tell: the space has one slot, which made all the difference there is, or
        fewer than two candidates were measured, or more than 500.
    """
    rows = zip(board.candidate, board.status, strict=True)
    measured = {candidate for candidate, status in rows if status != Status.NOT_MEASURED}
    if len(space.slots) < 2 or not 2 <= len(measured) <= MOST_CANDIDATES:
        return None
    advice = SurrogateSearcher(space, 0).advise(tried, board)
    errors = _errors(space, tried, board)
    slots = tuple(
        SlotEffect(
            slot.predictor,
            slot.part,
            share,
            gain=above[pick],
            kept=pick == 0,
            stands_out=any(
                abs(mean) > max(_BEYOND_DOUBT * spread, error)
                for mean, spread, error in zip(above, unsure, by_example, strict=True)
            ),
        )
        for slot, pick, share, above, unsure, by_example in zip(
            space.slots, winner, advice.slots, advice.above, advice.unsure, errors, strict=True
        )
    )
    return Effects(slots, advice.pairs, advice.own)


def _errors(space: Space, tried: Sequence[Picks], board: Board) -> list[NDArray[np.float64]]:
    """For each slot and choice half the width of the 95% interval of its expected gain, by what leaving out some examples does to it."""
    from scipy.special import stdtrit

    rows = zip(board.example, board.status, strict=True)
    examples = sorted({example for example, status in rows if status != Status.NOT_MEASURED})
    parts = min(_PARTS, len(examples))
    if parts < 2:
        return [np.full(len(slot.choices), np.inf) for slot in space.slots]
    without = [set(examples) - set(examples[part::parts]) for part in range(parts)]
    surrogate = SurrogateSearcher(space, 0)
    found = [surrogate.advise(tried, board.only(kept)).above for kept in without]
    scale = float(stdtrit(parts - 1, 0.975)) * (parts - 1) / np.sqrt(parts)
    return [scale * np.std(np.array(slot), axis=0, ddof=1) for slot in zip(*found, strict=True)]
