"""`Evaluate`: a program's score on a set of examples, with what was not measured beside it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from burnish.engine.check import check_examples, check_inputs, check_prices, check_program, refuse_unknown
from burnish.engine.events import EventStream
from burnish.engine.judge import Judge, Metric
from burnish.engine.meter import BudgetMeter
from burnish.engine.progress import Progress
from burnish.engine.runner import Runner
from burnish.errors import ConfigError
from burnish.evaluation.compare import Comparison, paired
from burnish.evaluation.result import EvaluationResult
from burnish.evaluation.saved import check_place, save
from burnish.evaluation.table import show
from burnish.lm.callbacks import watched_await
from burnish.lm.scope import current_scope, new_run
from burnish.lm.settings import settings
from burnish.loop import on_loop, run_sync
from burnish.metrics.semantic import CompleteAndGrounded, SemanticF1
from burnish.metrics.text import EM, F1, HotPotF1, answer_exact_match, answer_passage_match, normalize_text
from burnish.plugins.manager import watchers
from burnish.stages.leaks import warn_of_demos
from burnish.values.budget import Budget
from burnish.values.example import Example
from burnish.values.rollout import Cell
from burnish.values.space import Candidate
from burnish.values.whole import check_whole

# The metrics stand here too, where DSPy's users look for them.
__all__ = [
    "EM",
    "F1",
    "Comparison",
    "CompleteAndGrounded",
    "Evaluate",
    "EvaluationResult",
    "HotPotF1",
    "SemanticF1",
    "answer_exact_match",
    "answer_passage_match",
    "compare",
    "normalize_text",
    "paired",
]

# What a call may set for itself.
_OF_A_CALL = ("num_threads", "display_progress", "display_table", "save_as_csv", "save_as_json", "callback_metadata")


class Evaluate:
    """Runs a program on examples and scores it.

    Args:
        devset: The examples, their inputs marked; a list or a test set.
        metric: Scores a prediction.
        num_threads: LM calls in flight at most; default is the setting of that name.
        display_progress: Show a live display.
        display_table: Print so many rows of results, or all if True.
        max_errors: Examples that may fail before it stops; default is the setting.
        provide_traceback: Keep the traceback of what went wrong, in the result's `errors` and in the rows that are saved.
        failure_score: What a failed example counts.
        save_as_csv: Where to write the rows, before anything is displayed.
        save_as_json: Likewise, as JSON.
        budget: Caps on the evaluation.

    Raises:
        ConfigError: The devset, the metric or another argument cannot be used.
    """

    def __init__(
        self,
        *,
        devset: Sequence[Example],
        metric: Metric | None = None,
        num_threads: int | None = None,
        display_progress: bool = False,
        display_table: bool | int = False,
        max_errors: int | None = None,
        provide_traceback: bool | None = None,
        failure_score: float = 0.0,
        save_as_csv: str | Path | None = None,
        save_as_json: str | Path | None = None,
        budget: Budget | None = None,
        **unknown: Any,
    ) -> None:
        known = [name for name in type(self).__init__.__annotations__ if name not in ("unknown", "return")]
        refuse_unknown(unknown, known, "Evaluate")
        self.devset = devset
        self.metric = metric
        self.num_threads = num_threads
        self.display_progress = display_progress
        self.display_table = display_table
        self.max_errors = max_errors
        self.provide_traceback = bool(provide_traceback)
        self.failure_score = failure_score
        self.save_as_csv = save_as_csv
        self.save_as_json = save_as_json
        self.budget = budget
        self.callback_metadata: Any = None

    def __call__(
        self, program: Any, metric: Metric | None = None, devset: Sequence[Example] | None = None, **options: Any
    ) -> EvaluationResult:
        """Evaluate a program.

        Args:
            program: What to evaluate.
            metric: In place of the one given before.
            devset: In place of the one given before.
            options: Likewise ``num_threads``, ``display_progress``, ``display_table``, ``save_as_csv``, ``save_as_json``.

        Raises:
            ConfigError: No metric, no examples, or they cannot be used.
            RunStopped: Too much went wrong; nothing of it became a score.
        """
        return run_sync(self.acall(program, metric, devset, **options))

    async def acall(
        self, program: Any, metric: Metric | None = None, devset: Sequence[Example] | None = None, **options: Any
    ) -> EvaluationResult:
        """Evaluate a program, from async code."""
        own = self._with(options)
        chosen = self.metric if metric is None else metric
        if chosen is None:
            raise ConfigError("Evaluate has no metric. Give Evaluate(metric=...).")
        check_whole(1, num_threads=own.num_threads)
        check_whole(0, max_errors=own.max_errors)
        if not isinstance(own.display_table, bool):
            check_whole(0, display_table=own.display_table)
        if not _is_finite(own.failure_score):
            raise ConfigError(f"failure_score={own.failure_score!r}: give a finite number.")
        rows = check_examples(self.devset if devset is None else devset, "devset", held_out=True)
        check_program(program, "program to evaluate", asks=True, tunes=False)
        check_inputs(program, rows, "devset")
        check_prices(own.budget, program)
        check_place(own.save_as_json)
        check_place(own.save_as_csv)
        await warn_of_demos(program, rows)
        told = {"program": program, "metric": chosen, "devset": rows, "callback_metadata": own.callback_metadata}
        # Itself, with the options of the call.
        return await watched_await("evaluate", self, told, on_loop(own._evaluate(program, Judge(chosen), rows)))  # noqa: SLF001

    def compare(self, first: Any, second: Any, **options: Any) -> Comparison:
        """Evaluate two programs on the same examples, and compare them example by example.

        Where rows are saved, ``-first`` and ``-second`` are added to the file's name.

        Args:
            first: A program, such as the one that an optimizer returned.
            second: Another, such as the one that it was given.
            options: As for a call.

        Raises:
            ConfigError: As for a call.
            RunStopped: Too much went wrong with one of them.
        """
        return run_sync(self.acompare(first, second, **options))

    async def acompare(self, first: Any, second: Any, **options: Any) -> Comparison:
        """`compare`, from async code."""
        own = self._with(options)
        results = []
        for which, program in (("first", first), ("second", second)):
            places: dict[str, Any] = {
                name: _beside(getattr(own, name), which) for name in ("save_as_csv", "save_as_json")
            }
            results.append(await own.acall(program, **places))
        return Comparison.of(*results)

    def _with(self, options: Mapping[str, Any]) -> Self:
        """This, with the options of one call."""
        refuse_unknown(options, _OF_A_CALL, "A call of Evaluate")
        given = {name: value for name, value in options.items() if value is not None}
        own = copy.copy(self)
        vars(own).update(given)
        return own

    async def _evaluate(self, program: Any, judge: Judge, rows: list[Example]) -> EvaluationResult:
        await judge.probe(rows[0])
        display = Progress() if self.display_progress else None
        events = EventStream([*watchers(), *([display.watch] if display else [])])
        limit = self.num_threads or settings.num_threads
        outer = current_scope()
        own_meter = None if self.budget is None else BudgetMeter(self.budget, outer=outer.meter if outer else None)
        scope = new_run(limit=limit, watch=events, meter=own_meter)
        runner = Runner(
            program,
            judge,
            scope=scope,
            limit=limit,
            max_errors=settings.max_errors if self.max_errors is None else self.max_errors,
            failure_score=self.failure_score,
            tracebacks=self.provide_traceback,
        )
        try:
            rollouts = await runner.run(
                [Cell(Candidate("program"), row, place) for place, row in enumerate(rows)], stage="evaluate"
            )
        finally:
            events.flush()
            if display is not None:
                display.close()
        if outer is not None and outer.rollout is not None:
            # What this rollout's score is made of was not all measured, unless its own cap was meant to end it.
            capped = own_meter is not None and runner.outage is own_meter.exhausted
            outer.rollout.outage = outer.rollout.outage if capped else runner.outage or outer.rollout.outage
            outer.rollout.usage += scope.ledger.total()
        aggregated = judge.aggregate([rollout.score for rollout in rollouts if rollout.score is not None])
        result = EvaluationResult.of(rollouts, scope.ledger.total(), aggregated)
        if self.save_as_csv is not None or self.save_as_json is not None:
            save(result.rows, as_csv=self.save_as_csv, as_json=self.save_as_json)
        if self.display_table:
            show(result, most=None if self.display_table is True else int(self.display_table))
        return result


def compare(first: Any, second: Any, *, devset: Sequence[Example], metric: Metric, **options: Any) -> Comparison:
    """Evaluate two programs on the same examples, and say whether one is better: `Evaluate.compare` in one call.

    Costs an evaluation of each.

    Args:
        first: A program, such as the one that an optimizer returned.
        second: Another, such as the one that it was given.
        devset: The examples; best a test set that neither has seen.
        metric: Scores a prediction.
        options: More arguments of `Evaluate`.

    Example:
        >>> from burnish.testing import toy
        >>> with burnish.context(lm=toy.lm()):
        ...     print(str(compare(toy.Classifier(), toy.Classifier(), devset=toy.trainset(), metric=toy.metric)).splitlines()[-1])
        no significant difference
    """
    return Evaluate(devset=devset, metric=metric, **options).compare(first, second)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _beside(path: str | Path | None, which: str) -> Path | None:
    return None if path is None else Path(path).with_stem(f"{Path(path).stem}-{which}")
