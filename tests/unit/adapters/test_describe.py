"""Types in the words of a prompt."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NewType

import annotated_types
import pydantic
import pytest

from burnish.adapters.describe import line, words
from burnish.values.signature import InputField, OutputField, Signature
from burnish.values.types.base import Type
from burnish.values.types.code import Code


class Mood(enum.Enum):
    GOOD = "good|fine"
    BAD = 2


class Book(pydantic.BaseModel):
    title: str = pydantic.Field(title="dropped", description="kept")


@dataclasses.dataclass
class Page:
    number: int


class Opaque:
    pass


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (str, "str"),
        (bool, "bool"),
        (list[str], "list[str] as JSON"),
        (dict[str, list[int]], "dict[str, list[int]] as JSON"),
        (list, "list as JSON"),
        (int | str, "int | str as JSON"),
        (Any, "any JSON"),
        (int | None, "int, or null"),
        (Literal["a", "b c", 1, True, None], "one of: a | b c | 1 | true | null"),  # noqa: PYI061 - as users write it
        (Literal["a", "b"] | None, "one of: a | b | null"),
        (Mood, 'one of: "good|fine" | 2'),
        (list[Literal["a", "b"]], "list[Literal['a', 'b']] as JSON"),
        (
            Book,
            'JSON by the schema {"properties":{"title":{"description":"kept","type":"string"}},"required":["title"],\
"type":"object"}',
        ),
        (Page, 'JSON by the schema {"properties":{"number":{"type":"integer"}},"required":["number"],"type":"object"}'),
        (Opaque, "Opaque"),
        (dt.date, "date, YYYY-MM-DD"),
        (dt.datetime | None, "datetime, ISO 8601, or null"),
        (decimal.Decimal, "decimal number"),
        (pathlib.Path, "Path"),
        (list[dt.date], "list[date] as JSON"),
        (dict[uuid.UUID, list[Any]], "dict[UUID, list[Any]] as JSON"),
        (Sequence[int], "Sequence[int] as JSON"),
        (NewType("UserId", int), "int"),
        (list[Annotated[int, {"unhashable": True}]], 'JSON by the schema {"items":{"type":"integer"},"type":"array"}'),
        (Annotated[int, annotated_types.Ge(0)] | None, "int, at least 0, or null"),
        (Annotated[list[str], annotated_types.Len(1, 2)], "list[str] as JSON, at least 1 item, at most 2 items"),
        (pydantic.PositiveInt, "int, above 0"),
        (Annotated[str, pydantic.StringConstraints(max_length=1)], "str, at most 1 character"),
        (Annotated[int, pydantic.Field(ge=1)], "int, at least 1"),
        (
            list[Annotated[int, pydantic.Field(ge=1)]],
            'JSON by the schema {"items":{"minimum":1,"type":"integer"},"type":"array"}',
        ),
    ],
    ids=lambda part: repr(part)[:40],
)
def test_types(kind, text):
    assert words(kind) == text


class Sound(Type):
    data: str

    def format(self):
        return [{"type": "input_audio"}]

    @classmethod
    def description(cls):
        return "a sound"


class Unsaid(Type):
    """For people who program."""

    x: int


class Talk(pydantic.BaseModel):
    sound: Sound


class Alone:
    def format(self):
        return "x"

    @classmethod
    def description(cls):
        return ""


SOUND = '{"description":"a sound","properties":{"data":{"type":"string"}},"required":["data"],"type":"object"}'


@pytest.mark.parametrize(
    ("kind", "given", "asked"),
    [
        (Sound, "Sound, a sound", f"JSON by the schema {SOUND}"),
        (Sound | None, "Sound, a sound, or null", f"JSON by the schema {SOUND}, or null"),
        (list[Sound], "list[Sound]: Sound, a sound", None),
        (dict[str, list[Sound]], "dict[str, list[Sound]]: Sound, a sound", None),
        (Code["c++"], "Code['c++'], c++ code in a code fence", "Code['c++'], c++ code in a code fence"),
        (Alone, "Alone", "Alone"),
        (list[Alone], "list[Alone]: Alone", None),
        (
            Unsaid,
            'JSON by the schema {"description":"For people who program.","properties":{"x":{"type":"integer"}},\
"required":["x"],"type":"object"}',
            None,
        ),
    ],
)
def test_types_that_say_how_they_are_shown(kind, given, asked):
    assert words(kind, given=True) == given
    if asked is not None:
        assert words(kind).replace(f"{__name__}.", "") == asked


def test_a_model_that_holds_one_says_what_it_is():
    assert '"$defs":{"Sound":' in words(Talk)
    assert '"description":"a sound"' in words(Talk)


def test_a_field_is_one_line():
    def said(make, kind=str, **options):
        return line("a", Signature({"a": (kind, make(**options)), "b": OutputField()}).fields["a"])

    assert said(InputField) == "- `a` (str)"
    assert said(InputField, desc="d", default="x") == "- `a` (str): d"
    assert said(OutputField, desc="d", default="x") == "- `a` (str; x where left out): d"
    assert said(OutputField, default="") == "- `a` (str; empty where left out)"
    assert said(OutputField, bool, default=False) == "- `a` (bool; false where left out)"
    assert said(OutputField, Mood, default=Mood.BAD) == '- `a` (one of: "good|fine" | 2; 2 where left out)'
    assert said(OutputField, list, default_factory=list) == "- `a` (list as JSON; may be left out)"


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        (int, {"ge": 1, "le": 5}, "int, from 1 to 5"),
        (float, {"gt": 0, "lt": 1}, "float, above 0, below 1"),
        (int, {"multiple_of": 5, "le": 50}, "int, at most 50, a multiple of 5"),
        (str, {"min_length": 2, "pattern": "^a"}, "str, matching ^a, at least 2 characters"),
        (list[str], {"max_length": 3}, "list[str] as JSON, at most 3 items"),
        (int | None, {"ge": 0}, "int, at least 0, or null"),
    ],
)
def test_constraints(kind, options, text):
    assert words(kind, OutputField(**options).metadata) == text
