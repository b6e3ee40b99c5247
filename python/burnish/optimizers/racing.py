"""A race: candidates see the same examples, a block at a time, and those that are beaten see no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.stages.schedule import blocks
from burnish.stages.search import beaten
from burnish.values.report import SHARE_TO_LEAD

if TYPE_CHECKING:
    from burnish.optimizers.session import Session


async def race_on(session: Session, numbers: Sequence[int]) -> None:
    """Find the best of candidates that have their numbers already.

    All see the valset's examples in one order, a block at a time. After each block those are dropped that are worse
    than the best on the same examples beyond doubt: with at most 5% chance over all candidates and blocks
    that the truly best is among them. Number 0 stays, since gains are measured from it.
    """
    order = session.order
    ends = blocks(len(order))
    alive, begin = list(numbers), 0
    for end in ends:
        if alive == [0]:
            # It stays to the end, whatever comes of it.
            end = len(order)  # noqa: PLW2901
        await session.measure([(number, place) for number in alive for place in order[begin:end]])
        begin = end
        if end == len(order) or not session.goes_on():
            break
        lost = beaten(session.board, len(session.candidates), looks=len(ends) - 1, share=SHARE_TO_LEAD)
        alive = [number for number in alive if number == 0 or not lost[number]]
    dropped = len(numbers) - len(alive)
    if dropped and session.goes_on():
        session.decisions.append(
            f"{dropped} of {len(numbers)} candidates were dropped before they had seen all {len(order)} examples: they were "
            "worse than the best on the same ones beyond doubt."
        )
