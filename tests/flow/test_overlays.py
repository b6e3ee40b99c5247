"""Candidates are overlays: one program object runs them all at once, and is neither copied nor changed."""

from __future__ import annotations

import copy
import json
import threading
from typing import Any

import pytest

import burnish
from burnish import BootstrapFewShot, BootstrapRS, Candidate, Choice, LabeledFewShot, Optimizer, Prediction, context
from burnish.testing import toy
from tests.support.gauge import GaugedLM


class Untouchable(toy.Classifier):
    """A student that tells of every copy and every change of it, and holds what cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.client = socketlike()
        self.classify.demos = [toy.trainset()[0]]
        self.classify.lock = threading.RLock()

    async def aforward(self, text: str) -> Prediction:
        with self.lock:
            asked = self.classify.acall(text=text)
        return await asked


def socketlike() -> Any:
    """Something that has no copy."""
    return threading.Condition()


def text_of(program: burnish.Module) -> str:
    return json.dumps(program.dump_state(save_field_meta=True), sort_keys=True)


@pytest.fixture
def copies(monkeypatch) -> list[Any]:
    """Every copy of a module that is made from now on."""
    made: list[Any] = []
    deep = burnish.Module.__deepcopy__

    def noted(self: burnish.Module, memo: dict[int, Any]) -> Any:
        made.append(self)
        return deep(self, memo)

    monkeypatch.setattr(burnish.Module, "__deepcopy__", noted)
    monkeypatch.setattr(burnish.Predict, "__deepcopy__", noted)
    return made


class Many(Optimizer):
    """Scores 32 candidates of one predictor, and remembers what was copied by then."""

    copies: list[Any]

    async def search(self, session: burnish.Session) -> Candidate:
        (name,) = session.predictors
        candidates = [
            Candidate(
                f"{number}", {name: Choice(instructions=f"Number {number}.", demos=(session.trainset[number % 24],))}
            )
            for number in range(32)
        ]
        await session.score(candidates)
        self.copied_while_searching = len(self.copies)
        return session.leader()


def test_32_candidates_of_one_program_are_in_flight_at_once(copies: list[Any]) -> None:
    student = Untouchable()
    state, parts, own = text_of(student), dict(vars(student)), dict(vars(student.classify))
    lm = GaugedLM(latency=0.02)
    optimizer = Many(metric=toy.metric, num_threads=32, progress=False)
    optimizer.copies = copies
    with context(lm=lm):
        # One example, so that the 32 calls in flight can only be of 32 candidates.
        optimizer.compile(student, trainset=toy.trainset(), valset=toy.valset()[:1])
    assert (lm.most, lm.most_prompts, lm.calls) == (32, 32, 32)
    assert optimizer.copied_while_searching == 0
    assert text_of(student) == state
    assert vars(student) == parts
    assert vars(student.classify) == own


@pytest.mark.parametrize(
    "optimizer",
    [
        LabeledFewShot(k=5),
        BootstrapFewShot(toy.metric, max_labeled_demos=5, max_rounds=2),
        BootstrapRS(toy.metric, max_labeled_demos=5, num_candidate_programs=29, num_threads=32, progress=False),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
@pytest.mark.parametrize("asynchronous", [True, False], ids=["aforward", "forward"])
def test_the_student_is_what_it_was(optimizer: Optimizer, copies: list[Any], *, asynchronous: bool) -> None:
    class Blocking(Untouchable):
        aforward = None

        def forward(self, text: str) -> Prediction:
            return self.classify(text=text)

    student = Untouchable() if asynchronous else Blocking()
    before, parts, own = text_of(student), dict(vars(student)), dict(vars(student.classify))
    demos = list(student.classify.demos)
    with context(lm=GaugedLM(latency=0.001)):
        program = optimizer.compile(student, trainset=toy.trainset())
    # The one copy is the program that is handed back: the student and its one predictor.
    assert copies == [student, student.classify]
    assert text_of(student) == before
    assert vars(student) == parts
    assert {name: value for name, value in vars(student.classify).items() if name != "_compiled_prompt"} == {
        name: value for name, value in own.items() if name != "_compiled_prompt"
    }
    assert student.classify.demos == demos
    assert student.report is None
    assert program is not student
    assert program.classify is not student.classify
    # What cannot be copied is shared.
    assert program.lock is student.lock


def test_a_program_may_be_used_while_it_is_being_compiled() -> None:
    student = toy.Classifier()
    student.classify.demos = [row for row in toy.trainset() if row.kind == "fish"][:1]
    asked: list[str] = []
    lm = GaugedLM(latency=0.002)

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        # A metric that asks the very program that is being compiled gets it as it is, not the candidate.
        asked.append(student(text="There was something like trout by the harbour.").kind)
        asked.append(student(text="There was something like alder by the harbour.").kind)
        return bool(example.kind == prediction.kind)

    with context(lm=lm):
        BootstrapRS(metric, num_candidate_programs=2, progress=False).compile(
            student, trainset=toy.trainset(), valset=toy.valset()
        )
    assert set(asked[::2]) <= {"fish", "bird"}
    assert asked.count("fish") == asked.count("bird") == len(asked) // 2
    assert len(student.classify.demos) == 1


def test_candidates_do_not_see_each_other_in_nested_and_threaded_programs() -> None:
    """Each candidate's calls carry its own demos, whichever thread or task of the program makes them."""

    class Threaded(toy.Classifier):
        aforward = None

        def forward(self, text: str) -> Prediction:
            return Wrapped(self.classify).__call__(text=text)

    class Wrapped(burnish.Module):
        def __init__(self, part: burnish.Predict) -> None:
            self.part = part

        async def aforward(self, text: str) -> Prediction:
            return await self.part.acall(text=text)

    class Two(Optimizer):
        async def search(self, session: burnish.Session) -> Candidate:
            (name,) = session.predictors
            shown = tuple(row for row in session.trainset if row.kind == "fish")[:1]
            await session.score([Candidate("without"), Candidate("with", {name: Choice(demos=shown)})])
            return session.leader()

    fish = [row for row in toy.valset() if row.kind == "fish"] * 20
    with context(lm=GaugedLM(latency=0.002)):
        program = Two(metric=toy.metric, num_threads=16, progress=False).compile(
            Threaded(), trainset=toy.trainset(), valset=fish
        )
    assert [(standing.name, standing.mean) for standing in program.report.candidates] == [
        ("without", 0.0),
        ("with", 1.0),
    ]


def test_a_copy_of_a_program_shares_what_cannot_be_copied() -> None:
    student = Untouchable()
    twin = copy.deepcopy(student)
    assert twin.client is student.client
    assert twin.classify.demos is not student.classify.demos
