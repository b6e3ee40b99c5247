"""Waiting for what another task or thread is about to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object]) -> None:
    """Give way to others until the condition holds; an AssertionError if it does not within seconds."""
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("What the test waits for did not happen.")
