"""What types promise holds through every adapter: parts, turns, defaults, and values of a Type written and read."""

from __future__ import annotations

import pytest

from burnish.adapters.base import Adapter
from burnish.adapters.chat import ChatAdapter
from burnish.adapters.json import JSONAdapter
from burnish.adapters.two_step import TwoStepAdapter
from burnish.adapters.xml import XMLAdapter
from burnish.errors import ReplyError
from burnish.testing import ScriptedLM
from burnish.values.signature import InputField, OutputField, Signature
from burnish.values.types.code import Code
from burnish.values.types.history import History
from burnish.values.types.image import Image

READING = [ChatAdapter(), JSONAdapter(), XMLAdapter()]
EVERY = [*READING, TwoStepAdapter(ScriptedLM([]))]
PICTURE = Image("https://example.com/a&b.png")


class Talk(Signature):
    history: History = InputField()
    pages: list[Image] = InputField()
    style: str = InputField(default="short")
    answer: str = OutputField()
    code: Code["sql"] = OutputField()  # noqa: F821, UP037 - the name of a language
    note: str | None = OutputField(default=None)


def name(adapter: Adapter) -> str:
    return adapter.name


@pytest.mark.parametrize("adapter", EVERY, ids=name)
def test_pictures_and_conversations(adapter):
    turn = {"pages": [PICTURE], "style": "s", "answer": "a1", "code": "select 1", "note": None}
    before, answer, last = adapter.render(Talk, {"history": [turn], "pages": [PICTURE, PICTURE], "style": "s"})
    for message, number in ((before, 1), (last, 2)):
        urls = [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
        assert urls == [PICTURE.url] * number
    assert "a1" in answer["content"]
    demo = {"pages": [PICTURE], "answer": "a", "code": Code["sql"]("x")}
    messages = adapter.compile(Talk, instructions=Talk.instructions, demos=[demo]).prefix.messages
    assert [message["role"] for message in messages] == ["system", "user", "assistant"]
    assert "history" not in messages[0]["content"]
    assert isinstance(messages[1]["content"], list)
    assert "part:" not in str(messages)


@pytest.mark.parametrize("adapter", READING, ids=name)
@pytest.mark.parametrize(
    "code", ["select 1", "a\n\n  b <c> &amp; \"d\" 'e' \\n", "```\nx\n```", '{"code": "x"}', "null", ""]
)
def test_code_is_written_and_read(adapter, code):
    outputs = {"answer": "a", "code": Code["sql"](code), "note": "n"}
    reply = adapter.format_reply(Talk, outputs)
    assert adapter.parse(Talk, reply) == outputs
    assert "```sql" in reply


@pytest.mark.parametrize("adapter", READING, ids=name)
def test_an_output_with_a_default_may_be_left_out(adapter):
    rest = Talk.delete("note")
    outputs = {"answer": "a", "code": Code["sql"]("x")}
    assert adapter.parse(Talk, adapter.format_reply(rest, outputs)) == {**outputs, "note": None}
    assert adapter.parse(Talk, adapter.format_reply(Talk, outputs)) == {**outputs, "note": None}
    with pytest.raises(ReplyError):
        adapter.parse(Talk, adapter.format_reply(rest.delete("code"), {"answer": "a"}))
    lone = Signature({"q": InputField(), "a": OutputField(default="x")})
    with pytest.raises(ReplyError):
        adapter.parse(lone, "I cannot help with that.")
