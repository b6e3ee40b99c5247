"""The runner: every cell has one of three outcomes, in the order of the cells, and nothing is left running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from burnish import Candidate, Choice, Example, Module, Prediction, Score
from burnish.engine.events import EventStream
from burnish.engine.journal import RunJournal
from burnish.engine.judge import Judge
from burnish.engine.meter import BudgetMeter
from burnish.engine.runner import Runner
from burnish.errors import BudgetExhausted, LMAccessDenied, LMRejected, LMTransient, PromptTooLong, RunStopped
from burnish.lm.scope import Scope
from burnish.loop import run_sync
from burnish.testing import ScriptedLM, toy
from burnish.values.budget import Budget
from burnish.values.rollout import Cell, Rollout
from burnish.values.score import Status
from tests.unit.waiting import until

GIVEN = Candidate("as given")


class Calls(Module):
    """A program that does what the test says."""

    def __init__(self, act: Callable[[int], Any]) -> None:
        self.act = act
        self.running = self.most = self.started = 0

    async def aforward(self, number: int) -> Prediction:
        self.started += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            answer = self.act(number)
            return Prediction(answer=await answer if asyncio.iscoroutine(answer) else answer)
        finally:
            self.running -= 1


def cells(count: int, candidate: Candidate = GIVEN) -> list[Cell]:
    return [Cell(candidate, Example(number=n, answer=n).with_inputs("number"), n) for n in range(count)]


def right(example: Any, prediction: Any, trace: Any = None) -> bool:
    return bool(example.answer == prediction.answer)


def run(program: Module, todo: list[Cell], *, limit: int = 4, **options: Any) -> list[Rollout]:
    """Run cells in a run of their own, of which `options` say what it brings and how it runs."""
    brings = {name: options.pop(name) for name in ("journal", "meter", "watch") if name in options}
    how = {name: options.pop(name) for name in ("max_errors", "failure_score", "tuned") if name in options}
    judge = options.pop("judge", Judge(right))

    async def inside() -> list[Rollout]:
        scope = Scope(slots=asyncio.Semaphore(limit), **brings)
        runner = Runner(program, judge, scope=scope, limit=limit, **how)
        return await runner.run(todo, **{"stage": "score", **options})

    return run_sync(inside())


def failing(*errors: tuple[int, BaseException]) -> Callable[[int], Any]:
    at = dict(errors)

    def act(number: int) -> int:
        if number in at:
            raise at[number]
        return number

    return act


def always(error: Exception) -> Callable[[int], Any]:
    def act(number: int) -> int:
        raise error

    return act


# Order and outcomes


def test_rollouts_stand_in_the_order_of_the_cells_whatever_ends_first() -> None:
    async def backwards(number: int) -> int:
        await asyncio.sleep(0.001 * (10 - number))
        return number

    rollouts = run(Calls(backwards), cells(10), limit=10)
    assert [rollout.prediction.answer for rollout in rollouts] == list(range(10))
    assert [rollout.cell.example_id for rollout in rollouts] == list(range(10))
    assert {rollout.status for rollout in rollouts} == {Status.SCORED}


def test_the_three_outcomes() -> None:
    act = failing(
        (1, ValueError("bug")),
        (2, LMTransient("busy", model="m", status=503)),
        (3, LMRejected("content", model="m")),
        (4, BudgetExhausted("Budget: gone.", cap="calls")),
    )
    rollouts = run(Calls(act), cells(5), limit=1, failure_score=-1.0)
    assert [rollout.status.name for rollout in rollouts] == [
        "SCORED",
        "FAILED",
        "NOT_MEASURED",
        "FAILED",
        "NOT_MEASURED",
    ]
    assert [None if r.score is None else r.score.value for r in rollouts] == [1.0, -1.0, None, -1.0, None]
    assert rollouts[1].reason == "ValueError: bug"
    assert rollouts[2].reason == "LMTransient: busy"
    assert rollouts[4].reason == "Budget: gone."
    assert rollouts[0].reason is None


def test_a_metric_that_raises_fails_the_example_and_keeps_the_others() -> None:
    def picky(example: Any, prediction: Any, trace: Any = None) -> float:
        return 1 / example.answer

    rollouts = run(Calls(lambda n: n), cells(3), judge=Judge(picky))
    assert [rollout.status for rollout in rollouts] == [Status.FAILED, Status.SCORED, Status.SCORED]
    assert "ZeroDivisionError" in str(rollouts[0].reason)


def test_without_a_metric_nothing_is_scored() -> None:
    (rollout,) = run(Calls(lambda n: n), cells(1), judge=None)
    assert (rollout.status, rollout.score) == (Status.SCORED, None)


def test_the_metric_sees_the_trace_only_where_asked() -> None:
    seen: list[Any] = []

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        seen.append(trace)
        return True

    program = toy.Classifier()
    program.set_lm(toy.lm())
    todo = [Cell(GIVEN, toy.trainset()[0], 0)]
    (plain,) = run(program, todo, judge=Judge(metric))
    (traced,) = run(program, todo, judge=Judge(metric), traced=True)
    assert seen[0] is None
    assert [step.predictor for step in seen[1]] == [program.classify]
    assert [step.outputs for step in plain.trace] == [traced.prediction]


def test_each_candidate_is_bound_to_its_own_rollouts() -> None:
    program = toy.Classifier()
    program.set_lm(ScriptedLM(lambda request: {"kind": request.messages[0]["content"].split()[-1]}))
    row = toy.trainset()[0]
    todo = [Cell(Candidate(kind, {"classify": Choice(instructions=f"Say {kind}")}), row, 0) for kind in toy.THINGS]
    assert [r.prediction.kind for r in run(program, todo, judge=None)] == list(toy.THINGS)


def test_usage_is_that_of_the_rollout() -> None:
    program = toy.Chain()
    program.set_lm(toy.lm())
    rollouts = run(program, [Cell(GIVEN, row, n) for n, row in enumerate(toy.trainset()[:5])], judge=None)
    assert [rollout.usage.calls for rollout in rollouts] == [2] * 5


# Limits


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (3, 6)])
def test_no_more_rollouts_are_under_way_than_the_limit_allows(limit: int, most: int) -> None:
    async def slowly(number: int) -> int:
        await asyncio.sleep(0.002)
        return number

    program = Calls(slowly)
    run(program, cells(20), limit=limit)
    assert program.most == most


def test_done_starts_no_more_cells() -> None:
    program = Calls(lambda n: n)
    rollouts = run(program, cells(50), limit=1, done=lambda place, rollout: place == 2)
    assert program.started == 3
    assert [rollout.status for rollout in rollouts] == [Status.SCORED] * 3 + [Status.NOT_MEASURED] * 47
    assert "Not started" in str(rollouts[-1].reason)


# Stopping loudly


def test_more_errors_than_allowed_stop_the_run_and_name_the_last() -> None:
    act = failing((1, ValueError("one")), (3, KeyError("two")), (5, TypeError("three")))
    with pytest.raises(RunStopped, match=r"max_errors=2 .*TypeError: three"):
        run(Calls(act), cells(20), limit=1, max_errors=2)
    assert len(run(Calls(act), cells(20), limit=1, max_errors=3)) == 20


def test_running_out_of_budget_is_no_error_however_few_are_allowed() -> None:
    act = failing(*((n, BudgetExhausted("Budget: gone.", cap="calls")) for n in range(3)), (3, ValueError("bug")))

    async def together(number: int) -> int:
        await asyncio.sleep(0.005)
        return act(number)

    rollouts = run(Calls(together), cells(4), max_errors=1)
    assert [r.status.name for r in rollouts] == ["NOT_MEASURED"] * 3 + ["FAILED"]


def test_an_exhausted_budget_starts_no_more_programs() -> None:
    lm = ScriptedLM(lambda request: "yes")

    async def ask(number: int) -> str:
        return (await lm.acall(str(number)))[0]

    program = Calls(ask)
    rollouts = run(program, cells(100), limit=2, meter=BudgetMeter(Budget(calls=5)), judge=None)
    assert [rollout.status for rollout in rollouts] == [Status.SCORED] * 5 + [Status.NOT_MEASURED] * 95
    assert len(lm.requests) == 5
    assert program.started <= 5 + 4
    assert all("calls=5" in str(rollout.reason) for rollout in rollouts[5:])


def test_a_key_that_is_refused_stops_at_once() -> None:
    program = Calls(always(LMAccessDenied("no such key", model="m")))
    with pytest.raises(RunStopped, match="no such key") as caught:
        run(program, cells(50), limit=1)
    assert program.started == 1
    assert isinstance(caught.value.__cause__, LMAccessDenied)


def test_a_nested_run_that_stops_stops_this_one() -> None:
    with pytest.raises(RunStopped, match="inner"):
        run(Calls(always(RunStopped("inner"))), cells(5))


def test_a_program_that_fails_alike_from_the_start_stops_the_run() -> None:
    program = Calls(always(ValueError("always")))
    with pytest.raises(RunStopped, match=r"20 examples in a row .*ValueError: always.*program"):
        run(program, cells(100), limit=1)
    assert program.started == 20


def test_a_program_that_has_once_succeeded_may_fail_as_often_as_it_likes() -> None:
    act = failing(*((n, ValueError("hard")) for n in range(1, 60)))
    rollouts = run(Calls(act), cells(60), limit=1)
    assert [rollout.status for rollout in rollouts] == [Status.SCORED] + [Status.FAILED] * 59


def test_different_failures_do_not_stop_a_run() -> None:
    rollouts = run(Calls(failing(*((n, ValueError("ab"[n % 2])) for n in range(60)))), cells(60), limit=1)
    assert {rollout.status for rollout in rollouts} == {Status.FAILED}


def test_failures_that_differ_in_numbers_alone_are_alike() -> None:
    def too_long(number: int) -> None:
        raise PromptTooLong(f"The prompt is {number * 7} tokens too long, of {number * 1000:,}.", model="m")

    program = Calls(too_long)
    with pytest.raises(RunStopped, match=r"20 examples in a row ended alike: PromptTooLong.*of 19,000\. Nothing"):
        run(program, cells(100), limit=1)
    assert program.started == 20


def test_a_prompt_that_is_too_long_stops_a_search_only_with_several_candidates() -> None:
    def too_long(number: int) -> None:
        raise PromptTooLong(f"The prompt is {number} tokens too long.", model="m")

    given = [cell for name in "abc" for cell in cells(24, Candidate(name))]
    assert {rollout.status for rollout in run(Calls(too_long), given[:48], tuned=True)} == {Status.FAILED}
    with pytest.raises(RunStopped, match="PromptTooLong"):
        run(Calls(too_long), given, limit=1, tuned=True)


def test_an_outage_stops_the_run_even_after_successes_and_says_that_it_can_go_on() -> None:
    act = failing(*((n, LMTransient("busy", model="m")) for n in range(5, 200)))
    program = Calls(act)
    with pytest.raises(RunStopped, match=r"10 examples in a row .*busy.*Run again"):
        run(program, cells(200), limit=1)
    assert program.started == 15


def test_a_stop_leaves_nothing_running() -> None:
    async def act(number: int) -> int:
        if number == 0:
            raise LMAccessDenied("no", model="m")
        await asyncio.sleep(30)
        return number

    program = Calls(act)
    with pytest.raises(RunStopped):
        run(program, cells(20))
    assert program.running == 0


async def begun(program: Module, count: int, until_then: Callable[[], bool]) -> asyncio.Task[Any]:
    """A run of the program, under way."""
    runner = Runner(program, None, scope=Scope(slots=asyncio.Semaphore(4)), limit=4)
    task = asyncio.create_task(runner.run(cells(count), stage="score"))
    await until(until_then)
    return task


def test_cancelling_a_run_leaves_nothing_running() -> None:
    async def forever(number: int) -> int:
        await asyncio.sleep(30)
        return number

    program = Calls(forever)

    async def cancelled() -> None:
        before = asyncio.all_tasks()
        task = await begun(program, 20, lambda: program.running == 8)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == before

    run_sync(cancelled())
    assert program.running == 0


def test_cancelling_a_run_ends_the_calls_of_its_worker_threads() -> None:
    lm = ScriptedLM(lambda request: "yes", latency=30)

    class Sync(Module):
        def forward(self, number: int) -> Prediction:
            return Prediction(answer=lm(str(number)))

    async def cancelled() -> None:
        before = asyncio.all_tasks()
        task = await begun(Sync(), 4, lambda: len(lm.requests) == 4)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: asyncio.all_tasks() == before)

    run_sync(cancelled())


# Journal and events


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_a_program_that_wants_to_end_everything_has_failed(kind: type[BaseException]) -> None:
    rollouts = run(Calls(failing((1, kind("enough")))), cells(3))
    assert [r.status for r in rollouts] == [Status.SCORED, Status.FAILED, Status.SCORED]
    assert rollouts[1].reason is not None
    assert f"{kind.__name__} raised by the program" in rollouts[1].reason


def journaled(tmp_path: Path, program: Module, count: int = 4, **options: Any) -> list[Rollout]:
    journal = RunJournal(tmp_path, {})
    try:
        return run(program, options.pop("todo", cells(count)), journal=journal, recall=True, **options)
    finally:
        journal.close()


def test_a_score_in_the_journal_stands_in_for_the_cell(tmp_path: Path) -> None:
    def metric(example: Any, prediction: Any, trace: Any = None) -> Score:
        return Score(0.25, f"about {example.number}", {"part": 0.5})

    act = failing((1, ValueError("bug")))
    first = journaled(tmp_path, Calls(act), judge=Judge(metric))
    program = Calls(act)
    second = journaled(tmp_path, program, judge=Judge(metric))
    assert program.started == 0
    assert [(r.status, r.score, r.reason) for r in second] == [(r.status, r.score, r.reason) for r in first]
    assert second[0].score == Score(0.25, "about 0", {"part": 0.5})


def test_a_resumed_run_knows_that_programs_succeeded_before(tmp_path: Path) -> None:
    """Alone, 20 equal failures would stop it; the undisturbed run went on, and so must the resumed one."""
    act = failing(*((n, ValueError("bug")) for n in range(5, 30)))
    journaled(tmp_path, Calls(act), 5)
    assert [r.status for r in journaled(tmp_path, Calls(act), 30)].count(Status.FAILED) == 25


def test_what_was_not_measured_is_run_again(tmp_path: Path) -> None:
    journaled(tmp_path, Calls(failing((1, LMTransient("busy", model="m")))))
    program = Calls(lambda n: n)
    rollouts = journaled(tmp_path, program)
    assert program.started == 1
    assert [rollout.status for rollout in rollouts] == [Status.SCORED] * 4


def test_scores_belong_to_candidate_example_and_stage(tmp_path: Path) -> None:
    journaled(tmp_path, Calls(lambda n: n), 2)
    program = Calls(lambda n: n)
    demo = Example(number=1, answer=1)
    others = [
        Candidate("demos", {"p": Choice(demos=(demo,))}),
        Candidate("instructions", {"p": Choice(instructions="x")}),
        Candidate("config", {"p": Choice(config={"temperature": 1})}),
    ]
    for number, other in enumerate(others, start=1):
        journaled(tmp_path, program, todo=cells(2, other))
        assert program.started == 2 * number
    journaled(tmp_path, program, stage="other", todo=cells(2))
    assert program.started == 8
    # Another object, the same contents.
    journaled(tmp_path, program, todo=cells(2, Candidate("again", {"p": Choice(demos=(Example(demo),))})))
    assert program.started == 8


def test_examples_with_odd_keys_can_be_journaled(tmp_path: Path) -> None:
    odd = Example(number={1: "a", "b": 2, (3, 4): [5]}, answer={1: "x"}).with_inputs("number")
    for _ in range(2):
        (rollout,) = journaled(tmp_path, Calls(lambda n: n), todo=[Cell(GIVEN, odd, 0)], judge=None)
        assert rollout.status is Status.SCORED


def test_events_tell_of_the_stage_and_of_every_rollout() -> None:
    seen: list[dict[str, Any]] = []

    async def inside() -> None:
        stream = EventStream([seen.extend])
        program = Calls(failing((1, ValueError("bug"))))
        runner = Runner(program, Judge(right), scope=Scope(watch=stream), limit=1)
        await runner.run(cells(2), stage="score")
        stream.flush()

    run_sync(inside())
    assert [event["kind"] for event in seen] == ["stage_started", "rollout_done", "rollout_done"]
    assert seen[0]["cells"] == 2
    assert [(e["example"], e["status"], e["score"], e["reason"]) for e in seen[1:]] == [
        (0, "scored", 1.0, None),
        (1, "failed", 0.0, "ValueError: bug"),
    ]
