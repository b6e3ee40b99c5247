"""Metrics that a model judges: what they cost, what they say, and what a bad reply or an outage of the judge makes of a score."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import burnish
from burnish import (
    CompleteAndGrounded,
    Evaluate,
    Example,
    LMTransient,
    MetricError,
    Module,
    Prediction,
    Score,
    SemanticF1,
)
from burnish.engine.judge import Judge
from burnish.lm.scope import Scope, use_scope
from burnish.loop import run_sync
from burnish.testing import MetricContract, ScriptedLM
from burnish.values.usage import Ledger

ROW = Example(question="When and where?", response="In Rome, in 1960.").with_inputs("question")
MADE = Prediction(response="Rome.", context=["Rome, 1960.", "Paris, 1924."])


def shares(**shares: float) -> dict[str, Any]:
    return {"reasoning": "as seen", **shares}


def asked(lm: ScriptedLM) -> list[str]:
    return [str(request.messages[-1]["content"]) for request in lm.requests]


def test_semantic_f1_is_the_harmonic_mean_and_costs_one_call() -> None:
    lm = ScriptedLM([shares(recall=0.5, precision=1.0)])
    with burnish.context(lm=lm):
        verdict: Any = SemanticF1()(ROW, MADE)
    assert (round(verdict.score, 3), verdict.feedback) == (0.667, "as seen")
    assert verdict.parts == {"precision": 1.0, "recall": 0.5}
    assert verdict > 0.6
    (prompt,) = asked(lm)
    for part in ("When and where?", "In Rome, in 1960.", "Rome."):
        assert part in prompt


def test_nothing_in_common_is_zero() -> None:
    with burnish.context(lm=ScriptedLM([shares(recall=0, precision=0)])):
        assert SemanticF1()(ROW, MADE).score == 0.0


def test_the_decompositional_one_lists_ideas_first() -> None:
    lm = ScriptedLM(
        [{"reference_ideas": ["Rome", "1960"], "answer_ideas": ["Rome"], **shares(recall=0.5, precision=1)}]
    )
    with burnish.context(lm=lm):
        verdict: Any = SemanticF1(decompositional=True)(ROW, MADE)
    assert round(verdict.score, 3) == 0.667
    names = list(SemanticF1(decompositional=True).judge.signature.output_fields)
    assert names == ["reference_ideas", "answer_ideas", "reasoning", "recall", "precision"]


def test_complete_and_grounded_asks_two_things_at_once() -> None:
    under_way: list[int] = []

    def latency(request: Any) -> float:
        under_way.append(len(lm.requests))
        # The first one waits until the second has come.
        return 0.05

    def answer(request: Any) -> dict[str, Any]:
        under_way.append(-1)
        return shares(groundedness=1.0, completeness=0.5)

    lm = ScriptedLM(answer, latency=latency)
    with burnish.context(lm=lm):
        verdict: Any = CompleteAndGrounded()(ROW, MADE)
    assert (round(verdict.score, 3), verdict.parts) == (0.667, {"completeness": 0.5, "groundedness": 1.0})
    assert under_way == [1, 2, -1, -1]
    assert verdict.feedback == "Completeness: as seen\nGroundedness: as seen"
    complete, grounded = sorted(asked(lm), key=lambda prompt: "Paris, 1924." in prompt)
    # What the answer rests on, and what it is to be, are not mixed up.
    assert "In Rome, in 1960." in complete
    assert "In Rome, in 1960." not in grounded


@pytest.mark.parametrize("context", ["Rome, 1960.", ["Rome, 1960."], ("Rome, 1960.",)])
def test_the_context_may_be_a_text_or_several(context: Any) -> None:
    lm = ScriptedLM(lambda request: shares(completeness=1.0, groundedness=1.0))
    with burnish.context(lm=lm):
        assert CompleteAndGrounded()(ROW, Prediction(response="Rome.", context=context)).score == 1.0
    assert any('["Rome, 1960."]' in prompt for prompt in asked(lm))


@pytest.mark.parametrize("threshold", [0.66, 0.7])
def test_while_bootstrapping_it_says_yes_or_no(threshold: float) -> None:
    lm = ScriptedLM(lambda request: shares(recall=0.5, precision=1.0, completeness=0.5, groundedness=1.0))
    with burnish.context(lm=lm):
        for metric in (SemanticF1(threshold), CompleteAndGrounded(threshold)):
            assert metric(ROW, MADE, []) is (threshold < 0.667)


class Answers(Module):
    """Answers as told, without a model."""

    async def aforward(self, question: str) -> Prediction:
        return Prediction(response=question, context=question)


def rows(count: int) -> list[Example]:
    return [Example(question=f"question {n}", response="right").with_inputs("question") for n in range(count)]


def evaluated(lm: Any, count: int, **options: Any) -> Any:
    with burnish.context(lm=lm):
        return Evaluate(devset=rows(count), metric=options.pop("metric", SemanticF1()), **options)(Answers())


BAD = [
    shares(recall=1.5, precision=1.0),
    shares(recall=-0.1, precision=1.0),
    shares(recall=1.0),
    "no sections at all",
    "[[ ## reasoning ## ]]\nx\n\n[[ ## recall ## ]]\nall of it\n\n[[ ## precision ## ]]\n1\n\n[[ ## completed ## ]]",
]


@pytest.mark.parametrize("reply", BAD, ids=str)
def test_a_reply_that_is_out_of_range_or_unreadable_fails_the_metric(reply: Any) -> None:
    # As often as an adapter may ask again.
    lm = ScriptedLM(lambda request: reply)
    with burnish.context(lm=lm), pytest.raises(MetricError, match="metric SemanticF1 raised ReplyError"):
        run_sync(Judge(SemanticF1()).score(ROW, MADE))
    result = evaluated(lm, 1)
    assert (result.n, result.standing.failed, result.score, result.not_measured) == (1, 1, 0.0, 0)


def test_an_outage_of_the_judge_is_no_score() -> None:
    def answer(request: Any) -> Any:
        if "question 1" in str(request.messages[-1]["content"]):
            return LMTransient("busy", model="m")
        return shares(recall=1.0, precision=1.0)

    result = evaluated(ScriptedLM(answer), 3)
    assert (result.score, result.n, result.not_measured) == (100.0, 2, 1)
    assert "busy" in result.reasons[1]
    assert {name: (part.n, part.mean) for name, part in result.parts.items()} == {
        "precision": (2, 1.0),
        "recall": (2, 1.0),
    }


def test_judging_is_part_of_the_runs_limit_budget_and_bill() -> None:
    under_way: set[int] = set()
    most = 0

    def latency(request: Any) -> float:
        nonlocal most
        under_way.add(id(request))
        most = max(most, len(under_way))
        return 0.005

    def answer(request: Any) -> Any:
        under_way.discard(id(request))
        return shares(completeness=1.0, groundedness=0.5)

    result = evaluated(ScriptedLM(answer, latency=latency), 8, metric=CompleteAndGrounded(), num_threads=3)
    assert (result.usage.calls, result.n) == (16, 8)
    assert most == 3
    capped = evaluated(
        ScriptedLM(answer), 8, metric=CompleteAndGrounded(), budget=burnish.Budget(calls=6), num_threads=1
    )
    assert (capped.usage.calls, capped.n, capped.not_measured) == (6, 3, 5)


def test_a_judge_of_its_own_is_asked_in_place_of_the_programs() -> None:
    judge, other = ScriptedLM([shares(recall=1, precision=1)]), ScriptedLM([])
    metric = SemanticF1()
    metric.set_lm(judge)
    assert evaluated(other, 1, metric=metric).score == 100.0
    assert (len(judge.requests), other.requests) == (1, [])


def test_the_probe_makes_no_call() -> None:
    lm = ScriptedLM([])
    with burnish.context(lm=lm):
        run_sync(Judge(SemanticF1()).probe(ROW))
    assert lm.requests == []


# Programs as metrics


class Awaits(Module):
    """Knows in which thread it was run."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the sync face needs a thread")

    async def aforward(self, example: Any, pred: Any, trace: Any = None) -> float:
        self.threads.append(threading.current_thread().name)
        return 0.5


class Blocks(Awaits):
    """Has a plain `forward` alone, which may block."""

    aforward = None  # type: ignore[assignment]

    def forward(self, gold: Any, pred: Any) -> bool:
        self.threads.append(threading.current_thread().name)
        return True


def test_a_program_judges_on_the_loop_and_in_a_thread_only_where_it_may_block() -> None:
    for metric, value, thread in ((Awaits(), 0.5, "burnish-loop"), (Blocks(), 1.0, "burnish-worker")):
        assert run_sync(Judge(metric).score(ROW, MADE)) == Score(value)
        assert metric.threads[0].startswith(thread)


def test_a_program_that_cannot_judge_is_refused() -> None:
    class Empty(Module):
        pass

    class Named(Module):
        async def aforward(self, *, example: Any) -> float:
            return 1.0

    for metric, said in ((Empty(), "neither forward nor aforward"), (Named(), "cannot be called with three arguments")):
        with pytest.raises(burnish.ConfigError, match=said):
            Judge(metric)


def test_its_calls_are_on_the_bill_of_the_rollout_that_it_judges() -> None:
    scope = Scope(ledger=Ledger())
    lm = ScriptedLM([shares(recall=1, precision=1)])
    with burnish.context(lm=lm), use_scope(scope):
        run_sync(Judge(SemanticF1()).score(ROW, MADE))
    assert scope.ledger is not None
    assert scope.ledger.total().calls == 1


class TestSemanticF1(MetricContract):
    good = ((ROW, Prediction(response="In Rome, in 1960.")),)
    bad = ((ROW, Prediction(response="In Paris.")),)

    def make_metric(self):
        metric = SemanticF1()
        metric.set_lm(ScriptedLM(self.judge))
        return metric

    @staticmethod
    def judge(request: Any) -> Any:
        prompt = str(request.messages[-1]["content"])
        share = 1.0 if prompt.count("In Rome, in 1960.") == 2 else 0.2
        return shares(recall=share, precision=share)
