"""What a demo shows of a signature's fields, whichever adapter writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from burnish.adapters.base import Demo
from burnish.adapters.field_text import FieldText
from burnish.adapters.input_text import InputText


class ShownDemo(NamedTuple):
    """A demo's values.

    Attributes:
        inputs: Name → value of the inputs that it shows.
        outputs: Name → value of the outputs that it shows.
        notice: What to say before the inputs where some fields are not shown; empty where all are.
    """

    inputs: dict[str, Any]
    outputs: dict[str, Any]
    notice: str


def shown_demo(inputs: Iterable[InputText], outputs: Iterable[FieldText], demo: Demo) -> ShownDemo | None:
    """What a demo shows; None where it shows no inputs or no outputs, so that nobody can learn from it.

    A field with a default that the demo lacks has its default, as in a call and in a reply.
    """
    outputs, inputs = list(outputs), list(inputs)
    if not any(_has(demo, field) for field in outputs):
        return None
    given = _values(inputs, demo)
    if inputs and not given:
        return None
    made = _values(outputs, demo)
    missing = ["inputs"] * (len(given) < len(inputs)) + ["outputs"] * (len(made) < len(outputs))
    notice = f"(an incomplete example: some {' and '.join(missing)} are not shown.)" if missing else ""
    return ShownDemo(given, made, notice)


def _values(fields: Iterable[InputText | FieldText], demo: Demo) -> dict[str, Any]:
    values = {}
    for field in fields:
        if _has(demo, field):
            values[field.name] = demo[field.name]
        elif field.has_default and field.name not in demo:
            values[field.name] = field.default()
    return values


def _has(demo: Demo, field: InputText | FieldText) -> bool:
    """Whether a demo shows a field; None is a value only where the field allows it."""
    return field.name in demo and (field.nullable or demo[field.name] is not None)
