"""`BootstrapFewShot`: the program's own successful runs as demos."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from burnish.engine.judge import Metric
from burnish.errors import ConfigError
from burnish.lm.settings import check_settings
from burnish.loop import in_thread
from burnish.optimizers.base import Optimizer
from burnish.optimizers.recorded import recorded_demos
from burnish.optimizers.session import Session
from burnish.stages.select import Demo, labelled, showing
from burnish.stages.traces import TraceTable
from burnish.values.space import Candidate
from burnish.values.whole import check_whole


class BootstrapFewShot(Optimizer):
    """Runs a teacher on the trainset and shows each predictor what it did where it was right.

    What it does:
        Takes the first `max_bootstrapped_demos` examples, in trainset order, on which the teacher
        passes the metric; each predictor gets its steps as demos, and labelled examples that were
        not bootstrapped fill the room up to `max_labeled_demos`. The teacher is the student with
        labelled demos, never shown the example that it answers. Runs go out in parallel, and no
        more of them than can still be needed. With `traces` the steps come from recorded calls, the
        most different ones of those that scored well, and nothing is run.

    When it helps:
        With few examples, and for programs whose inner steps have no labels.

    What it costs (LM calls):
        At most predictors × trainset × max_rounds; with a pass rate p, about predictors ×
        max_bootstrapped_demos / p; one more for each reply that does not parse and is asked for once
        more. With `traces` none.

    Example:
        >>> optimizer = BootstrapFewShot(metric=lambda example, prediction, trace=None: True)
        >>> optimizer.max_bootstrapped_demos
        4

    Source:
        Khattab et al. 2023, "DSPy", arXiv:2310.03714, section 4.

    Args:
        metric: What passes; None takes every run without an error.
        metric_threshold: The score that passes; None takes what is true.
        teacher_settings: Settings for the teacher's calls, such as ``{"lm": LM(...)}``.
        max_bootstrapped_demos: Demos from runs, a predictor at most.
        max_labeled_demos: Demos in all, a predictor, once labelled ones are added.
        max_rounds: Attempts an example; those after the first at temperature 1.
        traces: A `burnish.TraceTable`, or the path of a log to scan for one. Calls count whose score is at least
            `metric_threshold` or, where that is None, above 0; in a table without scores all do.
        common: The settings of every optimizer, see `Optimizer`.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"teacher"})

    def __init__(
        self,
        metric: Metric | None = None,
        metric_threshold: float | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 16,
        max_rounds: int = 1,
        max_errors: int | None = None,
        traces: TraceTable | str | os.PathLike[str] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(metric=metric, max_errors=max_errors, **common)
        check_whole(0, max_bootstrapped_demos=max_bootstrapped_demos, max_labeled_demos=max_labeled_demos)
        check_whole(1, max_rounds=max_rounds)
        check_settings(teacher_settings=teacher_settings)
        if traces is not None and (teacher_settings or max_rounds != 1):
            raise ConfigError("With traces=... nothing is run: leave teacher_settings and max_rounds out.")
        if traces is not None and type(self).search is not BootstrapFewShot.search:
            raise ConfigError(f"{type(self).__name__} makes no use of traces=...: give it to BootstrapFewShot.")
        if not isinstance(traces, TraceTable | str | os.PathLike | None):
            raise ConfigError(f"traces={traces!r}: give a burnish.TraceTable, or the path of a log.")
        if traces is None and metric_threshold is not None and metric is None:
            raise ConfigError("metric_threshold is set without a metric to hold against it. Give metric=...")
        self.metric_threshold = metric_threshold
        self.teacher_settings = dict(teacher_settings or {})
        self.max_bootstrapped_demos = max_bootstrapped_demos
        self.max_labeled_demos = max_labeled_demos
        self.max_rounds = max_rounds
        self.traces = traces
        self.asks = traces is None

    async def acompile(self, student: Any, **options: Any) -> Any:
        """`compile`, from async code."""
        if self.traces is not None and options.get("teacher") is not None:
            raise ConfigError(f"With traces=... nothing is run, so {type(self).__name__} makes no use of teacher=...")
        return await super().acompile(student, **options)

    def phases(self, *, trainset: int, valset: int) -> Mapping[str, tuple[int, int]]:
        """Teacher runs: those needed if all pass, up to every attempt on every example."""
        if self.traces is not None:
            return {}
        return {"bootstrap": (min(self.max_bootstrapped_demos, trainset), trainset * self.max_rounds)}

    async def search(self, session: Session) -> Candidate:
        """The one candidate there is: demos from the first runs that pass, or from recorded ones."""
        if self.traces is not None:
            table = await in_thread(_table, self.traces)
            limits = {"k": self.max_bootstrapped_demos, "threshold": self.metric_threshold}
            augmented = await in_thread(recorded_demos, session, table, **limits)
            return few_shot(session, "recorded", augmented, room=self.max_labeled_demos)
        order = range(len(session.trainset))
        (rollouts,) = await session.bootstrap([(order, self.max_bootstrapped_demos)], **self.teaching())
        session.decisions.append(f"{len(rollouts)} of {len(session.trainset)} examples became bootstrapped demos.")
        return few_shot(session, "bootstrap", session.demos_of(rollouts), room=self.max_labeled_demos)

    def teaching(self) -> dict[str, Any]:
        """How the teacher is run: the settings that `Session.bootstrap` takes."""
        return {
            "max_rounds": self.max_rounds,
            "threshold": self.metric_threshold,
            "labelled_demos": self.max_labeled_demos,
            "teacher_settings": self.teacher_settings,
        }


def _table(traces: TraceTable | str | os.PathLike[str]) -> TraceTable:
    if isinstance(traces, TraceTable):
        return traces
    try:
        return TraceTable.scan(traces)
    except OSError as error:
        raise ConfigError(f"Cannot read traces={os.fspath(traces)!r}: {error.strerror or error}.") from error


def few_shot(session: Session, name: str, augmented: Mapping[str, Sequence[Demo]], *, room: int) -> Candidate:
    """The candidate that shows these demos, with labelled examples in front up to `room`."""
    used = frozenset(demo.source for shown in augmented.values() for demo in shown)
    demos = {}
    for predictor in session.predictors:
        own = augmented.get(predictor, [])
        k = max(room - len(own), 0)
        purpose = f"{name} {predictor}"
        drawn = labelled(session.trainset, k=k, seed=session.seed, purpose=purpose, skip=used)
        demos[predictor] = [*(demo for demo in drawn if session.teaches(predictor, demo.example)), *own]
    return showing(name, demos)
