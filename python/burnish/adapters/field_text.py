"""One field as text: its type in words, its values written and read."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import inspect
import json
import pathlib
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, get_origin

import pydantic_core
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from burnish.adapters.content import IN_PROMPT, IN_REPLY, marked
from burnish.adapters.describe import as_choice, bare, choices, holds_type, union_parts, without_none, words
from burnish.adapters.json_text import read_json
from burnish.adapters.parse import (
    Candidates,
    Text,
    read_choice,
    read_number,
    read_scalar,
    read_text,
    read_truth,
    without_thoughts,
)
from burnish.errors import ConfigError, ReplyError, SignatureError
from burnish.values.example import Example
from burnish.values.ordered import in_order
from burnish.values.signature_fields import default_of
from burnish.values.types.base import Type, is_formatted

NOT_SHOWN = "Not shown."
_NOT_OF_THE_TYPE: Any = object()
# One encoder kept: json.dumps with options builds a new one at each call.
_encode = json.JSONEncoder(ensure_ascii=False).encode
_NULLS = frozenset({"null", "none", "nil", "n/a"})
_SCALARS = (bytes, dt.date, dt.time, dt.timedelta, decimal.Decimal, pathlib.PurePath, uuid.UUID)


def shown(value: Any) -> str:
    """A value as a prompt shows it: text as it is, everything else as JSON.

    Pictures, sounds and files in it are marks, which `burnish.adapters.content.content` turns into content parts.

    Raises:
        ConfigError: The `format` of a value in it gives neither a text nor content parts.
    """
    if type(value) is str:
        return value
    if is_formatted(value) and type(value).format is not Type.format:
        return marked(value)
    try:
        plain = pydantic_core.to_jsonable_python(in_order(value), fallback=_fallback, context=IN_PROMPT)
    except pydantic_core.PydanticSerializationError as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from error
        raise
    return plain if isinstance(plain, str) else _encode(plain)


def _fallback(value: Any) -> Any:
    if isinstance(value, Example):
        return dict(value.items())
    if isinstance(value, Mapping):
        return dict(value)
    return marked(value) if is_formatted(value) else str(value)


class FieldText:
    """How one output field is written and read.

    A reply may leave out an output that `has_default`, and it takes its `default()` then. That a reply names no output
    at all is never read so: it does not follow the form, and says something else.

    Attributes:
        name: The field's name.
        nullable: Whether None is one of its values.
        has_default: Whether a reply may leave it out.

    Raises:
        SignatureError: pydantic cannot check values of this type.
    """

    __slots__ = (
        "_candidates",
        "_choices",
        "_field",
        "_is_single",
        "_placeholders",
        "_plain",
        "_quoted",
        "_reason",
        "_typed",
        "_validator",
        "has_default",
        "name",
        "nullable",
    )

    def __init__(self, name: str, field: FieldInfo) -> None:
        self.name = name
        self._field = field
        self.has_default = not field.is_required()
        self._placeholders = (NOT_SHOWN, f"{{{name}}}")
        inner, self.nullable = without_none(bare(field.annotation)[0])
        inner = bare(inner)[0]
        self._plain = field.annotation is str and not field.metadata
        self._validator = validator_of(name, field)
        self._choices = choices(inner)
        self._typed = holds_type(field.annotation)
        kind = words(field.annotation, field.metadata)
        if " by the schema " in kind:
            # The model has read the schema; who reads the error knows the type by its name.
            kind = inner.__name__ if isinstance(inner, type) else inspect.formatannotation(inner)
        self._reason = f"that is {'not' if self._choices is not None else 'no'} {kind}"
        # A text among other types is written in quotes, so that "3" is not read as 3.
        self._quoted = inner in (Any, object) or any(part in (str, Any, object) for part in union_parts(inner))
        self._candidates = _candidates(inner, self._choices, quoted=self._quoted)
        plainly = self._candidates in (read_text, _read_type)
        self._is_single = not plainly and getattr(self._candidates, "func", None) is not read_json

    def default(self) -> Any:
        """What it is where a reply leaves it out: each time made anew, so that nobody changes another's."""
        return default_of(self._field)

    def write(self, value: Any) -> str:
        """The value as a right reply has it; a value of another type as well as it can be shown."""
        return self._write_typed(value) if self._typed and value is not None else self._write(value, None)

    def _write_typed(self, value: Any) -> str:
        """A value that has a `Type` in it: by its own text where that is read back as the value, else by its data."""
        try:
            value = self._validator.validate_python(value)
            text = self._write(value, IN_REPLY)
            if self.read(text.strip(), closed=True) == value:
                return text
        except (pydantic_core.ValidationError, ReplyError):
            pass
        return self._write(value, None)

    def _write(self, value: Any, context: dict[str, Any] | None) -> str:
        if isinstance(value, str) and not self._quoted:
            text = as_choice(value)
            looks_null = self.nullable and (text.strip().casefold() in _NULLS or not text or text.startswith('"'))
            return _encode(text) if looks_null and self._candidates is read_text else text
        if self._choices is not None:
            return as_choice(value)
        plain = self._dumped(value, context)
        if plain is _NOT_OF_THE_TYPE:
            return shown(value)
        if isinstance(plain, str) and not self._quoted:
            return plain
        return _encode(plain)

    def plain(self, value: Any) -> Any:
        """The value as a right reply in JSON has it; a value of another type as well as it can be shown."""
        return self._plain_typed(value) if self._typed and value is not None else self._plain_of(value)

    def _plain_of(self, value: Any) -> Any:
        if isinstance(value, enum.Enum):
            value = value.value
        if isinstance(value, str):
            return str(value)
        if self._choices is not None:
            return value if value is None or isinstance(value, bool | int | float) else as_choice(value)
        dumped = self._dumped(value)
        if dumped is _NOT_OF_THE_TYPE:
            return json.loads(text) if (text := shown(value))[:1] in ("{", "[") else text
        return dumped

    def _plain_typed(self, value: Any) -> Any:
        """As `_write_typed`, for a reply in JSON."""
        try:
            value = self._validator.validate_python(value)
            dumped = self._dumped(value, IN_REPLY)
            if dumped is not _NOT_OF_THE_TYPE and self.take(dumped) == value:
                return dumped
        except (pydantic_core.ValidationError, ReplyError):
            pass
        return self._plain_of(value)

    def _dumped(self, value: Any, context: dict[str, Any] | None = None) -> Any:
        if isinstance(value, set | frozenset):
            # As JSON shows it, in an order that is the same in every process.
            return _NOT_OF_THE_TYPE
        try:
            return self._validator.dump_python(
                value, mode="json", by_alias=True, round_trip=True, warnings="error", context=context
            )
        except pydantic_core.PydanticSerializationError:
            return _NOT_OF_THE_TYPE

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
                    reason = f"{self._reason}: {_placed(first)}"
        # Validators of the user's types may raise anything, and no reply is worth a crash.
        except Exception as error:
            raise self._refused(text, f"{type(error).__name__} while reading it: {error!s:.200}") from error
        raise self._refused(text, reason)

    def read_kept(self, value: Any) -> Any:
        """The value that was kept as JSON in a file, valid for the field.

        Raises:
            ReplyError: It is none; nothing else is ever raised.
        """
        # The JSON of a `Type` as a text could be read as what a text means to its class, such as code.
        return self.take(value) if self._typed else self.read(shown(value), closed=True)

    def take(self, value: Any) -> Any:
        """The value that a part of a JSON reply stands for, valid for the field.

        Raises:
            ReplyError: It stands for none; nothing else is ever raised.
        """
        if isinstance(value, str):
            if value in self._placeholders:
                raise self._refused(value, "that is a placeholder of the prompt")
            if self._plain:
                return value
            if self._candidates is not read_text and not self._quoted:
                return self.read(value.strip(), closed=True)
        elif value is None and self.nullable:
            return None
        elif self._candidates is read_text or self._is_single:
            # True is no 1, and 3 no "3", unless what reads texts says so.
            if (value is None and self._choices is None) or (self._is_single and isinstance(value, dict | list)):
                raise self._refused(_as_text(value), self._reason)
            return self.read(_as_text(value), closed=True)
        try:
            return self._validator.validate_python(value)
        except pydantic_core.ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise self._refused(_as_text(value), f"{self._reason}: {_placed(first)}") from error
        # Validators of the user's types may raise anything, and no reply is worth a crash.
        except Exception as error:
            raise self._refused(_as_text(value), f"{type(error).__name__} while reading it: {error!s:.200}") from error

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


def _as_text(value: Any) -> str:
    try:
        return _encode(value)
    except RecursionError:
        return "JSON within JSON"


def validator_of(name: str, field: FieldInfo, *, side: str = "output") -> TypeAdapter[Any]:
    """What checks the values of a field, by its type and its constraints.

    Raises:
        SignatureError: pydantic cannot check values of this type.
    """
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    try:
        return TypeAdapter(kind)
    # A type may be broken in any way; all of them mean that values cannot be checked.
    except Exception as error:
        raise SignatureError(
            f"The {side} `{name}` has the type {field.annotation!r}, which pydantic cannot check: {error!s:.300}"
        ) from error


def _placed(error: Any) -> str:
    """What pydantic found wrong, and where in the value."""
    place = ".".join(str(part) for part in error["loc"])
    return f"{error['msg']} (at {place})" if place else str(error["msg"])


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
    if isinstance(inner, type) and issubclass(inner, Type):
        return _read_type
    lists = inner in (list, set, tuple, frozenset) or get_origin(inner) in (list, set, tuple, frozenset)
    return partial(read_json, texts=quoted or not lists, lists=lists)


def _read_type(text: Text) -> Iterator[Any]:
    """The text itself, for a class that takes one, then what it says as JSON; a text alone could be anything."""
    if text.loose or text.text.startswith("```"):
        yield text.text
    yield from read_json(text, texts=False, lists=False)


def _names(options: dict[str, Any]) -> dict[str, Any]:
    """Other ways to write choices: the names of an Enum's members, and none for null."""
    if None in options.values():
        return {"none": None}
    members = [value for value in options.values() if hasattr(value, "name") and hasattr(value, "value")]
    return {member.name: member for member in members if member.name not in options}
