"""Four processes share a cache's file under load, and one after the other is killed: nobody else notices."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from burnish.lm.cache import Cache
from tests.support.cache_worker import KEYS, TIMES, right_reply
from tests.support.processes import ROOT, environment, kill

PROCESSES = 4
KILLS = 5
# About half of what the processes put into it, so that they evict all the time.
LIMIT = 10_000_000


def start(path: Path, seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.cache_worker", str(path), str(seed), str(LIMIT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    )


def set_to_work(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("work\n")
    process.stdin.flush()


def found_by(process: subprocess.Popen[str]) -> int:
    """How many replies a process found in a turn of its work, all of them right."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line, process.stderr.read()
    told = json.loads(line)
    assert told["wrong"] == []
    return told["hits"]


def work_once(processes: list[subprocess.Popen[str]]) -> int:
    for process in processes:
        set_to_work(process)
    return sum(found_by(process) for process in processes)


def test_a_killed_process_harms_neither_the_file_nor_the_others(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    draw = random.Random(7)
    running = [start(path, seed) for seed in range(PROCESSES)]
    try:
        hits = work_once(running)
        for number in range(KILLS):
            # The one that has been there for longest, with more to do than it lives to see.
            victim, *running = running
            for process in (victim, *running, victim, victim):
                set_to_work(process)
            time.sleep(draw.uniform(0.03, 0.2))
            kill(victim)
            hits += sum(found_by(process) for process in running)
            running.append(start(path, PROCESSES + number))
        hits += work_once(running)
        for process in running:
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == 0
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert hits > TIMES
    _check(path)


def _check(path: Path) -> None:
    """The file is whole, no larger than it may be, and nobody took it for a damaged one."""
    assert {part.name for part in path.parent.iterdir()} == {path.name, f"{path.name}.lock"}
    assert path.stat().st_size < 1.1 * LIMIT
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        entries = file.execute("SELECT count(*) FROM replies").fetchone()[0]
    with closing(Cache(path)) as cache:
        found = {key: reply for key in KEYS if (reply := cache.get(key)) is not None}
    # How many there are depends on when who was killed.
    assert 30 < len(found) == entries < len(KEYS)
    assert all(reply == right_reply(key) for key, reply in found.items())
