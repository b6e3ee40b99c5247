"""Calls over HTTP, whole stacks side by side: `python benches/python/http_calls.py [--record] [--seconds S] [--only NAME ...]`.

`Predict("question -> answer")` with 4 demos is called at 0, 50 and 200 ms a call, with 1, 64, 256 and 1000 calls in
flight, against `burnish.testing.server`, one process for each latency that all clients share. Clients run in processes
of their own, in turn, at each latency:

- Burnish: `acall` from asyncio.run, `acall` within a program (so on Burnish's own loop), `Evaluate` with exact match;
- DSPy: `acall` from asyncio.run, `Evaluate` (threads; not at 1000), over `dspy.LM("openai/...", api_base=...)`, without its cache;
- what others are built on, with the same messages and without parsing: litellm.acompletion, openai.AsyncOpenAI, and
  aiohttp, which also encodes the messages and decodes the reply and so is *the raw client* here; and Burnish's own HTTP client likewise.

*In flight* is so many tasks (or threads) that each ask again when they were answered. *Of the ideal* is calls a second over
in flight / latency. *CPU* is that of all threads of the client's process, without the server's. Every reply is checked.
A bare socket loop that sends the same bytes shows where the server ends.

What the figures do not say: TLS, a network, replies of more than 12 tokens; and beyond the server's own ceiling calls
a second say nothing of a client. Client and server share the machine's cores.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

REPLY = "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]"
LATENCIES = (0.0, 0.05, 0.2)
FLIGHTS = (1, 64, 256, 1000)
RECORD = Path(__file__).resolve().parents[1] / "records" / "http_calls.md"
CHILD = Path(__file__).parent / "children" / "http_calls.py"
CLIENTS = {
    "burnish, acall": "burnish",
    "burnish, acall in a program": "burnish",
    "burnish, Evaluate": "burnish",
    "burnish, its HTTP client alone": "burnish",
    "dspy, acall": "dspy",
    "dspy, Evaluate": "dspy",
    "litellm": "litellm",
    "openai": "openai",
    "aiohttp": "aiohttp",
    "bare sockets": "burnish",
}


class Figures(NamedTuple):
    """One cell of the table."""

    calls: int
    rate: float
    cpu: float


# By calls in flight: the figures, or the error with which a client gave up.
Found = dict[int, Figures | str]


def rows() -> list[dict[str, str]]:
    """Demos of some 40 tokens each."""
    return [
        {
            "question": f"What is the capital of country number {n}, and about how many people live there today?",
            "answer": f"City {n}, with some {n} million people in it and around it.",
        }
        for n in range(4)
    ]


def child(name: str, url: str, seconds: float, prompt: list[dict[str, str]]) -> Found:
    """The figures of one client, from a process of its own."""
    command = [sys.executable, str(CHILD), name, url, str(seconds)]
    settings = {"REPLY": REPLY, "FLIGHTS": FLIGHTS, "MESSAGES": prompt, "DEMOS": rows()}
    handed = {f"BENCH_{name}": json.dumps(value) for name, value in settings.items()}
    # LiteLLM would look for newer prices on the network while it is measured.
    environment = {**os.environ, **handed, "BURNISH_PLUGINS": "", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if answer.returncode:
        raise SystemExit(f"{name} failed:\n{answer.stderr[-3000:]}")
    found = json.loads(answer.stdout.splitlines()[-1])
    return {int(flight): cell if isinstance(cell, str) else Figures(*cell) for flight, cell in found.items()}


def prompt_of_burnish() -> list[dict[str, str]]:
    """The messages that Burnish's adapter renders, with a mark in place of the question."""
    import burnish
    from burnish.testing import ScriptedLM

    lm = ScriptedLM([REPLY])
    predict = burnish.Predict("question -> answer")
    predict.demos = [burnish.Example(**row).with_inputs("question") for row in rows()]
    with burnish.context(lm=lm):
        predict(question="QUESTION")
    return lm.requests[0].messages


def main() -> None:
    """Measure, print, and keep the record where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} too")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long to measure each cell, about")
    parser.add_argument("--only", nargs="+", choices=CLIENTS, default=list(CLIENTS), help="these clients alone")
    given = parser.parse_args()
    began = time.monotonic()
    names = [name for name in given.only if importlib.util.find_spec(CLIENTS[name])]
    found = all_of_them(names, given.seconds)
    lines = [*heading(names, time.monotonic() - began), *tables(found, names), *ratios(found), *NOTES]
    print("\n".join(lines))
    if given.record:
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


def all_of_them(names: list[str], seconds: float) -> dict[tuple[float, str], Found]:
    """The figures by latency and client."""
    from burnish.testing.server import serving

    prompt = prompt_of_burnish()
    found = {}
    for latency in LATENCIES:
        with serving(False, answer=REPLY, latency=latency) as server:
            for name in names:
                print(f"{1000 * latency:.0f} ms: {name}", file=sys.stderr, flush=True)
                found[latency, name] = child(name, server.url, seconds, prompt)
    return found


def heading(names: list[str], took: float) -> list[str]:
    packages = dict.fromkeys([*(CLIENTS[name] for name in names), "aiohttp"])
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return [
        "# Calls over HTTP",
        "",
        f"`{shlex.join(['python', 'benches/python/http_calls.py', *sys.argv[1:]])}`, {datetime.now(UTC):%Y-%m-%d}, {took:.0f} s;",
        f"{versions};",
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, load {load:.1f} at the end.",
    ]


def tables(found: dict[tuple[float, str], Found], names: list[str]) -> list[str]:
    """One table a latency: calls a second, of the ideal, and CPU a call."""
    lines = []
    for latency in LATENCIES:
        lines += [
            "",
            f"## {1000 * latency:.0f} ms a call",
            "",
            f"| calls a second{' (of the ideal)' if latency else ''}, CPU a call | "
            + " | ".join(f"{flight} in flight" for flight in FLIGHTS)
            + " |",
            "|---|" + "---:|" * len(FLIGHTS),
        ]
        for name in names:
            cells = [cell(found[latency, name].get(flight), latency, flight) for flight in FLIGHTS]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def cell(figures: Figures | str | None, latency: float, flight: int) -> str:
    if not isinstance(figures, Figures):
        return figures or ""
    share = f" ({100 * figures.rate * latency / flight:.0f}%)" if latency else ""
    return f"{figures.rate:.0f}{share}, {1e6 * figures.cpu:.0f} µs"


def ratios(found: dict[tuple[float, str], Found]) -> list[str]:
    """The two figures that matter, at 256 calls in flight and 50 ms."""

    def at(name: str) -> Figures | None:
        figures = found.get((0.05, name), {}).get(256)
        return figures if isinstance(figures, Figures) else None

    lines = ["", "## At 50 ms and 256 in flight", ""]
    for ours, theirs in (("burnish, acall", "dspy, acall"), ("burnish, Evaluate", "dspy, Evaluate")):
        mine, other = at(ours), at(theirs)
        if mine and other:
            lines.append(
                f"- {ours} over {theirs}: {mine.rate / other.rate:.1f}× the calls a second, "
                f"{other.cpu / mine.cpu:.1f}× less CPU a call"
            )
    for ours in ("burnish, acall", "burnish, acall in a program", "burnish, Evaluate"):
        for raw in ("aiohttp", "burnish, its HTTP client alone"):
            mine, other = at(ours), at(raw)
            if mine and other:
                lines.append(f"- {ours} over {raw}: {mine.cpu / other.cpu:.2f}× the CPU a call")
    return lines


NOTES = (
    "",
    "*In flight*: tasks (threads for DSPy's `Evaluate`) that each ask again when they were answered. *Of the ideal*: calls a second",
    "over in flight / latency. *CPU*: all threads of the client's process; the server has a process of its own on the same cores.",
    "`aiohttp` and the HTTP client alone encode the same messages and decode the reply, and do nothing else. Bare sockets send",
    "the same bytes again and again: what the server can do at most. Where a client comes near it, its calls a second say no more.",
    "No TLS, no network, short replies.",
)


if __name__ == "__main__":
    main()
