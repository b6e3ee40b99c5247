"""How often the interval of a compile's gain holds the true gain, over whole compiles with an embedded model.

    .venv/bin/python -m benches.python.search.coverage [--replays 500] [--only TEXT ...] [--record]

The model answers rightly with a chance that is known: each wording, each set of demos and each example has a planted worth, and each wording
and set of demos is besides better on some examples and worse on others by chance alone, which is what a search may mistake for worth. A new
wording has half of that from the one that it was made from. So every candidate's true score over all examples is a formula, and the
compile, from proposals to report, is the real one.

What the numbers do not say: how often the interval holds on your data, if your examples are not drawn from what you will meet, or if the
candidates are built from the answers to the very examples that choose.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

import burnish
from burnish import COPRO, BootstrapRS, MIPROv2
from burnish.lm.request import Output, Request, Response
from burnish.modules.binding import current_binding
from burnish.stages.score import difference
from burnish.values.report import Difference
from burnish.values.rollout import Step
from burnish.values.space import Choice
from burnish.values.usage import Usage

RECORD = Path(__file__).parents[2] / "records" / "coverage.md"
TITLES = (
    *(
        "optimizer",
        "candidates",
        "examples",
        "on fresh ones",
        "holds",
        "holds where another won",
        "width",
        "false",
        "true",
    ),
    *("t: holds", "t: holds where another won", "t: width", "t: false", "t: true", "too high by"),
)
NOTES = """
- **on fresh ones**: the share of compiles whose gain is told on examples that chose nothing; all others are corrected for the choice.
- **holds**: the interval holds the true gain. A winner that is the program as given gains exactly nothing, so the next column leaves those out. **width** in
  points, without them too.
- **false**: "significant" where the true gain is 0 or less; **true**: where it is above 0. Empty where fewer than 20 compiles are such.
- **t: …**: the same by Student's t on all examples that measured both, which knows of no choice.
- **too high by**: how many points the measured gain is above the true one, on average.
- *all alike*: every candidate as good as the program as given; *middling spread*: others better or worse by some 8 to 13 points (standard deviation);
  *poor as given*: the program nearly always wrong, others mostly right. Nobody's luck is shared but a new wording's with the one that it was made from.
- 25 examples are fewer than a race's second look, so the race changes nothing there.
"""
NORMAL = NormalDist()
SHARED = 0.5  # of a wording's luck, what it has from the one that it was made from
DIFFICULTY = 1.5  # standard deviation of the examples' difficulty; that of luck is 1
WORTH = "What is this worth?"
WORDING = re.compile(r"wording ([\d.]+)")
ASKED = re.compile(r"`(\w+)`")


@dataclass(frozen=True)
class Situation:
    """What candidates are worth, in standard deviations of luck: the program as given `level`, others by chance around it or above it."""

    name: str
    examples: int
    spread: float
    level: float = 0.9
    above: float = 0.0


SITUATIONS = [
    Situation("all alike", 25, 0.0),
    Situation("all alike", 100, 0.0),
    Situation("middling spread", 25, 0.7),
    Situation("middling spread", 100, 0.7),
    Situation("poor as given", 25, 0.7, level=-5.0, above=8.0),
]


def optimizers() -> dict[str, Callable[[int], Any]]:
    """The optimizers by name, each from a seed."""

    def right(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool(prediction.answer == "1")

    common: dict[str, Any] = {"metric": right, "progress": False, "num_threads": 64}
    demos = {"max_bootstrapped_demos": 1, "max_labeled_demos": 2}
    sets = {**demos, "num_candidate_programs": 6}
    return {
        "BootstrapRS, race": lambda seed: BootstrapRS(**common, **sets, seed=seed),
        "BootstrapRS, no race": lambda seed: BootstrapRS(**common, **sets, seed=seed, race=False),
        "COPRO, depth 2": lambda seed: COPRO(**common, breadth=6, depth=2, seed=seed),
        "MIPROv2": lambda seed: MIPROv2(**common, **demos, seed=seed),
        "MIPROv2, original schedule": lambda seed: MIPROv2(**common, **demos, seed=seed, searcher="tpe"),
    }


@dataclass
class Planted:
    """What is planted in one replay; and the backend of the model that writes wordings."""

    situation: Situation
    replay: int
    written: int = 0
    capabilities: Any = None
    known: dict[str, float] = field(default_factory=dict)

    async def complete(self, request: Request) -> Response:
        """New instructions, made from the present ones; and some words to whatever else is asked."""
        asked = str(request.messages[-1].get("content"))
        said = dict.fromkeys(ASKED.findall(asked.rpartition("\n")[2]), "It is about questions.")
        if "instructions" in said:
            self.written += 1
            base = WORDING.search(asked.partition("current_instructions")[2].partition("[[ ##")[0])
            said["instructions"] = f"Answer by wording {base.group(1) if base else 0}.{self.written}"
        sections = [f"[[ ## {name} ## ]]\n{value}" for name, value in said.items()]
        text = "\n\n".join([*sections, "[[ ## completed ## ]]"])
        return Response((Output(text, "stop"),), Usage(1, 1, 1), request.model)

    def answer(self, instructions: str, demos: Sequence[Any], question: str) -> str:
        """Whether the candidate is right, as 1 or 0; or its true score."""
        found = WORDING.search(instructions)
        wording = found.group(1) if found else "0"
        shown = " ".join(str(demo["question"]) for demo in demos)
        worth = self.situation.level + self.situation.spread * self._luck(wording, WORTH)
        if shown:
            worth += self.situation.spread * self._luck(shown, WORTH)
        worth += self.situation.above * (wording != "0" or shown != "")
        if question == WORTH:
            return str(NORMAL.cdf(worth / math.sqrt(3 + DIFFICULTY**2)))
        luck = (
            self._luck(wording, question) + self._luck(shown, question) + self.normal("one", wording, shown, question)
        )
        return str(int(worth + luck > DIFFICULTY * self.normal("difficulty", question)))

    def _luck(self, choice: str, what: str) -> float:
        """A standard normal of a choice's own, half of it from the one it was made from; nothing is worth what was given."""
        base, _, _ = choice.rpartition(".")
        if what == WORTH and choice == "0":
            return 0.0
        mine = self.normal(choice, what)
        return math.sqrt(SHARED) * self._luck(base, what) + math.sqrt(1 - SHARED) * mine if base else mine

    def normal(self, *key: str) -> float:
        """A standard normal that depends on the key and the replay alone."""
        text = "\0".join(key)
        value = self.known.get(text)
        if value is None:
            number = int.from_bytes(blake2b(f"{self.replay}\0{text}".encode(), digest_size=7).digest(), "big")
            value = self.known[text] = NORMAL.inv_cdf((number + 0.5) / 2**56)
        return value


def program(planted: Planted) -> burnish.Predict:
    """A predictor that takes its instructions and demos as any other, and answers without a model: a whole prompt costs ten times as much."""

    class Guess(burnish.Predict):
        async def aforward(self, **inputs: Any) -> burnish.Prediction:
            binding = current_binding()
            choice = Choice() if binding is None else binding.choices.get(binding.names[id(self)], Choice())
            told = self.signature.instructions if choice.instructions is None else choice.instructions
            demos = self.demos if choice.demos is None else choice.demos
            prediction = burnish.Prediction(answer=planted.answer(told, demos, inputs["question"]))
            if binding is not None:
                binding.note(next(binding.numbers), Step(self, inputs, prediction), (), {})
            return prediction

    return Guess(burnish.Signature("question -> answer", "Answer."))


def replay(make: Callable[[int], Any], situation: Situation, number: int) -> tuple[float, Difference, Difference]:
    """One compile: the winner's true gain, and what the report says of it with and without the correction."""
    planted = Planted(situation, number)
    model = burnish.LM("planted/model", backend=planted, cache=False, num_retries=0)
    optimizer, sessions = make(number), []
    search = optimizer.search

    async def watched(session: Any, **options: Any) -> Any:
        sessions.append(session)
        return await search(session, **options)

    optimizer.search = watched
    rows = [
        burnish.Example(question=f"Row {n}", answer="1").with_inputs("question") for n in range(situation.examples + 10)
    ]
    data: dict[str, Any] = {"trainset": rows[:10], "valset": rows[10:]}
    if isinstance(optimizer, COPRO):
        data = {"trainset": rows[10:]}
    student = program(planted)
    with burnish.context(lm=model):
        tuned = optimizer.compile(student, **data)
        worths = [float(one(question=WORTH).answer) for one in (tuned, student)]
    (session,) = sessions
    winner = [candidate.name for candidate in session.candidates].index(tuned.report.winner)
    return worths[0] - worths[1], tuned.report.gain, difference(session.board, winner, 0)


@dataclass(frozen=True)
class Told:
    """What the reports of a situation said: a row a replay."""

    truth: np.ndarray
    corrected: list[Difference]
    plain: list[Difference]

    def row(self) -> list[str]:
        """The figures of the table."""
        changed = np.array([gain.mean != 0 or gain.low != gain.high for gain in self.corrected])
        idle = self.truth <= 0
        cells = [f"{np.mean([gain.among == 0 for gain in self.corrected]):.0%}"]
        for gains in (self.corrected, self.plain):
            held = np.array([one.low <= true <= one.high for one, true in zip(gains, self.truth, strict=True)])
            said = np.array([one.significant and one.mean > 0 for one in gains])
            width = 100 * np.mean([one.high - one.low for one, new in zip(gains, changed, strict=True) if new])
            cells += [share(held), share(held[changed]), f"{width:.0f}"]
            cells += [share(said[idle]) if idle.sum() > 20 else "", share(said[~idle]) if (~idle).sum() > 20 else ""]
        flattery = 100 * (np.array([gain.mean for gain in self.corrected]) - self.truth).mean()
        return [*cells, f"{flattery:+.1f}"]


def share(held: np.ndarray) -> str:
    """A share in percent, with its standard error."""
    mean = float(held.mean())
    return f"{100 * mean:.1f} ± {100 * math.sqrt(mean * (1 - mean) / len(held)):.1f}"


def main() -> None:
    """Run, print and, where asked, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, default=500)
    parser.add_argument("--only", nargs="*", help="only optimizers whose name holds one of these")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} too")
    given = parser.parse_args()
    started, rows = time.monotonic(), []
    for name, make in optimizers().items():
        if given.only and not any(part in name for part in given.only):
            continue
        for situation in SITUATIONS:
            truth, corrected, plain = zip(*(replay(make, situation, n) for n in range(given.replays)), strict=True)
            told = Told(np.array(truth), list(corrected), list(plain))
            rows.append([name, situation.name, str(situation.examples), *told.row()])
            print(" | ".join(rows[-1]), flush=True)
    lines = [
        "# How often the interval of a gain holds the true gain",
        "",
        f"`python -m benches.python.search.coverage --replays {given.replays}`, {datetime.now(UTC):%Y-%m-%d}; {time.monotonic() - started:.0f} s.",
        f"{given.replays} whole compiles a row, each with examples and worths of its own; percent, with standard errors.",
        "",
        "|" + "|".join(f" {title} " for title in TITLES) + "|",
        "|" + "---|" * len(TITLES),
        *(f"| {' | '.join(row)} |" for row in rows),
        *NOTES.rstrip().splitlines(),
    ]
    print("\n".join(lines))
    if given.record:
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
