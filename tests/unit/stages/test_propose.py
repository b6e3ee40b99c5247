"""Proposals: what enters the pool, what is asked for again, and what a bad reply costs."""

from __future__ import annotations

import pytest

from burnish import BudgetExhausted, LMAccessDenied, LMRejected, LMTransient, Output, Predict, RunStopped
from burnish.loop import run_sync
from burnish.stages.propose import TIPS, Wanted, WriteInstructions, proposed
from burnish.testing import ScriptedLM


def wanted(count=1, **grounds):
    return [Wanted("answer", number, "The step `answer`.", "Answer.", **grounds) for number in range(count)]


def propose(lm, count=1, *, known=("Answer.",), **grounds):
    return run_sync(proposed(wanted(count, **grounds), {"answer": list(known)}, lm=lm, temperature=1.0))


def told(text):
    return {"instructions": text}


def test_each_proposal_is_one_call_with_a_draw_of_its_own():
    lm = ScriptedLM([told("Think."), told("Be brief."), told("Name the planet.")])
    found = propose(lm, 3)
    assert found.instructions == {"answer": ["Think.", "Be brief.", "Name the planet."]}
    assert str(found) == "3 instructions were asked for, 3 can be used."
    assert [request.params["temperature"] for request in lm.requests] == [1.0] * 3
    assert len({request.rollout_id for request in lm.requests}) == 3


def test_only_what_there_is_is_shown():
    lm = ScriptedLM([told("a"), told("b")])
    propose(lm)
    bare = lm.requests[0].messages[-1]["content"]
    assert "The step `answer`." in bare
    assert "## current_instructions ##" in bare
    assert not any(f"## {name} ##" in bare for name in ("program", "data", "attempts", "examples", "tip"))
    propose(lm, program="It answers.", data="Questions.", attempts=[("Best.", 0.8), ("Worst.", 0.1)], tip="simple")
    full = lm.requests[1].messages[-1]["content"]
    assert "It answers." in full
    assert "Questions." in full
    assert full.index("Score 10.0:\nWorst.") < full.index("Score 80.0:\nBest.")
    assert TIPS["simple"] in full


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("no sections at all", "did not parse"),
        ("<think>I was cut off", "did not parse"),
        (told("   "), "were empty"),
        (told("..."), "were empty"),
        (told("Answer.\n<think>and then"), "were unfinished thoughts"),
        (told("  answer. "), "repeated another"),
        (Output("[[ ## instructions ## ]]\nAnswer with one of the foll", "length"), "were cut off"),
        (told("x" * 20_001), "were longer than 20000 characters"),
    ],
)
def test_what_cannot_be_used_is_asked_for_once_more_and_then_left_out(reply, reason):
    lm = ScriptedLM(lambda request: reply if request.rollout_id == 1 else told("Good."))
    assert propose(lm).instructions == {"answer": ["Good."]}
    lm = ScriptedLM(lambda request: reply)
    found = propose(lm)
    assert found.instructions == {"answer": []}
    assert (
        str(found)
        == f"1 instructions were asked for, 0 can be used; of the others, after a second try each, 1 {reason}."
    )
    assert {request.rollout_id for request in lm.requests} == {1, 2}


def test_a_reply_that_does_not_parse_costs_one_more_call_which_asks_for_the_other_form():
    lm = ScriptedLM(["no section at all", {"instructions": "Good."}])
    assert propose(lm).instructions == {"answer": ["Good."]}
    assert ["Reply with one JSON object" in request.messages[-1]["content"] for request in lm.requests] == [False, True]
    lm = ScriptedLM(lambda request: "no section at all")
    propose(lm, 3)
    assert len(lm.requests) == 6


def test_the_same_text_every_time_enters_once():
    found = propose(ScriptedLM(lambda request: told("Be kind.")), 5)
    assert found.instructions == {"answer": ["Be kind."]}
    assert found.dropped == {"repeated another": 4}


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ('"Say less."', "Say less."),
        ("'Say less.'", "Say less."),
        ("```Say more.```", "Say more."),
        ("```text\nSay more,\nand `more`.\n```", "Say more,\nand `more`."),
        ("```markdown\nSay more.", "Say more."),
        ("`Say it.`", "Say it."),
        # These belong to the text.
        ("`question` is a text. Answer with `yes`", "`question` is a text. Answer with `yes`"),
        ('"Yes" or "no"', '"Yes" or "no"'),
        ("```\nOne\n```\nor\n```\ntwo\n```", "```\nOne\n```\nor\n```\ntwo\n```"),
        ("First think in <thinking> tags.", "First think in <thinking> tags."),
        ("Say it\ud83d", "Say it"),
    ],
)
def test_quotes_and_fences_around_the_whole_text_are_no_part_of_it(reply, text):
    found = propose(ScriptedLM(lambda request: told(reply)))
    assert found.instructions == {"answer": [text]}
    assert Predict("question -> answer").signature.with_instructions(text).instructions == text


def test_quotes_and_fences_around_the_text_are_no_part_of_it():
    lm = ScriptedLM([told('"Say less."'), told("```Say more.```"), told("```text\nSay it.\n```"), told("`Say`")])
    assert propose(lm, 4).instructions == {"answer": ["Say less.", "Say more.", "Say it.", "Say"]}


@pytest.mark.parametrize(
    "text",
    ["Read `text` and give `kind`", '"Yes" is better than "no"', "`kind` comes from `text`", "```a``` or ```b```"],
)
def test_quotes_and_backticks_that_belong_to_the_text_stay(text):
    assert propose(ScriptedLM([told(text)])).instructions == {"answer": [text]}


def test_an_outage_of_one_call_costs_that_proposal_and_of_all_stops_loudly():
    down = LMTransient("HTTP 503", model="m")
    lm = ScriptedLM(lambda request: down if request.rollout_id in (1, 2) else told(f"Number {request.rollout_id}."))
    found = propose(lm, 3)
    assert found.instructions == {"answer": ["Number 3.", "Number 5."]}
    assert found.dropped == {"were not answered": 1}
    # One that is asked for alone has its second try too.
    assert propose(ScriptedLM([down, told("Good.")])).instructions == {"answer": ["Good."]}
    with pytest.raises(RunStopped, match=r"not one of 6 calls for instructions was answered: .*503"):
        propose(ScriptedLM(lambda request: down), 3)


def test_a_refusal_of_one_call_costs_that_proposal_and_of_all_stops_loudly():
    no = LMRejected("HTTP 400: content filter", model="m")
    lm = ScriptedLM(lambda request: no if request.rollout_id in (1, 2) else told(f"Number {request.rollout_id}."))
    found = propose(lm, 2)
    assert found.instructions == {"answer": ["Number 3."]}
    assert found.dropped == {"were refused": 1}
    with pytest.raises(RunStopped, match=r"not one of 4 calls for instructions was answered: HTTP 400: content filter"):
        propose(ScriptedLM(lambda request: no), 2)


@pytest.mark.parametrize("error", [LMAccessDenied("no", model="m"), BudgetExhausted("over", cap="calls")])
def test_what_no_other_draw_would_mend_is_raised(error):
    with pytest.raises(type(error)):
        propose(ScriptedLM(lambda request: error), 2)


def test_the_fields_are_those_that_proposals_are_grounded_on():
    assert set(WriteInstructions.input_fields) == set(
        Wanted("p", 0, "s", "c", program="p", data="d", attempts=[("a", 0.5)], examples="e", tip="simple").inputs()
    )
