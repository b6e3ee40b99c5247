"""Reads the body of a signature class: its fields, and their types where they are written as text."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from types import FrameType
from typing import Any, ClassVar

from pydantic.fields import FieldInfo

from burnish.errors import SignatureError
from burnish.values.signature_fields import checked
from burnish.values.signature_text import names_around


def read_body(cls: type, namespace: dict[str, Any], frame: FrameType) -> dict[str, FieldInfo]:
    """The fields that a class body declares, in its order.

    Args:
        cls: The new class.
        namespace: What its body defined, the fields included.
        frame: Where the class is written.

    Raises:
        SignatureError: Something in the body is no field, or its type cannot be read.
    """
    annotations = _annotations(cls, frame)
    where = f"Signature class {cls.__name__}"
    for name, kind in annotations.items():
        if name not in namespace and _is_meant_as_field(name, kind):
            raise SignatureError(
                f"{where}: `{name}` is neither input nor output. "
                f"Write `{name}: ... = InputField()` or `{name}: ... = OutputField()`."
            )
    return {
        name: checked(name, value, annotations.get(name), where=where)
        for name, value in namespace.items()
        if isinstance(value, FieldInfo) or (name in annotations and _is_meant_as_field(name, annotations[name]))
    }


def _is_meant_as_field(name: str, kind: Any) -> bool:
    return not name.startswith("_") and kind is not ClassVar and typing.get_origin(kind) is not ClassVar


def _annotations(cls: type, frame: FrameType) -> dict[str, Any]:
    """The annotations of the body, those written as text looked up around it."""
    found = inspect.get_annotations(cls)
    for name, text in found.items():
        if isinstance(text, str):
            where = f"Signature class {cls.__name__}: `{name}: {text}`"
            found[name] = _evaluate(text, frame, body=vars(cls), where=where)
    return found


def _evaluate(text: str, frame: FrameType, *, body: Mapping[str, Any], where: str) -> Any:
    error: Exception | None = None
    for names in (frame.f_locals, names_around(frame)):
        try:
            # A class, since only there may a ClassVar stand.
            holder = type("Holder", (), {"__annotations__": {"it": text}})
            return typing.get_type_hints(holder, frame.f_globals, {**names, **body}, include_extras=True)["it"]
        except (NameError, SyntaxError, TypeError, AttributeError) as unread:
            error = unread
    raise SignatureError(f"{where}: the type cannot be read ({error}).") from error
