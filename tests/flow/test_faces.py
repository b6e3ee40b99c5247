"""The sync faces work wherever a user stands, the async faces on any loop, and Ctrl-C comes back with a run to resume."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import BootstrapRS, ConfigError, Evaluate, Module, Prediction, context
from burnish.testing import ScriptedLM, toy
from tests.support.gauge import GaugedLM
from tests.support.processes import environment, journaled, wait_until
from tests.unit.plugins.installed import PACKAGE_ROOT, install, run_python

FISH = "There was something like trout by the harbour."


def knowing() -> toy.Classifier:
    program = toy.Classifier()
    program.classify.demos = list(toy.trainset())
    return program


def search() -> BootstrapRS:
    return BootstrapRS(toy.metric, num_candidate_programs=2, progress=False)


def everything_sync() -> tuple[str, float, float]:
    """A call, an evaluation and a compile through the sync faces."""
    with context(lm=GaugedLM(latency=0.001)):
        called = knowing()(text=FISH).kind
        evaluated = Evaluate(devset=toy.valset(), metric=toy.metric)(knowing()).score
        compiled = search().compile(toy.Classifier(), trainset=toy.trainset(), valset=toy.valset()).report.score
    return called, evaluated, compiled


async def everything_async() -> tuple[str, float, float]:
    """The same through the async faces."""
    with context(lm=GaugedLM(latency=0.001)):
        called = (await knowing().acall(text=FISH)).kind
        evaluated = (await Evaluate(devset=toy.valset(), metric=toy.metric).acall(knowing())).score
        program = await search().acompile(toy.Classifier(), trainset=toy.trainset(), valset=toy.valset())
    return called, evaluated, program.report.score


def in_a_plain_thread() -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(everything_sync()))
    thread.start()
    thread.join()
    return results[0]


def in_a_pool() -> Any:
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: everything_sync(), range(4))
    assert others == [first] * 3
    return first


def sync_inside_a_running_loop() -> Any:
    async def handler() -> Any:
        return everything_sync()

    return asyncio.run(handler())


def awaited_on_a_loop_of_the_users() -> Any:
    return asyncio.run(everything_async())


def in_a_thread_of_a_running_loop() -> Any:
    async def handler() -> Any:
        return await asyncio.to_thread(everything_sync)

    return asyncio.run(handler())


@pytest.mark.parametrize(
    "face",
    [
        everything_sync,
        in_a_plain_thread,
        in_a_pool,
        sync_inside_a_running_loop,
        awaited_on_a_loop_of_the_users,
        in_a_thread_of_a_running_loop,
    ],
    ids=lambda face: face.__name__,
)
def test_every_face_gives_the_same(face: Callable[[], Any]) -> None:
    assert face() == ("fish", 100.0, 100.0)


def test_many_tasks_of_a_users_loop_run_at_once_each_with_its_own_settings() -> None:
    """As in a web server: one program, many requests, settings that follow the task."""
    lms = [GaugedLM(latency=0.02) for _ in range(2)]
    program = knowing()

    async def handle(number: int) -> str:
        with context(lm=lms[number % 2]):
            return (await program.acall(text=FISH)).kind

    async def serve() -> list[str]:
        return await asyncio.gather(*(handle(number) for number in range(20)))

    assert asyncio.run(serve()) == ["fish"] * 20
    assert [lm.calls for lm in lms] == [10, 10]
    assert all(lm.most == 10 for lm in lms)


class CallsSync(Module):
    """The mistake of calling a sync face from a coroutine."""

    def __init__(self) -> None:
        self.inner = toy.Classifier()

    async def aforward(self, text: str) -> Prediction:
        return self.inner(text=text)


def test_a_sync_call_on_the_own_loop_is_a_clear_error() -> None:
    with context(lm=toy.lm()), pytest.raises(ConfigError) as caught:
        CallsSync()(text=FISH)
    assert "A sync call was made from async code that Burnish is running" in str(caught.value)
    assert "await program.acall(...)" in str(caught.value)


def test_a_compile_that_is_cancelled_leaves_no_call_behind() -> None:
    lm = GaugedLM(latency=0.05)

    async def flying() -> None:
        while lm.calls < 5:  # noqa: ASYNC110  the calls are counted on another loop
            await asyncio.sleep(0.001)

    async def impatient() -> None:
        with context(lm=lm):
            task = asyncio.create_task(search().acompile(toy.Chain(), trainset=toy.trainset()))
            await flying()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(impatient())
    calls = lm.calls
    # The loop goes on to work, and what was cancelled is not there any more.
    with context(lm=GaugedLM(latency=0.1)):
        assert knowing()(text=FISH).kind == "fish"
    assert lm.calls == calls
    assert lm.changes[-1][1] == 0


def test_errors_of_users_code_come_out_as_they_are() -> None:
    class Raises(Module):
        def forward(self, text: str) -> Prediction:
            raise KeyError(text)

    with pytest.raises(KeyError, match="abc"):
        Raises()(text="abc")
    with pytest.raises(KeyError, match="abc"):
        asyncio.run(Raises().acall(text="abc"))


def test_a_fresh_process_may_call_from_a_fork() -> None:
    script = """
        import os
        import burnish
        from burnish.testing import toy
        burnish.configure(lm=toy.lm(latency=0.001))
        program = toy.Classifier()
        assert program(text="a heron").kind == "bird"
        child = os.fork()
        if child == 0:
            os._exit(0 if program(text="a wren").kind == "bird" else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    done = run_python(Path(), script)
    assert done.stdout == "0\n", done.stderr


SLOW = """
    import asyncio, os
    from pathlib import Path
    from burnish.testing import toy

    class Slow:
        \"\"\"The toy model, which stops answering after so many calls.\"\"\"

        def __init__(self, endpoint):
            self.lm = toy.lm()
            self.calls = 0

        async def complete(self, request):
            self.calls += 1
            with Path(os.environ["SLOW_LOG"]).open("a") as log:
                print(request.key, file=log, flush=True)
            if self.calls > int(os.environ["SLOW_AFTER"]):
                await asyncio.sleep(3600)
            return await self.lm.complete(request)

    @hookimpl
    def burnish_lm_backends():
        return {"slow": Slow}
"""

PROGRAM = """
import os
import time

from burnish.testing import toy


class Sync(toy.Chain):
    aforward = None

    def forward(self, text):
        found = self.find(text=text)
        return self.classify(thing=found.thing)


class Stuck(Sync):
    def forward(self, text):
        answer = super().forward(text)
        if "STUCK" in os.environ and "heron" in text:
            time.sleep(3600)
        return answer


def metric(example, prediction, trace=None):
    return example.kind == prediction.kind
"""


@pytest.mark.parametrize("program", ["burnish.testing.toy:Chain", "program.py:Sync", "program.py:Stuck"])
def test_ctrl_c_comes_back_at_once_with_a_run_to_resume(tmp_path: Path, program: str) -> None:
    install(tmp_path, "slow", SLOW)
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    rows = [json.dumps(row.toDict()) for row in toy.trainset()]
    (tmp_path / "train.jsonl").write_text("\n".join(rows), encoding="utf-8")
    log = tmp_path / "log"
    log.write_text("", encoding="utf-8")
    arguments = ["compile", program, "--train", "train.jsonl", "--metric", "program.py:metric", "--lm", "slow/toy"]
    arguments += ["--inputs", "text", "--run-dir", "run", "--option", "num_candidate_programs=2"]

    def start(after: int, **more: str) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(tmp_path), str(PACKAGE_ROOT)])
        return subprocess.Popen(
            [sys.executable, "-m", "burnish", *arguments],
            env=environment(
                PYTHONPATH=path, SLOW_LOG=str(log), SLOW_AFTER=str(after), BURNISH_CACHE_DIR=str(tmp_path), **more
            ),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def asked() -> list[str]:
        return log.read_text(encoding="utf-8").splitlines()

    process = start(after=8, STUCK="1")
    try:
        assert wait_until(lambda: len(asked()) >= 9, process)
        process.send_signal(signal.SIGINT)
        # The model will not answer for an hour, and one of the programs blocks its thread for as long: only a run that
        # lets go of both comes back.
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Interrupted. The same command goes on from here." in err
    assert "Traceback" not in out + err
    assert len(err.splitlines()) <= 3

    kept, before = journaled(tmp_path / "run"), len(asked())
    assert 4 <= len(kept) <= 8
    process = start(after=100_000)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Saved to compiled.json" in out
    assert not kept & set(asked()[before:])


def test_ctrl_c_in_a_script_raises_keyboard_interrupt_once_the_run_has_ended() -> None:
    script = """
        import os, signal, threading
        import burnish
        from burnish.testing import toy
        from tests.support.gauge import GaugedLM
        lm = GaugedLM(latency=3600)
        burnish.configure(lm=lm)
        def press():
            while not lm.calls:
                pass
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=press).start()
        try:
            burnish.BootstrapRS(toy.metric, progress=False).compile(toy.Classifier(), trainset=toy.trainset())
        except KeyboardInterrupt:
            print("interrupted", lm.changes[-1][1])
        burnish.configure(lm=toy.lm())
        print(toy.Classifier()(text="a heron").kind)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "interrupted 0\nbird\n", done.stderr
    assert done.stderr == ""


def test_one_scripted_model_serves_threads_and_loops_alike() -> None:
    lm = ScriptedLM(["one", "two"])
    assert lm("first") == ["one"]
    assert asyncio.run(lm.acall("second")) == ["two"]
    assert burnish.settings.lm is None
