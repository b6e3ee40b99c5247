"""Which slot earned the gain, where one is known to: in the report, in the saved file, after a resume; and trials as DSPy logs them."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

import burnish
from burnish import COPRO, Evaluate, MIPROv2
from burnish.testing import ScriptedLM

ROWS = [burnish.Example(text=f"item {n}", kind="right").with_inputs("text") for n in range(140)]
SEARCHERS = [None, "tpe", "random"]
VARIANT = re.compile(r"variant (\d+)")


class Two(burnish.Module):
    """Two predictors; of `model` below only the instructions of the second matter."""

    def __init__(self) -> None:
        self.find = burnish.Predict("text -> thing")
        self.classify = burnish.Predict("thing -> kind")

    async def aforward(self, text: str) -> Any:
        return await self.classify.acall(thing=(await self.find.acall(text=text)).thing)


def model(worth: Any) -> ScriptedLM:
    """Proposes variants; answers right as often as `worth` says of the variant in a prompt, by a draw for each item and variant."""

    def answer(request: Any) -> dict[str, str]:
        last = request.messages[-1]["content"]
        if "`instructions`" in last:
            return {"instructions": f"Do it, variant {request.rollout_id}."}
        if any(f"`{name}`" in last for name in ("observations", "summary", "description")):
            return {"observations": "None.", "summary": "None.", "description": "None."}
        item = re.findall(r"item \d+", last)[-1]
        if "`thing`" in last:
            return {"thing": item}
        found = VARIANT.search(request.messages[0]["content"])
        variant = int(found[1]) if found else None
        return {"kind": "right" if random.Random(f"{item} {variant}").random() < worth(variant) else "wrong"}

    return ScriptedLM(answer)


def planted(variant: int | None) -> float:
    return 0.2 if variant is None else 0.25 + 0.15 * (variant % 5)


def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
    return bool(example.kind == prediction.kind)


def compiled(optimizer: Any = None, worth: Any = planted, searcher: str | None = None, **options: Any) -> Any:
    settings = {"max_bootstrapped_demos": 0, "max_labeled_demos": 0, "progress": False}
    optimizer = optimizer or MIPROv2(metric, searcher=searcher, **settings, **options)
    rows = {} if isinstance(optimizer, COPRO) else {"valset": ROWS[:100]}
    with burnish.context(lm=model(worth)):
        return optimizer.compile(Two(), trainset=ROWS[100:], **rows)


def copro(**options: Any) -> COPRO:
    return COPRO(metric=metric, breadth=6, depth=2, progress=False, **options)


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_the_slot_that_earned_the_gain_is_named(searcher: str | None) -> None:
    report = compiled(searcher=searcher).report
    find, classify = report.effects.slots
    assert (find.name, classify.name) == ("find instructions", "classify instructions")
    assert report.effects.stand_out == [classify]
    assert classify.share > 4 * find.share
    assert not classify.kept
    # What it adds is known here; the surrogate leans to zero.
    true = planted(int(VARIANT.search(compiled_instructions(report))[1])) - planted(None)
    assert 0.4 * true < classify.gain < 1.1 * true
    assert abs(find.gain) < 0.1
    assert sum(
        slot.share for slot in report.effects.slots
    ) + report.effects.pairs + report.effects.own == pytest.approx(1)
    assert "classify instructions: " in str(report)
    assert "find instructions: " in str(report)
    assert str(report).count("no difference beyond doubt") == 1


def compiled_instructions(report: burnish.Report) -> str:
    number = next(n for n, standing in enumerate(report.candidates) if standing.name == report.winner)
    program = report.build(number)
    return str(program.classify.signature.instructions)


def test_copro_tells_it_too() -> None:
    report = compiled(copro()).report
    assert [slot.name for slot in report.effects.stand_out] == ["classify instructions"]


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_nothing_is_claimed_where_nothing_made_a_difference(searcher: str | None) -> None:
    report = compiled(worth=lambda variant: 0.5, searcher=searcher).report
    assert report.effects.stand_out == []
    assert "no slot stands out" in str(report)
    assert "instructions: " not in str(report)


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_what_was_paid_for_tells_the_same_again(searcher: str | None, tmp_path: Any) -> None:
    first = compiled(searcher=searcher, run_dir=tmp_path / "run", num_threads=16)
    again = compiled(searcher=searcher, run_dir=tmp_path / "run", num_threads=1)
    assert again.report.total.calls == 0
    assert again.report.effects == first.report.effects
    assert again.report.trials == first.report.trials
    written = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert written["effects"]["slots"][1]["predictor"] == "classify"
    assert [trial["runs"] for trial in written["trials"]] == [trial.runs for trial in first.report.trials]


def test_the_saved_file_keeps_it(tmp_path: Any) -> None:
    program = compiled()
    program.save(tmp_path / "two.json")
    saved = json.loads((tmp_path / "two.json").read_text(encoding="utf-8"))
    assert saved["burnish"]["effects"] == json.loads(json.dumps(program.report.effects.to_dict()))
    loaded = Two()
    loaded.load(tmp_path / "two.json")
    assert loaded.dump_state() == program.dump_state()


def test_the_original_schedule_is_logged_as_dspy_logs_it() -> None:
    program = compiled(searcher="tpe")
    logs = program.trial_logs
    assert list(logs) == list(range(1, len(logs) + 1))
    # The student in full, then trials, and after every five of them a full evaluation.
    kinds = ["full" if "full_eval_score" in log else "mb" for log in logs.values()]
    assert kinds[:7] == ["full", "mb", "mb", "mb", "mb", "mb", "full"]
    first, trial = logs[1], logs[2]
    assert first["total_eval_calls_so_far"] == 100
    assert trial["total_eval_calls_so_far"] - 100 == trial["n"] == 35
    assert trial["mb_program_path"] is None
    for number in (0, 1):
        assert trial[f"{number}_predictor_instruction"] in range(6)
    told = [trial["mb_program"].find, trial["mb_program"].classify]
    assert ["variant" in one.signature.instructions for one in told] == [
        trial[f"{number}_predictor_instruction"] > 0 for number in (0, 1)
    ]
    best = max(log["full_eval_score"] for log in logs.values() if "full_eval_score" in log)
    assert best == program.score == program.candidate_programs[0]["score"]
    with burnish.context(lm=model(planted)):
        assert Evaluate(devset=ROWS[:100], metric=metric)(first["full_eval_program"]).score == first["full_eval_score"]
    part = [entry["score"] for entry in program.mb_candidate_programs]
    assert part == sorted((log["mb_score"] for log in logs.values() if "mb_score" in log), reverse=True)
    assert {entry["full_eval"] for entry in program.candidate_programs} == {True, False}


def test_the_default_search_is_logged_under_the_same_keys() -> None:
    program = compiled()
    logs = list(program.trial_logs.values())
    runs = [log["total_eval_calls_so_far"] for log in logs]
    assert runs == sorted(runs)
    # Nothing that is known is run again, so the last count is what was scored.
    assert runs[-1] * 2 == program.report.usage["score"].calls
    assert [log["name"] for log in logs[-2:]] == ["as given", program.report.winner]
    winner, given = program.report.confirmed
    assert [log["mb_score"] for log in logs[-2:]] == [round(100 * one.mean, 2) for one in (given, winner)]
    assert logs[-2]["0_predictor_instruction"] == logs[-2]["1_predictor_instruction"] == 0


def test_an_attribute_of_the_program_itself_wins_over_the_report() -> None:
    program = compiled()
    program.score = "its own"
    assert program.score == "its own"
    assert not hasattr(Two(), "trial_logs")
    with pytest.raises(AttributeError, match="misspelt"):
        _ = program.misspelt
