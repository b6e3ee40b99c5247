"""A compile in which nothing was measured does not end as if all were well, and what went wrong is in the report."""

from __future__ import annotations

import pytest

from burnish import COPRO, BootstrapFewShot, BootstrapRS, Budget, LMRejected, LMTransient, Predict, RunStopped, context
from burnish.testing import ScriptedLM, toy

DOWN = ScriptedLM(lambda request: LMTransient("HTTP 503", model="scripted/model"))


def picky(request):
    """Refuses whatever names a fish."""
    fish = any(thing in request.messages[-1]["content"] for thing in toy.THINGS["fish"])
    return LMRejected("HTTP 400", model="scripted/model") if fish else {"kind": "bird"}


@pytest.mark.parametrize("optimizer", [BootstrapFewShot(toy.metric), BootstrapRS(toy.metric, num_candidate_programs=0)])
def test_a_dead_model_stops_even_a_compile_too_small_for_a_streak(optimizer) -> None:
    with context(lm=DOWN), pytest.raises(RunStopped, match=r"not one run succeeded.*LMTransient: HTTP 503"):
        optimizer.compile(Predict("text -> kind"), trainset=toy.trainset()[:2])


def test_a_budget_that_is_used_up_is_a_normal_end() -> None:
    with context(lm=DOWN):
        compiled = BootstrapFewShot(toy.metric, budget=Budget(calls=1)).compile(
            Predict("text -> kind"), trainset=toy.trainset()[:2]
        )
    assert "calls=1" in compiled.report.stopped


def test_failures_while_bootstrapping_are_told() -> None:
    with context(lm=ScriptedLM(picky)):
        compiled = BootstrapFewShot(toy.metric, max_bootstrapped_demos=24).compile(
            Predict("text -> kind"), trainset=toy.trainset()
        )
    assert "While bootstrapping, 4 runs failed. The first: LMRejected: HTTP 400" in str(compiled.report)


def test_failures_while_scoring_are_told_and_outages_are_none() -> None:
    rows = toy.trainset()
    away, raising = rows[0].text, rows[1].text

    def metric(example, prediction, trace=None):
        if example.text == raising and prediction.kind == "bird":
            raise ValueError("boom")
        return True

    def reply(request):
        out = f"[[ ## text ## ]]\n{away}" in request.messages[-1]["content"]
        return LMTransient("HTTP 503", model="scripted/model") if out else {"kind": "bird", "instructions": request.key}

    with context(lm=ScriptedLM(reply)):
        compiled = COPRO(metric=metric, breadth=3, depth=1).compile(Predict("text -> kind"), trainset=rows)
    said = next(line for line in compiled.report.decisions if line.startswith("While scoring"))
    failed = sum(standing.failed for standing in compiled.report.candidates)
    assert said == f"While scoring, {failed} runs failed. The first: metric metric raised ValueError: boom."
    assert failed
    assert any(standing.not_measured for standing in compiled.report.candidates)
