"""One limit bounds the calls in flight, in every phase and however runs are nested, and each phase reaches it.

How busy the limit is kept over time is measured by `benches/python/concurrency.py`; here only what cannot depend on the
machine is held.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import burnish
from burnish import BootstrapFewShot, BootstrapRS, Evaluate, Module, Prediction, context
from burnish.testing import toy
from tests.support.gauge import GaugedLM

LIMIT = 16


def many(count: int) -> list[burnish.Example]:
    return [
        burnish.Example(text=f"Number {number}: something like heron.", kind="bird").with_inputs("text")
        for number in range(count)
    ]


def always(example: Any, prediction: Any, trace: Any = None) -> bool:
    return True


@pytest.mark.parametrize("program", [toy.Classifier, toy.Chain])
def test_bootstrapping_reaches_the_limit_and_never_passes_it(program: type[Module]) -> None:
    lm = GaugedLM(latency=0.005)
    optimizer = BootstrapFewShot(
        always, max_bootstrapped_demos=64, max_labeled_demos=0, num_threads=LIMIT, progress=False
    )
    with context(lm=lm):
        optimizer.compile(program(), trainset=many(80))
    assert lm.most == LIMIT
    # All passed, so exactly the runs that were needed were made.
    assert lm.calls == 64 * len(program().predictors())


def test_scoring_reaches_the_limit_and_never_passes_it() -> None:
    lm = GaugedLM(latency=0.005)
    optimizer = BootstrapRS(always, num_candidate_programs=4, num_threads=LIMIT, progress=False)
    with context(lm=lm):
        optimizer.compile(toy.Classifier(), trainset=many(24), valset=many(60)[30:], restrict=[-3, -2])
    assert lm.most == LIMIT
    assert lm.calls == 2 * 30


def test_candidates_bootstrap_and_score_side_by_side() -> None:
    lm = GaugedLM(latency=0.005)
    with context(lm=lm, num_threads=LIMIT):
        BootstrapRS(toy.metric, num_candidate_programs=8, progress=False).compile(
            toy.Classifier(), trainset=toy.trainset(), valset=toy.valset()
        )
    assert lm.most == LIMIT


def test_evaluation_keeps_the_limit() -> None:
    lm = GaugedLM(latency=0.005)
    with context(lm=lm):
        Evaluate(devset=many(60), metric=always, num_threads=LIMIT)(toy.Chain())
    assert lm.most == LIMIT


def test_one_at_a_time_is_one_at_a_time() -> None:
    lm = GaugedLM(latency=0.001)
    with context(lm=lm):
        Evaluate(devset=many(10), metric=always, num_threads=1)(toy.Chain())
    assert (lm.most, lm.calls) == (1, 20)


def test_nesting_never_multiplies_the_limit() -> None:
    """A metric that evaluates another program, and a program that fans out, stay under the one limit."""

    class FansOut(Module):
        def __init__(self) -> None:
            self.inner = toy.Classifier()

        async def aforward(self, text: str) -> Prediction:
            answers = await asyncio.gather(*(self.inner.acall(text=f"{text} {n}") for n in range(6)))
            return answers[0]

    async def judged(example: Any, prediction: Any, trace: Any = None) -> float:
        result = await Evaluate(devset=many(6), metric=always).acall(toy.Classifier())
        return result.score / 100

    lm = GaugedLM(latency=0.003)
    with context(lm=lm):
        result = Evaluate(devset=many(12), metric=judged, num_threads=8)(FansOut())
    assert result.score == 100.0
    assert lm.most == 8
    assert lm.calls == 12 * (6 + 6)


def test_sync_programs_nested_in_threads_do_not_lock_up() -> None:
    """More blocking programs than the limit, each waiting for calls of its own from its own thread."""

    class Inner(Module):
        def __init__(self) -> None:
            self.classify = toy.Classifier().classify

        def forward(self, text: str) -> Prediction:
            return self.classify(text=text)

    class Outer(Module):
        def __init__(self) -> None:
            self.inner = Inner()

        def forward(self, text: str) -> Prediction:
            first, _ = self.inner.batch(many(2), num_threads=2)
            return self.inner(text=text) if first else first

    lm = GaugedLM(latency=0.001)
    with context(lm=lm):
        result = Evaluate(devset=many(40), metric=always, num_threads=2)(Outer())
    assert (result.n, lm.most) == (40, 2)
    assert lm.calls == 40 * 3


def test_a_backend_that_asks_another_model_takes_one_slot() -> None:
    class Forwarding:
        def __init__(self, lm: burnish.LM) -> None:
            self.lm = lm

        async def complete(self, request: burnish.Request) -> burnish.Response:
            return await self.lm.complete(request)

    lm = GaugedLM(latency=0.001)
    with context(lm=burnish.LM("forwarding/toy", backend=Forwarding(lm), cache=False)):
        result = Evaluate(devset=many(40), metric=always, num_threads=4)(toy.Classifier())
    assert (result.n, result.usage.calls, lm.calls, lm.most) == (40, 40, 40, 4)
