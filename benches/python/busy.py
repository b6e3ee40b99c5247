"""How busy instruction searches keep the limit, from their event logs: `python benches/python/busy.py [--record]`.

MIPROv2, by its default search and by the original schedule, and COPRO tune a program of two predictors in a row with a model that
takes 20 ms a call, under limits of 8 and 32. Each compile keeps a run directory; the table and the chart are read off its events.

- *Busy*: calls in flight over those that could have been, which is at each time the lesser of the limit and of the work that is
  there: runs that may be begun, texts that may be written. What is lacking to 100% is time that calls waited for Python.
- *Of the ideal*: the same, with each call counted as 20 ms, and so without the time that a reply waits for Python.
- *Of the limit*: calls in flight over the limit for as long as the stage has any work. Where it is less than *busy*, there were
  fewer pieces of work than the limit allows, or another stage had the places.
- *Before the search*: until the first run that is scored to choose by, so bootstrapping and proposing.
- *Idle*: time without any work, while the search computes what to run next. *Least possible*: calls × 20 ms / limit.
- *CPU*: of the whole process, the model and the search included. Under a limit of 32 a place comes free every 625 µs.

Where *busy* stays below 90% under a limit of 32, Python is what lacks: on one core it must send a call every 625 µs and, as *CPU* says,
needs most of that for prompt, journal, events, parsing and the metric. A batch of runs begins
with 32 calls that are sent one after another, 150 to 250 µs each, and the proposals of a compile with prompts of 1,000 tokens at 220 µs
each: a stage of a single wave of calls, such as proposing, is then over before that is made good. The same at 200 ms a call, once each,
shows what is left where Python's time matters less.

Where *of the limit* is lower than *busy*, work is missing: a bootstrap makes no more runs than it has demos to find, a summary of the data
precedes the proposals, and each step of a search, as each block of a race, waits for the last run of the step before.

What the figures do not say: how a real endpoint behaves under 32 calls at once; its calls are longer, and of unlike lengths. Other
work on the machine lowers all figures, since Python then waits for a core while no call is sent. So does a slower hour of the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import burnish
from burnish.engine.journal import events_in
from burnish.engine.judge import computes_only
from burnish.report.flight import Busy, busy, idle, in_flight
from burnish.report.flight_chart import draw
from burnish.testing import ScriptedLM, toy

LATENCY, LONGER = 0.020, 0.200
LIMITS = (8, 32)
RECORDS = Path(__file__).resolve().parents[1] / "records"
KINDS = list(toy.THINGS)
WRITTEN = ("instructions", "observations", "summary", "description")


@dataclass(frozen=True)
class Run:
    """One compile, and what is read off its events."""

    name: str
    limit: int
    latency: float
    events: list[dict[str, Any]]
    cpu: float

    @property
    def stages(self) -> dict[str, Busy]:
        """How busy each stage was."""
        return busy(self.events)

    @property
    def calls(self) -> int:
        """Attempts at calls."""
        return sum("sent" in event for event in self.events)

    @property
    def before(self) -> float:
        """Seconds until the first run that is scored."""
        return next(stretch.begin for stretch in in_flight(self.events) if "score" in stretch.work)

    def ideal(self, stage: str) -> float:
        """How busy a stage was, where each call counts no longer than the model takes."""
        told = self.stages[stage]
        flown = sum(event["seconds"] for event in self.events if "sent" in event and event["stage"] == stage)
        return told.busy * told.calls * self.latency / flown


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


def measure(name: str, limit: int, latency: float) -> Run:
    """Compile once; the events say as many calls as the bill."""
    with tempfile.TemporaryDirectory() as folder:
        optimizer, data = searches(limit, Path(folder))[name]
        began = time.process_time()
        with burnish.context(lm=ScriptedLM(reply, latency=latency)):
            program = optimizer.compile(toy.Chain(), **data)
        run = Run(name, limit, latency, events_in(folder), time.process_time() - began)
    assert run.calls == program.report.total.calls
    return run


def stage_table(found: list[list[Run]]) -> list[str]:
    """The medians of several runs of each search, and the range of *busy*."""
    lines = [
        "| search | limit | stage | calls | seconds with work | busy (lowest to highest) | of the ideal | of the limit |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for runs in found:
        first = runs[0]
        for stage in first.stages:
            told = [run.stages[stage] for run in runs]
            shares = sorted(100 * one.busy for one in told)
            lines.append(
                f"| {first.name} | {first.limit} | {stage} | {told[0].calls} | "
                f"{statistics.median(one.seconds for one in told):.2f} | "
                f"{statistics.median(shares):.1f}% ({shares[0]:.1f} to {shares[-1]:.1f}) | "
                f"{100 * statistics.median(run.ideal(stage) for run in runs):.0f}% | "
                f"{100 * statistics.median(one.of_limit for one in told):.0f}% |"
            )
    return lines


def run_table(found: list[list[Run]]) -> list[str]:
    """Whole compiles, medians."""
    lines = [
        "| search | limit | calls | wall time, s | least possible, s | before the search, s | idle, s | CPU a call, µs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]

    def median(runs: list[Run], figure: Callable[[Run], float]) -> float:
        return statistics.median(map(figure, runs))

    for runs in found:
        first = runs[0]
        lines.append(
            f"| {first.name} | {first.limit} | {first.calls} | {median(runs, lambda run: in_flight(run.events)[-1].end):.2f} | "
            f"{first.latency * first.calls / first.limit:.2f} | {median(runs, lambda run: run.before):.2f} | "
            f"{median(runs, lambda run: idle(run.events)):.2f} | {median(runs, lambda run: 1e6 * run.cpu / run.calls):.0f} |"
        )
    return lines


def _tables(found: list[list[Run]]) -> list[str]:
    return [*stage_table(found), "", *run_table(found)]


def main() -> None:
    """Measure, print, and keep record and chart where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write busy.md and its two charts")
    parser.add_argument("--repeats", type=int, default=5, help="runs at 20 ms a call; 0 measures at 200 ms only")
    given = parser.parse_args()
    runs: dict[tuple[int, str], list[Run]] = {}
    for _ in range(given.repeats):
        for limit in LIMITS:
            for name in searches(limit, Path()):
                runs.setdefault((limit, name), []).append(measure(name, limit, LATENCY))
    most = max(LIMITS)
    longer = [[measure(name, most, LONGER)] for name in searches(most, Path())]
    lines = [*_tables(list(runs.values())), "", "## At 200 ms a call", "", *_tables(longer)]
    print("\n".join(lines))
    if given.record:
        draw(runs[most, "MIPROv2"][-1].events, RECORDS / "busy.png")
        about = (
            f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f} while measured; {given.repeats} runs of each, medians."
        )
        head = [
            "# Busy: instruction searches at 20 ms a call",
            "",
            about,
            "Command: `python benches/python/busy.py --record`",
        ]
        draw(longer[0][0].events, RECORDS / "busy_longer.png")
        chart = [
            "## MIPROv2 under a limit of 32, from its event log",
            "",
            "At 20 ms a call: ![Calls in flight over time](busy.png)",
            "At 200 ms: ![Calls in flight over time](busy_longer.png)",
        ]
        told = (__doc__ or "").partition("\n\n")[2].rstrip()
        text = "\n".join([*head, "", *lines, "", *chart, "", "## What is measured", "", told, ""])
        (RECORDS / "busy.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
