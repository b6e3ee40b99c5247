"""`Tool` and `ToolCalls`: what a function takes, how it is told to a model, and how it is called."""

from __future__ import annotations

import asyncio
import copy
import functools
import threading
import time
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

import burnish
from burnish import Predict, Signature, Tool, ToolCalls
from burnish.errors import ConfigError, ToolError
from burnish.testing import ScriptedLM


class Place(BaseModel):
    city: str
    zip: int = 0


class Trip(BaseModel):
    start: Place
    end: Place


def search(query: str, k: int = 3, kind: Literal["web", "news"] = "web") -> list[str]:
    """Finds passages.

    Looks everywhere.

    Args:
        query: What to look for,
            in words.
        k (int): How many.

    Returns:
        kind: this is no argument.
    """
    return [f"{kind}:{query}:{k}"] * k


async def double(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


class Shop:
    """Sells things."""

    def price(self, thing: str, *, count: int = 1) -> int:
        """Its price."""
        return len(thing) * count

    def __call__(self, thing: str) -> str:
        """Buys it."""
        return f"bought {thing}"


def test_a_function_says_what_it_takes() -> None:
    tool = Tool(search)
    assert (tool.name, tool.desc) == ("search", "Finds passages.\n\nLooks everywhere.")
    assert tool.args == {
        "query": {"type": "string", "description": "What to look for, in words."},
        "k": {"type": "integer", "default": 3, "description": "How many."},
        "kind": {"enum": ["web", "news"], "type": "string", "default": "web"},
    }
    assert tool.arg_types == {"query": str, "k": int, "kind": Literal["web", "news"]}
    assert tool.schema() == tool.format_as_litellm_function_call()
    assert tool.schema()["function"]["parameters"]["required"] == ["query"]


def test_what_is_stated_goes_over_what_is_read() -> None:
    tool = Tool(search, name="find", desc="Finds.", arg_desc={"k": "At most."}, arg_types={"k": float})
    assert (tool.name, tool.desc, tool.args["k"]) == (
        "find",
        "Finds.",
        {"type": "number", "default": 3, "description": "At most."},
    )
    assert list(Tool(lambda **all_: all_, name="any", args={"x": {"type": "string"}}).args) == ["x"]


def test_sphinx_docstrings_are_read_too() -> None:
    def area(width: float, height: float) -> float:
        """Computes an area.

        :param width: From left to right.
        :param float height: From top
            to bottom.
        :returns: The area.
        """
        return width * height

    tool = Tool(area)
    assert tool.desc == "Computes an area."
    assert tool.arg_desc == {"width": "From left to right.", "height": "From top to bottom."}


def test_arguments_are_converted_by_their_types() -> None:
    def plan(trip: Trip, days: Annotated[int, Field(ge=1)]) -> str:
        return f"{trip.start.city} to {trip.end.city} in {days + 0}"

    tool = Tool(plan)
    assert tool(trip={"start": {"city": "Rome"}, "end": {"city": "Bari"}}, days="2") == "Rome to Bari in 2"
    with pytest.raises(ToolError, match=r"days=0 does not fit: .*greater than or equal to 1"):
        tool(trip={"start": {"city": "Rome"}, "end": {"city": "Bari"}}, days=0)
    with pytest.raises(ToolError, match=r"trip\.start\.city="):
        tool(trip={"start": {}, "end": {"city": "Bari"}}, days=1)


def test_definitions_stand_once_at_the_root_of_the_schema() -> None:
    def plan(trip: Trip, back: Trip | None = None) -> None: ...

    parameters = Tool(plan).schema()["function"]["parameters"]
    assert set(parameters["$defs"]) == {"Place", "Trip"}
    assert parameters["properties"]["trip"] == {"$ref": "#/$defs/Trip"}
    assert set(Tool(plan).args["trip"]["$defs"]) == {"Place", "Trip"}


def test_two_models_of_one_name_are_told_apart() -> None:
    def inner() -> Any:
        class Place(BaseModel):
            street: str

        return Place

    tool = Tool(lambda **given: given, name="move", args=None, arg_types={"old": Place, "new": inner()})
    definitions = tool.schema()["function"]["parameters"]["$defs"]
    assert sorted(list(schema["properties"]) for schema in definitions.values()) == [["city", "zip"], ["street"]]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "it needs 'query'"),
        ({"query": "x", "limit": 3}, "it has no argument 'limit'"),
        ({"query": "x", "k": "many"}, "k='many' does not fit"),
        ({"query": "x", "kind": "books"}, "kind='books' does not fit"),
    ],
)
def test_wrong_arguments_are_named(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(ToolError, match=fault) as caught:
        Tool(search)(**given)
    assert caught.value.tool == "search"
    assert isinstance(caught.value, ValueError)


def test_what_can_be_called_can_be_a_tool() -> None:
    shop = Shop()
    assert Tool(shop.price)(thing="hat", count="2") == 6
    assert (Tool(shop.price).name, Tool(shop.price).desc) == ("price", "Its price.")
    assert (Tool(shop).name, Tool(shop).desc, Tool(shop)(thing="hat")) == ("Shop", "Buys it.", "bought hat")
    three = Tool(functools.partial(search, k=1))
    assert (three.name, three.desc.split(".")[0], three(query="a")) == ("search", "Finds passages", ["web:a:1"])
    assert Tool(lambda x: x + 1, name="next")(x=1) == 2
    assert Tool(lambda **given: given, name="any")(a=1, b=2) == {"a": 1, "b": 2}


def test_a_tool_needs_a_name_and_arguments_with_names() -> None:
    with pytest.raises(ConfigError, match="name="):
        Tool(lambda x: x)
    with pytest.raises(ConfigError, match="give something that can be called"):
        Tool("search")  # type: ignore[arg-type]

    def first(x: int, /) -> int:
        return x

    with pytest.raises(ConfigError, match="'x' cannot be given by name"):
        Tool(first)


def test_types_that_pydantic_does_not_know_take_anything() -> None:
    class Odd:
        pass

    def use(odd: Odd, then: burnish.Module) -> bool:
        return isinstance(odd, Odd)

    odd = Odd()
    assert Tool(use).args == {"odd": {}, "then": {}}
    assert Tool(use)(odd=odd, then=None) is True


def test_coroutines_and_functions_have_both_faces() -> None:
    async def ask() -> list[Any]:
        return [await Tool(double).acall(x="4"), await Tool(search).acall(query="a", k=1)]

    assert asyncio.run(ask()) == [8, ["web:a:1"]]
    assert Tool(double)(x=4) == 8


def test_a_function_that_is_not_async_blocks_no_loop() -> None:
    barrier = threading.Barrier(2, timeout=5)
    tool = Tool(lambda: barrier.wait() >= 0, name="meet")

    async def both() -> list[Any]:
        return await asyncio.gather(tool.acall(), tool.acall())

    assert asyncio.run(both()) == [True, True]


def test_what_takes_too_long_is_an_error_of_the_tool() -> None:
    async def sleep() -> None:
        await asyncio.sleep(30)

    async def late() -> None:
        raise TimeoutError("its own")

    begun = time.monotonic()
    with pytest.raises(ToolError, match=r"'sleep' took longer than 0\.05 s"):
        Tool(sleep, timeout=0.05)()
    with pytest.raises(TimeoutError, match="its own"):
        Tool(late, timeout=5)()
    assert time.monotonic() - begun < 5


def test_a_tool_is_shared_by_copies() -> None:
    tool = Tool(Shop().price)
    assert copy.deepcopy({"tools": [tool]})["tools"][0] is tool
    assert Tool(search) == Tool(search) != Tool(double)


def test_calls_are_read_as_models_write_them() -> None:
    expected = [("add", {"a": 1})]
    for written in (
        {"tool_calls": [{"name": "add", "args": {"a": 1}}]},
        [{"name": "add", "args": {"a": 1}}],
        {"name": "add", "args": {"a": 1}},
        [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}],
    ):
        calls = ToolCalls.model_validate(written)
        assert [(call.name, call.args) for call in calls.tool_calls] == expected
    assert ToolCalls.model_validate([{"name": "stop", "args": None}]).tool_calls[0].args == {}
    with pytest.raises(ValueError, match="name"):
        ToolCalls.model_validate([{"args": {}}])


def test_a_call_is_made_by_name() -> None:
    (call,) = ToolCalls.from_dict_list([{"name": "double", "args": {"x": 2}}]).tool_calls
    assert call.execute([double, search]) == 4
    assert call.execute({"double": lambda x: 3 * x}) == 6
    with pytest.raises(ToolError, match="no tool 'double'. There are search"):
        call.execute([search])


def test_tools_and_calls_are_types_of_fields() -> None:
    class Choose(Signature):
        """Choose the calls."""

        question: str = burnish.InputField()
        tools: list[Tool] = burnish.InputField()
        calls: ToolCalls = burnish.OutputField()

    lm = ScriptedLM([{"calls": {"tool_calls": [{"name": "double", "args": {"x": 2}}]}}])
    with burnish.context(lm=lm):
        prediction = Predict(Choose)(question="2 × 2?", tools=[Tool(double), Tool(search)])
    assert prediction.calls == ToolCalls.from_dict_list([{"name": "double", "args": {"x": 2}}])
    asked = lm.requests[0].messages[-1]["content"]
    assert "double. Arguments as JSON" in asked
    assert "Finds passages" in asked
