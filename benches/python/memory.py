"""Whether memory grows with the number of calls: `python benches/python/memory.py [--record]`.

100,000 calls of a `Predict`, each with a question of its own, go through the lean HTTP client to a server process, 64 at a
time: once plain with the cache on a disk, once inside a compile with journal and events. Resident memory (Linux's
/proc/self/statm, after a garbage collection) is read every tenth of the way; each way has a process of its own. At the
end it may be at most 10 MB above what it was after a tenth of the calls, or the bench fails.

What the figures do not say: what results that a program keeps take, and what other allocators and systems do.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import gc
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import burnish
from burnish import Cache, Candidate, Example, Optimizer
from burnish.testing import toy
from burnish.testing.server import serving

RECORD = Path(__file__).resolve().parents[1] / "records" / "memory.md"
AT_ONCE = 64
MOST_GROWTH = 10.0
WAYS = ("cache", "compile")


def resident() -> float:
    """Resident memory in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


async def ask_many(calls: int, told: Callable[[int, float], None]) -> None:
    """Ask so many questions, each another one, and tell of the memory ten times."""
    predict = burnish.Predict("question -> answer")
    predict.demos = [Example(question=f"And what of {n}?", answer=str(n)).with_inputs("question") for n in range(4)]
    numbers = iter(range(calls))
    answered = 0

    async def work() -> None:
        nonlocal answered
        for number in numbers:
            prediction = await predict.acall(question=f"What is number {number} of them?")
            assert prediction.answer == "forty-two"
            answered += 1
            if answered % (calls // 10) == 0:
                told(answered, resident())

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    assert answered == calls


class Asking(Optimizer):
    """Asks as a recipe may, inside its run."""

    def __init__(self, calls: int, told: Callable[[int, float], None], **options: Any) -> None:
        super().__init__(**options)
        self.calls = calls
        self.told = told

    async def search(self, session: burnish.Session) -> Candidate:
        """Ask, and leave the student as it is."""
        with session.inside():
            await ask_many(self.calls, self.told)
        return session.baseline()


def measure(way: str, calls: int, folder: Path) -> None:
    """One way, in this process; prints calls, MB and seconds."""
    start = time.monotonic()

    def told(answered: int, megabytes: float) -> None:
        print(answered, f"{megabytes:.2f}", f"{time.monotonic() - start:.1f}", flush=True)

    with serving(log=False, answer={"answer": "forty-two"}) as server:
        cached = way == "cache"
        with burnish.context(lm=server.lm(cache=cached), cache=Cache(folder / "replies.sqlite"), num_threads=AT_ONCE):
            if cached:
                from burnish.loop import run_sync

                run_sync(ask_many(calls, told))
            else:
                optimizer = Asking(calls, told, metric=toy.metric, run_dir=folder / "run", progress=False)
                report = optimizer.compile(toy.Classifier(), trainset=toy.trainset()).report
                assert report.total.calls == calls


def row(way: str, figures: list[tuple[int, float, float]]) -> str:
    """One line of the table."""
    megabytes = [used for _, used, _ in figures]
    calls, _, seconds = figures[-1]
    growth = megabytes[-1] - megabytes[0]
    return (
        f"| {way} | {calls:,} | {megabytes[0]:.1f} | {megabytes[4]:.1f} | {megabytes[-1]:.1f} | {growth:+.1f} | "
        f"{calls / seconds:,.0f} |"
    )


def main() -> None:
    """Measure both ways, print, check, and keep the record where asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way is not None:
        with tempfile.TemporaryDirectory() as folder:
            measure(options.way, options.calls, Path(folder))
        return
    lines = [
        "| way | calls | MB after a tenth | MB half-way | MB at the end | growth | calls a second |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    growths = []
    for way in WAYS:
        command = [sys.executable, __file__, "--way", way, "--calls", str(options.calls)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        figures = [(int(n), float(used), float(s)) for n, used, s in map(str.split, done.stdout.splitlines())]
        growths.append(figures[-1][1] - figures[0][1])
        lines.append(row(way, figures))
    table = "\n".join(lines)
    print(table)
    assert max(growths) <= MOST_GROWTH, f"memory grew by {max(growths):.1f} MB"
    if options.record:
        load = os.getloadavg()[0]
        RECORD.write_text(
            "# Memory over 100,000 calls\n\n"
            f"{datetime.date.today():%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}, "  # noqa: DTZ011
            f"{os.cpu_count()} cores, load {load:.1f} from other work while measured.\n"
            f"Command: `python benches/python/memory.py --record`\n\n{table}\n\n"
            "*cache*: plain calls, the cache on a disk. *compile*: calls of a recipe inside its run, with journal and events.\n"
            f"Each question is another one; {AT_ONCE} in flight, the lean client, a server process. Growth is from a tenth of\n"
            "the calls on, when the memory that is bounded by a number (10,000 replies in the cache) is full.\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
