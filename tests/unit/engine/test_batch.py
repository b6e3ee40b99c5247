"""A metric's batch: asked once for many, and never worth more than the metric itself."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import burnish
from burnish import Example, Prediction, Score
from burnish.engine.judge import Judge, computes_only
from burnish.errors import BudgetExhausted, ConfigError, LMTransient, MetricError
from burnish.lm.scope import RolloutState, use_scope
from burnish.loop import run_sync
from burnish.metrics.text import answer_exact_match, answer_passage_match
from burnish.testing import ScriptedLM

ROWS = [Example(question="?", answer=str(number)).with_inputs("question") for number in range(4)]
SAID = [Prediction(answer=text) for text in ("0", "the 1", "x", "3")]
EACH = [Score(1.0), Score(0.0), Score(0.0), Score(1.0)]


class Counted:
    """Whether the answer is the same, one by one and in batches; it keeps how it was asked."""

    def __init__(self, batch: Callable[[Sequence[Any], Sequence[Any]], Any] | None = None) -> None:
        self.single = 0
        self.sizes: list[int] = []
        self._answer = batch or (
            lambda rows, said: [row.answer == one.answer for row, one in zip(rows, said, strict=True)]
        )

    def __call__(self, example: Any, prediction: Any, trace: Any = None) -> bool:
        self.single += 1
        return bool(example.answer == prediction.answer)

    def batch(self, examples: Sequence[Any], predictions: Sequence[Any]) -> Any:
        self.sizes.append(len(examples))
        return self._answer(examples, predictions)


def scores(metric: Any, trace: Any = None, said: Sequence[Any] = SAID) -> list[Any]:
    judge = Judge(metric)

    async def ask() -> list[Any]:
        return await asyncio.gather(
            *(judge.score(row, one, trace) for row, one in zip(ROWS, said, strict=True)), return_exceptions=True
        )

    return run_sync(ask())


def test_what_is_asked_together_is_one_call() -> None:
    metric = Counted()
    assert scores(metric) == EACH
    assert (metric.single, metric.sizes) == (0, [4])


def test_while_bootstrapping_each_is_asked_alone() -> None:
    metric = Counted()
    assert scores(metric, trace=[]) == EACH
    assert (metric.single, metric.sizes) == (4, [])


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda values: np.array(values, dtype=np.float32)])
def test_any_sequence_of_scores_will_do(kind: Any) -> None:
    metric = Counted(lambda rows, said: kind([1.0, 0.0, 0.0, 1.0]))
    assert scores(metric) == EACH
    assert metric.single == 0


def test_feedback_and_parts_come_through() -> None:
    told = [Score(0.5, feedback=f"row {row}", parts={"a": 1.0}) for row in range(4)]
    assert scores(Counted(lambda rows, said: told)) == told


def test_it_may_be_async_and_else_has_a_thread_unless_it_only_computes() -> None:
    threads: list[str] = []

    def batch(rows: Sequence[Any], said: Sequence[Any]) -> list[bool]:
        threads.append(threading.current_thread().name)
        return [True] * len(rows)

    async def waits(rows: Sequence[Any], said: Sequence[Any]) -> list[bool]:
        await asyncio.sleep(0)
        return batch(rows, said)

    for offered in (batch, waits, computes_only(functools.partial(batch))):

        def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
            raise AssertionError("asked alone")

        metric.batch = offered  # type: ignore[attr-defined]
        assert scores(metric) == [Score(1.0)] * 4
    assert threads[0].startswith("burnish-worker")
    assert threads[1:] == ["burnish-loop"] * 2


@pytest.mark.parametrize("hole", [None, "1.0", float("nan"), [1.0], object()])
def test_what_is_no_score_is_asked_alone(hole: Any) -> None:
    metric = Counted(lambda rows, said: [True, hole, False, True])
    assert scores(metric) == EACH
    assert metric.single == 1


def failing(error: BaseException) -> Callable[..., Any]:
    def batch(rows: Sequence[Any], said: Sequence[Any]) -> Any:
        raise error

    return batch


FAULTS = {
    "raised KeyError": failing(KeyError("x")),
    "raised CancelledError": computes_only(failing(asyncio.CancelledError())),
    "raised KeyboardInterrupt": computes_only(failing(KeyboardInterrupt())),
    "raised RuntimeError: SystemExit": failing(SystemExit(1)),
    "returned 3 scores for 4 pairs": lambda rows, said: [True] * 3,
    "returned 5 scores for 4 pairs": lambda rows, said: [True] * 5,
    "returned float": lambda rows, said: 1.0,
    "returned str": lambda rows, said: "1111",
    "returned dict": lambda rows, said: dict.fromkeys(range(4), 1.0),
    "returned NoneType": lambda rows, said: None,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_batch_that_fails_costs_no_score(fault: str) -> None:
    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool(example.answer == prediction.answer)

    metric.batch = FAULTS[fault]  # type: ignore[attr-defined]
    with pytest.warns(UserWarning, match=f"metric metric: its batch {fault}"):
        assert scores(metric) == EACH


def test_a_bad_example_is_named_and_the_others_keep_their_scores() -> None:
    said = [*SAID[:3], Prediction(nothing="x")]
    with pytest.warns(UserWarning, match="raised AttributeError"):
        found = scores(Counted(), said=said)
    assert found[:3] == EACH[:3]
    assert isinstance(found[3], MetricError)
    assert "metric Counted raised AttributeError" in str(found[3])


@pytest.mark.parametrize("error", [LMTransient("busy", model="m"), BudgetExhausted("Budget used up.", cap="calls")])
def test_an_outage_in_a_batch_is_no_score_and_no_fault_of_it(error: Exception) -> None:
    metric = Counted(failing(error))
    assert scores(metric) == EACH
    assert (metric.single, metric.sizes) == (4, [4])


def test_what_a_batch_makes_of_an_outage_that_it_swallows_is_no_score() -> None:
    lm = ScriptedLM([LMTransient("busy", model="m")])

    def batch(rows: Sequence[Any], said: Sequence[Any]) -> list[float]:
        try:
            lm("right?")
        except LMTransient:
            return [0.25] * len(rows)
        raise AssertionError("the model answered")

    metric = Counted(batch)
    program = ScriptedLM([f"[[ ## answer ## ]]\n{number}" for number in range(4)])
    with burnish.context(lm=program):
        result = burnish.Evaluate(devset=ROWS, metric=metric)(burnish.Predict("question -> answer"))
    assert 0.25 not in [score for *_, score in result.results]
    assert result.n == 4
    assert metric.single == 1 + 4  # the probe asks too


def test_what_a_batch_used_is_on_the_bill_of_a_rollout() -> None:
    lm = ScriptedLM(["yes"])
    state = RolloutState()

    async def ask() -> None:
        with use_scope(rollout=state):
            await Judge(Counted(lambda rows, said: [bool(lm("right?"))])).score(ROWS[0], SAID[0])

    run_sync(ask())
    assert state.usage.calls == 1


def test_what_nobody_waits_for_any_more_ends() -> None:
    ended: list[str] = []

    async def batch(rows: Sequence[Any], said: Sequence[Any]) -> Any:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    judge = Judge(Counted(batch))

    async def ask() -> None:
        tasks = [asyncio.create_task(judge.score(row, one)) for row, one in zip(ROWS, SAID, strict=True)]
        await asyncio.sleep(0.01)
        for task in tasks[1:]:
            task.cancel()
        await asyncio.sleep(0.01)
        assert ended == []
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)

    run_sync(ask())
    assert ended == ["cancelled"]


@pytest.mark.parametrize("batch", [lambda rows: rows, lambda: None, lambda rows, said, trace: rows, 32])
def test_a_batch_that_cannot_be_called_with_two_lists_is_refused_at_once(batch: Any) -> None:
    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        return True

    metric.batch = batch  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"metric metric: its batch.*def batch\(examples, predictions\)"):
        Judge(metric)


@pytest.mark.parametrize(
    "batch",
    [
        lambda rows, said: [True],
        lambda rows, said: True,
        lambda rows, said: [True] * (len(rows) + 1),
        lambda rows, said: ["yes"] * len(rows),
    ],
)
def test_the_probe_finds_a_batch_that_answers_for_others(batch: Any) -> None:
    with pytest.raises(ConfigError, match=r"metric Counted.* batch.*def batch\(examples, predictions\)"):
        run_sync(Judge(Counted(batch)).probe(ROWS[0]))


def test_the_probe_forgives_what_a_batch_raises_on_a_made_up_prediction_and_makes_no_call() -> None:
    lm = ScriptedLM(["1"])
    for batch in (failing(KeyError("x")), failing(ConfigError("x")), lambda rows, said: [lm("right?") for _ in rows]):
        run_sync(Judge(Counted(batch)).probe(ROWS[0]))
    with pytest.warns(UserWarning, match="has no field `answer`"):
        run_sync(Judge(answer_exact_match).probe(Example(other="x").with_inputs("other")))
    assert lm.requests == []


def test_a_batch_of_what_is_inside_is_not_that_of_a_wrapper() -> None:
    @functools.wraps(answer_exact_match)
    def stricter(example: Any, prediction: Any, trace: Any = None) -> bool:
        return len(prediction.answer) < 2 and answer_exact_match(example, prediction)

    assert scores(stricter) == EACH
    assert scores(functools.partial(answer_exact_match, frac=0.1)) == [Score(1.0), Score(1.0), Score(0.0), Score(1.0)]


def test_the_batch_of_a_program_is_another_thing() -> None:
    class Judging(burnish.Module):
        async def aforward(self, example: Any, prediction: Any, trace: Any = None) -> Prediction:
            return Prediction(score=float(example.answer == prediction.answer))

        def __call__(self, example: Any, prediction: Any, trace: Any = None) -> Any:
            return self.acall(example=example, prediction=prediction)

    assert scores(Judging()) == EACH


def test_the_built_in_metrics_score_in_batches_as_one_by_one() -> None:
    rows = [Example(answer=answer) for answer in (["Como", "Lake Como"], "Garda", [], "x", 3, "Lake Garda")]
    said = [
        Prediction(answer=text, context=[f"It is {text}.", "x"])
        for text in ("the lake, Como", "Lago", "x", "x\ud800", "3", "Garda")
    ]
    said.append(said.pop(3))
    for metric in (answer_exact_match, answer_passage_match):
        batch = metric.batch(rows[:5], said[:5])
        for row, one, found in zip(rows, said, batch, strict=False):
            if found is None:
                with pytest.raises(ConfigError):
                    metric(row, one)
            else:
                assert metric(row, one) == found
        assert [found is None for found in batch] == [False, False, True, False, True]
    assert answer_exact_match.batch(rows[:2], said[:2], frac=0.3) == [True, False]
    assert answer_exact_match.batch([], []) == []
