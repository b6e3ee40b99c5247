"""What `offline/icl` makes of demos and descriptions, before any optimizer.

    .venv/bin/python benches/python/quality/offline_icl.py [--data DIR] [--test 1000] [--draws 3] [--record]

Test accuracy by what the prompt shows: nothing but the label names, random demos, the model's own
right answers as demos, the demos nearest to each question, and an instruction that the model wrote
from training rows. Tasks: the support tickets of the package and, with --data, Banking77 (a folder
with its `train.csv` and `test.csv`; Casanueva et al. 2020, CC BY 4.0). Means over draws of the
demos, with their standard deviation.

What the numbers do not say: how a hosted model would do. They say that the offline model gets
better where a prompt gets better, which is all that it is for.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from burnish.adapters.chat import ChatAdapter
from burnish.datasets import support_tickets
from burnish.lm.backends.base import Endpoint
from burnish.lm.backends.offline import create
from burnish.lm.request import Request
from burnish.values.signature import Signature

Rows = list[dict[str, str]]
Question = tuple[str, Sequence[dict[str, str]]]

RECORD = Path(__file__).parents[2] / "records" / "offline_icl.md"
ADAPTER = ChatAdapter()
PLAIN = "Answer with the label that fits the text."
PROPOSE = Signature("examples, basic_instruction -> proposed_instruction")
# A prompt with demos of its own for each question is a fit each, so fewer questions are asked that way.
NEAREST, NEAREST_QUESTIONS = 8, 300


class Task:
    """Training and test rows of one task, and a model that answers them."""

    def __init__(self, train: Rows, test: Rows) -> None:
        self.train, self.test = train, test
        labels = tuple(sorted({row["label"] for row in [*train, *test]}))
        self.signature = Signature("text -> label: Label", PLAIN, custom_types={"Label": Literal[labels]})
        self.model, self.loop = create(Endpoint("offline/icl")), asyncio.new_event_loop()
        self.calls, self.seconds = 0, 0.0

    def answers(self, questions: Sequence[Question], instructions: str) -> list[str]:
        """The label for each text, given with its demos; equal demos are compiled once."""
        prompts: dict[int, Any] = {}
        found = []
        for text, demos in questions:
            prompt = prompts.get(id(demos))
            if prompt is None:
                prompt = prompts[id(demos)] = ADAPTER.compile(self.signature, instructions=instructions, demos=demos)
            reply = self._complete(ADAPTER.render(self.signature, {"text": text}), prompt)
            found.append(ADAPTER.parse(self.signature, reply)["label"])
        return found

    def accuracy(self, demos: Rows, instructions: str = PLAIN) -> float:
        """The share of test rows that come out right."""
        answers = self.answers([(row["text"], demos) for row in self.test], instructions)
        return _share(answers, self.test)

    def nearest(self) -> float:
        """The same with the demos nearest to each text, by TF-IDF."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
        known, asked = vectorizer.fit_transform(row["text"] for row in self.train), self.test[:NEAREST_QUESTIONS]
        order = (vectorizer.transform(row["text"] for row in asked) @ known.T).toarray().argsort(axis=1)
        chosen = [[self.train[place] for place in places[-NEAREST:]] for places in order]
        return _share(self.answers([(r["text"], c) for r, c in zip(asked, chosen, strict=True)], PLAIN), asked)

    def written(self, rows: Rows) -> str:
        """An instruction that the model writes from some rows."""
        examples = "\n\n".join(f"text: {row['text']}\nlabel: {row['label']}" for row in rows)
        prompt = ADAPTER.compile(PROPOSE, instructions="Propose an instruction.", demos=[])
        given = {"examples": examples, "basic_instruction": PLAIN}
        return str(
            ADAPTER.parse(PROPOSE, self._complete(ADAPTER.render(PROPOSE, given), prompt))["proposed_instruction"]
        )

    def right(self) -> Rows:
        """The training rows that the model answers right without demos."""
        answers = self.answers([(row["text"], ()) for row in self.train], PLAIN)
        return [row for row, answer in zip(self.train, answers, strict=True) if row["label"] == answer]

    def _complete(self, messages: list[Any], prompt: Any) -> str:
        request = Request.build("offline/icl", messages, prefix=prompt.prefix, params={})
        began = time.process_time()
        reply = self.loop.run_until_complete(self.model.complete(request)).texts[0]
        self.seconds += time.process_time() - began
        self.calls += 1
        return reply


def _share(answers: Sequence[str], rows: Rows) -> float:
    return sum(answer == row["label"] for answer, row in zip(answers, rows, strict=True)) / len(rows)


def measure(task: Task, draws: int) -> Iterator[tuple[str, list[float]]]:
    """What is shown, and the accuracy in each draw."""
    yield "label names only", [task.accuracy([])]
    right, largest = task.right(), len(task.train)
    cases: list[tuple[str, Callable[[random.Random], float]]] = [
        *(
            (f"{count} random demos", lambda draw, count=count: task.accuracy(draw.sample(task.train, count)))
            for count in (16, 48, 128, 256)
            if count <= largest
        ),
        ("16 of its own right answers", lambda draw: task.accuracy(draw.sample(right, 16))),
        *(
            (
                f"instruction written from {count} rows",
                lambda draw, count=count: task.accuracy([], task.written(draw.sample(task.train, count))),
            )
            for count in (100, 250)
            if count <= largest
        ),
        (
            "instruction from 100 rows and 16 demos",
            lambda draw: task.accuracy(draw.sample(task.train, 16), task.written(draw.sample(task.train, 100))),
        ),
    ]
    for name, case in cases:
        yield name, [case(random.Random(seed)) for seed in range(draws)]
    yield f"the {NEAREST} nearest demos, {min(NEAREST_QUESTIONS, len(task.test))} questions", [task.nearest()]


def tasks(given: argparse.Namespace) -> Iterator[tuple[str, Task]]:
    """The tasks by name."""
    splits = [
        [{"text": row.ticket, "label": row.intent} for row in support_tickets.load(split)]
        for split in ("train", "val", "test")
    ]
    yield "Support tickets, 12 intents", Task(splits[0], [*splits[1], *splits[2]])
    if given.data is not None:
        train, test = (_banking77(given.data / name) for name in ("train.csv", "test.csv"))
        chosen = random.Random(0).sample(test, min(given.test, len(test)))
        yield "Banking77, 77 intents", Task(train, chosen)


def _banking77(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return [{"text": row["text"].strip(), "label": row["category"]} for row in csv.DictReader(file)]


def main() -> None:
    """Run, print and, where asked, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with Banking77's train.csv and test.csv")
    parser.add_argument("--test", type=int, default=1000, help="how many of Banking77's test rows")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} too")
    given = parser.parse_args()
    data = [] if given.data is None else [f"--data {given.data.name}"]
    shown = [*data, f"--test {given.test} --draws {given.draws}"]
    lines = [
        "# offline/icl",
        "",
        f"`python benches/python/quality/offline_icl.py {' '.join(shown)}`, {datetime.now(UTC):%Y-%m-%d}.",
    ]
    print("\n".join(lines), flush=True)
    for title, task in tasks(given):
        head = [
            "",
            f"## {title}; {len(task.test)} test rows",
            "",
            "| the prompt shows | accuracy | draws |",
            "|---|---|---|",
        ]
        print("\n".join(head), flush=True)
        lines += head
        for name, found in measure(task, given.draws):
            spread = f" ± {statistics.stdev(found):.3f}" if len(found) > 1 else ""
            lines.append(f"| {name} | {statistics.mean(found):.3f}{spread} | {len(found)} |")
            print(lines[-1], flush=True)
        cost = f"{task.calls} calls, {1e3 * task.seconds / task.calls:.2f} ms of CPU each, fits included."
        lines += ["", cost]
        print(f"\n{cost}", flush=True)
    if given.record:
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
