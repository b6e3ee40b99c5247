"""What proposals are grounded on: summaries that are made once, code, and rows that fit a prompt."""

from __future__ import annotations

import json

import pytest

import burnish
from burnish import Example, LMRejected, LMTransient, RunStopped
from burnish.adapters.content import content
from burnish.loop import run_sync
from burnish.stages.grounds import as_lines, code_of, described, step_of, summarised
from burnish.testing import ScriptedLM, toy


def rows(count):
    return [Example(question=f"{n}?", answer=n).with_inputs("question") for n in range(count)]


def answers(request):
    asked = request.messages[-1]["content"]
    if "## observations ##" in asked:
        return {"summary": f"All of it: {asked.count('remark')} remarks."}
    if "## code ##" in asked:
        return {"description": "It classifies."}
    return {"observations": f"remark on {asked.count('question')} rows"}


def test_data_is_summarised_in_at_most_four_batches_and_one_summary():
    lm = ScriptedLM(answers)
    assert run_sync(summarised(rows(100), batch=10, lm=lm)) == "All of it: 4 remarks."
    assert len(lm.requests) == 5
    lm = ScriptedLM(answers)
    assert run_sync(summarised(rows(3), batch=10, lm=lm)) == "remark on 3 rows"
    assert len(lm.requests) == 1


def test_what_does_not_parse_is_left_out():
    broken = ScriptedLM(lambda request: "nothing of use, and no section")
    assert run_sync(summarised(rows(30), batch=10, lm=broken)) == ""
    assert run_sync(described(toy.Chain(), rows(3), lm=broken)) == ""
    no_summary = ScriptedLM(
        lambda request: "no" if "## observations ##" in request.messages[-1]["content"] else answers(request)
    )
    assert run_sync(summarised(rows(30), batch=10, lm=no_summary)) == "remark on 10 rows"


def test_a_refused_call_is_left_out_and_an_outage_stops_the_run():
    refusing = ScriptedLM(lambda request: LMRejected("HTTP 400", model="m"))
    assert run_sync(summarised(rows(30), batch=10, lm=refusing)) == ""
    assert run_sync(described(toy.Chain(), rows(3), lm=refusing)) == ""
    down = ScriptedLM(lambda request: LMTransient("HTTP 503", model="m"))
    for summary in (summarised(rows(3), batch=10, lm=down), described(toy.Chain(), rows(3), lm=down)):
        with pytest.raises(RunStopped, match=r"a summary .* was not answered: HTTP 503\. Run again to go on"):
            run_sync(summary)


def test_a_program_is_described_from_its_own_code_and_steps():
    lm = ScriptedLM(answers)
    assert run_sync(described(toy.Chain(), rows(2), lm=lm)) == "It classifies."
    asked = lm.requests[0].messages[-1]["content"]
    assert "class Chain" in asked
    assert "The step `find` of the program." in asked
    assert "class Predict" not in asked


def test_without_source_the_steps_are_told():
    made = type("Made", (burnish.Module,), {})()
    made.part = burnish.Predict("question -> answer: int")
    assert code_of(made) == step_of("part", made.part)
    assert "- answer (int)" in step_of("part", made.part)


def test_rows_are_json_lines_as_many_as_there_is_room_for():
    assert as_lines([Example(a="é", b=[1]), {"augmented": True, "c": None}]) == '{"a": "é", "b": [1]}\n{"c": null}'
    lines = as_lines([Example(text="x" * 5000, n=n) for n in range(9)]).splitlines()
    assert len(lines) == 2


def test_of_a_row_that_has_no_room_the_beginning_of_each_value_is_shown():
    line, after = as_lines(
        [Example(text="x" * 500_000, passages=["y" * 500_000], kind="z"), Example(text="short")]
    ).splitlines()
    assert len(line) < 10_000
    assert after == '{"text": "short"}'
    row = json.loads(line)
    assert (row["text"][:2], row["text"][-1], row["passages"][:4], row["kind"]) == ("xx", "…", '["yy', "z")


def test_a_picture_is_shown_whole():
    picture = burnish.Image(f"data:image/png;base64,{'A' * 40_000}")
    assert isinstance(content(as_lines([Example(picture=picture, kind="z")])), list)
