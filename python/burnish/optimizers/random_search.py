"""`BootstrapFewShotWithRandomSearch`: many draws of demos, and the best of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from burnish.engine.judge import Metric
from burnish.errors import ConfigError
from burnish.optimizers.bootstrap_few_shot import BootstrapFewShot
from burnish.optimizers.demo_sets import ZERO_SHOT, demo_sets
from burnish.optimizers.session import Session
from burnish.values.space import Candidate
from burnish.values.whole import check_whole


class BootstrapFewShotWithRandomSearch(BootstrapFewShot):
    """Scores many sets of demos on the valset and keeps the best.

    What it does:
        Candidates are zero-shot, labelled, the unshuffled bootstrap, and `num_candidate_programs`
        bootstraps of a shuffled trainset with 1 to `max_bootstrapped_demos` demos. Teacher runs
        are shared between them. The candidates race: all see the valset in one order, a block at a time, and those that are
        beaten beyond doubt see no more. A student that has demos already is a candidate as it is.

    When it helps:
        With some 50 examples or more, where which demos are shown matters.

    What it costs (LM calls):
        At most predictors × ((num_candidate_programs + 3) × valset + trainset × max_rounds), and
        predictors × valset more where the student has demos already.

    Example:
        >>> import burnish
        >>> from burnish.testing import toy
        >>> optimizer = BootstrapRS(metric=lambda example, prediction, trace=None: True, num_candidate_programs=8)
        >>> optimizer.estimate(burnish.Predict("question -> answer"), toy.trainset()).calls
        (268, 312)

    Source:
        Khattab et al. 2023, "DSPy", arXiv:2310.03714, section 4; random search: Bergstra and
        Bengio 2012, JMLR 13.

    Args:
        metric: What is made better.
        teacher_settings: Settings for the teacher's calls, such as ``{"lm": LM(...)}``.
        max_bootstrapped_demos: Demos from runs, a predictor at most.
        max_labeled_demos: Demos in all, a predictor, once labelled ones are added.
        max_rounds: Attempts an example; those after the first at temperature 1.
        num_candidate_programs: Shuffled bootstraps.
        stop_at_score: A score, 0 to 100, that is good enough: later candidates are dropped.
        metric_threshold: The score that passes while bootstrapping; None takes what is true.
        race: Whether candidates that are beaten beyond doubt are dropped; else each is scored in full, as with `stop_at_score`.
        common: The settings of every optimizer, see `Optimizer`.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"teacher", "valset"})

    def __init__(
        self,
        metric: Metric,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 16,
        max_rounds: int = 1,
        num_candidate_programs: int = 16,
        num_threads: int | None = None,
        max_errors: int | None = None,
        stop_at_score: float | None = None,
        metric_threshold: float | None = None,
        *,
        race: bool = True,
        **common: Any,
    ) -> None:
        super().__init__(
            metric,
            metric_threshold,
            teacher_settings,
            max_bootstrapped_demos,
            max_labeled_demos,
            max_rounds,
            max_errors,
            num_threads=num_threads,
            **common,
        )
        if metric is None:
            raise ConfigError("Random search needs a metric to choose by. Give metric=...")
        check_whole(0, num_candidate_programs=num_candidate_programs)
        self.num_candidate_programs = num_candidate_programs
        self.stop_at_score = stop_at_score
        self.race = race

    def phases(self, *, trainset: int, valset: int) -> Mapping[str, tuple[int, int]]:
        """Teacher runs, shared between candidates, and the scoring of all candidates."""
        scored = (self.num_candidate_programs + 3) * valset
        # A student that has demos already is one candidate more.
        most = scored + valset
        few = min(self.max_bootstrapped_demos, trainset)
        return {"bootstrap": (few, trainset * self.max_rounds), "score": (scored, most)}

    async def search(
        self, session: Session, *, restrict: Collection[int] | None = None, labeled_sample: bool = True
    ) -> Candidate:
        """Propose, score, choose.

        Args:
            session: The compile.
            restrict: Only these candidates: -3 zero-shot, -2 labelled, -1 unshuffled, 0… shuffled.
            labeled_sample: Whether the labelled candidate draws its demos or takes the first.
        """
        seeds = [s for s in range(ZERO_SHOT, self.num_candidate_programs) if restrict is None or s in restrict]
        if not seeds:
            raise ConfigError(
                f"restrict={restrict!r} leaves no candidate of {ZERO_SHOT}…{self.num_candidate_programs - 1}."
            )
        proposed = await demo_sets(
            session,
            seeds,
            bootstrapped=self.max_bootstrapped_demos,
            room=self.max_labeled_demos,
            teaching=self.teaching(),
            sample=labeled_sample,
        )
        candidates = [session.baseline()] if any(p.demos for p in session.student.predictors()) else []
        candidates += proposed
        stop_at = None if self.stop_at_score is None else self.stop_at_score / 100
        if self.race:
            await session.race(candidates, stop_at=stop_at)
        else:
            await session.score(candidates, stop_at=stop_at)
        return session.leader()


BootstrapRS = BootstrapFewShotWithRandomSearch
