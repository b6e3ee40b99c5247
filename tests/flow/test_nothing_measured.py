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
    assert "While bootstrapping, 4 runs failed and 0 were not measured. The first: LMRejected: HTTP 400" in str(
        compiled.report
    )


def test_failures_while_scoring_are_told() -> None:
    def raises(example, prediction, trace=None):
        if example.kind == "fish" and trace is None:
            raise ValueError("boom")
        return toy.metric(example, prediction)

    with context(lm=toy.lm()):
        compiled = COPRO(metric=raises, breadth=3, depth=1).compile(toy.Chain(), trainset=toy.trainset())
    fish = sum(row.kind == "fish" for row in toy.trainset())
    said = next(line for line in compiled.report.decisions if line.startswith("While scoring"))
    assert "The first: metric raises raised ValueError: boom." in said
    assert int(said.split()[2]) >= fish
