"""Turns runs into tables: any run's directory, and whole spaces scored with `offline/icl` for the tables kept here.

    .venv/bin/python -m benches.python.search.record --run RUN_DIR --to table.npz   # what a compile scored, as a table
    .venv/bin/python -m benches.python.search.record --data DIR                     # the tables kept here, made again

DIR holds Banking77's train.csv and test.csv (Casanueva et al. 2020, CC BY 4.0). The kept tables hold only whether an
answer was right: no text of any data set is in them.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
from benches.python.search.tables import RECORDED, Recorded

import burnish
from burnish.datasets import support_tickets
from burnish.values.space import Slot, Space

_PICKS = re.compile(r"\d+(\.\d+)*")
_PROPOSE = "examples, basic_instruction -> proposed_instruction"


def table(run_dir: str | Path, *, name: str, n_val: int) -> Recorded:
    """What a run scored, as a table; examples that some candidate was not measured on are left out.

    Candidates named by their picks ("2.0.3") make a space of as many slots, which must be whole; others make one slot.
    """
    with sqlite3.connect(f"file:{Path(run_dir) / 'journal.sqlite'}?mode=ro", uri=True) as journal:
        events = (json.loads(event) for (event,) in journal.execute("SELECT event FROM events ORDER BY number"))
        rows = [e for e in events if e["kind"] == "rollout_done" and e["stage"] == "score"]
    names = list(dict.fromkeys(row["candidate"] for row in rows))
    if all(_PICKS.fullmatch(name) for name in names):
        picks = np.array([[int(pick) for pick in name.split(".")] for name in names])
    else:
        picks = np.arange(len(names))[:, None]
    sizes = tuple((picks.max(0) + 1).tolist())
    place = dict(zip(names, np.ravel_multi_index(tuple(picks.T), sizes).tolist(), strict=True))
    if len(set(place.values())) != np.prod(sizes):
        raise SystemExit(f"{run_dir} scored {len(names)} of {np.prod(sizes)} candidates: a table needs them all.")
    examples = {example: i for i, example in enumerate(sorted({row["example"] for row in rows}))}
    scores = np.full((len(names), len(examples)), np.nan)
    for row in rows:
        if row["status"] != "not_measured":
            scores[place[row["candidate"]], examples[row["example"]]] = row["score"]
    return Recorded(name, sizes, scores[:, ~np.isnan(scores).any(0)], n_val)


class Everything(burnish.Optimizer):
    """Scores a whole space: instructions that the model wrote, times sets of labelled demos, for each predictor."""

    def __init__(self, *, instructions: int, demo_sets: int, demos: int, **common: Any) -> None:
        super().__init__(**common)
        self.instructions, self.demo_sets, self.demos = instructions, demo_sets, demos

    async def search(self, session):
        """Score every candidate; the best by its mean."""
        draw = random.Random(self.seed)
        slots = []
        for name, predictor in session.student.named_predictors():
            signature = predictor.signature
            fields = [*signature.input_fields, *signature.output_fields]

            def shown(count: int, fields=fields) -> list[burnish.Example]:
                rows = draw.sample(session.trainset, count)
                return [burnish.Example(**{field: row[field] for field in fields}) for row in rows]

            written = [signature.instructions]
            propose = burnish.Predict(_PROPOSE)
            for number in range(1, self.instructions):
                # Some are written from few rows, so that proposals differ in worth as a model's do.
                rows = shown(draw.choice([10, 30, 60, 120]))
                text = "\n\n".join("\n".join(f"{field}: {row[field]}" for field in fields) for row in rows)
                reply = await propose.acall(
                    examples=text, basic_instruction=written[0], config={"temperature": 1.0, "rollout_id": number}
                )
                written.append(reply.proposed_instruction)
            sets = [(), *(tuple(shown(draw.randint(self.demos // 4, self.demos))) for _ in range(1, self.demo_sets))]
            slots += [Slot(name, "instructions", written), Slot(name, "demos", sets)]
        space = Space(slots)
        picks = space.all_picks()
        for first in range(0, len(picks), 16):
            some = [space.candidate(pick, name=".".join(map(str, pick))) for pick in picks[first : first + 16]]
            await session.score(some)
        return session.leader()


class CoarseToFine(burnish.Module):
    """Two predictors: the group of the question, then its intent."""

    def __init__(self, groups: tuple[str, ...], intents: tuple[str, ...]) -> None:
        types = {"Group": Literal[groups], "Intent": Literal[intents]}
        coarse = burnish.Signature("text -> group: Group", "Say what the question is about.", custom_types=types)
        self.coarse = burnish.Predict(coarse)
        fine = burnish.Signature("text, group -> intent: Intent", "Classify the question.", custom_types=types)
        self.fine = burnish.Predict(fine)

    async def aforward(self, text: str) -> Any:
        """The question's intent."""
        group = (await self.coarse.acall(text=text)).group
        return await self.fine.acall(text=text, group=group)


def right(example: burnish.Example, prediction: Any, trace: Any = None) -> bool:
    """Whether the intent is right."""
    return bool(example.intent == prediction.intent)


def banking77(path: Path) -> list[burnish.Example]:
    """The rows of a file, each with a group: the first word of its intent where four intents share it."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["text"].strip(), row["category"]) for row in csv.DictReader(file)]
    words = Counter(intent.split("_")[0] for intent in {intent for _, intent in rows})

    def group(intent: str) -> str:
        word = intent.split("_", maxsplit=1)[0]
        return word if words[word] >= 4 else "other"

    return [burnish.Example(text=t, group=group(i), intent=i).with_inputs("text") for t, i in rows]


def keep(name: str, program, train, examples, n_val: int, **space: int) -> None:
    """Score a space and keep its table."""
    with tempfile.TemporaryDirectory() as run_dir, burnish.context(lm=burnish.LM("offline/icl")):
        recipe = Everything(metric=right, run_dir=run_dir, progress=False, **space)
        recipe.compile(program, trainset=train, valset=examples)
        found = table(run_dir, name=name, n_val=n_val)
    RECORDED.mkdir(exist_ok=True)
    found.save(RECORDED / f"{name.replace(' ', '_')}.npz")
    means = found.scores.mean(1)
    print(
        f"{name}: {found.sizes}, {found.scores.shape}, mean {means.mean():.3f} ± {means.std():.3f}, best {means.max():.3f}"
    )


def record_all(data: Path) -> None:
    draw = random.Random(0)
    tickets = [support_tickets.load(split) for split in ("train", "val", "test")]
    triage = support_tickets.Triage()
    keep("tickets 6x6", triage, tickets[0], [*tickets[1], *tickets[2]], 100, instructions=6, demo_sets=6, demos=16)
    train, test = banking77(data / "train.csv"), banking77(data / "test.csv")
    some, groups = draw.sample(test, 300), tuple(sorted({row.group for row in train}))
    intents = tuple(sorted({row.intent for row in train}))
    types = {"Intent": Literal[intents]}
    one = burnish.Predict(burnish.Signature("text -> intent: Intent", "Classify the question.", custom_types=types))
    keep("banking77 12x12", one, train, some, 100, instructions=12, demo_sets=12, demos=64)
    two = CoarseToFine(groups, intents)
    keep("banking77 two 4x4x4x4", two, train, some[:250], 100, instructions=4, demo_sets=4, demos=64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a run's directory")
    parser.add_argument("--to", type=Path, help="where its table goes")
    parser.add_argument("--val", type=int, default=100, help="examples of it that a strategy may pay for")
    parser.add_argument("--data", type=Path, help="folder with Banking77's train.csv and test.csv")
    given = parser.parse_args()
    if given.run is not None and given.to is not None:
        table(given.run, name=given.to.stem, n_val=given.val).save(given.to)
    if given.data is not None:
        record_all(given.data)


if __name__ == "__main__":
    main()
