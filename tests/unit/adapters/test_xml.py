"""Replies in tags."""

from __future__ import annotations

from typing import Any, Literal

import pydantic
import pytest

from burnish.adapters.xml import XMLAdapter
from burnish.errors import ConfigError, ReplyError
from burnish.values.signature import InputField, OutputField, Signature

ADAPTER = XMLAdapter()
QA = Signature("question -> reasoning, final_answer")


class Triage(Signature):
    """Sort the ticket."""

    ticket: str = InputField()
    team: Literal["billing", "login"] = OutputField()
    urgency: int = OutputField(ge=1, le=5)


class Point(pydantic.BaseModel):
    x: int
    note: str | None = None


def test_the_prompt_shows_the_form():
    system, user, assistant = ADAPTER.compile(
        Triage, instructions="Sort it.", demos=[{"ticket": "Pay", "team": "billing", "urgency": 2}]
    ).prefix.messages
    assert system["content"].endswith(
        """Write the reply in exactly this form, each text between its tags, and nothing else:

<team>
{team}
</team>

<urgency>
{urgency}
</urgency>

Task:
Sort it."""
    )
    assert user["content"] == "<ticket>\nPay\n</ticket>"
    assert assistant["content"] == "<team>\nbilling\n</team>\n\n<urgency>\n2\n</urgency>"
    (last,) = ADAPTER.render(Triage, {"ticket": "Log in"})
    assert last["content"] == (
        "<ticket>\nLog in\n</ticket>\n\nReply with the tags `<team>`, `<urgency>`, each closed after its text."
    )


def test_incomplete_demos_say_so():
    user, assistant = (m["content"] for m in ADAPTER.format_demo(Triage, {"ticket": "t", "team": "billing"}))
    assert user.startswith("(an incomplete example: some outputs are not shown.)")
    assert assistant.endswith("<urgency>\nNot shown.\n</urgency>")
    with pytest.raises(ReplyError, match="placeholder"):
        ADAPTER.parse(Triage, assistant)
    with pytest.raises(ConfigError, match="'urgency'"):
        ADAPTER.format_reply(Triage, {"team": "login"})


@pytest.mark.parametrize(
    "reply",
    [
        "<reasoning>r</reasoning><final_answer>a</final_answer>",
        "<reasoning>\nr\n</reasoning>\n\n<final_answer>\na\n</final_answer>",
        "<final_answer>a</final_answer><reasoning>r</reasoning>",
        "Sure:\n<reasoning>r</reasoning> and <b>so</b> <final_answer>a</final_answer> bye",
        "<REASONING>r</Reasoning><Final Answer>a</Final-Answer>",
        '<reply><reasoning lang="en">r</reasoning>< final_answer >a</ final_answer ></reply>',
        "<reasoning>r\n<final_answer>a",
        "<reasoning>r\n<final_answer>a</final_answer>",
        "```xml\n<reasoning>r</reasoning>\n<final_answer>a</final_answer>\n```",
        "<think><final_answer>no</final_answer></think><reasoning>r</reasoning><final_answer>a</final_answer>",
        "opened</think><reasoning>r</reasoning><final_answer>a</final_answer>",
        "<reasoning>r</reasoning><final_answer>a</final_answer><final_answer>b</final_answer>",
        "<reasoning><![CDATA[r]]></reasoning><final_answer>&#97;</final_answer>",
        '{"reasoning": "r", "final_answer": "a"}',
        "[[ ## reasoning ## ]]\nr\n[[ ## final_answer ## ]]\na\n[[ ## completed ## ]]",
    ],
)
def test_tags_are_found(reply):
    assert ADAPTER.parse(QA, reply) == {"reasoning": "r", "final_answer": "a"}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1 < 2 && x > y", "1 < 2 && x > y"),
        ("&lt;b&gt; &amp;lt; &quot;", '<b> &lt; "'),
        ("AT&T &nbsp; &bogus;", "AT&T &nbsp; &bogus;"),
        ("I put it in <final_answer> tags", "I put it in <final_answer> tags"),
        ("<b>bold</b> & <i/>", "<b>bold</b> & <i/>"),
    ],
)
def test_texts_are_unescaped_only_where_they_are_escaped(written, text):
    reply = f"<reasoning>{written}</reasoning><final_answer>a</final_answer>"
    assert ADAPTER.parse(QA, reply)["reasoning"] == text


@pytest.mark.parametrize(
    "text",
    [
        "</reasoning>",
        "&lt;",
        "&amp;lt;",
        "a <final_answer>b</final_answer>",
        "<![CDATA[x]]>",
        "x < y & z",
        "</ Reasoning >",
    ],
)
def test_what_would_be_misread_is_escaped(text):
    outputs = {"reasoning": text, "final_answer": text}
    assert ADAPTER.parse(QA, ADAPTER.format_reply(QA, outputs)) == outputs


@pytest.mark.parametrize(
    ("kind", "reply", "value"),
    [
        (int, "<a>42</a>", 42),
        (int, "42", 42),
        (bool, "<a>Yes.</a>", True),
        (list[str], '<a>["x"]</a>', ["x"]),
        (Point, "<a>{'x': 1,}</a>", Point(x=1)),
        (list[Point], '<a>```json\n[{"x": 1, "note": "</b> &lt;"}]\n```</a>', [Point(x=1, note="</b> <")]),
        (str, "<a/>", ""),
        (str, "<a></a>", ""),
        (str | None, "<a>null</a>", None),
        (Any, '<a>{"b": [1]}</a>', {"b": [1]}),
    ],
)
def test_values_are_text_or_json(kind, reply, value):
    assert ADAPTER.parse(Signature({"a": (kind, OutputField())}), reply) == {"a": value}


@pytest.mark.parametrize(
    ("reply", "field", "message"),
    [
        ("", "team", "no tag `<team>`, no tags at all"),
        ("login, 5", "team", "no tags at all.*'login, 5'"),
        ("<team>login</team>", "urgency", "no tag `<urgency>`, only `<team>`"),
        ("<team>login</team><urgency>", "urgency", "the reply ends before it"),
        ("<team>sales</team><urgency>3</urgency>", "team", "not one of"),
        ("<team>login</team><urgency>9</urgency>", "urgency", "less than or equal"),
        ("<think><team>login</team><urgency>3</urgency>", None, "ends inside its thoughts"),
    ],
)
def test_what_is_wrong_is_named_and_the_reply_kept(reply, field, message):
    with pytest.raises(ReplyError, match=message) as caught:
        ADAPTER.parse(Triage, reply)
    assert (caught.value.reply, caught.value.field) == (reply, field)


def test_outputs_with_a_default_may_be_left_out():
    made = Signature({"a": OutputField(), "b": (list[int], OutputField(default_factory=list))})
    assert ADAPTER.parse(made, "<a>x</a>") == {"a": "x", "b": []}
    with pytest.raises(ReplyError):
        ADAPTER.parse(made.delete("a"), "I cannot help with that.")
