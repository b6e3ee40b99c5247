"""What `format_reply` writes, `parse` reads; what it cannot read is a `ReplyError` and nothing else."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import functools
from random import Random
from typing import Any, Literal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.adapters.chat import ChatAdapter
from burnish.errors import ReplyError
from burnish.values.seed import draw
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
    (Any, JSON | st.sampled_from(["3", "null", "[1]", '"'])),
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


PIECES = [
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


@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS], ids=str)
def test_garbage_is_never_more_than_a_reply_error(kind):
    random = draw(0, "garbage", kind)
    for made in (signature(kind), Signature({"a": (kind, OutputField())})):
        for _ in range(100):
            parse_or_refuse(made, mangled(random))


@pytest.mark.parametrize("kind", VALUES, ids=str)
def test_damaged_replies_are_never_more_than_a_reply_error(kind):
    random, made = draw(0, "damage", kind), signature(kind)
    for value in VALUES[kind]:
        reply = ADAPTER.format_reply(made, {"a": value, "b": "more"})
        for _ in range(150):
            parse_or_refuse(made, damaged(random, reply))
