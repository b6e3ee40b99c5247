"""What `format_reply` writes, `parse` reads, in every adapter; what it cannot read is a `ReplyError` and nothing else."""

from __future__ import annotations

import datetime as dt
import functools
from random import Random
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.adapters.base import Adapter
from burnish.adapters.chat import ChatAdapter
from burnish.adapters.json import JSONAdapter
from burnish.adapters.xml import XMLAdapter
from burnish.errors import ReplyError
from burnish.values.seed import draw
from burnish.values.signature import InputField, OutputField, Signature
from tests.support.typed_values import CONSTRAINED, KINDS, TEXT, Case, Mood, Point, signatures

ADAPTERS: list[Adapter] = [ChatAdapter(), JSONAdapter(), XMLAdapter()]
each_adapter = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)


def signature(kind: Any) -> type[Signature]:
    return Signature({"q": InputField(), "a": (kind, OutputField()), "b": OutputField()})


@each_adapter
@pytest.mark.parametrize(("kind", "values"), KINDS, ids=lambda part: str(part)[:40])
@settings(max_examples=12)
@given(data=st.data())
def test_what_is_written_is_read(adapter, kind, values, data):
    outputs = {"a": data.draw(values), "b": data.draw(TEXT)}
    made = signature(kind)
    parsed = adapter.parse(made, adapter.format_reply(made, outputs))
    assert parsed == outputs
    assert type(parsed["a"]) is type(outputs["a"])


@each_adapter
@pytest.mark.parametrize(("kind", "options", "values"), CONSTRAINED, ids=lambda part: str(part)[:40])
@settings(max_examples=12)
@given(data=st.data())
def test_what_keeps_its_constraints_is_read(adapter, kind, options, values, data):
    made = Signature({"q": InputField(), "a": (kind, OutputField(**options))})
    outputs = {"a": data.draw(values)}
    assert adapter.parse(made, adapter.format_reply(made, outputs)) == outputs


@each_adapter
@given(case=signatures())
def test_any_signature_is_written_and_read(adapter: Adapter, case: Case):
    assert adapter.parse(case.signature, adapter.format_reply(case.signature, case.outputs)) == case.outputs
    system, user, assistant, last = adapter.format(case.signature, [{**case.inputs, **case.outputs}], case.inputs)
    assert all(f"- `{name}` (" in system["content"] for name in case.signature.fields)
    assert assistant["content"] == adapter.format_reply(case.signature, case.outputs)
    # A demo shows its inputs as a call does.
    assert last["content"].startswith(user["content"] + "\n\nReply with")


PIECES = [
    *(
        "<a>",
        "</a>",
        "<b>",
        "</b>",
        "<a",
        "</",
        "<b/>",
        "&lt;",
        "&#0;",
        "<![CDATA[",
        "]]>",
        '{"a": ',
        '"b": ',
        '{"c": {"a": ',
    ),
    *("[[ ## a ## ]]", "[[ ## b ## ]]", "[[ ## completed ## ]]", "[[ ## q ## ]]", "[[", "## ]]", "[[ ## A # ]]", "**"),
    *("\n", "\n\n", " ", "\r\n", "\0", "\u2028", "\ud800", "<think>", "</think>", "<thinking>", "```", "```json\n"),
    *("{", "}", "[", "]", '"', "'", ",", ":", "\\", "null", "None", "true", "yes", "no", "-", "- ", "1.", "1e999"),
    *("9" * 400, "[" * 2000, '{"a":' * 500, "3", "0.5", "%", "$", "good", "x", '{"x": 1, "note": "n"}', "[1, 2", "é"),
]
VALUES: dict[Any, list[Any]] = {
    str: ["some text", "two\nlines"],
    int: [3, -(10**30)],
    bool: [True],
    float: [0.25],
    Mood: [Mood.BAD],
    list[str]: [["a", "it's", 'say "hi"', "{"]],
    dict[str, float]: [{"a": 1.0, "]": -2e-9}],
    int | str: ["3", 3],
    Point: [Point(x=1, note="n\n", moods=[Mood.GOOD])],
    list[Point]: [[Point(x=1, note=None), Point(x=2, note="}")]],
    dt.date: [dt.date(2024, 2, 29)],
    Any: [{"a": [1, None, {"b": "c"}]}],
}


def mangled(random: Random) -> str:
    return "".join(random.choices(PIECES, k=random.randrange(20)))


def damaged(random: Random, reply: str) -> str:
    """The reply cut, repeated, or with something put in or left out."""
    start, stop = sorted(random.choices(range(len(reply) + 1), k=2))
    return random.choice([reply[:start], reply[start:], reply[:start] + mangled(random) + reply[stop:], reply * 2])


@functools.cache
def checker(made: type[Signature], name: str) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(made.output_fields[name].annotation)


def parse_or_refuse(adapter: Adapter, made: type[Signature], reply: str) -> None:
    """Only valid values or a `ReplyError` with the reply come out."""
    try:
        values = adapter.parse(made, reply)
    except ReplyError as error:
        carried = error.reply
    else:
        carried = reply
        assert values.keys() == made.output_fields.keys()
        for name, value in values.items():
            assert checker(made, name).validate_python(value) == value
    assert carried == reply


@each_adapter
@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS], ids=str)
def test_garbage_is_never_more_than_a_reply_error(adapter, kind):
    random = draw(0, "garbage", kind)
    for made in (signature(kind), Signature({"a": (kind, OutputField())})):
        for _ in range(50):
            parse_or_refuse(adapter, made, mangled(random))


@each_adapter
@pytest.mark.parametrize("kind", VALUES, ids=str)
def test_damaged_replies_are_never_more_than_a_reply_error(adapter, kind):
    random, made = draw(0, "damage", kind), signature(kind)
    for value in VALUES[kind]:
        reply = adapter.format_reply(made, {"a": value, "b": "more"})
        for _ in range(100):
            parse_or_refuse(adapter, made, damaged(random, reply))
