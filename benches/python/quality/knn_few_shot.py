"""Test accuracy on Banking77 (77 intents) of random demos and of those nearest to each question.

    .venv/bin/python benches/python/quality/knn_few_shot.py --data DIR [--record]

DIR holds `train.csv` and `test.csv` of Banking77 (Casanueva et al. 2020, CC BY 4.0). The model is
`offline/icl`, which learns in context from the demos in the prompt, the embedder `offline/hashing`. Each
number of demos is compared at the same number: random (LabeledFewShot), the nearest as labelled, and the
nearest with the teacher's passing runs (KNNFewShot). Accuracy comes with its 95% interval (Wilson), the gain
over random demos with a paired one.

What the numbers do not say: how a hosted model would do. With one predictor and one label, a run that
passed shows what the label shows, so bootstrapping changes nothing here; it is measured for its cost.
The model takes demos in any order alike.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from banking77 import metric, program, read

import burnish
from burnish.evaluate import EvaluationResult, paired

RECORD = Path(__file__).parents[2] / "records" / "knn_few_shot.md"
HEAD = [
    "| program | test accuracy, 95% interval (n/N) | gain over random demos, paired | LM calls to compile | a test call |",
    "|---|---|---|---|---|",
]


def optimizers(k: int, train: list[Any], seed: int) -> dict[str, burnish.Optimizer]:
    """What is compared at one number of demos; the first is what the others are compared with."""
    nearest: dict[str, Any] = {"max_labeled_demos": k, "seed": seed}
    return {
        f"{k} random demos": burnish.LabeledFewShot(k=k, seed=seed),
        f"{k} nearest, labelled": burnish.KNNFewShot(k, metric=metric, max_bootstrapped_demos=0, **nearest),
        f"{k} nearest, bootstrapped": burnish.KNNFewShot(k, metric=metric, max_bootstrapped_demos=k, **nearest),
    }


def rows(given: argparse.Namespace, student: Any, train: list[Any], test: list[Any]) -> Iterator[str]:
    """The lines of the table, each once it is measured."""
    evaluate = burnish.Evaluate(devset=test, metric=metric)

    def line(name: str, result: EvaluationResult, gain: str, calls: int) -> str:
        return f"| {name} | {result.standing} | {gain} | {calls} | {result.usage.calls / len(test):g} |"

    yield line("zero-shot", evaluate(student), "", 0)
    for k in given.demos:
        baseline = None
        for name, optimizer in optimizers(k, train, given.seed).items():
            tuned = optimizer.compile(student, trainset=train)
            result = evaluate(tuned)
            gain = "" if baseline is None else str(paired(result, baseline))
            baseline = baseline or result
            yield line(name, result, gain, tuned.report.total.calls)


def main() -> None:
    """Run, print and, where asked, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv and test.csv")
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--test", type=int, default=500)
    parser.add_argument("--demos", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} too")
    given = parser.parse_args()
    draw = random.Random(given.seed)
    known = read(given.data / "train.csv")
    draw.shuffle(known)
    train, test = known[: given.train], draw.sample(read(given.data / "test.csv"), given.test)
    intents = tuple(sorted({row.intent for row in known}))
    demos = " ".join(map(str, given.demos))
    shown = f"--data {given.data.name} --train {given.train} --test {given.test} --demos {demos} --seed {given.seed}"
    lines = [
        "# KNNFewShot on Banking77",
        "",
        f"`python benches/python/quality/knn_few_shot.py {shown}`, {datetime.now(UTC):%Y-%m-%d}.",
        f"Model offline/icl, embedder offline/hashing; {len(intents)} intents; {len(train)} train, {len(test)} test.",
        "",
        *HEAD,
    ]
    print("\n".join(lines), flush=True)
    with burnish.context(lm=burnish.LM("offline/icl")):
        for row in rows(given, program(intents), train, test):
            print(row, flush=True)
            lines.append(row)
    if given.record:
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
