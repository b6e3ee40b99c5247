"""`LabeledFewShot`: labelled examples as demos, without a single model call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from burnish.optimizers.base import Optimizer
from burnish.optimizers.session import Session
from burnish.stages.select import Demo, labelled, showing
from burnish.values.space import Candidate
from burnish.values.whole import check_whole


class LabeledFewShot(Optimizer):
    """Shows each predictor `k` labelled examples.

    What it does:
        Draws `k` examples of the trainset for each predictor, each predictor its own draw.

    When it helps:
        As a first step, and where running the program is dear.

    What it costs (LM calls):
        None.

    Example:
        >>> optimizer = LabeledFewShot(k=8)
        >>> optimizer.k
        8

    Source:
        In-context learning: Brown et al. 2020, "Language Models are Few-Shot Learners", section 2.

    Args:
        k: Demos a predictor.
        common: The settings of every optimizer, see `Optimizer`.
    """

    asks: bool = False
    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, k: int = 16, **common: Any) -> None:
        super().__init__(**common)
        check_whole(0, k=k)
        self.k = k

    def phases(self, *, trainset: int, valset: int) -> Mapping[str, tuple[int, int]]:
        """No program runs at all."""
        return {}

    async def search(self, session: Session, *, sample: bool = True) -> Candidate:
        """The one candidate there is; `sample=False` takes the first `k` examples."""
        return labelled_few_shot(session, k=self.k, sample=sample)


def labelled_few_shot(session: Session, *, k: int, sample: bool) -> Candidate:
    """The candidate that shows each predictor `k` labelled examples: its own draw, or the first."""
    first = [Demo(example, place) for place, example in enumerate(session.trainset[:k])]
    demos = {
        name: labelled(session.trainset, k=k, seed=session.seed, purpose=f"labelled {name}") if sample else first
        for name in session.predictors
    }
    taught = {name: [d for d in shown if session.teaches(name, d.example)] for name, shown in demos.items()}
    return showing("labelled", taught)
