"""The judge: whatever metric a user wrote is called rightly, and what it returns is a score or a named fault."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import numpy as np
import pytest

import burnish
from burnish import Example, Prediction, Score
from burnish.engine.judge import Judge, computes_only
from burnish.errors import ConfigError, LMTransient, MetricError
from burnish.loop import run_sync
from burnish.testing import ScriptedLM

GOLD = Example(question="?", answer="yes").with_inputs("question")
RIGHT = Prediction(answer="yes")


def judged(metric: Any, trace: Any = None, prediction: Any = RIGHT) -> Score:
    return run_sync(Judge(metric).score(GOLD, prediction, trace))


def three(example: Any, prediction: Any, trace: Any = None) -> bool:
    return example.answer == prediction.answer and trace is None


def two(example: Any, prediction: Any) -> bool:
    return bool(example.answer == prediction.answer)


def five(gold: Any, pred: Any, trace: Any, pred_name: Any, pred_trace: Any) -> bool:
    return gold.answer == pred.answer and (trace, pred_name, pred_trace) == (None, None, None)


def five_with_defaults(gold: Any, pred: Any, trace: Any = None, pred_name: Any = None, pred_trace: Any = None) -> bool:
    return bool(gold.answer == pred.answer)


def anything(*args: Any) -> bool:
    return len(args) == 3 and args[2] is None


def keywords(example: Any, prediction: Any, trace: Any = None, **more: Any) -> bool:
    return not more


async def coroutine(example: Any, prediction: Any, trace: Any = None) -> bool:
    await asyncio.sleep(0)
    return bool(example.answer == prediction.answer)


class Plain:
    def __call__(self, example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool(example.answer == prediction.answer)


class Awaited:
    async def __call__(self, example: Any, prediction: Any, trace: Any = None) -> bool:
        await asyncio.sleep(0)
        return bool(example.answer == prediction.answer)

    def method(self, example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool(example.answer == prediction.answer)


FORMS = [
    three,
    two,
    five,
    five_with_defaults,
    anything,
    keywords,
    coroutine,
    Plain(),
    Awaited(),
    Awaited().method,
    functools.partial(coroutine, trace=None),
    lambda example, prediction, trace=None: coroutine(example, prediction),
    burnish.answer_exact_match,
    computes_only(lambda example, prediction, trace=None: True),
]


@pytest.mark.parametrize("metric", FORMS)
def test_every_form_of_metric_is_called_as_it_wants(metric: Any) -> None:
    assert judged(metric) == Score(1.0)
    run_sync(Judge(metric).probe(GOLD))


def test_the_trace_reaches_a_metric_that_takes_one() -> None:
    seen: list[Any] = []
    judged(lambda example, prediction, trace=None: bool(seen.append(trace)) or True, trace=["step"])
    judged(lambda gold, pred, trace, pred_name, pred_trace: bool(seen.append(trace)) or True, trace=["step"])
    assert seen == [["step"], ["step"]]


def no_arguments() -> bool:
    return True


def too_many(a: Any, b: Any, c: Any, d: Any) -> bool:
    return True


def must_be_named(example: Any, prediction: Any, *, threshold: float) -> bool:
    return True


@pytest.mark.parametrize("metric", [no_arguments, lambda example: True, too_many, must_be_named])
def test_a_signature_that_does_not_fit_is_refused_at_once(metric: Any) -> None:
    with pytest.raises(ConfigError, match=r"def metric\(example, prediction, trace=None\)"):
        Judge(metric)


@pytest.mark.parametrize("metric", ["answer_exact_match", 3, None])
def test_what_cannot_be_called_is_refused(metric: Any) -> None:
    with pytest.raises(ConfigError, match="cannot be called"):
        Judge(metric)


RETURNED = [
    (True, 1.0),
    (False, 0.0),
    (3, 3.0),
    (-0.5, -0.5),
    (np.float32(0.5), 0.5),
    (np.float64(0.25), 0.25),
    (np.int64(2), 2.0),
    (np.bool_(True), 1.0),
    (np.array(0.5), 0.5),
    (Score(0.5, feedback="half"), 0.5),
    (Prediction(score=0.5, feedback="half"), 0.5),
    ({"score": 1}, 1.0),
    (Prediction(score=np.float64(0.5)), 0.5),
]


@pytest.mark.parametrize(("returned", "value"), RETURNED)
def test_what_counts_as_a_score(returned: Any, value: float) -> None:
    score = judged(lambda example, prediction, trace=None: returned)
    assert score.value == value
    assert type(score.value) is float


def test_feedback_and_parts_are_kept() -> None:
    for returned in (Score(0.5, "half", {"a": 1.0}), Prediction(score=0.5, feedback="half", parts={"a": 1.0})):
        assert judged(lambda example, prediction, trace=None: returned) == Score(0.5, "half", {"a": 1.0})  # noqa: B023


WRONG = [
    None,
    "1.0",
    float("nan"),
    float("inf"),
    [1.0],
    np.array([0.5, 0.5]),
    Prediction(answer="yes"),
    Score("high"),  # type: ignore[arg-type]
    Score(None),  # type: ignore[arg-type]
    Score(float("nan")),
    Prediction(score="high"),
    1 + 2j,
    object(),
]


@pytest.mark.parametrize("returned", WRONG, ids=lambda value: repr(value).partition(" at ")[0][:40])
def test_what_is_no_score_is_shown_and_found_by_the_probe(returned: Any) -> None:
    def metric(example: Any, prediction: Any, trace: Any = None) -> Any:
        return returned

    with pytest.raises(MetricError):
        judged(metric)
    with pytest.raises(ConfigError, match=r"metric metric: .*returned|metric metric: .*score is"):
        run_sync(Judge(metric).probe(GOLD))


def test_a_metric_that_raises_is_named_with_its_error() -> None:
    def picky(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool(prediction.nothing)

    with pytest.raises(MetricError, match=r"metric picky raised AttributeError: .*nothing"):
        judged(picky)


def test_the_probe_forgives_what_a_metric_raises_on_a_made_up_prediction() -> None:
    def picky(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool(prediction.reasoning)

    run_sync(Judge(picky).probe(GOLD))


def test_the_probe_warns_of_a_field_that_the_example_does_not_have() -> None:
    with pytest.warns(UserWarning, match="may not fit the examples: metric .*Example has no field `answr`"):
        run_sync(Judge(lambda example, prediction, trace=None: example.answr == prediction.answer).probe(GOLD))


def test_the_probe_takes_labels_of_any_name() -> None:
    gold = Example({"question": "?", "base": "x", "self": "y"}).with_inputs("question")
    seen: list[Any] = []
    run_sync(Judge(lambda example, prediction, trace=None: bool(seen.append(prediction.toDict())) or True).probe(gold))
    assert seen == [{"base": "x", "self": "y"}]


def test_an_outage_of_a_model_that_judges_is_not_the_metrics_fault() -> None:
    lm = ScriptedLM([LMTransient("busy", model="m")])

    def asking(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool(lm("right?"))

    with pytest.raises(LMTransient):
        judged(asking)


def test_the_probe_of_a_metric_that_asks_a_model_makes_no_call() -> None:
    lm = ScriptedLM(["[[ ## right ## ]]\nTrue"] * 5)
    judge = burnish.Predict("question, answer -> right: bool")

    def asking(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool(judge(question=example.question, answer=prediction.answer).right)

    def asking_safely(example: Any, prediction: Any, trace: Any = None) -> Any:
        try:
            return judge(question=example.question, answer=prediction.answer).right
        except Exception:
            return None

    async def asking_async(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool((await judge.acall(question=example.question, answer=prediction.answer)).right)

    with burnish.context(lm=lm):
        for metric in (asking, asking_safely, asking_async):
            run_sync(Judge(metric).probe(GOLD))
            assert lm.requests == []
        assert judged(asking) == judged(asking_async) == Score(1.0)
    assert len(lm.requests) == 2


def test_our_own_metrics_run_in_place_and_users_in_a_thread() -> None:
    import threading

    threads: list[str] = []

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        threads.append(threading.current_thread().name)
        return True

    judged(metric)
    judged(computes_only(metric))
    assert threads[0].startswith("burnish-worker")
    assert threads[1] == "burnish-loop"
