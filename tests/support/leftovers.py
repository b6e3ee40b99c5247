"""What a run must not leave behind: tasks on the loop, and connections to a server."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from burnish.loop import run_sync

_ESTABLISHED = "01"


async def _names() -> set[str]:
    mine = asyncio.current_task()
    return {repr(task.get_coro()) for task in asyncio.all_tasks() if task is not mine}


def tasks() -> set[str]:
    """What runs on the one loop now."""
    return run_sync(_names())


def no_more_tasks_than(before: set[str], *, seconds: float = 5) -> bool:
    """Whether all that was not there before has ended, or does so soon: what is cancelled needs a turn of the loop."""
    deadline = time.monotonic() + seconds
    while tasks() - before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def connections(port: int) -> int:
    """How many connections of this machine to the port stand open, seen from the side that asks."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("only Linux tells of every connection in /proc/net/tcp")
    rows = [line.split() for line in table.read_text(encoding="ascii").splitlines()[1:]]
    return sum(state == _ESTABLISHED and int(remote.split(":")[1], 16) == port for _, _, remote, state, *_ in rows)


def no_connections(port: int, *, seconds: float = 5) -> bool:
    """Whether nothing is connected to the port, now or soon."""
    deadline = time.monotonic() + seconds
    while connections(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
