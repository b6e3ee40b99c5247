"""Programs × examples → rollouts.

Cells are what is scheduled: every (candidate, example) of a batch is ready at once, and the next
free place takes the next cell, so no candidate waits for another's slowest example. Results come
back in the order of the cells, whatever the order in which they ended.

Two limits hold. `Scope.slots` bounds the LM calls in flight, over all phases and nested runs. The
runner's places bound the rollouts under way; they are twice the slots, so that even where all
slots come free at once a call is waiting for each, while programs compute between their calls.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from traceback import format_exception
from typing import Any

from burnish.engine.garbage import collected_seldom
from burnish.engine.identity import stable_text
from burnish.engine.journal import RunJournal
from burnish.engine.judge import Judge
from burnish.errors import (
    BudgetExhausted,
    LMAccessDenied,
    LMError,
    LMRejected,
    MetricError,
    RunStopped,
)
from burnish.lm.request import digest
from burnish.lm.scope import RolloutState, Scope, use_scope
from burnish.lm.settings import settings
from burnish.loop import all_of, told_to_stop
from burnish.modules.binding import Binding, bound, names_of
from burnish.values.rollout import Cell, Rollout
from burnish.values.score import Score, Status
from burnish.values.space import Candidate

# A program that fails on each of its first examples in the same way is broken, not bad.
_FAILURES_AT_THE_START = 20
_OUTAGES_IN_A_ROW = 10
# What a reply is worth depends on what the prompt shows, so one candidate says little of the others.
_CANDIDATES_ALIKE = 3
_UP_TO_THE_PROMPT = ("ReplyError", "PromptTooLong")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Runner:
    """Runs candidates of one program on examples.

    Args:
        program: The program; it is never changed.
        judge: Scores predictions; None runs without scores.
        scope: What the run brings: journal, budget, ledger, events and the slots.
        limit: The concurrency limit that `scope.slots` has.
        max_errors: How many rollouts may fail or go unmeasured; None is no limit.
        failure_score: What a failed rollout counts.
        tuned: Whether the program is being tuned, and so must be seen to call its predictors.
        tracebacks: Whether rollouts keep the traceback of what went wrong.

    Attributes:
        out_of_budget: What stopped it, where a budget did: the cells that were left are not measured.
        outage: The last outage that a rollout met, a budget that is used up among them.
    """

    def __init__(
        self,
        program: Any,
        judge: Judge | None,
        *,
        scope: Scope,
        limit: int,
        max_errors: int | None = None,
        failure_score: float = 0.0,
        tuned: bool = False,
        tracebacks: bool = False,
    ) -> None:
        self.program = program
        self._judge = judge
        self._scope = scope
        self._width = 1 if limit == 1 else 2 * limit
        self._places = asyncio.Semaphore(self._width)
        self._names = names_of(program)
        self._failure = Score(failure_score)
        self._health = _Health(limit, max_errors, tuned=tuned)
        self._keys: dict[Candidate, str] = {}
        self._tracebacks = tracebacks
        self.out_of_budget: BudgetExhausted | None = None
        self.outage: Exception | None = None

    async def run(
        self,
        cells: Sequence[Cell],
        *,
        stage: str,
        traced: bool = False,
        recall: bool = False,
        done: Callable[[int, Rollout], bool] | None = None,
    ) -> list[Rollout]:
        """Run cells; the rollouts stand in the order of the cells.

        Args:
            cells: What to run.
            stage: The phase, for the bill and the events.
            traced: Whether the metric gets the trace, as it does while bootstrapping.
            recall: Whether a score from the journal will do in place of running the cell again.
            done: Called with each cell's place and rollout as it ends; true starts no more cells.

        Raises:
            RunStopped: Too much went wrong, or the same thing too often in a row. Running out of
                budget raises nothing: what was not started is not measured.
        """
        results: list[Rollout | None] = [None] * len(cells)
        queue = iter(range(len(cells)))
        scope = self._scoped(stage)
        if scope.watch is not None:
            scope.watch.emit("stage_started", stage=stage, cells=len(cells))

        async def work() -> None:
            for place in queue:
                async with self._places:
                    rollout = await self._one(cells[place], scope, traced=traced, recall=recall)
                results[place] = rollout
                self._tell(scope, rollout)
                if done is not None and done(place, rollout):
                    _drain(queue)

        with collected_seldom():
            await all_of(work() for _ in range(min(self._width, len(cells))))
        dropped = results.count(None)
        if dropped and scope.watch is not None:
            scope.watch.emit("cells_dropped", stage=stage, cells=dropped)
        return [_not_started(c) if r is None else r for c, r in zip(cells, results, strict=True)]

    def _scoped(self, stage: str) -> Scope:
        with use_scope(self._scope, stage=stage) as scope:
            return scope

    async def _one(self, cell: Cell, scope: Scope, *, traced: bool, recall: bool) -> Rollout:
        if self.out_of_budget is not None:
            return Rollout(cell, Status.NOT_MEASURED, reason=str(self.out_of_budget))
        journal = scope.journal if recall else None
        key = ""
        if isinstance(journal, RunJournal):
            key = self._key(cell, scope.stage)
            known = journal.score(key)
            if known is not None:
                rollout = _recalled(cell, known)
                self._health.note(rollout)
                return rollout
        rollout = await self._fresh(cell, scope, traced=traced)
        if isinstance(journal, RunJournal) and rollout.status is not Status.NOT_MEASURED:
            journal.keep_score(key, _outcome(rollout))
        self._health.note(rollout)
        self._health.listen(rollout)
        return rollout

    async def _fresh(self, cell: Cell, scope: Scope, *, traced: bool) -> Rollout:
        state = RolloutState()
        binding = Binding(self._names, cell.candidate.choices)
        prediction: Any = None
        score: Score | None = None
        error: Exception | None = None
        with use_scope(scope, rollout=state):
            try:
                with bound(binding):
                    prediction = await self.program.acall(**cell.example.inputs())
                if self._judge is not None:
                    trace = binding.trace if traced else None
                    together = self._width > 1
                    score = await self._judge.score(cell.example, prediction, trace, together=together)
            # Programs are user code and may raise anything; what it means is decided below.
            except Exception as raised:
                error = raised
            # Nor may one program end the run, or the loop: only a task that was told to stops.
            except (asyncio.CancelledError, KeyboardInterrupt, SystemExit) as raised:
                if told_to_stop():
                    raise
                error = RuntimeError(f"{type(raised).__name__} raised by the program or the metric: {raised}")
        # A program that catches an outage and answers anyway was not measured either.
        error = error if isinstance(error, BudgetExhausted) else state.outage or error
        self.outage = state.outage or self.outage
        status = _status(error)
        if isinstance(error, BudgetExhausted):
            self.out_of_budget = error
        if isinstance(error, RunStopped):
            raise error
        if isinstance(error, LMAccessDenied):
            raise RunStopped(f"Stopped: {error}") from error
        return Rollout(
            cell,
            status,
            self._failure if status is Status.FAILED else score if error is None else None,
            prediction if error is None else None,
            tuple(binding.trace),
            state.usage,
            None if error is None else _reason(error),
            "".join(format_exception(error)) if error is not None and self._tracebacks else None,
        )

    def _key(self, cell: Cell, stage: str) -> str:
        candidate = self._keys.get(cell.candidate)
        if candidate is None:
            choices = {
                name: [c.instructions, c.demos, dict(c.config), getattr(c.lm, "model", None)]
                for name, c in cell.candidate.choices.items()
            }
            candidate = self._keys[cell.candidate] = digest(stable_text(choices))
        example = stable_text([stage, cell.example.toDict(), sorted(cell.example.inputs().keys())])
        return digest(candidate + example)

    def _tell(self, scope: Scope, rollout: Rollout) -> None:
        log = settings.trace_log
        if scope.watch is None and log is None:
            return
        fields = {
            "stage": scope.stage,
            "candidate": rollout.cell.candidate.name,
            "example": rollout.cell.example_id,
            "status": rollout.status.name.lower(),
            "score": None if rollout.score is None else rollout.score.value,
            "reason": rollout.reason,
        }
        if scope.watch is not None:
            scope.watch.emit("rollout_done", **fields)
        if log is not None:
            log.log_run(self._names, rollout.trace, **fields)


class _Health:
    """Stops a run loudly when too much goes wrong, or the same thing again and again."""

    def __init__(self, limit: int, max_errors: int | None, *, tuned: bool) -> None:
        self._max_errors = max_errors
        self._unheard = 0 if tuned else None
        self._enough = _CANDIDATES_ALIKE if tuned else 1
        self._alike: set[str] = set()
        self._errors = 0
        self._good = 0
        self._last = ""
        self._in_a_row = 0
        self._outages = max(_OUTAGES_IN_A_ROW, 2 * limit)

    def listen(self, rollout: Rollout) -> None:
        """Stop where no call of a program is seen: no candidate would reach it, and no budget hold it."""
        if self._unheard is None or rollout.status is not Status.SCORED:
            return
        if rollout.trace or rollout.usage.calls:
            self._unheard = None
            return
        self._unheard += 1
        if self._unheard >= _FAILURES_AT_THE_START:
            raise RunStopped(
                f"Stopped: {self._unheard} runs of the program ended well, and not one call of a predictor was seen in "
                "them. Calls from threads that the program starts itself are not part of its run: nothing can be tuned "
                "or capped there. Hand the context on, pool.submit(contextvars.copy_context().run, predictor_call), or "
                "write aforward with asyncio.gather."
            )

    def note(self, rollout: Rollout) -> None:
        if rollout.status is Status.SCORED:
            self._good += 1
            self._in_a_row = 0
            self._last = ""
            return
        # How many tokens were too many, or seconds too long, is another number for each example.
        reason = _NUMBER.sub("#", rollout.reason or "")[:80]
        # Running out of budget is a normal end.
        if reason.startswith("Budget"):
            return
        self._errors += 1
        if reason != self._last:
            self._in_a_row = 0
            self._alike.clear()
        self._in_a_row += 1
        self._alike.add(rollout.cell.candidate.name)
        self._last = reason
        if self._max_errors is not None and self._errors > self._max_errors:
            raise RunStopped(
                f"Stopped: more than max_errors={self._max_errors} examples failed. The last: {rollout.reason}"
            )
        outage = rollout.status is Status.NOT_MEASURED
        limit = self._outages if outage else _FAILURES_AT_THE_START
        if reason.startswith(_UP_TO_THE_PROMPT) and len(self._alike) < self._enough:
            return
        if self._in_a_row >= limit and (outage or not self._good):
            raise RunStopped(
                f"Stopped: {self._in_a_row} examples in a row ended alike: {(rollout.reason or '').rstrip('.')}. "
                + (
                    "None of them counts as a score. Run again to go on; with run_dir= set, "
                    "nothing that was received is asked for again."
                    if outage
                    else "Nothing has succeeded yet, so the program or the metric is likely at "
                    "fault: try program(...) on one example."
                )
            )


def _status(error: Exception | None) -> Status:
    if error is None:
        return Status.SCORED
    if isinstance(error, LMRejected):
        return Status.FAILED
    return Status.NOT_MEASURED if isinstance(error, LMError | BudgetExhausted) else Status.FAILED


def _reason(error: Exception) -> str:
    if isinstance(error, BudgetExhausted | MetricError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _not_started(cell: Cell) -> Rollout:
    return Rollout(cell, Status.NOT_MEASURED, reason="Not started: no longer needed.")


def _outcome(rollout: Rollout) -> dict[str, Any]:
    score = rollout.score or Score(0.0)
    parts = None if score.parts is None else dict(score.parts)
    return {
        "status": int(rollout.status),
        "value": score.value,
        "feedback": score.feedback,
        "parts": parts,
        "reason": rollout.reason,
    }


def _recalled(cell: Cell, known: dict[str, Any]) -> Rollout:
    score = Score(known["value"], known["feedback"], known["parts"])
    return Rollout(cell, Status(known["status"]), score, reason=known["reason"])


def _drain(queue: Iterator[int]) -> None:
    for _ in queue:
        pass
