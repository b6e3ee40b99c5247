"""What `format_reply` writes, `parse` reads; what it cannot read is a `ReplyError` and nothing else."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import functools
from typing import Any, Literal

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.adapters.chat import ChatAdapter
from burnish.errors import ReplyError
from burnish.values.signature import InputField, OutputField, Signature

ADAPTER = ChatAdapter()


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad mood"
    NONE = 3


class Point(pydantic.BaseModel):
    x: int
    note: str | None
    moods: list[Mood] = []


# White space around a text, headers and the prompt's placeholders belong to the form.
TEXT = (
    st.text()
    .map(str.strip)
    .filter(
        lambda text: (
            "[[" not in text
            and text not in ("Not shown.", "{a}", "{b}")
            and not text.startswith("<")
            and "</" not in text
        )
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
POINT = st.builds(Point, x=st.integers(), note=st.none() | TEXT, moods=st.lists(st.sampled_from(Mood), max_size=2))
KINDS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, TEXT),
    (str | None, st.none() | TEXT | st.sampled_from(["null", "None", '"', '"null"', ""])),
    (int, st.integers()),
    (int | None, st.none() | st.integers()),
    (float, FLOAT),
    (bool, st.booleans()),
    (Literal["yes", "no", "No", 1, False, None], st.sampled_from(["yes", "no", "No", 1, False, None])),  # noqa: PYI061 - as users write it
    (Mood, st.sampled_from(Mood)),
    (Mood | None, st.none() | st.sampled_from(Mood)),
    (list[str], st.lists(TEXT)),
    (list[int] | None, st.none() | st.lists(st.integers())),
    (dict[str, float], st.dictionaries(TEXT, FLOAT)),
    (set[int], st.sets(st.integers())),
    (tuple[int, str], st.tuples(st.integers(), TEXT)),
    (int | str, st.integers() | TEXT | st.sampled_from(["3", "true"])),
    (Any, JSON),
    (Point, POINT),
    (list[Point], st.lists(POINT, max_size=3)),
    (dt.date, st.dates()),
    (dt.datetime, st.datetimes()),
    (decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
]


def signature(kind: Any) -> type[Signature]:
    return Signature({"q": InputField(), "a": (kind, OutputField()), "b": OutputField()})


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=lambda part: str(part)[:40])
@given(data=st.data())
def test_what_is_written_is_read(kind, values, data):
    outputs = {"a": data.draw(values), "b": data.draw(TEXT)}
    made = signature(kind)
    reply = ADAPTER.format_reply(made, outputs)
    parsed = ADAPTER.parse(made, reply)
    assert parsed == outputs
    assert type(parsed["a"]) is type(outputs["a"])


PIECES = st.sampled_from(
    [
        *(
            "[[ ## a ## ]]",
            "[[ ## b ## ]]",
            "[[ ## completed ## ]]",
            "[[ ## q ## ]]",
            "[[",
            "## ]]",
            "[[ ## A # ]]",
            "**",
        ),
        *("\n", "\n\n", " ", "\r\n", "\0", "\u2028", "\ud800", "<think>", "</think>", "<thinking>", "```", "```json\n"),
        *("{", "}", "[", "]", '"', "'", ",", ":", "\\", "null", "None", "true", "yes", "no", "-", "- ", "1.", "1e999"),
        *(
            "9" * 400,
            "[" * 2000,
            '{"a":' * 500,
            "3",
            "0.5",
            "%",
            "$",
            "good",
            "x",
            '{"x": 1, "note": "n"}',
            "[1, 2",
            "é",
        ),
    ]
)
MANGLED = st.lists(PIECES | st.text(max_size=5), max_size=20).map("".join)
WITH_VALUES = [(signature(kind), values) for kind, values in KINDS]
SIGNATURES = [made for made, _ in WITH_VALUES] + [Signature({"a": (kind, OutputField())}) for kind, _ in KINDS]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[type[Signature], str]:
    """A right reply, cut, repeated or with something put in."""
    made, values = draw(st.sampled_from(WITH_VALUES))
    reply = ADAPTER.format_reply(made, {"a": draw(values), "b": draw(TEXT)})
    start, stop = sorted((draw(st.integers(0, len(reply))), draw(st.integers(0, len(reply)))))
    changed = [reply[:start], reply[start:], reply[:start] + draw(MANGLED) + reply[stop:], reply * 2]
    return made, draw(st.sampled_from(changed))


@functools.cache
def checker(made: type[Signature], name: str) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(made.output_fields[name].annotation)


def parse_or_refuse(made: type[Signature], reply: str) -> None:
    """Only valid values or a `ReplyError` with the reply come out."""
    try:
        values = ADAPTER.parse(made, reply)
    except ReplyError as error:
        carried = error.reply
    else:
        carried = reply
        assert values.keys() == made.output_fields.keys()
        for name, value in values.items():
            assert checker(made, name).validate_python(value) == value
    assert carried == reply


@settings(max_examples=1200)
@given(made=st.sampled_from(SIGNATURES), reply=MANGLED)
def test_garbage_is_never_more_than_a_reply_error(made, reply):
    parse_or_refuse(made, reply)


@settings(max_examples=1200)
@given(damaged())
def test_damaged_replies_are_never_more_than_a_reply_error(case):
    parse_or_refuse(*case)
