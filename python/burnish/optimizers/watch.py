"""Tells of candidates' scores: as they are measured, and while their cells end."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from burnish.stages.score import leader
from burnish.values.report import SHARE_TO_LEAD, Standing
from burnish.values.rollout import Rollout
from burnish.values.score import Status

if TYPE_CHECKING:
    from burnish.optimizers.session import Session


def tell_of(session: Session, scored: Collection[int], best: Standing | None) -> Standing | None:
    """Tell of candidates that have new scores, and of who leads where that or the leader's scores are not those told last.

    Args:
        session: The compile.
        scored: Their numbers.
        best: The leader's standing as it was told last.

    Returns:
        The leader's standing; None where nobody was measured.
    """
    standings = session.standings()
    for number in sorted(scored):
        session.tell("candidate_scored", **_fields(standings[number], len(session.valset)))
    first = leader(session.board, len(standings))
    if first is None:
        return None
    if standings[first] != best:
        session.tell("best_changed", **_fields(standings[first], len(session.valset)))
    return standings[first]


def _fields(standing: Standing, total: int) -> dict[str, Any]:
    return {"candidate": standing.name, "mean": standing.mean, "n": standing.n, "total": total}


class Watch:
    """Follows candidates while their cells end: tells of each, and when one is good enough.

    Only a candidate whose predecessors have all ended is judged, so what is kept does not depend
    on which cell ended first.
    """

    def __init__(self, session: Session, first: int, size: int, stop_at: float | None) -> None:
        self.good_enough: int | None = None
        self._session = session
        self._first = first
        self._size = size
        self._stop_at = stop_at
        self._ended: dict[int, list[Rollout]] = {}
        self._next = 0
        self._best = float("-inf")

    def done(self, place: int, rollout: Rollout) -> bool:
        """Take one rollout; true once no more are needed."""
        self._ended.setdefault(place // self._size, []).append(rollout)
        while self.good_enough is None and len(self._ended.get(self._next, ())) == self._size:
            self._judge(self._ended.pop(self._next))
            self._next += 1
        return self.good_enough is not None

    def _judge(self, rollouts: list[Rollout]) -> None:
        values = [r.score.value for r in rollouts if r.score is not None and r.status is not Status.NOT_MEASURED]
        name = self._session.candidates[self._first + self._next].name
        # Exact, since the values stand in the order in which they arrived.
        mean = math.fsum(values) / len(values) if values else float("nan")
        fields = {"candidate": name, "mean": mean, "n": len(values), "total": self._size}
        self._session.tell("candidate_scored", **fields)
        if mean > self._best:
            self._best = mean
            self._session.tell("best_changed", **fields)
        enough = len(values) >= SHARE_TO_LEAD * self._size
        if self._stop_at is not None and enough and mean >= self._stop_at:
            self.good_enough = self._next
