"""What share of an endpoint's capacity is used where more calls wait than it serves: `python benches/python/capacity.py [--record]`.

A server process serves 20 requests at once, each in a given time, and refuses every other at once (429, without
`Retry-After`). `Evaluate` brings 1,500 examples or more with 256 calls in flight allowed, over the lean client, and every
example must be measured. *Capacity used* is what the server answered a second, from its log, divided by 20 / latency,
over the whole run and over its second half.

What the figures do not say: how it goes with an endpoint that counts requests a minute, or whose capacity changes
(benches/python/limiter.py simulates these). Where a call is short, both processes' CPU is a limit too.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
from dataclasses import dataclass
from pathlib import Path

import burnish
from burnish import Evaluate, Example
from burnish.testing import toy
from burnish.testing.server import serving

RECORD = Path(__file__).resolve().parents[1] / "records" / "capacity.md"
CAPACITY = 20
AT_ONCE = 256


@dataclass(frozen=True)
class Figures:
    """What one run came to."""

    calls: int
    refused: int
    whole: float
    second_half: float


def used(times: list[float], latency: float) -> float:
    """The share of the capacity that was used between the first and the last of these answers."""
    return (len(times) - 1) / (times[-1] - times[0]) / (CAPACITY / latency)


def measure(latency: float, examples: int) -> Figures:
    """One evaluation against a new server."""
    rows = [
        Example(text=f"Number {number}: something like heron.", kind="bird").with_inputs("text")
        for number in range(examples)
    ]
    with serving(capacity=CAPACITY, latency=latency, answer={"kind": "bird"}) as server:
        with burnish.context(lm=server.lm(num_retries=0)):
            result = Evaluate(devset=rows, metric=toy.metric, num_threads=AT_ONCE)(toy.Classifier())
        seen = server.seen()
    assert (result.n, result.score, result.usage.calls) == (examples, 100.0, len(seen))
    times = sorted(entry["time"] for entry in seen if entry["status"] == 200)
    assert len(times) == examples
    return Figures(len(seen), len(seen) - examples, used(times, latency), used(times[examples // 2 :], latency))


def row(latency: float, found: list[Figures]) -> str:
    """One line of the table: the medians of several runs, and the range of the share."""
    whole = sorted(100 * figures.whole for figures in found)
    half = statistics.median(100 * figures.second_half for figures in found)
    refused = statistics.median(figures.refused for figures in found)
    calls = statistics.median(figures.calls for figures in found)
    return (
        f"| {1000 * latency:.0f} | {CAPACITY / latency:,.0f} | {calls:,.0f} | {refused:,.0f} | "
        f"{statistics.median(whole):.1f}% ({whole[0]:.1f} to {whole[-1]:.1f}) | {half:.1f}% |"
    )


def main() -> None:
    """Measure, print, and keep the record where asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    lines = [
        "| latency (ms) | capacity (calls a second) | calls | refused | capacity used (lowest to highest) | second half |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for latency, examples in ((0.02, 3000), (0.1, 3000), (0.5, 1500)):
        lines.append(row(latency, [measure(latency, examples) for _ in range(options.repeats)]))
    table = "\n".join(lines)
    print(table)
    if options.record:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        RECORD.write_text(
            f"# Capacity: {CAPACITY} served at once, {AT_ONCE} wait\n\n"
            f"{datetime.date.today():%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}, "  # noqa: DTZ011
            f"{os.cpu_count()} cores, load {load:.1f} while measured, the bench's own two processes among it.\n"
            f"Command: `python benches/python/capacity.py --record`\n\n{table}\n\n"
            "Every example was measured in each run, and the bill was the server's log. *Refused* are calls answered by 429, most\n"
            "of them in the first moment, when all that may be in flight are sent. *Second half*: from the median answer on.\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
