"""How busy instruction searches keep the limit, from their event logs: `python benches/python/busy.py [--record]`.

MIPROv2, by its default search and by the original schedule, and COPRO tune a program of two predictors in a row with a model that
takes 20 ms a call, under limits of 8 and 32. Each compile keeps a run directory; what its events say is the table, and the chart.

*Busy* is calls in flight over those that could have been, at each time the lesser of the limit and the work that is there (runs that
may be begun, texts that may be written). *Of the ideal* counts each call with 20 ms only, and so also what a reply waits for
Python. *Of the limit* is calls in flight over the limit for as long as the stage has work: where that is less than *busy*, there were
fewer pieces of work than the limit allows. *Idle* is time without any work: a search that computes its next step.

What the figures do not say: how a real endpoint behaves under 32 calls at once; its calls are longer and of unlike lengths.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import burnish
from burnish.engine.journal import events_in
from burnish.engine.judge import computes_only
from burnish.report.flight import Busy, busy, idle, in_flight
from burnish.report.flight_chart import draw
from burnish.testing import ScriptedLM, toy

LATENCY = 0.020
LIMITS = (8, 32)
RECORDS = Path(__file__).resolve().parents[1] / "records"
KINDS = list(toy.THINGS)
WRITTEN = ("instructions", "observations", "summary", "description")


def reply(request: burnish.Request) -> dict[str, str]:
    """Texts that differ; things; and kinds that are right more or less often under other instructions and demos."""
    question = request.messages[-1]["content"]
    asked = next((name for name in WRITTEN if f"`{name}`" in question), None)
    number = int(request.key, 16)
    if asked is not None:
        return {asked: f"Text number {number % 10**12}."}
    told = zlib.crc32(request.messages[0]["content"].encode())
    right = number % 100 < 40 + told % 5 * 10
    return {"kind": KINDS[0 if right else 1]} if "`kind`" in question else {"thing": f"thing {number % 1000}"}


@computes_only
def metric(example: burnish.Example, prediction: burnish.Prediction, trace: Any = None) -> bool:
    """Whether the kind is right."""
    return bool(example.kind == prediction.kind)


def rows(first: int, last: int) -> list[burnish.Example]:
    """Examples that all have the same kind and different texts."""
    return [burnish.Example(text=f"Number {n}.", kind=KINDS[0]).with_inputs("text") for n in range(first, last)]


def searches(limit: int, run_dir: Path) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Name → the optimizer, and the data of its compile."""
    common: dict[str, Any] = {"metric": metric, "num_threads": limit, "run_dir": run_dir, "progress": False}
    sizes: dict[str, Any] = {"auto": None, "num_candidates": 12}
    data = {"trainset": rows(0, 100), "valset": rows(1000, 1100)}
    return {
        "MIPROv2": (burnish.MIPROv2(**common, **sizes), data),
        "MIPROv2, original schedule": (burnish.MIPROv2(**common, **sizes, searcher="tpe"), data),
        "COPRO": (burnish.COPRO(**common, breadth=6, depth=2), {"trainset": rows(0, 100)}),
    }


def measure(name: str, limit: int, run_dir: Path) -> list[dict[str, Any]]:
    """Compile once; the events, which say as many calls as the bill."""
    optimizer, data = searches(limit, run_dir)[name]
    with burnish.context(lm=ScriptedLM(reply, latency=LATENCY)):
        program = optimizer.compile(toy.Chain(), **data)
    events = events_in(run_dir)
    assert sum(one.calls for one in busy(events).values()) == program.report.total.calls
    return events


def ideal(told: Busy, events: list[dict[str, Any]]) -> float:
    """`busy`, where each call counts no longer than the model takes."""
    flown = sum(event["seconds"] for event in events if event.get("stage") == told.stage and "sent" in event)
    return told.busy * told.calls * LATENCY / flown


def table(runs: dict[tuple[str, int], list[list[dict[str, Any]]]]) -> list[str]:
    """The medians of several runs, and the range of *busy*."""
    lines = [
        "| search | limit | stage | calls | seconds with work | busy (lowest to highest) | of the ideal | of the limit |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (name, limit), logs in runs.items():
        for stage in busy(logs[0]):
            told = [busy(log)[stage] for log in logs]
            shares = sorted(100 * one.busy for one in told)
            lines.append(
                f"| {name} | {limit} | {stage} | {told[0].calls} | {statistics.median(one.seconds for one in told):.2f} | "
                f"{statistics.median(shares):.1f}% ({shares[0]:.1f} to {shares[-1]:.1f}) | "
                f"{100 * statistics.median(map(ideal, told, logs)):.0f}% | "
                f"{100 * statistics.median(one.of_limit for one in told):.0f}% |"
            )
    return lines


def walls(runs: dict[tuple[str, int], list[list[dict[str, Any]]]]) -> list[str]:
    """Wall time of the whole compiles, medians."""
    lines = [
        "| search | limit | wall time, s | least possible, s | idle, s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for (name, limit), logs in runs.items():
        wall = statistics.median(in_flight(log)[-1].end for log in logs)
        least = LATENCY * statistics.median(sum("sent" in event for event in log) for log in logs) / limit
        lines.append(f"| {name} | {limit} | {wall:.2f} | {least:.2f} | {statistics.median(map(idle, logs)):.2f} |")
    return lines


def main() -> None:
    """Measure, print, and keep record and chart where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write busy.md and busy.svg")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=int, choices=LIMITS, help="measure under this one only")
    given = parser.parse_args()
    runs: dict[tuple[str, int], list[list[dict[str, Any]]]] = {}
    for _ in range(given.repeats):
        for limit in LIMITS if given.limit is None else (given.limit,):
            for name in searches(limit, Path()):
                with tempfile.TemporaryDirectory() as folder:
                    runs.setdefault((name, limit), []).append(measure(name, limit, Path(folder)))
    lines = [*table(runs), "", *walls(runs)]
    print("\n".join(lines))
    if given.record:
        draw(runs["MIPROv2", LIMITS[-1]][-1], RECORDS / "busy.svg")
        about = (
            f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f} while measured; {given.repeats} runs, medians."
        )
        head = [
            "# Busy: instruction searches at 20 ms a call",
            "",
            about,
            "Command: `python benches/python/busy.py --record`",
        ]
        told = ["![Calls in flight over time](busy.svg)", "", *(__doc__ or "").split("\n\n", 2)[1:]]
        (RECORDS / "busy.md").write_text("\n".join([*head, "", *lines, "", *told]), encoding="utf-8")


if __name__ == "__main__":
    main()
