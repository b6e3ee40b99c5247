"""One output field as text: its type in words, its values written and read."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import pathlib
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, get_origin

import pydantic_core
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from burnish.adapters.describe import as_choice, bare, choices, union_parts, without_none, words
from burnish.adapters.parse import (
    Candidates,
    Text,
    read_choice,
    read_json,
    read_number,
    read_scalar,
    read_text,
    read_truth,
    without_thoughts,
)
from burnish.errors import ReplyError, SignatureError
from burnish.values.example import Example
from burnish.values.ordered import in_order

NOT_SHOWN = "Not shown."
_NULLS = frozenset({"null", "none", "nil", "n/a"})
_SCALARS = (bytes, dt.date, dt.time, dt.timedelta, decimal.Decimal, pathlib.PurePath, uuid.UUID)


def shown(value: Any) -> str:
    """A value as a prompt shows it: text as it is, everything else as JSON."""
    if type(value) is str:
        return value
    plain = pydantic_core.to_jsonable_python(in_order(value), fallback=_fallback)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _fallback(value: Any) -> Any:
    if isinstance(value, Example):
        return value.toDict()
    return dict(value) if isinstance(value, Mapping) else str(value)


class FieldText:
    """How one output field is written and read.

    Attributes:
        name: The field's name.
        nullable: Whether None is one of its values.

    Raises:
        SignatureError: pydantic cannot check values of this type.
    """

    __slots__ = (
        "_candidates",
        "_choices",
        "_placeholders",
        "_plain",
        "_quoted",
        "_reason",
        "_validator",
        "name",
        "nullable",
    )

    def __init__(self, name: str, field: FieldInfo) -> None:
        self.name = name
        self._placeholders = (NOT_SHOWN, f"{{{name}}}")
        inner, self.nullable = without_none(bare(field.annotation)[0])
        inner = bare(inner)[0]
        self._plain = field.annotation is str and not field.metadata
        self._validator = _validator(name, field)
        self._choices = choices(inner)
        kind = words(field.annotation, field.metadata)
        self._reason = f"that is {'not' if self._choices is not None else 'no'} {kind}"
        # A text among other types is written in quotes, so that "3" is not read as 3.
        self._quoted = inner in (Any, object) or any(part in (str, Any, object) for part in union_parts(inner))
        self._candidates = _candidates(inner, self._choices, quoted=self._quoted)

    def write(self, value: Any) -> str:
        """The value as a right reply has it; a value of another type as well as it can be shown."""
        if isinstance(value, str) and not self._quoted:
            text = as_choice(value)
            looks_null = self.nullable and (text.strip().casefold() in _NULLS or not text or text.startswith('"'))
            return json.dumps(text, ensure_ascii=False) if looks_null and self._candidates is read_text else text
        if self._choices is not None:
            return as_choice(value)
        if isinstance(value, set | frozenset):
            return shown(value)
        try:
            plain = self._validator.dump_python(value, mode="json", by_alias=True, round_trip=True, warnings="error")
        except pydantic_core.PydanticSerializationError:
            return shown(value)
        if isinstance(plain, str) and not self._quoted:
            return plain
        return json.dumps(plain, ensure_ascii=False)

    def read(self, text: str, *, closed: bool, loose: bool = True) -> Any:
        """The value that a text stands for, valid for the field.

        Args:
            text: Without surrounding white space.
            closed: Whether it cannot have been cut off.
            loose: Whether words around the value are allowed.

        Raises:
            ReplyError: It stands for none; nothing else is ever raised.
        """
        if text in self._placeholders:
            raise self._refused(text, "that is a placeholder of the prompt")
        if not text and not closed:
            raise self._refused(text, "the reply ends before it")
        if self._plain:
            return self._read_plain(text, loose=loose)
        if self.nullable and self._is_null(text):
            return None
        reason = self._reason
        try:
            for candidate in self._candidates(Text(self._opened(text), loose, closed)):
                try:
                    return self._validator.validate_python(candidate)
                except pydantic_core.ValidationError as error:
                    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
                    reason = f"{self._reason}: {first['msg']}"
        # Validators of the user's types may raise anything, and no reply is worth a crash.
        except Exception as error:
            raise self._refused(text, f"{type(error).__name__} while reading it: {error!s:.200}") from error
        raise self._refused(text, reason)

    def _read_plain(self, text: str, *, loose: bool) -> str:
        if not loose:
            raise self._refused(text, "text without a header could be a thought that was cut off")
        if text[:6].casefold() == "<think":
            return without_thoughts(text).strip()
        return text

    def _is_null(self, text: str) -> bool:
        if self._choices is not None and text in self._choices:
            return False
        return text.strip("`*. ").casefold() in _NULLS or not text

    def _opened(self, text: str) -> str:
        """The text without the quotes that `write` puts around what would be read as null."""
        if self.nullable and self._candidates is read_text and len(text) > 1 and text[0] == text[-1] == '"':
            try:
                return str(json.loads(text))
            except ValueError:
                return text
        return text

    def _refused(self, text: str, reason: str) -> ReplyError:
        return ReplyError(f"The output `{self.name}` is {text[:200]!r}, and {reason}.", reply=text, field=self.name)


def _validator(name: str, field: FieldInfo) -> TypeAdapter[Any]:
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    try:
        return TypeAdapter(kind)
    # A type may be broken in any way; all of them mean that replies cannot be checked.
    except Exception as error:
        raise SignatureError(
            f"The output `{name}` has the type {field.annotation!r}, which pydantic cannot check: {error!s:.300}"
        ) from error


def _candidates(inner: Any, options: dict[str, Any] | None, *, quoted: bool) -> Candidates:
    """The way to read a type."""
    if options is not None:
        return partial(read_choice, options=options | _names(options))
    if inner is str:
        return read_text
    if inner is bool:
        return read_truth
    if inner is int or inner is float:
        return partial(read_number, whole=inner is int)
    if isinstance(inner, type) and issubclass(inner, _SCALARS):
        return read_scalar
    lists = inner in (list, set, tuple, frozenset) or get_origin(inner) in (list, set, tuple, frozenset)
    return partial(read_json, texts=quoted or not lists, lists=lists)


def _names(options: dict[str, Any]) -> dict[str, Any]:
    """Other ways to write choices: the names of an Enum's members, and none for null."""
    if None in options.values():
        return {"none": None}
    members = [value for value in options.values() if hasattr(value, "name") and hasattr(value, "value")]
    return {member.name: member for member in members if member.name not in options}
