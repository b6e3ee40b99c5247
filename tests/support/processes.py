"""Starting, watching and killing the processes of the flow tests."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that may import `tests`."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


class Server:
    """A model server in its own process, which can be stopped and started again on its port."""

    def __init__(self, log: Path, **knobs: object) -> None:
        self.log = log
        self.knobs = knobs
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        knobs = {"port": self.port, "log": self.log, **self.knobs}
        arguments = [text for name, value in knobs.items() for text in (f"--{name}", str(value))]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.server", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd=ROOT,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def seen(self) -> list[dict[str, object]]:
        """Every request that has arrived, in order."""
        return [json.loads(line) for line in self._lines()]

    def keys(self) -> list[str]:
        """The key of every request that has arrived, in order."""
        return [str(request["key"]) for request in self.seen()]

    def count(self) -> int:
        return len(self._lines())

    def _lines(self) -> list[str]:
        # The last line may be half written.
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return text[: text.rfind("\n") + 1].splitlines()


@contextlib.contextmanager
def serving(log: Path, **knobs: object) -> Iterator[Server]:
    """A running model server; `knobs` are its options."""
    server = Server(log, **knobs)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def start_compile(*arguments: object) -> subprocess.Popen[str]:
    """`tests.support.compile_script` in a process of its own."""
    command = [sys.executable, "-m", "tests.support.compile_script", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    )


def finish(process: subprocess.Popen[str], *, seconds: float = 60) -> tuple[int, str, str]:
    """Wait for a process: its exit status, and what it wrote."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def wait_until(
    happened: Callable[[], bool], process: subprocess.Popen[str] | None = None, *, seconds: float = 30
) -> bool:
    """Wait until something happened; False where the process ended before."""
    deadline = time.monotonic() + seconds
    while not happened():
        if process is not None and process.poll() is not None:
            return happened()
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)
    return True


def kill(process: subprocess.Popen[str]) -> None:
    """End a process the way a power cut does."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def journaled(run_dir: Path) -> set[str]:
    """The keys of the replies that a run's journal holds, read from a copy so that the run finds it as it was left."""
    with tempfile.TemporaryDirectory() as folder:
        for file in run_dir.glob("journal.sqlite*"):
            shutil.copy(file, folder)
        copied = Path(folder, "journal.sqlite")
        if not copied.exists():
            return set()
        with contextlib.closing(sqlite3.connect(copied)) as file:
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'replies'").fetchone():
                return set()
            return {row[0] for row in file.execute("SELECT key FROM replies")}
