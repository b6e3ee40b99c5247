"""An optimizer: shows the shortest labelled examples, as many as the metric likes best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from burnish import Candidate, Choice, Optimizer, Session


class ShortestDemos(Optimizer):
    """Labelled demos that leave the most room in the prompt.

    **What it does.** Tries the program as it is, then with the 1, 2, 4, … k shortest examples, and keeps the best.

    **When it helps.** Short context windows and long examples.

    **What it costs.** (2 + log2 k) runs of the program on each validation example.

    Args:
        metric: Scores a prediction.
        k: Most demos to show.
        options: What every optimizer takes: num_threads, max_errors, seed, budget, run_dir, progress.
    """

    def __init__(self, metric: Callable[..., Any], k: int = 8, **options: Any) -> None:
        super().__init__(metric=metric, **options)
        self.k = k

    async def search(self, session: Session) -> Candidate:
        """Score a candidate of each size; ties keep the one with fewer demos."""
        lengths = [len(str(example.toDict())) for example in session.trainset]
        places = sorted(range(len(lengths)), key=lambda place: lengths[place])
        shown = [_showing(session, places[:size]) for size in self._sizes()]
        await session.score([session.baseline(), *shown])
        return session.leader()

    def phases(self, *, trainset: int, valset: int) -> Mapping[str, tuple[int, int]]:
        """Program runs at least and at most, for `estimate`."""
        runs = valset * (1 + len(self._sizes()))
        return {"score": (runs, runs)}

    def _sizes(self) -> list[int]:
        return [size for size in (2**n for n in range(self.k.bit_length())) if size < self.k] + [self.k]


def _showing(session: Session, places: list[int]) -> Candidate:
    demos = tuple(session.trainset[place] for place in places)
    # The sources tell Burnish which examples may not be scored with their own answer in the prompt.
    choice = Choice(demos=demos, sources=tuple(places))
    return Candidate(f"{len(places)} shortest", dict.fromkeys(session.predictors, choice))
