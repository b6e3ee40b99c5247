"""Demos of typed fields: what was saved is read back as the field's type, and asks the same."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
import pathlib
import uuid
from typing import Any, Literal

import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from burnish import Example, InputField, OutputField, Predict, Signature, StateError
from burnish.adapters.chat import ChatAdapter
from burnish.adapters.describe import choices
from burnish.modules.state_values import Typed, plain


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Place(pydantic.BaseModel):
    name: str
    at: tuple[float, float] | None = None
    size: int = pydantic.Field(default=1, alias="how large")
    seen: dt.date | None = None

    model_config = pydantic.ConfigDict(populate_by_name=True)


@dataclasses.dataclass
class Pair:
    left: int
    right: str


class Celsius:
    """A type of the user's own, which says itself how it is written and read."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Celsius) and other.degrees == self.degrees

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            lambda given: given if isinstance(given, cls) else cls(float(given["celsius"])),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda one: {"celsius": one.degrees}),
        )


class Thermometer(pydantic.BaseModel):
    shows: Celsius


names = st.text("abz é東\n\"'", max_size=4)
places = st.builds(
    Place, name=names, at=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)), seen=st.none() | st.dates()
)
# Type → values of it.
TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, names),
    (int, st.integers(-9, 9)),
    (float, st.floats(allow_nan=False)),
    (bool, st.booleans()),
    (Any, st.none() | names | st.integers()),
    (Colour, st.sampled_from(Colour)),
    (Level, st.sampled_from(Level)),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (Place, places),
    (Place | None, st.none() | places),
    (Pair, st.builds(Pair, st.integers(), names)),
    (Thermometer, st.builds(Thermometer, shows=st.builds(Celsius, st.sampled_from([0.5, 20.0])))),
    (dt.date, st.dates()),
    (dt.datetime, st.datetimes()),
    (dt.time, st.times()),
    (dt.timedelta, st.timedeltas(dt.timedelta(0), dt.timedelta(9))),
    (decimal.Decimal, st.decimals(-9, 9, places=2)),
    (uuid.UUID, st.uuids()),
    (bytes, names.map(str.encode)),
    (pathlib.PurePosixPath, st.sampled_from(["/a/b", "c"]).map(pathlib.PurePosixPath)),
    (set[str], st.sets(names, max_size=4)),
    (frozenset[int], st.frozensets(st.integers(0, 99), max_size=4)),
    (set[Colour], st.sets(st.sampled_from(Colour))),
    (tuple[int, str], st.tuples(st.integers(), names)),
    (list[Place], st.lists(places, max_size=2)),
    (list[dt.date], st.lists(st.dates(), max_size=2)),
    (list[int | str], st.lists(st.integers() | names, max_size=3)),
    (dict[str, Place], st.dictionaries(names, places, max_size=2)),
    (dict[int, float], st.dictionaries(st.integers(0, 9), st.floats(0, 1), max_size=2)),
    (dict[Colour, list[dt.date]], st.dictionaries(st.sampled_from(Colour), st.lists(st.dates(), max_size=2))),
]
loose = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["1", "a", "true", "1.0", "2024-01-02"])
    | st.floats(0, 1),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "at", "1"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def signature_of(kind: Any) -> Any:
    return Signature({"given": (kind, InputField()), "made": (kind, OutputField())})


def shown(predictor: Predict) -> list[Any]:
    """The messages in which a model sees the demos."""
    prompt = ChatAdapter().compile(predictor.signature, instructions="", demos=predictor.demos)
    return list(prompt.prefix.messages)


def read_back(kind: Any, value: Any) -> tuple[Predict, Predict]:
    """A predictor with a demo of this value, and one that its file was loaded into."""
    saved, loaded = Predict(signature_of(kind)), Predict(signature_of(kind))
    saved.demos = [Example(given=value, made=value)]
    loaded.load_state(json.loads(json.dumps(saved.dump_state())))
    return saved, loaded


@pytest.mark.parametrize(
    ("kind", "values"), TYPES, ids=lambda value: str(value) if not hasattr(value, "example") else ""
)
def test_a_value_of_the_fields_type_comes_back_as_such_and_asks_the_same(kind: Any, values: Any) -> None:
    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(values)
    def holds(value: Any) -> None:
        saved, loaded = read_back(kind, value)
        assert shown(loaded) == shown(saved)
        (demo,) = loaded.demos
        assert demo.given == demo.made == value
        assert type(demo.given) is type(value)

    holds()


@pytest.mark.filterwarnings("ignore:Predictor .* which is none of")
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from([kind for kind, _ in TYPES]), loose | st.sets(names, max_size=3) | st.dates())
@example(set[str], ["b", "a"])
@example(set[str], ["a", "b"])
@example(float, 1)
@example(int, True)
def test_any_other_value_asks_the_same_too(kind: Any, value: Any) -> None:
    # A choice that is none and no JSON either is shown as Python shows it.
    assume(choices(kind) is None or json.dumps(plain(value)) == json.dumps(value, default=repr))
    saved, loaded = read_back(kind, value)
    assert shown(loaded) == shown(saved)


def test_what_the_type_reads_as_something_else_stays_what_it_was() -> None:
    for kind, value in ((int, "3"), (int, True), (float, 1), (bool, 1), (Place, {"name": "x"}), (set[str], ["b", "a"])):
        _, loaded = read_back(kind, value)
        assert loaded.demos[0].given == value
        assert type(loaded.demos[0].given) is type(value)


def test_sets_are_shown_in_one_order() -> None:
    predictor = Predict(signature_of(set[str]))
    predictor.demos = [Example(given={"b", "c", "a"}, made=frozenset("cab"))]
    assert [message["content"].count('["a", "b", "c"]') for message in shown(predictor)] == [0, 1, 1]


def test_numbers_of_numpy_are_numbers() -> None:
    assert plain({"a": np.float64(0.5), "b": [np.int64(3)], "c": np.bool_(True)}) == {"a": 0.5, "b": [3], "c": True}
    assert type(plain(np.float64(0.5))) is float


@pytest.mark.parametrize("value", [object(), {"a": [object()]}, b"\xff", np.array([1, 2]), lambda: None])
def test_what_json_cannot_keep_is_named(value: Any) -> None:
    with pytest.raises(StateError, match="JSON cannot keep"):
        plain(value)


def test_a_type_that_pydantic_cannot_check_leaves_values_as_they_are() -> None:
    class Odd:
        pass

    assert Typed(Odd).read({"a": 1}) == {"a": 1}


def test_without_json_mode_values_stay_what_they_are() -> None:
    saved, loaded = Predict(signature_of(Place)), Predict(signature_of(Place))
    place = Place(name="x")
    saved.demos = [Example(given=place, made=place)]
    state = saved.dump_state(json_mode=False)
    assert state["demos"][0]["given"] is place
    loaded.load_state(state)
    assert loaded.demos[0].given == place
