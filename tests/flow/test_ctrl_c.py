"""Ctrl-C in a terminal: back at once, no traceback, and a run that goes on where it was.

How long it takes depends on the machine; here it is only told from not coming back, by a wide margin.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import burnish
from burnish.testing import toy
from burnish.testing.server import Options, Server, serving
from tests.support.capped_script import many
from tests.support.processes import environment, journaled, keys, wait_until
from tests.support.terminal import Terminal, terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals there")

SOON = 10.0
PROGRAM = """
import os

from burnish import LM
from burnish.testing import toy


class Triage(toy.Classifier):
    def __init__(self):
        super().__init__()
        self.set_lm(LM("local/toy", api_base=os.environ["MODEL_URL"], cache=False))


def metric(example, prediction, trace=None):
    return example.kind == prediction.kind
"""
SCRIPT = """
import json
import burnish
from program import Triage, metric

rows = [burnish.Example(**json.loads(line)).with_inputs("text") for line in open("train.jsonl")]
options = {"num_candidate_programs": 2, "max_bootstrapped_demos": 16, "num_threads": 16, "run_dir": "run"}
optimizer = burnish.BootstrapRS(metric, **options)
program = optimizer.compile(Triage(), trainset=rows, valset=rows)
program.save("compiled.json")
"""
COMPILE = (
    "-m burnish compile program.py:Triage --train train.jsonl --val val.jsonl --metric program.py:metric --inputs text"
)
OPTIONS = "--run-dir run --num-threads 32 --option num_candidate_programs=2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: a program, a script, and rows for about 500 calls."""
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    write(tmp_path / "train.jsonl", toy.trainset())
    write(tmp_path / "val.jsonl", many(100))
    return tmp_path


def write(path: Path, rows: list[burnish.Example]) -> None:
    path.write_text("\n".join(json.dumps(row.toDict()) for row in rows), encoding="utf-8")


def pressed(server: Server, shown: Terminal, *, after: int) -> tuple[float, str]:
    """Press Ctrl-C once so many requests were seen: seconds until the end, and what was written from then on."""
    assert wait_until(lambda: server.count() >= after, shown.process), shown.screen
    before = len(shown.screen)
    shown.press_ctrl_c()
    seconds = shown.ends_in(seconds=SOON)
    print(f"back after {seconds:.2f} s")
    return seconds, shown.screen[before:]


def last_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_ctrl_c_in_a_terminal_comes_back_with_a_line_and_a_run_to_resume(folder: Path) -> None:
    command = [sys.executable, *COMPILE.split(), *OPTIONS.split()]
    with serving(latency=0.2, bodies=True) as server:
        with terminal(command, folder, MODEL_URL=server.url) as shown:
            pressed(server, shown, after=200)
            assert shown.process.returncode == 130
            assert "Traceback" not in shown.screen
            assert "Interrupted. The same command goes on from here." in last_lines(shown.screen)[-1]
        kept, before = journaled(folder / "run"), server.count()
        assert 100 < len(kept) < 400
        with terminal(command, folder, MODEL_URL=server.url) as shown:
            shown.ends_in(seconds=60)
            assert shown.process.returncode == 0, shown.screen
            assert "Saved to compiled.json" in shown.screen
        assert not kept & set(keys(server)[before:])
        assert len(set(keys(server))) > 400


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Server]:
    """A server that answers about half of the requests, and the others never."""
    with serving(tmp_path / "log", faults={"hang": 0.5}, bodies=True) as server:
        yield server


def test_ctrl_c_in_a_script_whose_calls_hang(folder: Path, silent: Server) -> None:
    command = [sys.executable, "script.py"]
    with terminal(command, folder, MODEL_URL=silent.url) as shown:
        _, said = pressed(silent, shown, after=16)
        assert shown.process.returncode != 0
    # Python shows the script's own line, and how it came to Burnish's loop; nothing else may be said.
    assert last_lines(said)[-1] == "KeyboardInterrupt"
    assert said.count("Traceback") == 1
    assert len(last_lines(said.partition("Traceback")[2])) < 20
    kept, before = journaled(folder / "run"), silent.count()
    silent.stop()
    well = Server(silent.log, Options(bodies=True), port=silent.port)
    well.start()
    try:
        with terminal(command, folder, MODEL_URL=well.url) as shown:
            shown.ends_in(seconds=60)
            assert shown.process.returncode == 0, shown.screen
        assert kept
        assert not kept & set(keys(well)[before:])
        assert (folder / "compiled.json").exists()
    finally:
        well.stop()


def test_ctrl_c_that_the_system_hands_to_another_thread_is_heard_too() -> None:
    script = """
        import signal, threading
        import burnish
        from burnish.testing import toy
        from tests.support.gauge import GaugedLM
        lm = GaugedLM(latency=3600)
        def press():
            while not lm.calls:
                pass
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        threading.Thread(target=press).start()
        try:
            with burnish.context(lm=lm):
                toy.Classifier()(text="a heron")
        except KeyboardInterrupt:
            print("interrupted", lm.changes[-1][1])
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "interrupted 0\n", done.stderr
