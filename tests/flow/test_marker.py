"""A key that is given to an LM stays there: nothing that a run says or keeps holds it, whatever goes wrong on the way.

The server repeats the credentials it was sent in all that it answers, and fails in every way. The run is a process of its
own, with every logger at DEBUG and every warning shown, so that what it says is all there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import ROOT, environment
from tests.unit.plugins.installed import PACKAGE_ROOT, install

KEY = "sk-marker-4711-0815-key"
IN_ADDRESS = "qk-marker-1508-address"
WATCHER = """
    import os

    @hookimpl
    def burnish_watch(events):
        with open(os.environ["MARKED_EVENTS"], "a") as file:
            for event in events:
                print(event, file=file)
"""


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """Where the server that repeats credentials listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.echoing_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.communicate()


@pytest.mark.parametrize("backend", ["lean", "litellm"])
def test_the_key_is_nowhere(tmp_path: Path, port: str, backend: str) -> None:
    plugins, kept = tmp_path / "plugins", tmp_path / "kept"
    plugins.mkdir()
    kept.mkdir()
    install(plugins, "nosy", WATCHER)
    query = f"?key={IN_ADDRESS}" if backend == "lean" else ""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.marked_run", backend, str(kept)],
        env=environment(
            PYTHONPATH=os.pathsep.join([str(ROOT), str(plugins), str(PACKAGE_ROOT)]),
            MARKED_KEY=KEY,
            MARKED_ADDRESS=f"http://127.0.0.1:{port}/v1{query}",
            MARKED_EVENTS=str(kept / "events.txt"),
            PYTHONASYNCIODEBUG="1",
            BURNISH_CACHE_DIR=str(kept / "default"),
        ),
        cwd=kept,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    (kept / "out.txt").write_text(done.stdout, encoding="utf-8")
    (kept / "err.txt").write_text(done.stderr, encoding="utf-8")
    files = [path for path in kept.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    expected = {"replies.sqlite", "journal.sqlite", "report.json", "program.json", "rows.json", "rows.csv"}
    assert {*expected, "log.txt", "events.txt", "lm.pickle", "student.pickle", "error 500.pickle"} <= names
    # What was said holds what the server answered, so that a key in it was really taken out.
    assert "No such key: " in done.stdout
    assert "***" in done.stdout
    assert "burnish.errors.LMTransient: " in done.stderr
    events = (kept / "events.txt").read_text(encoding="utf-8")
    assert "lm_failed" in events
    for marker in (KEY, IN_ADDRESS):
        found = [(path.name, lines(path, marker)) for path in files if marker.encode() in path.read_bytes()]
        assert not found


def lines(path: Path, marker: str) -> list[str]:
    """Where a text holds the marker."""
    return [line[:300] for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if marker in line][
        :5
    ]
