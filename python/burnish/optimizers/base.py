"""`Optimizer`: what every recipe is, and everything around its search.

A recipe stores its settings and writes one coroutine, `search`, from a `Session` to the winning
candidate. `compile` checks the arguments, opens the session (journal, budget, events, limit),
runs the search, and turns the winner into a new program with a report. Nothing of a compile is
written on the optimizer or the student.
"""

from __future__ import annotations

import inspect
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from burnish.engine.check import (
    check_examples,
    check_inputs,
    check_prices,
    check_program,
    refuse_unknown,
)
from burnish.engine.events import EventStream
from burnish.engine.identity import run_identity
from burnish.engine.journal import RunJournal
from burnish.engine.judge import Judge, Metric
from burnish.engine.meter import BudgetMeter
from burnish.engine.progress import Progress
from burnish.errors import BudgetExhausted, ConfigError
from burnish.lm.callbacks import watched_await
from burnish.lm.scope import current_scope
from burnish.lm.settings import settings
from burnish.loop import on_loop, run_sync
from burnish.optimizers.estimate import Estimate
from burnish.optimizers.session import Session
from burnish.plugins.manager import watchers
from burnish.stages.finish import build
from burnish.stages.leaks import warn_of_overlap
from burnish.values.budget import Budget
from burnish.values.example import Example
from burnish.values.held_out import compiling
from burnish.values.report import Report
from burnish.values.space import Candidate
from burnish.values.whole import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterator


class Optimizer(ABC):
    """The base class of recipes.

    Args:
        metric: Scores a prediction: ``metric(example, prediction, trace=None)``.
        num_threads: LM calls in flight at most; default is the setting of that name.
        max_errors: Examples that may fail before the compile stops; default is the setting.
        seed: Every random draw comes from it; 0 is a seed.
        budget: Caps on calls, tokens, dollars, seconds.
        run_dir: Keeps everything received there; a killed compile goes on from it.
        progress: Show a live display; default is when standard error is a terminal.

    Raises:
        ConfigError: A setting is unknown or out of range.
    """

    # Whether compiling makes LM calls; an optimizer's settings may decide it.
    asks: bool = True
    # Which optional arguments of `compile` the recipe uses; the others are refused.
    takes: ClassVar[frozenset[str]] = frozenset({"teacher", "valset"})

    def __init__(
        self,
        *,
        metric: Metric | None = None,
        num_threads: int | None = None,
        max_errors: int | None = None,
        seed: int = 0,
        budget: Budget | None = None,
        run_dir: str | Path | None = None,
        progress: bool | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, self._options(), type(self).__name__)
        check_whole(1, num_threads=num_threads)
        check_whole(0, max_errors=max_errors)
        if not isinstance(seed, int):
            raise ConfigError(f"seed={seed!r}: give a whole number.")
        if budget is not None and not isinstance(budget, Budget):
            raise ConfigError(f"budget={budget!r}: write budget=burnish.Budget(calls=..., dollars=...).")
        self.metric = metric
        self.num_threads = num_threads
        self.max_errors = max_errors
        self.seed = seed
        self.budget = budget
        self.run_dir = run_dir
        self.progress = progress

    @abstractmethod
    async def search(self, session: Session) -> Candidate:
        """Find the winner. A recipe's own options of `compile` are its keyword-only arguments."""

    def phases(self, *, trainset: int, valset: int) -> Mapping[str, tuple[int, int]]:
        """Program runs of each phase, at least and at most, for sets of these sizes."""
        raise ConfigError(f"{type(self).__name__} cannot say beforehand how many calls it makes.")

    def compile(
        self,
        student: Any,
        *,
        trainset: Sequence[Example],
        teacher: Any = None,
        valset: Sequence[Example] | None = None,
        **options: Any,
    ) -> Any:
        """A new program, better by the metric.

        Args:
            student: The program; it is neither changed nor copied while searching.
            trainset: Examples to learn from.
            teacher: The program that makes the demos; default is the student.
            valset: Examples to choose by; default is the trainset, where no candidate is shown
                the example that it answers.
            options: The recipe's own, see its `search`.

        Returns:
            The program, with what was found out as its ``report``.

        Raises:
            ConfigError: Something is wrong that can be known before the first call.
            RunStopped: Too much went wrong on the way; with `run_dir` set, calling again resumes.
        """
        return run_sync(self.acompile(student, trainset=trainset, teacher=teacher, valset=valset, **options))

    async def acompile(
        self,
        student: Any,
        *,
        trainset: Sequence[Example],
        teacher: Any = None,
        valset: Sequence[Example] | None = None,
        **options: Any,
    ) -> Any:
        """`compile`, from async code."""
        known = [p.name for p in inspect.signature(self.search).parameters.values() if p.kind is p.KEYWORD_ONLY]
        refuse_unknown(options, known, f"{type(self).__name__}.compile")
        for name, value in (("teacher", teacher), ("valset", valset)):
            if value is not None and name not in self.takes:
                raise ConfigError(f"{type(self).__name__} makes no use of {name}=...: leave it out.")
        check_program(student, "program to compile", asks=self.asks, tunes=True)
        rows = check_examples(trainset, "trainset")
        # The trainset given twice is meant as it is by default: no candidate is shown the example that it answers.
        held_out = None if valset is None or valset is trainset else check_examples(valset, "valset")
        if self.asks:
            check_inputs(student, rows, "trainset")
            check_inputs(student, held_out or [], "valset")
        if teacher is not None:
            check_program(teacher, "teacher", asks=self.asks and self._teacher_lm() is None, tunes=False)
            check_inputs(teacher, rows, "trainset")
        if held_out is not None:
            await warn_of_overlap(rows, held_out)
        if self.asks:
            check_prices(self.budget, student, self._teacher_lm(), getattr(self, "prompt_model", None))
            if teacher is not None:
                check_prices(self.budget, teacher)
        judge = None if self.metric is None else Judge(self.metric)
        told = {"student": student, "trainset": rows, "teacher": teacher, "valset": held_out, **options}
        with compiling():
            run = on_loop(self._compile(student, teacher, rows, held_out, judge, options))
            return await watched_await("compile", self, told, run)

    def estimate(self, program: Any, trainset: Sequence[Example], valset: Sequence[Example] | None = None) -> Estimate:
        """LM calls and dollars of a compile, before any is made.

        Assumes one LM call a predictor and run.
        """
        check_program(program, "program to compile", asks=False, tunes=True)
        rows = check_examples(trainset, "trainset")
        size = len(rows if valset is None else check_examples(valset, "valset"))
        return Estimate.of(program, self.phases(trainset=len(rows), valset=size), teacher_lm=self._teacher_lm())

    def _teacher_lm(self) -> Any:
        return (getattr(self, "teacher_settings", None) or {}).get("lm")

    async def _compile(
        self,
        student: Any,
        teacher: Any,
        trainset: list[Example],
        valset: list[Example] | None,
        judge: Judge | None,
        options: Mapping[str, Any],
    ) -> Any:
        if judge is not None:
            await judge.probe(trainset[0])
        with self._journal(student, teacher, trainset, valset, options) as journal, self._events(journal) as events:
            meter = None
            spent = None if journal is None else journal.spent()
            if self.budget is not None:
                outer = current_scope()
                meter = BudgetMeter(self.budget, spent, outer=outer.meter if outer else None)
            limit = self.num_threads or settings.num_threads
            session = Session(
                student,
                trainset,
                valset=valset,
                teacher=teacher,
                judge=judge,
                seed=self.seed,
                limit=limit,
                max_errors=settings.max_errors if self.max_errors is None else self.max_errors,
                journal=journal,
                meter=meter,
                events=events,
            )
            resumed = bool(journal and journal.resumed)
            events.emit("run_started", optimizer=type(self).__name__, resumed=resumed, limit=limit)
            with session.inside():
                try:
                    winner = await self.search(session, **options)
                except BudgetExhausted:
                    # A model that the recipe itself asks may be what passes a cap: a normal end all the same.
                    winner = session.leader()
            session.check_measured()
            program = build(student, winner)
            program.report = session.report(type(self).__name__, winner, run_dir=self.run_dir, before=spent)
            events.emit("run_finished", **program.report.to_dict())
        if self.run_dir is not None:
            _write(program.report, Path(self.run_dir, "report.json"))
        return program

    @contextmanager
    def _journal(self, *run: Any) -> Iterator[RunJournal | None]:
        if self.run_dir is None:
            yield None
            return
        journal = RunJournal(self.run_dir, run_identity(self, *run))
        try:
            yield journal
        finally:
            journal.close()

    @contextmanager
    def _events(self, journal: RunJournal | None) -> Iterator[EventStream]:
        watching: list[Callable[..., Any]] = list(watchers())
        if journal is not None:
            watching.append(journal.keep_events)
        shown = sys.stderr.isatty() if self.progress is None else self.progress
        display = Progress() if shown else None
        if display is not None:
            watching.append(display.watch)
        events = EventStream(watching)
        try:
            yield events
        finally:
            events.flush()
            if display is not None:
                display.close()

    @classmethod
    def _options(cls) -> set[str]:
        kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return {
            parameter.name
            for owner in (cls, Optimizer)
            for parameter in inspect.signature(owner.__init__).parameters.values()
            if parameter.kind in kinds and parameter.name != "self"
        }


def _write(report: Report, path: Path) -> None:
    text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
