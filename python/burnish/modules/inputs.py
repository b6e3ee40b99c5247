"""The inputs of a call: defaults are filled in, and what does not fit is said in a warning.

A warning, and no error: whatever a value is, it can be shown, and a model may make sense of it. An input of the plain
type ``str`` takes anything, which is shown as text or JSON. Every other type is checked as pydantic does: ``"3"`` is an
int and a dict with the right keys is a model, ``"three"`` is not. An iterator, such as a generator, becomes the list of
what it gives: a prompt may be made twice, and the trace shows the inputs after it. Warnings name types and never
values, so that Python shows each of them once.

Cost: nothing where all inputs are ``str``, else about a microsecond for each other simple input.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import pydantic_core
from pydantic import TypeAdapter

from burnish.adapters.describe import holds_type, words
from burnish.adapters.field_text import validator_of
from burnish.adapters.native_tools import holds_tools
from burnish.errors import SignatureError
from burnish.values.signature import Signature
from burnish.values.signature_fields import default_of
from burnish.values.types.history import is_history


class _Expected(NamedTuple):
    """What a signature expects.

    Attributes:
        names: The inputs.
        checks: What checks the values of those that are not any text.
    """

    names: frozenset[str]
    checks: dict[str, TypeAdapter[Any]]


def completed(signature: type[Signature], inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a call with the defaults of those that were not given, and lists instead of iterators.

    Warns of inputs that are missing, unknown or of another type.
    """
    expected: _Expected | None = signature.kept.get(completed)
    if expected is None:
        expected = signature.kept[completed] = _expected(signature)
    if inputs.keys() != expected.names:
        inputs = _with_defaults(signature, inputs)
    used_up = [name for name, value in inputs.items() if type(value) is not str and isinstance(value, Iterator)]
    if used_up:
        inputs = {**inputs, **{name: list(inputs[name]) for name in used_up}}
    for name, check in expected.checks.items():
        if name in inputs:
            _check(signature, name, inputs[name], check)
    return inputs


def _with_defaults(signature: type[Signature], inputs: dict[str, Any]) -> dict[str, Any]:
    fields = signature.input_fields
    left_out = [name for name in fields if name not in inputs]
    filled = {name: default_of(fields[name]) for name in left_out if not fields[name].is_required()}
    missing = [name for name in left_out if name not in filled]
    unknown = [name for name in inputs if name not in fields]
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"unknown {', '.join(unknown)}"] if unknown else []
    if parts:
        warnings.warn(f"Predict({signature.signature}): {'; '.join(parts)}.", UserWarning, stacklevel=3)
    return {**inputs, **filled}


def _check(signature: type[Signature], name: str, value: Any, check: TypeAdapter[Any]) -> None:
    try:
        check.validate_python(value)
    except pydantic_core.ValidationError as error:
        reason = error.errors(include_url=False, include_context=False, include_input=False)[0]["msg"]
    # Validators of the user's types may raise anything, and a warning is all that it is worth.
    except Exception as error:
        reason = type(error).__name__
    else:
        return
    field = signature.input_fields[name]
    warnings.warn(
        f"Predict({signature.signature}): the input {name!r} is to be {words(field.annotation, field.metadata)}, "
        f"and got a {type(value).__name__}: {reason}.",
        UserWarning,
        stacklevel=3,
    )


def _expected(signature: type[Signature]) -> _Expected:
    checks = {}
    for name, field in signature.input_fields.items():
        # A `Type` or a tool is made of the value, and a conversation read, where the prompt is written: what fails there is
        # an error.
        if (
            (field.annotation is str and not field.metadata)
            or holds_type(field.annotation)
            or is_history(field.annotation)
            or holds_tools(field.annotation)
        ):
            continue
        try:
            checks[name] = validator_of(name, field, side="input")
        except SignatureError:
            continue  # a class that pydantic does not know is shown as well as it can be
    return _Expected(frozenset(signature.input_fields), checks)
