"""Types in the words of a prompt: ``one of: yes | no``, ``int, from 1 to 5``."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import inspect
import json
import pathlib
import re
import types
import typing
import uuid
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from burnish.values.signature_fields import description, side_of
from burnish.values.types.base import Type, is_formatted

_BOUNDS = (
    ("ge", "at least {}"),
    ("gt", "above {}"),
    ("le", "at most {}"),
    ("lt", "below {}"),
    ("multiple_of", "a multiple of {}"),
    ("pattern", "matching {}"),
)
# How values that are written as text look.
_FORMS = {
    dt.date: "date, YYYY-MM-DD",
    dt.datetime: "datetime, ISO 8601",
    dt.time: "time, ISO 8601",
    dt.timedelta: "duration, ISO 8601",
    decimal.Decimal: "decimal number",
    uuid.UUID: "UUID",
}
# A model knows these types by their own names.
_MODULES = re.compile(r"\b(?:typing|collections\.abc|datetime|decimal|uuid|pathlib)\.(?=[A-Za-z])")


def bare(annotation: Any) -> tuple[Any, list[Any]]:
    """The type inside ``Annotated``, ``NewType`` and named types, and what is annotated."""
    annotated: list[Any] = []
    while True:
        if typing.get_origin(annotation) is Annotated:
            annotated += annotation.__metadata__
            annotation = annotation.__origin__
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation, annotated


def union_parts(annotation: Any) -> tuple[Any, ...]:
    """The parts of a union; empty for anything else."""
    return typing.get_args(annotation) if typing.get_origin(annotation) in (Union, types.UnionType) else ()


def without_none(annotation: Any) -> tuple[Any, bool]:
    """The type without None, and whether None was part of it."""
    parts = union_parts(annotation)
    rest = tuple(part for part in parts if part not in (None, type(None)))
    if len(rest) == len(parts):
        return annotation, False
    return Union[rest], True  # noqa: UP007 - built at run time


def holds_type(annotation: Any) -> bool:
    """Whether a `Type` is or stands somewhere in a type."""
    return _holds_type(annotation, set())


def _holds_type(annotation: Any, seen: set[int]) -> bool:
    # A class may hold itself.
    if id(annotation) in seen:
        return False
    seen.add(id(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Type):
        return True
    inside = list(typing.get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        inside += [field.annotation for field in annotation.model_fields.values()]
    elif dataclasses.is_dataclass(annotation) or typing.is_typeddict(annotation):
        try:
            inside += typing.get_type_hints(annotation).values()
        # Names that cannot be found, and whatever else a user's annotations raise: then there is nothing to turn into.
        except Exception:
            return False
    return any(_holds_type(part, seen) for part in inside)


def choices(annotation: Any) -> dict[str, Any] | None:
    """Text → value of a Literal or an Enum; None for any other type."""
    if typing.get_origin(annotation) is Literal:
        return {as_choice(value): value for value in typing.get_args(annotation)}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return {as_choice(member): member for member in annotation}
    return None


def as_choice(value: Any) -> str:
    """How a choice is written: text as it is, anything else as JSON."""
    plain = value.value if isinstance(value, enum.Enum) else value
    if isinstance(plain, str):
        return plain
    return json.dumps(plain) if plain is None or isinstance(plain, bool | int | float) else str(plain)


def words(annotation: Any, metadata: Iterable[Any] = (), *, given: bool = False) -> str:
    """A type and its constraints, for a model to read.

    Args:
        annotation: The type.
        metadata: The constraints of its field.
        given: Whether values are shown to the model, rather than asked of it: pictures are pictures then.
    """
    inner, annotated = bare(annotation)
    inner, nullable = without_none(inner)
    inner, within = bare(inner)
    limits = _limits([*within, *annotated, *metadata], inner)
    known = choices(inner)
    if known is not None:
        # A choice with the separator in it is quoted, so that it stays readable as one choice.
        shown = [json.dumps(text, ensure_ascii=False) if "|" in text or "\n" in text else text for text in known]
        return f"one of: {' | '.join([*shown, *(['null'] if nullable else [])])}"
    text = ", ".join([_type_words(inner, given=given), *limits])
    return f"{text}, or null" if nullable else text


def line(name: str, field: FieldInfo) -> str:
    """A field as the prompt lists it: its name, its type, and what its author wrote about it."""
    output = side_of(field) == "output"
    about = words(field.annotation, field.metadata, given=not output)
    if output and not field.is_required():
        about += _left_out(field.default)
    written = description(name, field)
    return f"- `{name}` ({about}): {written}" if written else f"- `{name}` ({about})"


def _left_out(default: Any) -> str:
    simple = default is None or isinstance(default, str | int | float | bool | enum.Enum)
    return f"; {as_choice(default) or 'empty'} where left out" if simple else "; may be left out"


def _type_words(annotation: Any, *, given: bool) -> str:
    if annotation is Any or annotation is object:
        return "any JSON"
    if _says_how(annotation) and (given or not issubclass(annotation, BaseModel)):
        return _said(annotation)
    if _is_plain(annotation, given=given):
        form = _FORMS.get(annotation) if isinstance(annotation, type) else None
        name = form or _MODULES.sub("", inspect.formatannotation(annotation))
        inside = [] if isinstance(annotation, type) else _held(annotation)
        if inside:
            # Modules before the names of classes say nothing to a model.
            for kind in inside:
                name = name.replace(f"{kind.__module__}.{kind.__qualname__}", kind.__name__)
            return f"{name}: {'; '.join(map(_said, inside))}"
        return f"{name} as JSON" if typing.get_origin(annotation) or annotation in (list, dict, tuple, set) else name
    schema = _schema(annotation)
    if schema is None or (schema.get("type") == "string" and _says_how(annotation)):
        return _said(annotation) if _says_how(annotation) else getattr(annotation, "__name__", str(annotation))
    return f"JSON by the schema {json.dumps(schema, ensure_ascii=False, separators=(',', ':'))}"


def _says_how(annotation: Any) -> bool:
    """Whether values of a class say themselves how they are shown."""
    known = isinstance(annotation, type) and not typing.get_args(annotation) and is_formatted(annotation)
    return known and getattr(annotation, "format", None) is not Type.format


def _said(kind: Any) -> str:
    said = kind.description()
    return f"{kind.__name__}, {said}" if said else kind.__name__


def _held(annotation: Any) -> list[Any]:
    """The classes in a type that say how they are shown, each once."""
    parts = typing.get_args(annotation)
    found = [kind for part in parts for kind in ([part] if _says_how(part) else _held(part))]
    return list(dict.fromkeys(found))


def _is_plain(annotation: Any, *, given: bool) -> bool:
    """Whether the type's own name says everything: built-in types, and containers and unions of them."""
    if annotation in (Any, object, ..., None, type(None)):
        return True
    if typing.get_origin(annotation) is Literal or (given and _says_how(annotation)):
        return True
    inside = typing.get_args(annotation)
    if inside and typing.get_origin(annotation) is not Annotated:
        return all(_is_plain(part, given=given) for part in inside)
    if not isinstance(annotation, type):
        return False
    if annotation in _FORMS or issubclass(annotation, pathlib.PurePath):
        return True
    return not hasattr(annotation, "__annotations__") and not issubclass(annotation, enum.Enum | BaseModel)


def _schema(annotation: Any) -> dict[str, Any] | None:
    try:
        schema = TypeAdapter(annotation).json_schema()
    # Whatever a type of the user raises here, its name is enough for a prompt.
    except Exception:
        return None
    plain: dict[str, Any] = _without_titles(schema)
    return plain


def _without_titles(schema: Any) -> Any:
    """The schema without pydantic's titles, which repeat the names."""
    if isinstance(schema, dict):
        # A title is a text; a property that is called title holds a schema.
        return {
            key: _without_titles(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [_without_titles(item) for item in schema] if isinstance(schema, list) else schema


def _limits(metadata: list[Any], annotation: Any) -> list[str]:
    """The constraints in words, those inside another field's info included."""
    flat = [part for item in metadata for part in getattr(item, "metadata", None) or [item]]
    found: dict[str, Any] = {}
    for item in flat:
        for key in ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern"):
            value = getattr(item, key, None)
            if value is not None:
                found[key] = value
    limits = [f"from {found.pop('ge')} to {found.pop('le')}"] if found.keys() >= {"ge", "le"} else []
    limits += [text.format(found[key]) for key, text in _BOUNDS if key in found]
    unit = "character" if annotation is str else "item"
    for key, text in (("min_length", "at least"), ("max_length", "at most")):
        if key in found:
            limits.append(f"{text} {found[key]} {unit}{'' if found[key] == 1 else 's'}")
    return limits
