"""A metric that offers a batch is asked in batches by whoever scores, and nothing comes out otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import BootstrapRS, Budget, Evaluate
from burnish.testing import ScriptedLM, toy
from burnish.testing.server import serving


class Counting:
    """`toy.metric`, which counts how it is asked; while scoring a single call of a prediction is one that no batch answered."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.traced = self.single = 0

    def __call__(self, example: Any, prediction: Any, trace: Any = None) -> bool:
        self.traced += trace is not None
        self.single += trace is None
        return toy.metric(example, prediction)

    def batch(self, examples: Sequence[Any], predictions: Sequence[Any]) -> list[bool]:
        self.sizes.append(len(examples))
        return [toy.metric(*pair) for pair in zip(examples, predictions, strict=True)]


def alone(example: Any, prediction: Any, trace: Any = None) -> bool:
    """The twin without a batch."""
    return toy.metric(example, prediction)


def rows() -> list[burnish.Example]:
    return [*toy.trainset(), *toy.valset()]


def test_an_evaluation_scores_in_batches_and_comes_to_the_same() -> None:
    metric = Counting()
    with burnish.context(lm=toy.lm()):
        result, twin = (Evaluate(devset=rows(), metric=one, num_threads=6)(toy.Classifier()) for one in (metric, alone))
    # One pair of the probe asked alone, and two in a batch.
    assert (metric.single, metric.sizes[0]) == (1, 2)
    assert sum(metric.sizes[1:]) == 36
    assert max(metric.sizes[1:]) > 1
    assert (result.score, result.results, result.interval) == (twin.score, twin.results, twin.interval)


def compiled(metric: Callable[..., Any], **options: Any) -> Any:
    optimizer = BootstrapRS(
        metric=metric,
        max_labeled_demos=6,
        max_bootstrapped_demos=3,
        num_candidate_programs=3,
        progress=False,
        **options,
    )
    return optimizer.compile(toy.Chain(), trainset=toy.trainset(), valset=toy.valset())


def test_random_search_scores_in_batches_and_finds_the_same_program() -> None:
    metric = Counting()
    with burnish.context(lm=toy.lm()):
        program, twin = compiled(metric), compiled(alone)
    assert metric.traced > 0
    assert (metric.single, metric.sizes[0]) == (1, 2)
    # Zero-shot, labelled, bootstrapped and three more candidates on 12 examples.
    assert sum(metric.sizes[1:]) == 6 * 12
    assert len(metric.sizes[1:]) < 6 * 12 / 2
    assert program.dump_state() == twin.dump_state()
    assert [str(standing) for standing in program.report.candidates] == [str(s) for s in twin.report.candidates]


def test_what_a_batch_scored_is_kept_and_a_resumed_run_asks_nothing_again(tmp_path: Path) -> None:
    first, again = Counting(), Counting()
    lm = toy.lm()
    with burnish.context(lm=lm):
        program = compiled(first, run_dir=tmp_path)
        asked = len(lm.requests)
        resumed = compiled(again, run_dir=tmp_path)
    assert len(lm.requests) == asked
    assert again.sizes == [2]
    assert resumed.dump_state() == program.dump_state()


@pytest.mark.parametrize("threads", [1, 3, 16])
def test_an_outage_and_a_failure_are_what_they_are_without_batches(threads: int) -> None:
    found = []
    for metric in (Counting(), alone):
        # What a server refuses depends on how often it was asked the same, so each has its own.
        with serving(faults={"error": 0.2, "refused": 0.2}) as server, burnish.context(lm=server.lm(num_retries=0)):
            evaluate = Evaluate(devset=rows(), metric=metric, num_threads=threads, failure_score=-1.0)
            found.append(evaluate(toy.Classifier()))
    first, twin = found
    assert first.not_measured == twin.not_measured > 0
    assert first.standing.failed == twin.standing.failed > 0
    assert [score for *_, score in first.results] == [score for *_, score in twin.results]
    assert first.reasons == twin.reasons


def test_a_batch_that_asks_a_model_is_on_the_bill_and_within_the_budget() -> None:
    judge = burnish.Predict("text, kind -> right: bool")

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool(judge(text=example.text, kind=prediction.kind).right)

    async def batch(examples: Sequence[Any], predictions: Sequence[Any]) -> list[bool]:
        return [
            (await judge.acall(text=row.text, kind=said.kind)).right
            for row, said in zip(examples, predictions, strict=True)
        ]

    metric.batch = batch  # type: ignore[attr-defined]
    program = toy.Classifier()
    program.set_lm(toy.lm())
    judge.lm = ScriptedLM(lambda request: {"right": "True"})
    result = Evaluate(devset=rows(), metric=metric)(program)
    assert (result.score, result.usage.calls, len(judge.lm.requests)) == (100.0, 72, 36)
    capped = Evaluate(devset=rows(), metric=metric, num_threads=4, budget=Budget(calls=30))(program)
    assert 0 < capped.n < 30
    assert capped.n + capped.not_measured == 36
    assert capped.usage.calls <= 30
