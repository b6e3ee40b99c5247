"""What share of an endpoint's capacity the limiter uses, and for how many refusals: `python benches/python/limiter.py [--record]`.

256 callers ask simulated endpoints without a pause for three minutes of simulated time. The endpoints serve a fixed or a
changing number of calls at once, or a rate, with and without `Retry-After`; one is out of order at times, one lets calls
wait in line. Replies are as those of models are: many short ones, a few of several times the mean. Beside the limiter
stand two plain ways to live with refusals: every caller tries again by itself, after an exponential wait with jitter, and a
limit that halves at a refusal and grows by one a round.

The clock is the loop's and jumps from timer to timer, so that the figures depend on the seed alone. *Share* is what was
served of the most that could have been. It may pass 100% by a little: capacity is counted at the mean latency, and
calls taken on before an outage are still served in it.
Refusals of the first ten seconds are counted apart: whoever knows nothing of an endpoint finds out by being refused.

What the figures do not say: how much real endpoints are like these, and what a call costs in CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import datetime
import math
import platform
import random
import selectors
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from burnish.lm.limiter import Limiter

CALLERS = 256
SECONDS = 180.0
START = 10.0
NETWORK = 0.0005  # seconds each way
RECORD = Path(__file__).resolve().parents[1] / "records" / "limiter.md"
# Why a call is refused: the seconds of pause that are asked for, or None where no time is named.
Refusal = tuple[float | None]


class Instant(selectors.DefaultSelector):
    """Waits for nothing: where no file is ready, the time that it would have waited has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """What is ready now."""
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for somebody else"
            self.now += max(0.0, timeout)
        return ready


class InstantLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer."""

    def __init__(self) -> None:
        self._instant = Instant()
        super().__init__(self._instant)

    def time(self) -> float:
        """Simulated seconds."""
        return self._instant.now


def now() -> float:
    return asyncio.get_running_loop().time()


class Endpoint:
    """Serves so many at once, and refuses the others without delay."""

    def __init__(
        self, most: int = 20, latency: float = 0.5, *, retry_after: float | None = None, network: float = NETWORK
    ) -> None:
        self.most, self.latency, self.retry_after, self.network = most, latency, retry_after, network
        self.busy = self.served = self.refused = 0
        self.random = random.Random(7)

    def refuses(self) -> Refusal | None:
        """Decide about a call that has just arrived."""
        return None if self.busy < self.most else (self.retry_after,)

    def ideal(self, seconds: float) -> float:
        """The most calls that could have been served by then."""
        return seconds * self.most / self.latency

    async def call(self) -> Refusal | None:
        """None for a reply, else the refusal."""
        await self.travel()
        refusal = self.refuses()
        if refusal is not None:
            self.refused += 1
        else:
            self.busy += 1
            try:
                await self.work()
            finally:
                self.busy -= 1
            self.served += 1
        await self.travel()
        return refusal

    async def travel(self) -> None:
        """One way over the network."""
        await asyncio.sleep(self.network * self.random.uniform(0.5, 1.5))

    async def work(self) -> None:
        """Make a reply."""
        await asyncio.sleep(self.latency * self.random.lognormvariate(-0.18, 0.6))


class Bucket(Endpoint):
    """Serves so many a minute, from a bucket that refills steadily."""

    def __init__(self, rpm: float, latency: float, *, burst: float, tells: bool = False) -> None:
        super().__init__(latency=latency)
        self.rate, self.burst, self.tells = rpm / 60, burst, tells
        self.level, self.at = burst, 0.0

    def refuses(self) -> Refusal | None:
        """As there is a drop in the bucket or not."""
        self.level = min(self.burst, self.level + (now() - self.at) * self.rate)
        self.at = now()
        if self.level >= 1:
            self.level -= 1
            return None
        return (float(math.ceil((1 - self.level) / self.rate)) if self.tells else None,)

    def ideal(self, seconds: float) -> float:
        """What was in the bucket and what ran into it."""
        return self.burst + self.rate * seconds


class Minutes(Endpoint):
    """Serves so many in each minute of the clock."""

    def __init__(self, rpm: int, latency: float, *, tells: bool = False) -> None:
        super().__init__(latency=latency)
        self.rpm, self.tells = rpm, tells
        self.minute = self.count = 0

    def refuses(self) -> Refusal | None:
        """As this minute is used up or not."""
        if now() // 60 != self.minute:
            self.minute, self.count = int(now() // 60), 0
        self.count += 1
        return None if self.count <= self.rpm else (60 - now() % 60 if self.tells else None,)

    def ideal(self, seconds: float) -> float:
        """All minutes that have begun."""
        return self.rpm * math.ceil(seconds / 60)


class Changing(Endpoint):
    """Serves another number at once every 30 seconds."""

    def __init__(self, levels: list[int], latency: float = 0.5) -> None:
        super().__init__(latency=latency)
        self.levels = levels

    def refuses(self) -> Refusal | None:
        """As there is room now or not."""
        self.most = self.levels[int(now() // 30) % len(self.levels)]
        return super().refuses()

    def ideal(self, seconds: float) -> float:
        """The sum over the seconds."""
        levels = [self.levels[second // 30 % len(self.levels)] for second in range(int(seconds))]
        return sum(levels) / self.latency


class Queue(Endpoint):
    """Serves so many at once and lets the others wait in line; may refuse everybody in the sixth second."""

    def __init__(self, servers: int, *, room: int, trips: bool = False) -> None:
        super().__init__(room)
        self.servers, self.trips = servers, trips
        self.free = asyncio.Semaphore(servers)

    def refuses(self) -> Refusal | None:
        """As there is room in the line or not."""
        return (None,) if self.trips and 5 <= now() < 6 else super().refuses()

    async def work(self) -> None:
        """Wait in line, then make a reply."""
        async with self.free:
            await super().work()

    def ideal(self, seconds: float) -> float:
        """All servers busy, or all callers served."""
        return seconds * min(self.servers, CALLERS) / self.latency


class Way(Protocol):
    """A way to live with refusals."""

    async def ask(self, endpoint: Endpoint) -> None:
        """Make one call until it is answered."""


class Burnish:
    """The limiter."""

    def __init__(self) -> None:
        self.limiter = Limiter(clock=now)

    async def ask(self, endpoint: Endpoint) -> None:
        """Make one call until it is answered."""
        while True:
            place = await self.limiter.enter(100)
            assert self.limiter.in_flight <= CALLERS
            refusal = await endpoint.call()
            if refusal is None:
                return place.succeeded(100)
            place.refused(refusal[0])


class Retries:
    """Every caller for itself: waits as asked, else half a second, doubled each time up to 8 s, with jitter."""

    async def ask(self, endpoint: Endpoint) -> None:
        """Make one call until it is answered."""
        tries = 0
        while (refusal := await endpoint.call()) is not None:
            own = min(8.0, 0.5 * 2**tries) * random.uniform(0.75, 1.0)
            await asyncio.sleep(own if refusal[0] is None else refusal[0])
            tries += 1


class Halving:
    """A limit, 64 at first: plus one a round, half at a refusal, once a second at most."""

    def __init__(self) -> None:
        self.limit, self.in_flight, self.halved = 64.0, 0, -1.0
        self.changed = asyncio.Condition()

    async def ask(self, endpoint: Endpoint) -> None:
        """Make one call until it is answered; a refused one waits as asked, else half a second."""
        while True:
            async with self.changed:
                await self.changed.wait_for(lambda: self.in_flight < max(1, int(self.limit)))
                self.in_flight += 1
            refusal = await endpoint.call()
            if refusal is None:
                self.limit += 1 / self.limit
            elif now() > self.halved + 1:
                self.halved = now()
                self.limit = max(1.0, self.limit / 2)
            async with self.changed:
                self.in_flight -= 1
                self.changed.notify()
            if refusal is None:
                return
            await asyncio.sleep(0.5 if refusal[0] is None else refusal[0])


WAYS: dict[str, Callable[[], Way]] = {"Burnish": Burnish, "retries only": Retries, "halving": Halving}
ENDPOINTS: dict[str, Callable[[], Endpoint]] = {
    "20 at once, 50 ms": lambda: Endpoint(latency=0.05),
    "20 at once, 0.5 s": Endpoint,
    "20 at once, 8 s": lambda: Endpoint(latency=8.0),
    "20 at once, 0.5 s, two processes": Endpoint,
    "20 at once, 0.5 s, Retry-After 1": lambda: Endpoint(retry_after=1.0),
    "20 at once, 50 ms, 100 ms away": lambda: Endpoint(latency=0.05, network=0.05),
    "600 a minute, 1 s": lambda: Bucket(600, 1.0, burst=10),
    "600 a minute, 1 s, two processes": lambda: Bucket(600, 1.0, burst=10),
    "600 a minute, 1 s, Retry-After": lambda: Bucket(600, 1.0, burst=10, tells=True),
    "60 a minute, 0.8 s": lambda: Bucket(60, 0.8, burst=5),
    "60 a minute, 0.8 s, Retry-After": lambda: Bucket(60, 0.8, burst=5, tells=True),
    "600 in each minute, 1 s": lambda: Minutes(600, 1.0),
    "600 in each minute, 1 s, Retry-After": lambda: Minutes(600, 1.0, tells=True),
    "40, 10, 60 at once in turn, 0.5 s": lambda: Changing([40, 10, 60]),
    "64 at once, nobody half of the time, 0.5 s": lambda: Changing([64, 0]),
    "64 at once, nobody half of the time, 4 s": lambda: Changing([64, 0], latency=4.0),
    "20 of 100 served, the others in line": lambda: Queue(20, room=100),
    "20 served, all others in line": lambda: Queue(20, room=1000, trips=True),
    "all served, after a second of refusals": lambda: Queue(1000, room=1000, trips=True),
}


@dataclass(frozen=True)
class Figures:
    """Share of the capacity, refusals per 1,000 replies after the start, and refusals until then."""

    share: float
    refusals: float
    start: int

    def __str__(self) -> str:
        return f"{100 * self.share:.0f}% | {self.refusals:,.0f} ({self.start:,})"


async def drive(endpoint: Endpoint, ways: list[Way]) -> Figures:
    """Let all callers ask until the time is over."""

    async def caller(way: Way) -> None:
        while True:
            await way.ask(endpoint)

    tasks = [asyncio.create_task(caller(ways[number % len(ways)])) for number in range(CALLERS)]
    await asyncio.sleep(START)
    refused, served = endpoint.refused, endpoint.served
    await asyncio.sleep(SECONDS - START)
    assert not any(task.done() for task in tasks), "a caller failed"
    for task in tasks:
        task.cancel()
    later = (endpoint.refused - refused) / max(1, endpoint.served - served)
    figures = Figures(endpoint.served / endpoint.ideal(SECONDS), 1000 * later, refused)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert endpoint.busy == 0
    assert figures.share < 1.1, "more was served than there was room for"
    return figures


def measure(name: str, way: str) -> Figures:
    """The figures of one endpoint under one way, always with the same draws."""
    random.seed(3)

    async def work() -> Figures:
        return await drive(ENDPOINTS[name](), [WAYS[way]() for _ in range(2 if "two" in name else 1)])

    with asyncio.Runner(loop_factory=InstantLoop) as runner:
        return runner.run(work())


def main() -> None:
    """Simulate, print, and keep the record where asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--only", default="", help="endpoints whose name has this in it")
    options = parser.parse_args()
    names = [name for name in ENDPOINTS if options.only in name]
    lines = [
        "| endpoint | " + " | ".join(f"{way}: share | refused" for way in WAYS) + " |",
        "| --- |" + " ---: |" * 2 * len(WAYS),
    ]
    print("\n".join(lines), flush=True)
    with concurrent.futures.ProcessPoolExecutor() as processes:
        found = {(name, way): processes.submit(measure, name, way) for name in names for way in WAYS}
        for name in names:
            lines.append(f"| {name} | " + " | ".join(str(found[name, way].result()) for way in WAYS) + " |")
            print(lines[-1], flush=True)
    if options.record:
        table = "\n".join(lines)
        RECORD.write_text(
            f"# The limiter: {CALLERS} callers, {SECONDS:.0f} simulated seconds\n\n"
            f"{datetime.date.today():%Y-%m-%d}, Python {platform.python_version()}.\n"  # noqa: DTZ011
            f"Command: `python benches/python/limiter.py --record`\n\n{table}\n\n"
            "*Share*: what was served of the most that could have been. *Refused*: calls refused per 1,000 served, after the\n"
            f"first {START:.0f} seconds; in brackets, how many were refused until then. *Retries only*: every caller tries again by\n"
            "itself after an exponential wait. *Halving*: a limit that halves at a refusal and grows by one a round. A simulation:\n"
            "the endpoints are models of endpoints, and the figures are the same on every machine.\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
