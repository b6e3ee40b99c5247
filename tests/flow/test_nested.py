"""Runs inside runs: what is asked there is under the caps of the outer one, on its bill, and no score where it failed."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from burnish import (
    BootstrapFewShot,
    BootstrapRS,
    Budget,
    Candidate,
    Evaluate,
    LMTransient,
    Module,
    Optimizer,
    Prediction,
    Request,
    Session,
    context,
)
from burnish.errors import RunStopped
from burnish.testing import ScriptedLM, toy


def judged_by(inner: Evaluate) -> Any:
    """A metric that evaluates a program of its own."""

    def metric(example: Any, prediction: Any, trace: Any = None) -> float:
        return inner(toy.Classifier()).score / 100

    return metric


@pytest.mark.parametrize("own", [None, Budget(calls=1000)])
def test_the_outer_cap_holds_for_a_nested_evaluation(own: Budget | None) -> None:
    lm = toy.lm()
    metric = judged_by(Evaluate(devset=toy.valset()[:4], metric=toy.metric, budget=own))
    optimizer = BootstrapRS(metric, num_candidate_programs=2, num_threads=1, progress=False, budget=Budget(calls=25))
    with context(lm=lm):
        report = optimizer.compile(toy.Classifier(), trainset=toy.trainset()[:6], valset=toy.valset()[:4]).report
    assert len(lm.requests) == report.total.calls == 25
    assert report.stopped.startswith("Budget")
    assert [c.failed for c in report.candidates] == [0] * len(report.candidates)


def test_the_own_cap_of_a_nested_evaluation_is_meant_to_end_it() -> None:
    metric = judged_by(Evaluate(devset=toy.valset()[:4], metric=toy.metric, budget=Budget(calls=2), num_threads=1))
    with context(lm=toy.lm()):
        result = Evaluate(devset=toy.trainset()[:5], metric=metric)(toy.Classifier())
    assert (result.n, result.not_measured, result.usage.calls) == (5, 0, 15)


def test_what_a_nested_evaluation_could_not_measure_is_no_score_outside() -> None:
    def answer(request: Request) -> Any:
        return LMTransient("busy", model="m") if "calico" in str(request.messages[-1]) else {"kind": "bird"}

    metric = judged_by(Evaluate(devset=toy.valset()[:4], metric=toy.metric))
    assert any("calico" in row.text for row in toy.valset()[:4])
    with context(lm=ScriptedLM(answer)):
        result = Evaluate(devset=toy.trainset()[:5], metric=metric)(toy.Classifier())
    assert (result.n, result.not_measured) == (0, 5)


class Composed(Optimizer):
    """Asks a model by itself, and starts another compile."""

    async def search(self, session: Session) -> Candidate:
        """One compile inside another."""
        lm = session.student.get_lm()
        await lm.acall("Propose something like a heron.")
        inner = BootstrapFewShot(self.metric, progress=False)
        await inner.acompile(session.student, trainset=session.trainset)
        return session.baseline()


def test_what_a_recipe_asks_and_starts_is_part_of_its_run(tmp_path: Any) -> None:
    lm = ScriptedLM(lambda request: {"kind": "bird"})
    student = toy.Classifier()
    student.set_lm(lm)
    report = Composed(metric=toy.metric, run_dir=tmp_path).compile(student, trainset=toy.trainset()).report
    asked = len(lm.requests)
    assert report.total.calls == asked > 1
    Composed(metric=toy.metric, run_dir=tmp_path).compile(student, trainset=toy.trainset())
    assert len(lm.requests) == asked
    capped = Composed(metric=toy.metric, budget=Budget(calls=3)).compile(student, trainset=toy.trainset()).report
    assert capped.total.calls == 3
    assert len(lm.requests) == asked + 3


class Threaded(Module):
    """Calls its predictor from a thread of its own, without the context."""

    def __init__(self) -> None:
        self.classify = toy.Classifier()

    def forward(self, text: str) -> Prediction:
        answers: list[Prediction] = []
        thread = threading.Thread(target=lambda: answers.append(self.classify(text=text)))
        thread.start()
        thread.join()
        return answers[0]


def test_calls_that_are_not_seen_stop_a_compile_and_no_evaluation() -> None:
    program = Threaded()
    lm = toy.lm()
    program.set_lm(lm)
    assert Evaluate(devset=toy.trainset(), metric=toy.metric)(program).n == 24
    before = len(lm.requests)
    with pytest.raises(RunStopped, match="not one call of a predictor was seen"):
        BootstrapRS(toy.metric, num_threads=2, progress=False).compile(program, trainset=toy.trainset())
    assert len(lm.requests) - before < 30
