"""What is heard is what is parsed, through every adapter and wherever a reply is cut."""

from __future__ import annotations

import random
from typing import Any

import pytest

import burnish
from burnish.streaming import StreamResponse
from burnish.testing import ScriptedLM

SIGNATURE = "question -> reasoning, answer, marks: list[int]"
OUTPUTS: dict[str, Any] = {
    "reasoning": 'He said "yes".\n\n- 1 < 2 &amp; x[[1]]\n- \\n is no line, é😀 is text',
    "answer": "Paris </answer> it is, {so}",
    "marks": [1, 2, 3],
}


def heard(items: list[Any]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for item in items:
        if isinstance(item, StreamResponse):
            before = "" if item.restarted else texts.get(item.signature_field_name, "")
            texts[item.signature_field_name] = before + item.chunk
    return texts


def anywhere(text: str) -> list[str]:
    draw = random.Random(text)
    places = sorted(draw.sample(range(1, len(text)), min(30, len(text) - 1)))
    return [text[begin:end] for begin, end in zip([0, *places], [*places, len(text)], strict=True)]


@pytest.mark.parametrize("name", ["ChatAdapter", "JSONAdapter", "XMLAdapter"])
@pytest.mark.parametrize("pieces", [1, anywhere, 10_000], ids=["letters", "anywhere", "whole"])
def test_what_is_heard_is_what_is_parsed(name: str, pieces: Any) -> None:
    adapter = getattr(burnish, name)()
    reply = adapter.format_reply(burnish.Signature(SIGNATURE), OUTPUTS)
    with burnish.context(lm=ScriptedLM([reply], pieces=pieces), adapter=adapter):
        *items, prediction = burnish.streamify(burnish.Predict(SIGNATURE), async_streaming=False)(question="?")
    assert prediction.toDict() == OUTPUTS
    assert heard(items) == {**OUTPUTS, "marks": "[1, 2, 3]"}
    assert not any(item.restarted for item in items)
    if pieces == 1:
        assert len(items) > 50


def test_a_reply_that_is_asked_for_in_another_form_begins_anew() -> None:
    replies = ["[[ ## answer ## ]]\nI think it is", '{"answer": "Paris", "marks": 5}']
    with burnish.context(lm=ScriptedLM(replies, pieces=4), adapter=burnish.ChatAdapter()):
        predict = burnish.Predict("question -> answer, marks: int")
        *items, prediction = burnish.streamify(predict, async_streaming=False)(question="?")
    assert prediction.answer == "Paris"
    assert heard(items) == {"answer": "Paris", "marks": "5"}
    assert [item.restarted for item in items if item.signature_field_name == "answer"].count(True) == 1


def test_two_steps_tell_what_the_second_takes_out() -> None:
    lm = ScriptedLM(["Well, I would say that it is Paris."])
    taking = ScriptedLM(lambda request: {"answer": "Paris"}, pieces=3)
    with burnish.context(lm=lm, adapter=burnish.TwoStepAdapter(taking)):
        predict = burnish.Predict("question -> answer")
        *items, prediction = burnish.streamify(predict, async_streaming=False)(question="?")
    assert prediction.answer == "Paris"
    assert heard(items) == {"answer": "Paris"}
