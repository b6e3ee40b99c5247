"""A conversation among the inputs becomes turns before the last one."""

from __future__ import annotations

import pytest

import burnish
from burnish.adapters.chat import ChatAdapter
from burnish.adapters.history import without_history
from burnish.errors import ConfigError, SignatureError
from burnish.testing import ScriptedLM
from burnish.values.signature import InputField, OutputField, Signature
from burnish.values.types.history import History


class Talk(Signature):
    history: History = InputField()
    question: str = InputField()
    answer: str = OutputField()


BEFORE = History(messages=[{"question": "q1", "answer": "a1"}, {"question": "q2", "answer": "a2"}])
TURNS = [
    ("user", "[[ ## question ## ]]\nq1"),
    ("assistant", "[[ ## answer ## ]]\na1\n\n[[ ## completed ## ]]"),
    ("user", "[[ ## question ## ]]\nq2"),
    ("assistant", "[[ ## answer ## ]]\na2\n\n[[ ## completed ## ]]"),
]
LAST = ("user", "[[ ## question ## ]]\nq3\n\nReply with the sections `answer`, then `completed`.")


def pairs(messages):
    return [(message["role"], message["content"]) for message in messages]


@pytest.mark.parametrize("given", [BEFORE, {"messages": BEFORE.messages}, BEFORE.messages])
def test_each_turn_is_a_pair_of_messages(given):
    assert pairs(ChatAdapter().render(Talk, {"history": given, "question": "q3"})) == [*TURNS, LAST]


@pytest.mark.parametrize("inputs", [{}, {"history": None}, {"history": History(messages=[])}])
def test_no_conversation_is_none(inputs):
    assert pairs(ChatAdapter().render(Talk, {**inputs, "question": "q3"})) == [LAST]


def test_the_prompt_does_not_name_the_field():
    system = ChatAdapter().compile(Talk, instructions=Talk.instructions, demos=[]).prefix.messages[0]["content"]
    assert "history" not in system
    assert Talk.instructions == "Given the fields `question`, produce the fields `answer`."
    assert without_history(Talk).signature == "question -> answer"


def test_a_demo_has_its_conversation_before_it():
    messages = ChatAdapter().format_demo(Talk, {"history": BEFORE, "question": "q3", "answer": "a3"})
    assert pairs(messages)[:4] == TURNS
    assert pairs(messages)[4:] == [
        ("user", "[[ ## question ## ]]\nq3"),
        ("assistant", "[[ ## answer ## ]]\na3\n\n[[ ## completed ## ]]"),
    ]
    # Without a conversation a demo is complete too.
    assert len(ChatAdapter().format_demo(Talk, {"question": "q3", "answer": "a3"})) == 2


def test_turns_are_incomplete_as_demos_are():
    class Wide(Signature):
        history: History | None = InputField()
        question: str = InputField()
        hint: str = InputField()
        answer: str = OutputField()

    turn = {"question": "q", "answer": "a"}
    messages = ChatAdapter().render(Wide, {"history": [turn, {"question": "left out"}], "question": "q", "hint": "h"})
    assert len(messages) == 3
    assert messages[0]["content"].startswith("(an incomplete example: some inputs are not shown.)")


def test_a_turn_without_any_field_of_the_signature_is_refused():
    with pytest.raises(
        ConfigError, match=r"Turn 2 .* `history` has the fields 'role', 'content', and none of 'question'"
    ):
        ChatAdapter().render(Talk, {"history": [BEFORE.messages[0], {"role": "user", "content": "c"}]})


@pytest.mark.parametrize("given", ["hello", 3, [3], {"turns": []}, {"messages": "m"}])
def test_what_is_no_conversation_is_shown(given):
    with pytest.raises(ConfigError, match="`history` is .* no conversation"):
        ChatAdapter().render(Talk, {"history": given, "question": "q"})


def test_two_conversations_are_one_too_many():
    two = Signature({"a": (History, InputField()), "b": (History, InputField()), "c": OutputField()})
    with pytest.raises(SignatureError, match="'a', 'b'"):
        ChatAdapter().compile(two, instructions="", demos=[])


def test_a_call_asks_with_the_turns_and_warns_of_nothing():
    lm = ScriptedLM([{"answer": "a3"}])
    with burnish.context(lm=lm):
        prediction = burnish.Predict(Talk)(history=BEFORE, question="q3")
    assert prediction.answer == "a3"
    assert pairs(lm.requests[0].messages)[1:] == [*TURNS, LAST]
    by_text = Signature("history: History, question -> answer", custom_types={"History": History})
    assert len(ChatAdapter().render(by_text, {"history": BEFORE, "question": "q"})) == 5


def test_predictions_and_examples_are_turns_as_they_are():
    turns = [burnish.Prediction(question="6 × 7?", answer="42"), burnish.Example(question="7 × 7?", answer="49")]
    assert burnish.History(messages=turns) == burnish.History(messages=[turn.toDict() for turn in turns])
