"""`Evaluate`: a program's score on a set of examples, with what was not measured beside it."""

from __future__ import annotations

import csv
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burnish.engine.check import check_examples, check_inputs, check_prices, check_program, check_whole
from burnish.engine.events import EventStream
from burnish.engine.judge import Judge, Metric
from burnish.engine.meter import BudgetMeter
from burnish.engine.progress import Progress
from burnish.engine.runner import Runner
from burnish.errors import ConfigError
from burnish.lm.callbacks import watched_await
from burnish.lm.scope import current_scope, new_run
from burnish.lm.settings import settings
from burnish.loop import on_loop, run_sync
from burnish.metrics.text import EM, F1, HotPotF1, answer_exact_match, answer_passage_match, normalize_text
from burnish.plugins.manager import watchers
from burnish.stages.score import difference, standings
from burnish.values.board import Board
from burnish.values.budget import Budget
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.report import Difference, Standing
from burnish.values.rollout import Cell, Rollout
from burnish.values.score import Status
from burnish.values.space import Candidate
from burnish.values.usage import Usage

# The metrics stand here too, where DSPy's users look for them.
__all__ = [
    "EM",
    "F1",
    "Evaluate",
    "EvaluationResult",
    "HotPotF1",
    "answer_exact_match",
    "answer_passage_match",
    "normalize_text",
    "paired",
]


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """What an evaluation found.

    Attributes:
        score: Mean of the examples that count, 0 to 100; nan where none does.
        results: (example, prediction, score) of each example, in order. The prediction of a
            failed example is empty; the score of one that was not measured is None.
        standing: Mean with n, failures, what was not measured, and the 95% interval.
        usage: What the LM calls used.
        reasons: Why examples failed or were not measured: place → reason.
    """

    score: float
    results: list[tuple[Example, Any, float | None]] = field(repr=False)
    standing: Standing
    usage: Usage
    reasons: dict[int, str] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """How many examples count."""
        return self.standing.n

    @property
    def not_measured(self) -> int:
        """How many examples have no outcome."""
        return self.standing.not_measured

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the score, 0 to 100."""
        return 100 * self.standing.low, 100 * self.standing.high

    def __float__(self) -> float:
        return self.score

    def __str__(self) -> str:
        text = f"{self.standing}; {self.usage.calls} LM calls, {self.usage.price}"
        if not self.reasons:
            return text
        place, reason = next(iter(self.reasons.items()))
        return f"{text}; example {place}: {reason}"


class Evaluate:
    """Runs a program on examples and scores it.

    Args:
        devset: The examples, their inputs marked.
        metric: Scores a prediction.
        num_threads: LM calls in flight at most; default is the setting of that name.
        display_progress: Show a live display.
        display_table: Print so many rows of results, or all if True.
        max_errors: Examples that may fail before it stops; default is the setting.
        failure_score: What a failed example counts.
        save_as_csv: Where to write the rows, before anything is displayed.
        save_as_json: Likewise, as JSON.
        budget: Caps on the evaluation.

    Raises:
        ConfigError: The devset or the metric cannot be used.
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
        failure_score: float = 0.0,
        save_as_csv: str | Path | None = None,
        save_as_json: str | Path | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.devset = devset
        self.metric = metric
        self.num_threads = num_threads
        self.display_progress = display_progress
        self.display_table = display_table
        self.max_errors = max_errors
        self.failure_score = failure_score
        self.save_as_csv = save_as_csv
        self.save_as_json = save_as_json
        self.budget = budget

    def __call__(
        self, program: Any, metric: Metric | None = None, devset: Sequence[Example] | None = None
    ) -> EvaluationResult:
        """Evaluate a program.

        Args:
            program: What to evaluate.
            metric: In place of the one given before.
            devset: In place of the one given before.

        Raises:
            ConfigError: No metric, no examples, or they cannot be used.
            RunStopped: Too much went wrong; nothing of it became a score.
        """
        return run_sync(self.acall(program, metric, devset))

    async def acall(
        self, program: Any, metric: Metric | None = None, devset: Sequence[Example] | None = None
    ) -> EvaluationResult:
        """Evaluate a program, from async code."""
        chosen = self.metric if metric is None else metric
        if chosen is None:
            raise ConfigError("Evaluate has no metric. Give Evaluate(metric=...).")
        check_whole(1, num_threads=self.num_threads)
        rows = check_examples(self.devset if devset is None else devset, "devset")
        check_program(program, "program to evaluate", asks=True, tunes=False)
        check_inputs(program, rows, "devset")
        check_prices(self.budget, program)
        _check_folder(self.save_as_json)
        _check_folder(self.save_as_csv)
        told = {"program": program, "metric": chosen, "devset": rows}
        return await watched_await("evaluate", self, told, on_loop(self._evaluate(program, Judge(chosen), rows)))

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
        result = _result(rollouts, scope.ledger.total())
        self._save(result)
        if self.display_table:
            self._show(result)
        return result

    def _save(self, result: EvaluationResult) -> None:
        rows = [{**row.toDict(), **_predicted(made), "score": score} for row, made, score in result.results]
        if self.save_as_json is not None:
            text = json.dumps(rows, ensure_ascii=False, indent=1, default=str)
            Path(self.save_as_json).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        if self.save_as_csv is not None:
            names = list(dict.fromkeys(name for row in rows for name in row))
            with Path(self.save_as_csv).open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows(rows)

    def _show(self, result: EvaluationResult) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        most = len(result.results) if self.display_table is True else int(self.display_table)
        table = Table("example", "prediction", "score", title=Text(str(result)))
        for example, prediction, score in result.results[:most]:
            made = prediction.toDict() if isinstance(prediction, Example) else prediction
            told = "not measured" if score is None else f"{score:g}"
            table.add_row(Text(str(example.toDict())), Text(str(made)), told)
        try:
            Console(file=sys.stdout).print(table)
        # What a terminal cannot show, for whatever reason, must not cost the result.
        except Exception as error:
            warnings.warn(f"The results cannot be shown here ({type(error).__name__}: {error}).", stacklevel=2)


def _predicted(prediction: Any) -> dict[str, Any]:
    """The columns of a prediction; a program may return anything."""
    if isinstance(prediction, Example):
        return {f"predicted_{name}": value for name, value in prediction.toDict().items()}
    return {"prediction": prediction}


def _check_folder(path: str | Path | None) -> None:
    if path is not None and not Path(path).absolute().parent.is_dir():
        raise ConfigError(f"Cannot save the rows to {str(path)!r}: there is no such folder.")


def _result(rollouts: list[Rollout], usage: Usage) -> EvaluationResult:
    board = Board()
    board.add(0, rollouts)
    (standing,) = standings(board, ["program"])
    return EvaluationResult(
        round(100 * standing.mean, 2),
        [
            (
                r.cell.example,
                Prediction() if r.prediction is None else r.prediction,
                None if r.score is None else r.score.value,
            )
            for r in rollouts
        ],
        standing,
        usage,
        {place: r.reason for place, r in enumerate(rollouts) if r.reason is not None},
    )


def paired(first: EvaluationResult, second: EvaluationResult) -> Difference:
    """By how much the first result beats the second, on the examples measured in both.

    Args:
        first: One program's result on a devset.
        second: Another's on the same devset, in the same order.

    Raises:
        ConfigError: The devsets differ.
    """
    if [row[0] for row in first.results] != [row[0] for row in second.results]:
        raise ConfigError("The two results are not of the same examples in the same order.")
    board = Board()
    for number, result in enumerate((first, second)):
        for place, (_, _, score) in enumerate(result.results):
            status = Status.NOT_MEASURED if score is None else Status.SCORED
            board.put(number, place, 0.0 if score is None else score, status)
    return difference(board, 0, 1)
