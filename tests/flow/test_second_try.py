"""A compile whose model often leaves the form: the second tries are on the bill, within the budget, and in the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import burnish
from burnish import BootstrapFewShot, Budget, Evaluate, context
from burnish.testing import ScriptedLM, toy


def answer(request: burnish.Request) -> Any:
    """As the toy model, but that it forgets the form of every other question, and keeps to JSON where asked for it."""
    last = request.messages[-1]["content"]
    if "JSON object" not in last and len(last) % 2:
        return "Sure, gladly!"
    return toy._answer(request)


def compiled(lm: ScriptedLM, **options: Any) -> Any:
    with context(lm=lm):
        optimizer = BootstrapFewShot(metric=toy.metric, progress=False, **options)
        return optimizer.compile(toy.Classifier(), trainset=toy.trainset())


def state(program: Any) -> Any:
    return program.dump_state()


def test_it_finds_what_it_would_have_found() -> None:
    forgetful, steady = compiled(ScriptedLM(answer)), compiled(toy.lm())
    assert state(forgetful) == state(steady)
    assert forgetful.report.total.calls > steady.report.total.calls


def test_the_second_calls_are_on_the_bill_and_change_with_no_concurrency() -> None:
    one, eight = ScriptedLM(answer), ScriptedLM(answer, latency=lambda request: int(request.key[:2], 16) / 25_500)
    first, second = compiled(one, num_threads=1), compiled(eight, num_threads=8)
    assert state(first) == state(second)
    assert first.report.total.calls == len(one.requests)
    assert sum("JSON object" in request.messages[-1]["content"] for request in one.requests) > 0


def test_the_budget_holds() -> None:
    lm = ScriptedLM(answer)
    compiled(lm, budget=Budget(calls=7))
    assert len(lm.requests) <= 7


def test_nothing_is_asked_for_twice_when_a_run_goes_on(tmp_path: Path) -> None:
    first = compiled(ScriptedLM(answer), run_dir=tmp_path / "run")
    silent = ScriptedLM([])
    assert state(compiled(silent, run_dir=tmp_path / "run")) == state(first)
    assert silent.requests == []


def test_an_evaluation_tells_what_it_used() -> None:
    lm = ScriptedLM(answer)
    with context(lm=lm):
        result = Evaluate(devset=toy.valset(), metric=toy.metric)(toy.Classifier())
    assert (result.n, result.not_measured, result.standing.failed) == (12, 0, 0)
    assert result.usage.calls == len(lm.requests) > 12


def test_a_compile_goes_through_json_as_well() -> None:
    with context(lm=toy.lm(), adapter="json"):
        program = BootstrapFewShot(metric=toy.metric, progress=False).compile(toy.Classifier(), trainset=toy.trainset())
        before, after = (
            Evaluate(devset=toy.valset(), metric=toy.metric)(one).score for one in (toy.Classifier(), program)
        )
    assert before < after == 100
