"""Types in the words of a prompt."""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Any, Literal

import pydantic
import pytest

from burnish.adapters.describe import words
from burnish.values.signature import OutputField


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
