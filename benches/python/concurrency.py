"""How busy a compile keeps the limit on calls in flight: `python benches/python/concurrency.py [--record]`.

Each phase is measured several times, in turn; the table has the medians, and the range of *busy*.

A model that takes 20 ms a call is asked by bootstrapping and by scoring, each under a limit of 32, for a program of one
predictor and for one of two in a row. The backend notes every change of the number of calls in flight. *Busy* is the
average of that number over time, from the first call to the start of the last run, so for as long as there is work that
has not been started, divided by the limit. *Of the ideal rate* divides the calls a second of that time by limit /
latency: it also counts the time that calls spend waiting for Python instead of for the model.

What the figures do not say: how a real endpoint behaves under 32 calls at once, and what happens in the last 20 ms of
a phase, when there is nothing left to start.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import platform
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import burnish
from burnish import BootstrapFewShot, BootstrapRS, Candidate, Example, Optimizer, Prediction, Request, Response
from burnish.engine.judge import computes_only
from burnish.testing import toy

LATENCY = 0.020
LIMIT = 32
RECORD = Path(__file__).resolve().parents[1] / "records" / "concurrency.md"


class Gauge:
    """A backend of fixed latency that notes who is in flight."""

    def __init__(self) -> None:
        self.flying = 0
        self.changes: list[tuple[float, int]] = []
        self.first_steps: list[float] = []

    async def complete(self, request: Request) -> Response:
        """Answer with every field that the toy programs ask for."""
        if "text ## ]]" in request.messages[-1]["content"]:
            self.first_steps.append(time.perf_counter())
        self._note(+1)
        await asyncio.sleep(LATENCY)
        self._note(-1)
        text = "[[ ## thing ## ]]\nheron\n\n[[ ## kind ## ]]\nbird\n\n[[ ## completed ## ]]"
        return Response((burnish.Output(text, "stop"),), burnish.Usage(1, request.tokens, 12), request.model)

    def _note(self, change: int) -> None:
        self.flying += change
        self.changes.append((time.perf_counter(), self.flying))


@dataclass(frozen=True)
class Figures:
    """What one phase of one program came to."""

    phase: str
    program: str
    calls: int
    most: int
    busy: float
    rate: float


def row(found: list[Figures]) -> str:
    """One line of the table: the medians of several measurements of the same."""
    first = found[0]
    busy = sorted(100 * figures.busy for figures in found)
    rate = statistics.median(figures.rate for figures in found)
    return (
        f"| {first.phase} | {first.program} | {first.calls} | {first.most} | "
        f"{statistics.median(busy):.1f}% ({busy[0]:.1f} to {busy[-1]:.1f}) | {rate:.0f} ({100 * rate * LATENCY / LIMIT:.0f}%) |"
    )


class Scoring(Optimizer):
    """Scores one candidate, so that the score phase stands alone."""

    async def search(self, session: burnish.Session) -> Candidate:
        """Score the student."""
        await session.score([session.baseline()])
        return session.leader()


def measure(phase: str, optimizer: Optimizer, program: Any, rows: list[Example]) -> Figures:
    """Compile once and read the gauge."""
    gauge = Gauge()
    with burnish.context(lm=burnish.LM("gauge/toy", backend=gauge, cache=False, num_retries=0)):
        optimizer.compile(program, trainset=rows)
    start, end = gauge.changes[0][0], gauge.first_steps[-1]
    area = 0.0
    started = 0
    for (moment, flying), (after, _) in zip(gauge.changes, gauge.changes[1:], strict=False):
        area += flying * max(0.0, min(after, end) - moment)
    for (_, before), (moment, flying) in zip([(0.0, 0), *gauge.changes], gauge.changes, strict=False):
        started += flying > before and start < moment <= end
    assert gauge.flying == 0
    most = max(flying for _, flying in gauge.changes)
    assert most == LIMIT, f"{most} calls were in flight at most, and the limit is {LIMIT}"
    seconds = end - start
    return Figures(
        phase,
        type(program).__name__,
        len(gauge.changes) // 2,
        most,
        area / seconds / LIMIT,
        (started - LIMIT + 1) / seconds,
    )


@computes_only
def every_run_passes(example: Example, prediction: Prediction, trace: Any = None) -> bool:
    """A metric that is always content, so that bootstrapping needs exactly as many runs as demos."""
    return True


def phases(size: int) -> list[tuple[str, Optimizer]]:
    """Name and optimizer of each phase, for a trainset of so many examples."""
    common: dict[str, Any] = {"num_threads": LIMIT, "progress": False}
    alone: dict[str, Any] = {**common, "max_labeled_demos": 0}
    return [
        ("bootstrap", BootstrapFewShot(every_run_passes, max_bootstrapped_demos=size, **alone)),
        ("score", Scoring(metric=every_run_passes, **common)),
        ("both (random search)", BootstrapRS(every_run_passes, num_candidate_programs=6, **alone)),
    ]


def main() -> None:
    """Measure, print, and keep the record where asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--examples", type=int, default=640)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    rows = [
        Example(text=f"Number {number}: something like heron.", kind="bird").with_inputs("text")
        for number in range(options.examples)
    ]
    lines = [
        "| phase | program | calls | most in flight | busy (lowest to highest) | calls a second (of the ideal) |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    found: dict[tuple[str, str], list[Figures]] = {}
    for _ in range(options.repeats):
        for program in (toy.Classifier, toy.Chain):
            for phase, optimizer in phases(options.examples):
                size = rows[: len(rows) // 8] if phase.startswith("both") else rows
                figures = measure(phase, optimizer, program(), size)
                found.setdefault((phase, program.__name__), []).append(figures)
    lines.extend(map(row, found.values()))
    table = "\n".join(lines)
    print(table)
    if options.record:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(
            f"# Concurrency: {1000 * LATENCY:.0f} ms a call, a limit of {LIMIT}\n\n"
            f"{datetime.date.today():%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}, "  # noqa: DTZ011
            f"{os.cpu_count()} cores, load {load:.1f} from other work while measured.\n"
            f"Command: `python benches/python/concurrency.py --record`\n\n{table}\n\n"
            "*Busy*: calls in flight, averaged over the time from the first call to the start of the last run, over the\n"
            "limit; the median of several runs. *Of the ideal*: calls a second in that time, over limit / latency. Other work on\n"
            "the machine lowers both, since Python then waits for a core while no call is sent.\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
