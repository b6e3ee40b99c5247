"""Values of every type from the ways in which models write them, and nothing but valid values."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal, NamedTuple

import pydantic
import pytest

from burnish.adapters.field_text import FieldText
from burnish.errors import ReplyError
from burnish.values.signature import OutputField, Signature


class Mood(enum.Enum):
    GOOD = "good mood"
    BAD = "bad mood"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Point(pydantic.BaseModel):
    x: int = pydantic.Field(alias="X", ge=0)
    label: str | None = None


class Pair(NamedTuple):
    left: int
    right: str


class Nasty(pydantic.BaseModel):
    x: int

    @pydantic.field_validator("x")
    @classmethod
    def burst(cls, value: int) -> int:
        raise KeyError(value)


def field(kind: Any, **options: Any) -> FieldText:
    return FieldText("a", Signature({"q": OutputField(), "a": (kind, OutputField(**options))}).output_fields["a"])


READ = [
    (int, "42", 42),
    (int, "-7", -7),
    (int, "\u22127", -7),
    (int, "1,234,567", 1234567),
    (int, "42.0", 42),
    (int, "85%", 85),
    (int, "**42**", 42),
    (int, '"42"', 42),
    (int, "```\n42\n```", 42),
    (int, "The answer is 42.", 42),
    (int, "42\n\nsince 6 × 7 = 42", 42),
    (int, "$5", 5),
    (int, "1e3", 1000),
    (int, "12345678901234567890123", 12345678901234567890123),
    (float, "0.25", 0.25),
    (float, ".5", 0.5),
    (float, "3", 3.0),
    (float, "1,234.5 km", 1234.5),
    (float, "-1.5e-3", -0.0015),
    (bool, "True", True),
    (bool, "no", False),
    (bool, "Yes, because it is.", True),
    (bool, "**No**", False),
    (bool, "1", True),
    (bool, "false\n\nIt is not.", False),
    (Literal["Yes", "no way", 3, True], "Yes", "Yes"),
    (Literal["Yes", "no way", 3, True], "'No Way.'", "no way"),
    (Literal["Yes", "no way", 3, True], "3", 3),
    (Literal["Yes", "no way", 3, True], "true", True),
    (Literal["Yes", "no way", 3, True], "**yes**\n\nIt is so.", "Yes"),
    (Literal["a", "A"], "A", "A"),
    (Literal[None, "a"], "None", None),  # noqa: PYI061 - as users write it
    (Literal["none", "some"] | None, "none", "none"),
    (Literal["none", "some"] | None, "null", None),
    (Mood, "good mood", Mood.GOOD),
    (Mood, "Good  Mood", Mood.GOOD),
    (Mood, "BAD", Mood.BAD),
    (Level, "2", Level.HIGH),
    (Level, "low", Level.LOW),
    (list[int], "[1, 2]", [1, 2]),
    (list[int], "Here: [1, 2] as asked", [1, 2]),
    (list[int], "[note] says [1, 2]", [1, 2]),
    (list[int], "Sure!\n```json\n[1, 2]\n```\nBye", [1, 2]),
    (list[int], "[1, 2,]", [1, 2]),
    (list[int], "- 1\n- 2", [1, 2]),
    (list[str], "1. one\n2) two\n\n3. three", ["one", "two", "three"]),
    (list[str], "['it', \"is\"]", ["it", "is"]),
    (list[str], '["a", "b', ["a", "b"]),
    (set[int], "[1, 2, 2]", {1, 2}),
    (tuple[int, str], '[1, "a"]', (1, "a")),
    (dict[str, int], "{'a': 1}", {"a": 1}),
    (dict[str, bool | None], "{'a': True, 'b': None}", {"a": True, "b": None}),
    (dict[str, str], '{"a": "line\nbreak"}', {"a": "line\nbreak"}),
    (dict[int, Mood], '{"1": "good mood"}', {1: Mood.GOOD}),
    (Point, '{"X": "3"}', Point(X=3)),
    (Point, "```json\n{X: 3, label: null}\n```", Point(X=3)),
    (list[Point], 'Points: [{"X": 3}]', [Point(X=3)]),
    (Pair, '[1, "b"]', Pair(1, "b")),
    (int | None, "3", 3),
    (int | None, "None", None),
    (int | None, "", None),
    (list[int] | None, "null", None),
    (list[int] | None, "[1]", [1]),
    (str | None, "text", "text"),
    (str | None, "None.", None),
    (str | None, '"null"', "null"),
    (int | str, "3", 3),
    (int | str, '"3"', "3"),
    (int | str, "three", "three"),
    (Any, '{"a": [1]}', {"a": [1]}),
    (Any, "words", "words"),
    (dt.date, "2024-02-29", dt.date(2024, 2, 29)),
    (dt.datetime, '"2024-02-29T12:00:00"', dt.datetime(2024, 2, 29, 12)),  # noqa: DTZ001 - as a model writes it
    (decimal.Decimal, "0.1234567890123456789", decimal.Decimal("0.1234567890123456789")),
    (uuid.UUID, "`12345678-1234-5678-1234-567812345678`", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    (Annotated[int, pydantic.Field(ge=3)], "3", 3),
    (Annotated[str, pydantic.StringConstraints(to_upper=True)], "abc", "ABC"),
]

REFUSED = [
    (int, ""),
    (int, "forty-two"),
    (int, "3 or 4"),
    (int, "3-4"),
    (int, "3/4"),
    (int, "10:30"),
    (int, "1,5"),
    (int, "1.2.3"),
    (int, "2024-01-02"),
    (int, "0x1F"),
    (int, "COVID-19"),
    (int, "3.5"),
    (int, "9" * 5000),
    (float, "85%"),
    (float, "nan"),
    (float, "inf"),
    (float, "1e999"),
    (bool, "maybe"),
    (bool, "no doubt"),
    (bool, "1.5"),
    (bool, "2"),
    (bool, "true or false"),
    (Literal["yes", "no"], "maybe"),
    (Literal["yes", "no"], "yes or no"),
    (Literal["yes", "no"], ""),
    (Literal["Ab", "AB"], "ab"),
    (Mood, "fair"),
    (Level, "3"),
    (list[int], "1"),
    (list[int], '["a"]'),
    (list[int], "[1, [2, 3]"),
    (list[int], "{}"),
    (list[str], "a, b"),
    (list[str], "- a\nb"),
    (dict[str, int], "[1]"),
    (dict[str, int], '{"a": "b"}'),
    (Point, '{"X": -1}'),
    (Point, '{"x": 1}'),
    (Point, "[" * 100_000),
    (Point, '{"a":' * 50_000),
    (Nasty, '{"x": 1}'),
    (int | None, "no"),
    (dt.date, "tomorrow"),
    (Annotated[int, pydantic.Field(ge=3)], "2"),
]


@pytest.mark.parametrize(("kind", "text", "value"), READ, ids=lambda part: repr(part)[:40])
def test_what_models_write_is_read(kind, text, value):
    read = field(kind).read(text, closed=True)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(("kind", "text"), REFUSED, ids=lambda part: repr(part)[:40])
def test_what_is_no_value_is_refused(kind, text):
    with pytest.raises(ReplyError, match=r"The output `a` is") as caught:
        field(kind).read(text, closed=True)
    assert (caught.value.reply, caught.value.field) == (text, "a")


@pytest.mark.parametrize(
    ("kind", "options", "good", "bad", "reason"),
    [
        (int, {"ge": 1, "le": 5}, "5", "6", "int, from 1 to 5: Input should be less than or equal to 5"),
        (float, {"gt": 0}, "0.1", "0", "greater than 0"),
        (str, {"max_length": 3}, "abc", "abcd", "at most 3 characters"),
        (str, {"pattern": "^[a-z]+$"}, "abc", "ab1", "match pattern"),
        (str | None, {"min_length": 2}, "ab", "a", "at least 2 characters"),
        (list[int], {"min_length": 2}, "[1, 2]", "[1]", "at least 2 items"),
        (int | None, {"ge": 1}, "1", "0", "greater than or equal to 1"),
    ],
)
def test_constraints_are_held(kind, options, good, bad, reason):
    constrained = field(kind, **options)
    constrained.read(good, closed=True)
    with pytest.raises(ReplyError, match=reason):
        constrained.read(bad, closed=True)


@pytest.mark.parametrize("text", ['["a", "b', '["a", "b"', '{"a": [1', "[1, 2,"])
def test_json_that_may_have_been_cut_off_is_not_mended(text):
    with pytest.raises(ReplyError):
        field(list[Any] | dict[str, Any]).read(text, closed=False)
    assert field(list[Any] | dict[str, Any]).read(text, closed=True)


def test_json_whose_end_is_there_is_mended_at_the_end_of_a_reply():
    assert field(list[str]).read("['a', 'b',]", closed=False) == ["a", "b"]


def test_an_empty_optional_is_none_only_where_the_reply_goes_on():
    assert field(int | None).read("", closed=True) is None
    for kind in (int | None, str | None):
        with pytest.raises(ReplyError):
            field(kind).read("", closed=False)
