"""Random typed values for every type of field, and random signatures with values that are valid for them.

Use `KINDS` for one test a type, and `signatures()` for everything at once::

    @given(typed_values.signatures())
    def test_what_is_written_is_read(case):
        assert adapter.parse(case.signature, adapter.format_reply(case.signature, case.outputs)) == case.outputs
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, TypeVar, Union

import annotated_types
import pydantic
from hypothesis import strategies as st
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from burnish.values.signature import InputField, OutputField, Signature
from burnish.values.types.code import Code

T = TypeVar("T")
SQL: Any = Code["sql"]


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad mood"
    NONE = 3


class Colour(enum.StrEnum):
    RED = "red"
    DARK_BLUE = "dark | blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Point(pydantic.BaseModel):
    x: int
    note: str | None
    moods: list[Mood] = []


class Renamed(pydantic.BaseModel):
    """Its key in JSON is not its name in Python."""

    model_config = pydantic.ConfigDict(populate_by_name=True)

    kind: str = pydantic.Field(alias="class")


class Tree(pydantic.BaseModel):
    """Holds its own kind."""

    name: str
    children: list[Tree] = []


class Box(pydantic.BaseModel, Generic[T]):
    inside: T


@dataclasses.dataclass
class Pair:
    left: int
    right: str = ""


class Row(TypedDict):
    name: str
    size: NotRequired[int]


class Spot(NamedTuple):
    x: int
    label: str


# White space around a text, headers, tags and the prompt's placeholders belong to the form.
TEXT = (
    st.text(st.characters(exclude_categories=("Cs",)))
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
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOAT | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
POINT = st.builds(Point, x=st.integers(), note=st.none() | TEXT, moods=st.lists(st.sampled_from(Mood), max_size=2))
TREE = st.recursive(
    st.builds(Tree, name=TEXT),
    lambda inner: st.builds(Tree, name=TEXT, children=st.lists(inner, max_size=2)),
    max_leaves=4,
)
ROW = st.fixed_dictionaries({"name": TEXT}, optional={"size": st.integers()})
ONE_OF = Literal["yes", "no", "No", 1, False, None]  # noqa: PYI061 - as users write it

KINDS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, TEXT),
    (str | None, st.none() | TEXT | st.sampled_from(["null", "None", '"', '"null"', ""])),
    (int, st.integers()),
    (int | None, st.none() | st.integers()),
    (float, FLOAT),
    (float | None, st.none() | FLOAT),
    (bool, st.booleans()),
    (bool | None, st.none() | st.booleans()),
    (ONE_OF, st.sampled_from(["yes", "no", "No", 1, False, None])),
    (Mood, st.sampled_from(Mood)),
    (Mood | None, st.none() | st.sampled_from(Mood)),
    (Colour, st.sampled_from(Colour)),
    (Level, st.sampled_from(Level)),
    (list, st.lists(JSON, max_size=3)),
    (list[str], st.lists(TEXT)),
    (list[int] | None, st.none() | st.lists(st.integers())),
    (list[Literal["a", "b"]], st.lists(st.sampled_from(["a", "b"]))),
    (list[list[float]], st.lists(st.lists(FLOAT, max_size=2), max_size=2)),
    (list[dt.date], st.lists(st.dates(), max_size=2)),
    (Sequence[int], st.lists(st.integers())),
    (dict, st.dictionaries(TEXT, JSON, max_size=3)),
    (dict[str, float], st.dictionaries(TEXT, FLOAT)),
    (dict[str, Any], st.dictionaries(TEXT, JSON, max_size=3)),
    (dict[int, str], st.dictionaries(st.integers(), TEXT)),
    (dict[Colour, bool], st.dictionaries(st.sampled_from(Colour), st.booleans())),
    (Mapping[str, int], st.dictionaries(TEXT, st.integers())),
    (set[int], st.sets(st.integers())),
    (frozenset[str], st.frozensets(TEXT)),
    (tuple[int, str], st.tuples(st.integers(), TEXT)),
    (tuple[int, ...], st.lists(st.integers()).map(tuple)),
    (int | str, st.integers() | TEXT | st.sampled_from(["3", "true"])),
    (Optional[Union[int, str]], st.none() | st.integers() | TEXT),  # noqa: UP007, UP045 - as users write it
    (list[int] | dict[str, int], st.lists(st.integers()) | st.dictionaries(TEXT, st.integers())),
    (Any, JSON | st.sampled_from(["3", "null", "[1]", '"'])),
    (Point, POINT),
    (Point | None, st.none() | POINT),
    (list[Point], st.lists(POINT, max_size=3)),
    (dict[str, Point], st.dictionaries(TEXT, POINT, max_size=2)),
    (Point | Mood, POINT | st.sampled_from(Mood)),
    (Renamed, st.builds(Renamed, kind=TEXT)),
    (Tree, TREE),
    (Box[int], st.builds(Box[int], inside=st.integers())),
    (Box[list[Point]], st.builds(Box[list[Point]], inside=st.lists(POINT, max_size=2))),
    (Pair, st.builds(Pair, left=st.integers(), right=TEXT)),
    (list[Pair], st.lists(st.builds(Pair, left=st.integers(), right=TEXT), max_size=2)),
    (Row, ROW),
    (Spot, st.builds(Spot, x=st.integers(), label=TEXT)),
    (dt.date, st.dates()),
    (dt.datetime, st.datetimes()),
    (dt.datetime | None, st.none() | st.datetimes(timezones=st.just(dt.UTC))),
    (dt.time, st.times()),
    (dt.timedelta, st.timedeltas(min_value=dt.timedelta(0), max_value=dt.timedelta(days=10_000))),
    (decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (uuid.UUID, st.uuids()),
    (pathlib.Path, st.sampled_from(["a/b.txt", "/tmp/x", "."]).map(pathlib.Path)),
    (bytes, TEXT.map(str.encode)),
    (NewType("Number", int), st.integers()),
    (Annotated[int, annotated_types.Ge(0)] | None, st.none() | st.integers(min_value=0)),
    (Code, TEXT.map(Code)),
    (list[SQL], st.lists(TEXT.map(SQL), max_size=2)),
    (Annotated[int, annotated_types.Interval(ge=1, le=5)], st.integers(1, 5)),
    (
        Annotated[str, pydantic.StringConstraints(pattern="^[a-z]+$", max_length=8)],
        st.from_regex("[a-z]{1,8}", fullmatch=True),
    ),
    (Annotated[list[int], annotated_types.Len(1, 3)], st.lists(st.integers(), min_size=1, max_size=3)),
]
"""Each type of field with the values that are written and read back the same."""

CONSTRAINED: list[tuple[Any, dict[str, Any], st.SearchStrategy[Any]]] = [
    (int, {"ge": 1, "le": 5}, st.integers(1, 5)),
    (int, {"multiple_of": 5}, st.integers(-9, 9).map(lambda number: number * 5)),
    (float, {"gt": 0, "lt": 1}, st.floats(0, 1, exclude_min=True, exclude_max=True)),
    (str, {"min_length": 2, "max_length": 4}, st.from_regex("[a-z]{2,4}", fullmatch=True)),
    (list[str], {"min_length": 1, "max_length": 2}, st.lists(TEXT, min_size=1, max_size=2)),
    (int | None, {"ge": 0}, st.none() | st.integers(min_value=0)),
]
"""Types with the constraints of their field."""


class Case(NamedTuple):
    """A random signature with values that are valid for it.

    Attributes:
        signature: One to three inputs ``i0, i1, ...`` and outputs ``o0, o1, ...``.
        inputs: Input name → value.
        outputs: Output name → value.
    """

    signature: type[Signature]
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def kinds() -> st.SearchStrategy[tuple[Any, dict[str, Any], st.SearchStrategy[Any]]]:
    """A type, the options of its field, and its values: one of the lists above, or a container of one."""
    plain = st.sampled_from([(kind, {}, values) for kind, values in KINDS])
    # A list in which nothing is None, since a list of texts reads "null" as one.
    inside = st.sampled_from([(kind, values) for kind, values in KINDS if kind not in (Any, ONE_OF)])
    lists = inside.map(lambda pair: (list[pair[0]], {}, st.lists(pair[1], max_size=2)))  # type: ignore[name-defined]
    dicts = inside.map(lambda pair: (dict[str, pair[0]], {}, st.dictionaries(TEXT, pair[1], max_size=2)))  # type: ignore[name-defined]
    return plain | st.sampled_from(CONSTRAINED) | lists | dicts


@st.composite
def signatures(draw: st.DrawFn) -> Case:
    """Signatures of one to three inputs and outputs of any type, with values."""
    fields: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for letter, make in (("i", InputField), ("o", OutputField)):
        for number in range(draw(st.integers(1, 3))):
            kind, options, strategy = draw(kinds())
            fields[f"{letter}{number}"] = (kind, make(**options))
            values[f"{letter}{number}"] = draw(strategy)
    made = Signature(fields)
    return Case(made, {n: values[n] for n in made.input_fields}, {n: values[n] for n in made.output_fields})
