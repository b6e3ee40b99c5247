"""The event log of a compile: each attempt on the bill is a call that flew, and what does not depend on one another is asked at once.

How busy the limit is kept is measured by `benches/python/busy.py`; here only what cannot depend on the machine is held.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import COPRO, Budget, MIPROv2
from burnish.engine.journal import events_in
from burnish.errors import LMTransient
from burnish.report.flight import busy, in_flight
from burnish.testing import ScriptedLM, toy

LIMIT = 4


def mipro(**options: Any) -> MIPROv2:
    sizes: dict[str, Any] = {"auto": None, "num_candidates": 4, "max_labeled_demos": 0}
    return MIPROv2(toy.metric, **sizes, num_threads=LIMIT, progress=False, **options)


def copro(**options: Any) -> COPRO:
    return COPRO(metric=toy.metric, breadth=3, depth=2, num_threads=LIMIT, progress=False, **options)


def model(**options: Any) -> ScriptedLM:
    """The toy model, which writes another text for each question of a proposer."""
    numbers = itertools.count()

    def answer(request: Any) -> Any:
        asked = request.messages[-1]["content"]
        for name in ("instructions", "observations", "summary", "description"):
            if f"`{name}`" in asked:
                return {name: f"Text {next(numbers)}."}
        return toy._answer(request)

    return ScriptedLM(answer, **{"latency": 0.002, **options})


def compiled(optimizer: Any, lm: Any, program: Any = None) -> burnish.Report:
    data: dict[str, Any] = {"trainset": toy.trainset()}
    if isinstance(optimizer, MIPROv2):
        data["valset"] = toy.valset()
    with burnish.context(lm=lm):
        report: burnish.Report = optimizer.compile(toy.Chain() if program is None else program, **data).report
    return report


@pytest.mark.parametrize("optimizer", [mipro, lambda **given: mipro(searcher="tpe", **given), copro])
def test_what_flew_is_what_is_on_the_bill(optimizer: Any, tmp_path: Path) -> None:
    report = compiled(optimizer(run_dir=tmp_path), model())
    told = busy(events_in(tmp_path))
    assert {stage: one.calls for stage, one in told.items()} == {stage: u.calls for stage, u in report.usage.items()}
    assert all(0 < one.busy <= 1 for one in told.values())
    stretches = in_flight(events_in(tmp_path))
    assert max(sum(stretch.flying.values()) for stretch in stretches) == LIMIT == stretches[0].limit
    # All that was begun has ended.
    assert not stretches[-1].work


def test_attempts_that_failed_flew_too(tmp_path: Path) -> None:
    numbers = itertools.count()
    inner = model()

    def often_busy(request: Any) -> Any:
        failed = LMTransient("busy", model=request.model, status=500)
        return failed if next(numbers) % 10 == 3 else inner._script.replies(request)  # type: ignore[operator]

    report = compiled(copro(run_dir=tmp_path), ScriptedLM(often_busy, num_retries=3))
    events = events_in(tmp_path)
    assert sum(event["kind"] == "lm_failed" for event in events) > 5
    assert sum(one.calls for one in busy(events).values()) == report.total.calls


def test_a_run_that_goes_on_keeps_what_flew_before(tmp_path: Path) -> None:
    lm = model()
    first = compiled(mipro(run_dir=tmp_path, budget=Budget(calls=50)), lm)
    assert first.total.calls == 50
    second = compiled(mipro(run_dir=tmp_path, budget=Budget(calls=5000)), lm)
    events = events_in(tmp_path)
    assert sum(event["kind"] == "run_started" for event in events) == 2
    assert sum(one.calls for one in busy(events).values()) == 50 + second.total.calls == len(lm.requests)
    stretches = in_flight(events)
    assert all(one.end == other.begin for one, other in itertools.pairwise(stretches))


def test_what_needs_no_demos_is_written_while_they_are_made(tmp_path: Path) -> None:
    compiled(mipro(run_dir=tmp_path), model())
    stretches = in_flight(events_in(tmp_path))
    assert any({"bootstrap", "propose"} <= stretch.work.keys() for stretch in stretches)
    assert not any({"propose", "score"} <= stretch.work.keys() for stretch in stretches)


def test_copro_races_the_program_as_given_against_nobody(tmp_path: Path) -> None:
    compiled(copro(run_dir=tmp_path), model())
    begun = [event["cells"] for event in events_in(tmp_path) if event["kind"] == "stage_started"]
    assert len(toy.trainset()) in begun
