"""A search with a budget that can be killed and started again: `python -m tests.support.capped_script URL FOLDER CALLS`.

Its last line is what it spent, in this process and before.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import burnish
from burnish.testing import toy


def many(count: int) -> list[burnish.Example]:
    """So many examples, each with a text of its own."""
    return [
        burnish.Example(text=f"Number {number}: something like heron.", kind="bird").with_inputs("text")
        for number in range(count)
    ]


def main() -> None:
    """Search, and say what it cost."""
    url, folder, calls = sys.argv[1:]
    optimizer = burnish.BootstrapRS(
        toy.metric,
        num_candidate_programs=4,
        num_threads=256,
        budget=burnish.Budget(calls=int(calls)),
        run_dir=Path(folder) / "run",
        progress=False,
    )
    with burnish.context(lm=burnish.LM("local/toy", api_base=url, cache=False, num_retries=0)):
        report = optimizer.compile(toy.Classifier(), trainset=toy.trainset(), valset=many(300)).report
    print(json.dumps({"here": report.total.calls, "before": report.before.calls, "stopped": report.stopped}))


if __name__ == "__main__":
    main()
