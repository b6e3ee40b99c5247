"""Figures of Burnish beside DSPy's: each framework in processes of its own, in turn, several times; the medians as a table.

What a bench measures stands in the bench; this is what such benches share.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

Figures = dict[str, float]


def compare(
    script: str,
    *,
    about: str | None,
    title: str,
    told: str,
    measure: Callable[[str], Figures],
    more: Callable[[str], Figures] | None = None,
) -> None:
    """Read the command line, run, print and, where asked, record under the script's name.

    Args:
        script: The bench's file, which runs itself for each framework.
        about: Its docstring.
        title: The title of the table.
        told: What the figures are, in a line.
        measure: From a framework's name to its figures, in a process of its own.
        more: Figures that are measured from outside of that process.
    """
    record = Path(script).parents[1] / "records" / f"{Path(script).stem}.md"
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each framework, in turn")
    parser.add_argument("--record", action="store_true", help=f"write {record.name} too")
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(given.child)))
        return
    frameworks = [name for name in ("burnish", "dspy") if importlib.util.find_spec(name)]
    found: dict[str, list[Figures]] = {name: [] for name in frameworks}
    for _ in range(given.rounds):
        for name in frameworks:
            found[name].append(_child(script, name) | ({} if more is None else more(name)))
    command = " ".join(["python", f"benches/python/{Path(script).name}", *sys.argv[1:]])
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in found)
    lines = [
        f"# {title}",
        "",
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}; {versions};",
        f"Python {platform.python_version()}, {platform.machine()}; {given.rounds} rounds, median (least to most).",
        told,
        "",
        *_table(found),
    ]
    print("\n".join(lines))
    if given.record:
        record.parent.mkdir(exist_ok=True)
        record.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _child(script: str, framework: str) -> Figures:
    """The figures of one framework, from a fresh process."""
    command = [sys.executable, script, "--child", framework]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    found: Figures = json.loads(answer.stdout.splitlines()[-1])
    return found


def _table(found: dict[str, list[Figures]]) -> list[str]:
    """Median and range of each framework, and the ratio of the medians; a figure that one has not is left empty there."""
    lines = ["| | " + " | ".join(found) + " | ratio |", "|---|" + "---|" * (len(found) + 1)]
    for figure in found["burnish"][0]:
        medians = {}
        cells = []
        for name, runs in found.items():
            values = [run[figure] for run in runs if figure in run]
            if not values:
                cells.append("")
                continue
            medians[name] = statistics.median(values)
            cells.append(f"{medians[name]:.3g} ({min(values):.3g} to {max(values):.3g})")
        ratio = f"{medians['dspy'] / medians['burnish']:.1f}×" if "dspy" in medians else ""
        lines.append(f"| {figure} | {' | '.join(cells)} | {ratio} |")
    return lines
