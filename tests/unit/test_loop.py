"""The one loop: its doors work from every thread and loop, and errors and cancellation come through them whole."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from burnish.errors import ConfigError, LMRejected, RunStopped
from burnish.loop import Together, all_of, in_thread, on_loop, over_loop, run_here, run_sync
from tests.unit.waiting import until

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


async def name_of_thread() -> str:
    return threading.current_thread().name


async def fail() -> None:
    raise LookupError("as it is")


def test_everything_runs_on_one_loop() -> None:
    names = {run_sync(name_of_thread()), asyncio.run(on_loop(name_of_thread()))}

    async def nested() -> str:
        return await in_thread(lambda: run_sync(name_of_thread()))

    assert names | {run_sync(nested())} == {"burnish-loop"}


def test_errors_come_out_as_they_are() -> None:
    for door in (lambda: run_sync(fail()), lambda: asyncio.run(on_loop(fail())), lambda: run_here(fail())):
        with pytest.raises(LookupError, match="as it is"):
            door()


def test_context_variables_travel_in_and_changes_stay_inside() -> None:
    async def change() -> str:
        seen = VARIABLE.get()
        VARIABLE.set("inside")
        return seen

    token = VARIABLE.set("outside")
    try:
        assert run_sync(change()) == run_here(change()) == asyncio.run(on_loop(change())) == "outside"
        assert run_sync(in_thread(VARIABLE.get)) == "outside"
        assert VARIABLE.get() == "outside"
    finally:
        VARIABLE.reset(token)


def test_a_call_made_here_sends_to_the_loop_what_needs_it_and_goes_on_here() -> None:
    async def errand() -> tuple[str, str]:
        await asyncio.sleep(0)
        return threading.current_thread().name, VARIABLE.get()

    async def call() -> list[str]:
        held = VARIABLE.set("held")
        first, second = await over_loop(errand()), await over_loop(errand())
        VARIABLE.reset(held)
        return [*first, *second, threading.current_thread().name, VARIABLE.get()]

    here = threading.current_thread().name
    assert run_here(call()) == ["burnish-loop", "held", "burnish-loop", "held", here, "unset"]
    assert run_sync(call()) == ["burnish-loop", "held", "burnish-loop", "held", "burnish-loop", "unset"]


def test_an_error_on_the_loop_is_the_callers_to_handle() -> None:
    async def handles() -> str:
        try:
            await over_loop(fail())
        except LookupError:
            return "handled"
        raise AssertionError("nothing was raised")

    assert run_here(handles()) == "handled"
    with pytest.raises(LookupError, match="as it is"):
        run_here(over_loop(fail()))


def test_waiting_on_the_loop_itself_is_refused() -> None:
    async def blocking() -> None:
        run_sync(name_of_thread())

    with pytest.raises(ConfigError, match="acall"):
        run_sync(blocking())


def test_the_first_error_of_many_cancels_the_others_and_keeps_its_cause() -> None:
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def stop() -> None:
        await asyncio.sleep(0)
        raise RunStopped("stopped") from LMRejected("why", model="m")

    with pytest.raises(RunStopped) as caught:
        run_sync(all_of([slow(), stop(), slow()]))
    assert ended == ["cancelled"] * 2
    assert isinstance(caught.value.__cause__, LMRejected)


def test_all_of_keeps_the_order() -> None:
    async def after(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    assert run_sync(all_of(map(after, (0.003, 0.001, 0.002)))) == [0.003, 0.001, 0.002]
    assert run_sync(all_of([])) == []


@pytest.mark.parametrize("raised", [SystemExit(3), StopIteration("end"), KeyboardInterrupt()])
def test_what_would_end_a_thread_is_an_error_of_the_call(raised: BaseException) -> None:
    def work() -> None:
        raise raised

    with pytest.raises(RuntimeError, match=type(raised).__name__):
        run_sync(in_thread(work))
    assert run_sync(name_of_thread()) == "burnish-loop"


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt])
def test_what_would_end_the_loop_comes_out_and_the_loop_goes_on(raised: type[BaseException]) -> None:
    async def end() -> None:
        await asyncio.sleep(0)
        raise raised

    with pytest.raises((raised, RuntimeError)):
        run_sync(end())
    with pytest.raises((raised, RuntimeError)):
        run_sync(all_of([end(), asyncio.sleep(30)]))
    assert run_sync(name_of_thread()) == "burnish-loop"


def test_cancelling_from_another_loop_cancels_here(caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    async def theirs() -> None:
        await asyncio.wait_for(on_loop(slow()), 0.02)

    with pytest.raises(TimeoutError):
        asyncio.run(theirs())
    assert ended.wait(5)
    run_sync(asyncio.sleep(0.01))
    assert caplog.records == []


def test_a_thread_whose_task_is_cancelled_can_open_no_more_calls() -> None:
    begun, go_on = threading.Event(), threading.Event()
    outcome: list[Any] = []

    def work() -> None:
        begun.set()
        go_on.wait(5)
        try:
            outcome.append(run_sync(name_of_thread()))
        except BaseException as error:  # what a cancelled call raises is no Exception
            outcome.append(error)

    async def owner() -> None:
        task = asyncio.create_task(in_thread(work))
        await until(begun.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await until(lambda: outcome)

    run_sync(owner())
    assert isinstance(outcome[0], asyncio.CancelledError)


def test_ctrl_c_cancels_what_runs_and_comes_out_once_it_has_cleaned_up() -> None:
    script = """
import asyncio, os, signal, threading
from burnish.loop import run_sync
async def slow():
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        await asyncio.sleep(30)
    finally:
        await asyncio.sleep(0.05)
        print("cleaned up", flush=True)
try:
    run_sync(slow())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert answer.stdout.split("\n")[:2] == ["cleaned up", "interrupted"], answer.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_child_of_a_fork_has_a_loop_of_its_own() -> None:
    assert run_sync(name_of_thread()) == "burnish-loop"
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        os._exit(0 if run_sync(name_of_thread()) == "burnish-loop" else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_coroutine_that_wants_to_end_the_process_ends_its_own_call_alone(kind: type[BaseException]) -> None:
    async def ends() -> None:
        raise kind("enough")

    async def other() -> str:
        await asyncio.sleep(0.05)
        return "done"

    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(run_sync(other())), daemon=True)
    thread.start()
    with pytest.raises(kind, match="enough"):
        run_sync(ends())
    thread.join(5)
    assert answers == ["done"]


def test_cancelled_from_another_loop_it_waits_until_all_is_cleaned_up() -> None:
    events: list[str] = []

    async def slow() -> None:
        events.append("started")
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.05)
            events.append("cleaned up")

    async def impatient() -> None:
        task = asyncio.create_task(on_loop(slow()))
        while not events:  # noqa: ASYNC110  set on another loop
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        events.append("out")

    asyncio.run(impatient())
    assert events == ["started", "cleaned up", "out"]


def test_what_is_asked_in_one_turn_is_answered_together() -> None:
    batches: list[list[int]] = []

    async def squares(numbers: list[int]) -> list[int | Exception]:
        batches.append(numbers)
        await asyncio.sleep(0)
        return [LookupError("no square of 3") if number == 3 else number * number for number in numbers]

    async def ask() -> list[Any]:
        together = Together(squares)
        first = await asyncio.gather(*(together.ask(n) for n in (1, 2, 3)), return_exceptions=True)
        return [*first, await together.ask(4)]

    answers = run_sync(ask())
    assert batches == [[1, 2, 3], [4]]
    assert answers[:2] + answers[3:] == [1, 4, 16]
    assert isinstance(answers[2], LookupError)


def test_an_error_of_the_whole_answer_goes_to_all_who_asked() -> None:
    async def refuse(numbers: list[int]) -> list[int | Exception]:
        raise LookupError(f"none of {numbers}")

    async def ask() -> list[Any]:
        together = Together(refuse)
        return await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)

    assert [str(error) for error in run_sync(ask())] == ["none of [1, 2]"] * 2


def test_a_wrong_number_of_answers_leaves_nobody_waiting() -> None:
    async def forget(numbers: list[int]) -> list[int | Exception]:
        return list(numbers[1:])

    async def ask() -> list[Any]:
        together = Together(forget)
        return await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)

    assert [str(error) for error in run_sync(ask())] == ["2 things were asked and 1 answered."] * 2


def test_who_stops_asking_together_takes_nobody_along() -> None:
    seen: list[list[int]] = []

    async def same(numbers: list[int]) -> list[int | Exception]:
        seen.append(numbers)
        return list(numbers)

    async def ask() -> int:
        together = Together(same)
        gone = asyncio.create_task(together.ask(1))
        stays = asyncio.create_task(together.ask(2))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert run_sync(ask()) == 2
    assert seen in ([[2]], [[1, 2]])
