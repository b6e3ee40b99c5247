"""`ProgramOfThought` and its `PythonInterpreter`: off by default, limited, and told what went wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import BootstrapFewShot, CodeError, ConfigError, Example, ProgramOfThought, PythonInterpreter, ReplyError
from burnish.modules import sandbox_child
from burnish.testing import ScriptedLM

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no process can be limited on Windows")


CHILD = Path(sandbox_child.__file__)


def code(text: str) -> dict[str, str]:
    return {"reasoning": "r", "generated_code": text}


ANSWER = {"reasoning": "r", "answer": "42"}


def run(*replies: Any, **options: Any) -> tuple[Any, ScriptedLM]:
    lm = ScriptedLM(list(replies))
    with burnish.context(lm=lm):
        return ProgramOfThought("question -> answer", allow_code=True, **options)(question="6 × 7?"), lm


def test_it_is_off_until_it_is_allowed() -> None:
    with pytest.raises(ConfigError, match="allow_code=True"):
        ProgramOfThought("question -> answer")


def test_what_the_code_prints_is_what_is_answered_from() -> None:
    prediction, lm = run(code("```python\nprint(6 * 7, question)\n```"), ANSWER)
    assert prediction.answer == "42"
    asked = lm.requests[1].messages[-1]["content"]
    assert "42 6 × 7?" in asked
    assert "print(6 * 7, question)" in asked
    assert "```" not in asked


def test_code_that_fails_is_given_back_with_its_error() -> None:
    prediction, lm = run(code("x = 1\nx / 0"), code("a b"), code("pass"), code("42"), ANSWER, max_iters=4)
    assert prediction.answer == "42"
    told = [request.messages[-1]["content"] for request in lm.requests[1:4]]
    assert "ZeroDivisionError in line 2: division by zero" in told[0]
    assert "x / 0" in told[0]
    assert "SyntaxError in line 1" in told[1]
    assert "The code printed nothing." in told[2]


def test_code_that_never_runs_is_a_failed_reply() -> None:
    with pytest.raises(ReplyError, match="in each of 2 attempts.*NameError") as caught:
        run(code("nobody"), code("nobody"), max_iters=2)
    assert caught.value.field == "generated_code"


def test_its_predictors_are_those_of_dspy_and_are_tuned() -> None:
    program = ProgramOfThought("question -> answer", allow_code=True)
    assert [(name, p.signature.signature) for name, p in program.named_predictors()] == [
        ("code_generate.predict", "question -> reasoning, generated_code"),
        ("code_regenerate.predict", "question, previous_code, error -> reasoning, generated_code"),
        ("generate_output.predict", "question, final_generated_code, code_output -> reasoning, answer"),
    ]
    replies = [code("1/0"), code("42"), ANSWER]
    with burnish.context(lm=ScriptedLM(replies)):
        optimizer = BootstrapFewShot(lambda e, p, trace=None: True, max_labeled_demos=0)
        compiled = optimizer.compile(program, trainset=[Example(question="?").with_inputs("question")])
    assert [len(p.demos) for p in compiled.predictors()] == [1, 1, 1]


def test_an_interpreter_may_be_the_users_own() -> None:
    class Own:
        def execute(self, text: str, variables: Any = None) -> Any:
            if "bad" in text:
                raise LookupError("not this")
            return 42

    prediction, lm = run(code("bad"), code("good"), ANSWER, interpreter_factory=Own)
    assert prediction.answer == "42"
    assert "not this" in lm.requests[1].messages[-1]["content"]


def test_the_standard_library_is_there() -> None:
    text = """
import collections, datetime, decimal, fractions, functools, hashlib, itertools, json, math, random, re, statistics, string
from dataclasses import dataclass
print(math.comb(5, 2), statistics.mean([1, 2, 3]), datetime.date(2024, 2, 29).isoweekday(), given["a"])
sum(given["b"])
"""
    assert PythonInterpreter()(text, {"given": {"a": "é", "b": (1, 2)}}) == "10 2 4 é\n3"


@pytest.mark.parametrize(
    "text",
    [
        "open('/etc/passwd').read()",
        "open('new.txt', 'w')",
        "import os; os.listdir('/')",
        "import os; os.listdir()",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import os; os.open('/etc/passwd', os.O_RDONLY)",
        "import os; os.kill(os.getppid(), 0)",
        "import os; os.remove('x')",
        "import subprocess",
        "import socket",
        "import _socket",
        "import ctypes",
        "import multiprocessing",
        "import sys; open(sys.prefix + '/../../../../../etc/passwd')",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1')",
        "import pathlib; pathlib.Path('/proc/self/environ').read_text()",
    ],
)
def test_files_processes_and_the_network_are_refused(text: str) -> None:
    with pytest.raises(CodeError, match="PermissionError.*(not allowed here|is not open)"):
        PythonInterpreter().execute(text)


def test_nothing_of_this_process_gets_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "secret" not in PythonInterpreter().execute("import os, sys; print(os.environ, sys.argv)")
    assert PythonInterpreter().execute("import os; os.getcwd()") != repr(str(Path.cwd()))
    assert PythonInterpreter().execute("import sys; any('site-packages' in p for p in sys.path)") == "False"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("while True: pass", "longer than 0.8 s"),
        ("import time; time.sleep(60)", "longer than 0.8 s"),
        ("x = 'x' * (1 << 30)", "MemoryError"),
        ("while True: print('x' * 1000)", "wrote more than"),
        ("raise SystemExit(3)", None),
        ("import os; os.abort()", "ended by SIGABRT"),
    ],
)
def test_what_takes_too_much_is_ended(text: str, says: str | None) -> None:
    begun = time.monotonic()
    if says is None:
        assert PythonInterpreter(timeout=5).execute(text) == ""
    else:
        with pytest.raises(CodeError, match=says):
            PythonInterpreter(timeout=0.8 if "0.8" in says else 30, memory=256).execute(text)
    assert time.monotonic() - begun < 40


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_writes_without_end_is_ended_each_time(stream: str) -> None:
    text = f"import sys\nwhile True: print('x' * 1000, file=sys.{stream})"
    begun = time.monotonic()
    for _ in range(10):
        with pytest.raises(CodeError, match="wrote more than"):
            PythonInterpreter(timeout=5).execute(text)
    assert time.monotonic() - begun < 8


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the memory of a process's addresses so")
def test_the_limits_are_those_of_the_operating_system() -> None:
    text = "import resource as r\n[r.getrlimit(n)[0] for n in (r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CPU)]"
    with pytest.raises(CodeError, match="PermissionError"):
        PythonInterpreter().execute("import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))")
    assert PythonInterpreter(memory=128, timeout=3).execute(text) == str([128 << 20, 0, 32, 4])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a network")
def test_its_network_has_nobody_else_in_it() -> None:
    allowed = "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x50000000))"
    if subprocess.run([sys.executable, "-c", allowed], check=False).returncode:
        pytest.skip("this system lets nobody make a network of one's own")
    script = f"""
import runpy
runpy.run_path({str(CHILD)!r})["limit"]({{}})
print(open("/proc/net/dev").read())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    names = [line.split(":")[0].strip() for line in done.stdout.splitlines() if ":" in line]
    assert names == ["lo"]


def test_runs_at_once_and_from_async_code_are_apart() -> None:
    async def several() -> list[str]:
        return await asyncio.gather(*(PythonInterpreter().aexecute("x * x", {"x": n}) for n in range(4)))

    assert asyncio.run(several()) == ["0", "1", "4", "9"]


def test_a_run_that_is_given_up_leaves_no_process() -> None:
    async def cut_short() -> None:
        async with asyncio.timeout(0.5):
            await PythonInterpreter(timeout=60).aexecute("import time; time.sleep(60)")

    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(cut_short())
    assert time.monotonic() - begun < 5


def test_limits_are_checked() -> None:
    with pytest.raises(ConfigError, match="timeout=0"):
        PythonInterpreter(timeout=0)
    with pytest.raises(ConfigError, match="memory=3"):
        PythonInterpreter(memory=3)
