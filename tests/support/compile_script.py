"""A compile as a user runs it: one command that can be killed and given again.

`python -m tests.support.compile_script URL FOLDER`: random search on the toy chain with a teacher that knows the kinds, or
another optimizer of those below.
Writes FOLDER/program.json, and FOLDER/run is the run directory; the last line it prints is JSON about the run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import burnish
from burnish.testing import toy

OPTIONS: dict[str, dict[str, Any]] = {
    "BootstrapRS": {"max_bootstrapped_demos": 4, "max_labeled_demos": 0, "num_candidate_programs": 8},
    "MIPROv2": {"max_bootstrapped_demos": 2, "max_labeled_demos": 0, "auto": None, "num_candidates": 4},
    "COPRO": {"breadth": 3, "depth": 2},
}


def teacher() -> toy.Chain:
    """A chain that knows every kind from a demo of each."""
    program = toy.Chain()
    program.classify.demos = [
        burnish.Example(thing=things[0], kind=kind).with_inputs("thing") for kind, things in toy.THINGS.items()
    ]
    return program


def compile_chain(
    url: str, folder: Path, *, optimizer: str = "BootstrapRS", threads: int = 8, calls: int | None = None, seed: int = 0
) -> burnish.Report:
    """Compile, save, and say what was found."""
    tuner = getattr(burnish, optimizer)(
        metric=toy.metric,
        **OPTIONS[optimizer],
        num_threads=threads,
        seed=seed,
        budget=None if calls is None else burnish.Budget(calls=calls),
        run_dir=folder / "run",
        progress=False,
    )
    data: dict[str, Any] = {"trainset": toy.trainset()}
    if optimizer != "COPRO":
        data |= {"valset": toy.valset(), "teacher": teacher()}
    with burnish.context(lm=burnish.LM("local/toy", api_base=url, cache=False, num_retries=0)):
        program = tuner.compile(toy.Chain(), **data)
    program.save(folder / "program.json")
    report: burnish.Report = program.report
    return report


def main() -> None:
    """Read the command line and compile."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--optimizer", default="BootstrapRS")
    options = parser.parse_args()
    report = compile_chain(options.url, options.folder, optimizer=options.optimizer, threads=options.threads)
    print(json.dumps({"stopped": report.stopped, "score": report.score, "calls": report.total.calls}))


if __name__ == "__main__":
    main()
