"""Test accuracy on Banking77 (77 intents) of zero-shot, labelled, bootstrapped and random-search programs.

    .venv/bin/python benches/python/quality/banking77.py --data DIR [--record]

DIR holds `train.csv` and `test.csv` of Banking77 (Casanueva et al. 2020, CC BY 4.0), columns text
and category. The model is `offline/icl`, which learns in context from the demos in the prompt and
from nothing else. Train, validation and test are disjoint draws; the test part is scored once a
program and never seen by an optimizer. Accuracy comes with its 95% interval (Wilson), the gain
over zero-shot with a paired one.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import burnish
from burnish.evaluate import paired

RECORD = Path(__file__).parents[2] / "records" / "banking77.md"


def read(path: Path) -> list[burnish.Example]:
    """The rows of a file as examples."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            burnish.Example(text=row["text"].strip(), intent=row["category"]).with_inputs("text")
            for row in csv.DictReader(file)
        ]


def metric(example: burnish.Example, prediction: Any, trace: Any = None) -> bool:
    """Whether the intent is right."""
    return bool(example.intent == prediction.intent)


def program(intents: tuple[str, ...]) -> burnish.Predict:
    """One predictor: text to intent."""
    signature = burnish.Signature(
        "text -> intent: Intent",
        "Classify a bank customer's question by its intent.",
        custom_types={"Intent": Literal[intents]},
    )
    return burnish.Predict(signature)


def optimizers(given: argparse.Namespace) -> dict[str, burnish.Optimizer | None]:
    """What is compared; None is the program as it is."""
    demos = {"max_bootstrapped_demos": given.demos, "max_labeled_demos": given.demos}
    return {
        "zero-shot": None,
        f"labelled, {given.demos} demos": burnish.LabeledFewShot(k=given.demos, seed=given.seed),
        f"bootstrapped, {given.demos} demos": burnish.BootstrapFewShot(metric, **demos, seed=given.seed),
        f"random search, {given.candidates}+3 candidates": burnish.BootstrapRS(
            metric, **demos, num_candidate_programs=given.candidates, seed=given.seed
        ),
    }


def main() -> None:
    """Run, print and, where asked, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv and test.csv")
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--val", type=int, default=500)
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--demos", type=int, default=256)
    parser.add_argument("--candidates", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} too")
    given = parser.parse_args()
    draw = random.Random(given.seed)
    rows = read(given.data / "train.csv")
    draw.shuffle(rows)
    train, val = rows[: given.train], rows[given.train : given.train + given.val]
    test = draw.sample(read(given.data / "test.csv"), given.test)
    intents = tuple(sorted({row.intent for row in rows}))
    student = program(intents)
    lines = [
        "# Banking77",
        "",
        f"`{' '.join(['python', 'benches/python/quality/banking77.py', *sys.argv[1:]])}`, {datetime.now(UTC):%Y-%m-%d}.",
        f"Model offline/icl; {len(intents)} intents; {len(train)} train, {len(val)} validation, {len(test)} test, seed {given.seed}.",
        "",
        "| program | test accuracy, 95% interval (n/N) | gain over zero-shot, paired | LM calls to compile | seconds to compile |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    baseline = None
    with burnish.context(lm=burnish.LM("offline/icl")):
        evaluate = burnish.Evaluate(devset=test, metric=metric)
        for name, optimizer in optimizers(given).items():
            began = time.perf_counter()
            tuned, calls = student, 0
            if optimizer is not None:
                held_out = {"valset": val} if isinstance(optimizer, burnish.BootstrapRS) else {}
                tuned = optimizer.compile(student, trainset=train, **held_out)
                calls = tuned.report.total.calls
            seconds = time.perf_counter() - began
            result = evaluate(tuned)
            baseline = baseline or result
            gain = "" if result is baseline else str(paired(result, baseline))
            lines.append(f"| {name} | {result.standing} | {gain} | {calls} | {seconds:.1f} |")
            print(lines[-1], flush=True)
    if given.record:
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
