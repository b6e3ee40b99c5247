"""Tools that a model is handed natively: as ``tools`` of the call, and not as text of the prompt.

It concerns signatures with an output of type `ToolCalls`. Its inputs of type `Tool`, ``list[Tool]`` or
``dict[str, Tool]`` and that output leave the prompt; the tools go into the call, and the model's calls of them come
back beside its text.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pydantic_core

from burnish.adapters.describe import bare, without_none
from burnish.adapters.json_text import within
from burnish.errors import ReplyError
from burnish.lm.request import Output
from burnish.values.signature import Signature
from burnish.values.tools import Tool, ToolCalls


@dataclass(frozen=True, slots=True)
class ToolFields:
    """The fields of a signature that have to do with tools.

    Attributes:
        inputs: Those that hold tools.
        calls: The output for the calls; empty where there is none.
    """

    inputs: tuple[str, ...]
    calls: str

    def options(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The call parameters with all tools among these inputs; empty where there are none."""
        tools = [tool.schema() for name in self.inputs if name in inputs for tool in tools_of(inputs[name])]
        return {"tools": tools} if tools else {}


def tool_fields(signature: type[Signature]) -> ToolFields:
    """Which fields of a signature have to do with tools."""
    found: ToolFields | None = signature.kept.get(ToolFields)
    if found is None:
        inputs = tuple(name for name, field in signature.input_fields.items() if holds_tools(field.annotation))
        calls = [name for name, field in signature.output_fields.items() if _inner(field.annotation) is ToolCalls]
        found = signature.kept[ToolFields] = ToolFields(inputs, calls[0] if calls else "")
    return found


def without_tools(signature: type[Signature]) -> type[Signature]:
    """The signature without these fields; the same class each time."""
    rest: type[Signature] | None = signature.kept.get(without_tools)
    if rest is None:
        fields = tool_fields(signature)
        rest = signature
        for name in (*fields.inputs, fields.calls):
            rest = rest.delete(name)
        signature.kept[without_tools] = rest
    return rest


def calls_in(output: Output, name: str) -> ToolCalls:
    """The calls of tools in a completion; none where it has none.

    Args:
        output: The completion.
        name: The output field, for the error.

    Raises:
        ReplyError: A call cannot be read; the error carries the calls as they came.
    """
    said = output.extra.get("tool_calls") or []
    try:
        return ToolCalls.model_validate({"tool_calls": [_call(one) for one in said]})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, pydantic_core.ValidationError) else str(error)
        reply = json.dumps(said, ensure_ascii=False)
        raise ReplyError(
            f"The model's calls of tools cannot be read ({why}): {reply[:200]}", reply=output.text or reply, field=name
        ) from error


def _call(said: Mapping[str, Any]) -> dict[str, Any]:
    function = said["function"]
    return {"name": function["name"], "args": _arguments(function.get("arguments")), "id": said.get("id")}


def _arguments(written: Any) -> dict[str, Any]:
    if written is None or (isinstance(written, str) and not written.strip()):
        return {}
    if isinstance(written, Mapping):
        return dict(written)
    if not isinstance(written, str):
        raise TypeError(f"arguments that are {written!r:.100}")
    for mend in (False, True):
        for value in within(written, mend=mend):
            if isinstance(value, dict):
                return value
    raise ValueError("arguments that are no JSON object")


def tools_of(value: Any) -> list[Tool]:
    """The tools in an input; functions are made into tools."""
    if isinstance(value, Mapping):
        return [Tool.of(tool, name) for name, tool in value.items()]
    several = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [Tool.of(tool) for tool in several]


def _inner(annotation: Any) -> Any:
    return bare(without_none(bare(annotation)[0])[0])[0]


def holds_tools(annotation: Any) -> bool:
    """Whether an input of this type is a tool, or a list, tuple or dict of tools."""
    inner = _inner(annotation)
    parts = typing.get_args(inner)
    return inner is Tool or (typing.get_origin(inner) in (list, tuple, dict) and Tool in parts)
