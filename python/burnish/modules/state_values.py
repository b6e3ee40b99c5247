"""Demo values as JSON has them, and back: what a field's type says is read as that type again.

A value that was read back renders to the same prompt as before. Where the field's type would say something
else than what was saved (a text ``"3"`` in an int field, say), it stays what it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import pydantic_core
from pydantic import TypeAdapter

from burnish.errors import StateError
from burnish.values.example import Example
from burnish.values.ordered import in_order


def plain(value: Any) -> Any:
    """The value as JSON has it: pydantic models and dataclasses as objects, dates as text, sets in order.

    Raises:
        StateError: JSON cannot keep it.
    """
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Example):
        return plain(dict(value.items()))
    if isinstance(value, Mapping):
        return {_key(key): plain(part) for key, part in value.items()}
    if type(value) in (list, tuple, set, frozenset):
        return [plain(part) for part in in_order(value)]
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    try:
        return pydantic_core.to_jsonable_python(value, fallback=_fallback)
    # Serializers of the user's types may raise anything; none of it can be written.
    except Exception as error:
        raise StateError(
            f"A demo holds {value!r:.200} of type {type(value).__name__}, which JSON cannot keep. Use "
            "texts, numbers, dates, lists, dicts or pydantic models in demos."
        ) from error


def _fallback(value: Any) -> Any:
    """What stands inside a model or dataclass, or alone, and is nothing that pydantic writes by itself."""
    if isinstance(value, Example | Mapping):
        return dict(value.items())
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"nothing says how a {type(value).__name__} is written")


def _key(key: Any) -> str:
    """A key as prompts show it, which is as pydantic writes it."""
    if type(key) is str:
        return key
    try:
        return str(next(iter(pydantic_core.to_jsonable_python({key: None}))))
    except pydantic_core.PydanticSerializationError:
        return str(key)


class Typed:
    """Reads the values of one field back as its type has them.

    Args:
        annotation: The field's type.
    """

    def __init__(self, annotation: Any) -> None:
        self._adapter: TypeAdapter[Any] | None = None
        if annotation in (str, Any, object):
            return
        try:
            self._adapter = TypeAdapter(annotation)
        # A type that pydantic cannot check, for whatever reason, leaves values as they are.
        except Exception:
            self._adapter = None

    def read(self, saved: Any) -> Any:
        """The value that was saved, of the field's type where that says the same."""
        if self._adapter is None or saved is None:
            return saved
        try:
            value = self._adapter.validate_python(saved)
            same = _text(plain(value)) == _text(saved)
        # Validators of the user's types may raise anything; a demo that does not fit is still a demo.
        except Exception:
            return saved
        return value if same else saved


def _text(value: Any) -> str:
    # Told apart by their texts, since 1, 1.0 and True are equal in Python and not in a prompt.
    return json.dumps(value)
