"""What a tool's function takes: names, types, JSON schemas and descriptions, read from the function.

Types come from the hints, descriptions from the docstring (Google's ``Args:`` or Sphinx's ``:param name:``). A type
that pydantic cannot check takes any value, and its schema says nothing.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pydantic_core
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from burnish.errors import ConfigError

_ARGS = re.compile(r"^(?:Args|Arguments|Parameters)\s*:\s*$")
_GOOGLE = re.compile(r"^\s+\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_SPHINX = re.compile(r"^:param\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)$")
# A title of a section, after which no argument is described any more and nothing is told of the whole.
_SECTION = re.compile(r"^(?:Returns?|Raises|Yields?|Examples?|Notes?|Attributes|:returns?:.*|:raises?\b.*)\s*:?\s*$")
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a function.

    Attributes:
        types: Name → type.
        defaults: Name → default value, for those that have one.
        descriptions: Name → what the docstring says of it.
        about: What the docstring says of the function.
        takes_more: Whether it takes any other argument by name.
    """

    types: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    takes_more: bool = False


def read_arguments(function: Callable[..., Any], *, name: str) -> Arguments:
    """The arguments that a function takes by name.

    Args:
        function: A function, method, partial or object with ``__call__``.
        name: What errors call it.

    Raises:
        ConfigError: It has an argument that cannot be given by name.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some of C have none
        return Arguments(about=described(function)[0], takes_more=True)
    unnamed = [one.name for one in parameters if one.kind is one.POSITIONAL_ONLY and one.default is one.empty]
    if unnamed:
        raise ConfigError(
            f"Tool {name!r}: the argument {unnamed[0]!r} cannot be given by name, and a model gives every argument so. "
            "Wrap the function in one that takes it by name."
        )
    named = [one for one in parameters if one.kind in _NAMED]
    hints = _hints(function)
    about, descriptions = described(function)
    return Arguments(
        {one.name: hints.get(one.name, Any) for one in named},
        {one.name: one.default for one in named if one.default is not one.empty},
        {one.name: descriptions[one.name] for one in named if one.name in descriptions},
        about,
        any(one.kind is one.VAR_KEYWORD for one in parameters),
    )


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        function = type(function).__call__
    try:
        return typing.get_type_hints(function, include_extras=True)
    # A hint may name what is imported for type checkers alone, or be broken in any other way.
    except Exception:
        return {name: hint for name, hint in inspect.get_annotations(function).items() if not isinstance(hint, str)}


def described(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """What the docstring says of the function, and of each argument."""
    about: list[str] = []
    arguments: dict[str, str] = {}
    current: str | None = None
    within = False
    indent: int | None = None
    for line in _docstring(function).splitlines():
        sphinx, google = _SPHINX.match(line), _GOOGLE.match(line)
        depth = len(line) - len(line.lstrip())
        if sphinx is not None:
            current, arguments[sphinx[1]], within = sphinx[1], sphinx[2].strip(), True
        elif _ARGS.match(line):
            current, within = None, True
        elif _SECTION.match(line):
            break
        elif not within:
            about.append(line)
        # What is indented deeper than the first argument goes on with the one before.
        elif google is not None and (indent is None or depth <= indent):
            current, arguments[google[1]], indent = google[1], google[2].strip(), depth
        elif current is not None:
            arguments[current] = f"{arguments[current]} {line.strip()}".strip()
    return "\n".join(about).strip(), arguments


def _docstring(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        # An object's own class says what it is, its method what calling it does.
        function = type(function).__call__ if inspect.getdoc(type(function).__call__) else type(function)
    return inspect.getdoc(function) or ""


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes from names, which say nothing new."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def checker(kind: Any) -> TypeAdapter[Any]:
    """What checks and converts values of a type; any value passes where pydantic does not know the type."""
    try:
        return TypeAdapter(kind)
    # A type may be broken in any way; all of them mean that values cannot be checked.
    except Exception:
        return TypeAdapter(Any)


def schemas(checkers: Mapping[str, TypeAdapter[Any]]) -> dict[str, dict[str, Any]]:
    """The JSON schema of each argument, each complete in itself."""
    found: dict[str, dict[str, Any]] = {name: {} for name in checkers}
    usable = {name: adapter for name, adapter in checkers.items() if _has_schema(adapter)}
    # All at once, so that two models of one name get two names.
    together, rest = TypeAdapter.json_schemas(
        [(name, "validation", adapter) for name, adapter in usable.items()], schema_generator=_Untitled
    )
    definitions = rest.get("$defs", {})
    for (name, _), schema in together.items():
        found[str(name)] = completed(schema, definitions)
    return found


def _has_schema(adapter: TypeAdapter[Any]) -> bool:
    try:
        adapter.json_schema()
    # A callable has no form in JSON, and a user's own type may raise anything.
    except Exception:
        return False
    return True


def completed(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with the definitions that it refers to."""
    needed: dict[str, Any] = {}
    waiting = _references(schema)
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in needed:
            needed[name] = definitions[name]
            waiting += _references(definitions[name])
    return {**schema, "$defs": {name: needed[name] for name in sorted(needed)}} if needed else dict(schema)


def _references(schema: Any) -> list[str]:
    if isinstance(schema, Mapping):
        own = schema.get("$ref")
        first = [own.rpartition("/")[2]] if isinstance(own, str) else []
        return first + [name for part in schema.values() for name in _references(part)]
    return [name for part in schema for name in _references(part)] if isinstance(schema, list) else []


def as_json(value: Any) -> Any:
    """A default as JSON has it; what it has no form for as text."""
    return pydantic_core.to_jsonable_python(value, fallback=str)
