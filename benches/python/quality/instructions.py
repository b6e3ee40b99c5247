"""Test accuracy on Banking77 of instruction search: COPRO and MIPROv2 on either schedule, with and without demos, beside DSPy's MIPROv2.

    .venv/bin/python -m benches.python.quality.instructions --data DIR [--record]

DIR holds `train.csv` and `test.csv` of Banking77 (Casanueva et al. 2020, CC BY 4.0). The model is `offline/icl` for both; DSPy asks it
through a thin `BaseLM`. Two programs: text to intent, and text to group, then to intent. All see the same splits and have the
same settings; means over seeds with 95% intervals (Student's t over the seeds, which draw all three parts anew), and the gain over the
program as it is, paired by seed. What the figures do not say: `offline/icl` learns from rows and words in a prompt and follows no
instruction beyond them, so this shows that a search works, and nothing about a hosted model.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import random
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from benches.python.search.record import CoarseToFine, banking77, right

import burnish

RECORD = Path(__file__).parents[2] / "records" / "instructions.md"
THREADS = 2
Row = tuple[float, int, float]


def programs(rows: list[Any]) -> dict[str, Any]:
    """The two programs, in Burnish."""
    intents, groups = (tuple(sorted({row[name] for row in rows})) for name in ("intent", "group"))
    lone = burnish.Signature(
        "text -> intent: Intent", "Classify the question.", custom_types={"Intent": Literal[intents]}
    )
    return {"one predictor": burnish.Predict(lone), "group, then intent": CoarseToFine(groups, intents)}


def ours(seed: int, demos: int) -> dict[str, burnish.Optimizer | None]:
    """What is compared; None is the program as it is."""
    shown = {"max_bootstrapped_demos": demos, "max_labeled_demos": demos}
    bare = dict.fromkeys(shown, 0)
    common: dict[str, Any] = {"seed": seed, "num_threads": THREADS, "progress": False}
    return {
        "zero-shot": None,
        "random search, 6+3 candidates": burnish.BootstrapRS(right, **shown, num_candidate_programs=6, **common),
        "COPRO, breadth 5, depth 2": burnish.COPRO(metric=right, breadth=5, depth=2, **common),
        "MIPROv2 light, instructions only, original schedule (TPE)": burnish.MIPROv2(
            right, **bare, searcher="tpe", **common
        ),
        "MIPROv2 light, instructions only, ours": burnish.MIPROv2(right, **bare, **common),
        "MIPROv2 light, original schedule (TPE)": burnish.MIPROv2(right, **shown, searcher="tpe", **common),
        "MIPROv2 light, ours": burnish.MIPROv2(right, **shown, **common),
    }


def run_ours(program: Any, optimizer: Any, train: list[Any], val: list[Any], test: list[Any]) -> Row:
    """Accuracy on the test part, LM calls and seconds of the compile."""
    began = time.perf_counter()
    tuned, calls = program, 0
    if optimizer is not None:
        held_out = {} if isinstance(optimizer, burnish.COPRO) else {"valset": val}
        tuned = optimizer.compile(program, trainset=train, **held_out)
        calls = tuned.report.total.calls
    seconds = time.perf_counter() - began
    return burnish.Evaluate(devset=test, metric=right, num_threads=THREADS)(tuned).score, calls, seconds


def dspy_runner() -> Callable[[str, list[Any], list[Any], list[Any], list[Any], int, int], Row] | None:
    """Runs DSPy's MIPROv2 over the same model; None where DSPy is not installed."""
    if importlib.util.find_spec("dspy") is None:
        return None
    import dspy

    model = burnish.LM("offline/icl")

    class Offline(dspy.BaseLM):  # type: ignore[misc]
        asked = 0

        def __call__(self, prompt: Any = None, messages: Any = None, **given: Any) -> list[str]:
            Offline.asked += 1
            known = {name: given[name] for name in ("temperature", "n", "rollout_id") if given.get(name) is not None}
            return model(prompt) if messages is None else model(messages=messages, **known)

    class Chained(dspy.Module):  # type: ignore[misc]
        def __init__(self, groups: tuple[str, ...], intents: tuple[str, ...]) -> None:
            super().__init__()
            self.coarse, self.fine = lone(groups, "text -> group"), lone(intents, "text, group -> intent")

        def forward(self, text: str) -> Any:
            return self.fine(text=text, group=self.coarse(text=text).group)

    def lone(choices: tuple[str, ...], text: str) -> Any:
        name = text.rpartition(" ")[2]
        said = "Say what the question is about." if name == "group" else "Classify the question."
        return dspy.Predict(dspy.Signature(text, said).with_updated_fields(name, type_=Literal[choices]))

    def as_theirs(rows: list[Any]) -> list[Any]:
        return [dspy.Example(**row.toDict()).with_inputs("text") for row in rows]

    def run(
        kind: str, every: list[Any], train: list[Any], val: list[Any], test: list[Any], seed: int, demos: int
    ) -> Row:
        intents, groups = (tuple(sorted({row[name] for row in every})) for name in ("intent", "group"))
        program = lone(intents, "text -> intent") if kind == "one predictor" else Chained(groups, intents)
        Offline.asked, began = 0, time.perf_counter()
        with dspy.context(lm=Offline("offline/icl", cache=False)):
            tuner = dspy.MIPROv2(
                metric=right,
                auto="light",
                seed=seed,
                num_threads=THREADS,
                max_bootstrapped_demos=demos,
                max_labeled_demos=demos,
            )
            tuned = tuner.compile(program, trainset=as_theirs(train), valset=as_theirs(val))
            calls, seconds = Offline.asked, time.perf_counter() - began
            judge = dspy.Evaluate(devset=as_theirs(test), metric=right, num_threads=THREADS, display_progress=False)
            return float(judge(tuned).score), calls, seconds

    return run


def rows_of(given: argparse.Namespace) -> Iterator[tuple[str, str, list[Row]]]:
    """For each program and way its results, one a seed."""
    every, held = banking77(given.data / "train.csv"), banking77(given.data / "test.csv")
    theirs = dspy_runner()
    for kind in programs(every):
        found: dict[str, list[Row]] = {}
        for seed in range(given.seeds):
            draw = random.Random(seed)
            train = draw.sample(every, given.train + given.val)
            test = draw.sample(held, given.test)
            train, val = train[: given.train], train[given.train :]
            for name, optimizer in ours(seed, given.demos).items():
                found.setdefault(name, []).append(run_ours(programs(every)[kind], optimizer, train, val, test))
            for demos in (0, given.demos) if theirs is not None else ():
                only = "" if demos else ", instructions only"
                name = f"DSPy {importlib.metadata.version('dspy')}'s MIPROv2 light{only}"
                found.setdefault(name, []).append(theirs(kind, every, train, val, test, seed, demos))
        yield from ((kind, name, results) for name, results in found.items())


def interval(values: Sequence[float], *, sign: str = "") -> str:
    """The mean with its 95% interval by Student's t; the mean alone of one value or of equal ones."""
    from scipy import stats

    mean = statistics.mean(values)
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    if not error:
        return f"{mean:{sign}.1f}"
    low, high = stats.t.interval(0.95, len(values) - 1, mean, error)
    return f"{mean:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"


def main() -> None:
    """Run, print and, where asked, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv and test.csv")
    for name, number in {"train": 300, "val": 100, "test": 500, "seeds": 5, "demos": 4}.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} too")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    told = " ".join(["python -m benches.python.quality.instructions", *sys.argv[1:]])
    lines = [
        "# Instructions",
        "",
        f"`{told}`, {datetime.now(UTC):%Y-%m-%d}. Model offline/icl; {given.train} train, {given.val} validation, {given.test} test rows,",
        f"drawn anew for each of {given.seeds} seeds; at most {given.demos} demos. Means over the seeds with 95% intervals by",
        "Student's t; the gain is over zero-shot, paired by seed.",
        "",
        "| program | optimizer | test accuracy | gain | LM calls to compile | seconds to compile |",
        "|---|---|---|---|---|---|",
    ]
    with burnish.context(lm=burnish.LM("offline/icl")):
        plain: dict[str, Sequence[float]] = {}
        for kind, name, results in rows_of(given):
            scores, calls, seconds = zip(*results, strict=True)
            before = plain.setdefault(kind, scores)
            gain = "" if scores is before else interval([a - b for a, b in zip(scores, before, strict=True)], sign="+")
            spent = f"{statistics.mean(calls):.0f} | {statistics.mean(seconds):.1f}"
            lines.append(f"| {kind} | {name} | {interval(scores)} | {gain} | {spent} |")
    print("\n".join(lines), flush=True)
    if given.record:
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
