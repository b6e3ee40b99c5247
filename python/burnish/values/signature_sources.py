"""What a signature is made of before there is a class: its fields, read from text or from a dict, and sorted by side."""

from __future__ import annotations

from collections.abc import Mapping
from types import FrameType, MappingProxyType
from typing import Any, NamedTuple

from pydantic.fields import FieldInfo

from burnish.errors import SignatureError
from burnish.values.signature_fields import InputField, OutputField, checked, named, side_of
from burnish.values.signature_text import lookup_in, read_signature


class Sides(NamedTuple):
    """The fields of a signature, sorted once."""

    every: Mapping[str, FieldInfo]
    inputs: Mapping[str, FieldInfo]
    outputs: Mapping[str, FieldInfo]

    @classmethod
    def of(cls, fields: Mapping[str, FieldInfo]) -> Sides:
        """Each field on its side, the inputs before the outputs."""
        outputs = {name: field for name, field in fields.items() if side_of(field) == "output"}
        inputs = {name: field for name, field in fields.items() if name not in outputs}
        return cls(*map(MappingProxyType, ({**inputs, **outputs}, inputs, outputs)))


def from_text(text: str, custom_types: Mapping[str, Any], frame: FrameType | None) -> dict[str, FieldInfo]:
    """The fields of a text.

    Args:
        text: ``"question, context: list[str] -> answer"``.
        custom_types: Name → type, looked for first.
        frame: Where other names are looked for.

    Raises:
        SignatureError: It cannot be read.
    """
    inputs, outputs = read_signature(text, lookup_in(custom_types, frame))
    return {name: named(name, kind, InputField()) for name, kind in inputs.items()} | {
        name: named(name, kind, OutputField()) for name, kind in outputs.items()
    }


def from_mapping(given: Mapping[str, Any]) -> dict[str, FieldInfo]:
    """The fields of a dict, name → field or (type, field).

    Raises:
        SignatureError: Something in it is no field, or none is an output.
    """
    where = f"Signature of {list(given)!r}"
    pairs = {name: value if isinstance(value, tuple) else (None, value) for name, value in given.items()}
    fields = {name: checked(name, field, type_, where=where) for name, (type_, field) in pairs.items()}
    if not any(side_of(field) == "output" for field in fields.values()):
        raise SignatureError(f"{where} has no outputs: give it at least one OutputField().")
    return fields
