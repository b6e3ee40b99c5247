"""A toy model that is watched from the inside: how many calls are in flight, and of how many candidates."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from burnish import LM, Request, Response
from burnish.lm.request import digest
from burnish.testing import toy


def by_content(most: float) -> Callable[[Request], float]:
    """A latency from 0 to `most` seconds that depends on the request alone."""
    return lambda request: most * int(digest(request.key)[:4], 16) / 0xFFFF


class GaugedLM(LM):
    """The toy model behind a gauge.

    Args:
        latency: Seconds that each call takes, or a function from `Request` to seconds.
        options: Arguments for `LM`.

    Attributes:
        most: Most calls that were in flight at once.
        most_prompts: Most different prompts, up to the question, that were in flight at once.
        calls: How many calls there were.
        changes: (time, calls in flight from then on), in order.
    """

    def __init__(self, *, latency: float | Callable[[Request], float] = 0.0, **options: Any) -> None:
        self._toy = toy.lm()
        self._latency = latency
        self._flying: Counter[str] = Counter()
        self.most = self.most_prompts = self.calls = 0
        self.changes: list[tuple[float, int]] = []
        super().__init__("gauged/toy", backend=self._Door(self), **{"cache": False, "num_retries": 0, **options})

    class _Door:
        def __init__(self, owner: GaugedLM) -> None:
            self._owner = owner

        async def complete(self, request: Request) -> Response:
            return await self._owner.watched(request)

    async def watched(self, request: Request) -> Response:
        """Answer as the toy model does, and note who is in flight meanwhile."""
        prompt = digest(repr(request.messages[:-1]))
        self.calls += 1
        self._flying[prompt] += 1
        self._note()
        try:
            await asyncio.sleep(self._latency(request) if callable(self._latency) else self._latency)
            return await self._toy._line.backend.complete(request)
        finally:
            self._flying[prompt] -= 1
            self._note()

    def _note(self) -> None:
        flying = self._flying.total()
        self.most = max(self.most, flying)
        self.most_prompts = max(self.most_prompts, sum(count > 0 for count in self._flying.values()))
        self.changes.append((time.perf_counter(), flying))
