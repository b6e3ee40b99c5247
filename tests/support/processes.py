"""Starting, watching and killing the processes of the flow tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from burnish import Request
from burnish.testing.server import Server

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that may import `tests`."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


def keys(server: Server) -> list[str]:
    """The fingerprint of every chat request that a server with `bodies` has seen, in order of arrival."""
    found = []
    for entry in server.seen():
        params = dict(entry["body"])
        model, messages = params.pop("model"), params.pop("messages")
        found.append(Request.build(f"local/{model}", messages, params=params, endpoint=server.url).key)
    return found


def start_compile(*arguments: object, script: str = "compile_script") -> subprocess.Popen[str]:
    """A module of `tests.support` in a process of its own."""
    command = [sys.executable, "-m", f"tests.support.{script}", *map(str, arguments)]
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
