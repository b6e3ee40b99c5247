# ruff: noqa: SLF001 - the metaclass looks into its own classes, and types are looked up where a signature is written
"""Signatures: what a predictor is given, what it must produce, and the task in words.

A signature is a class that is never instantiated. Every change makes a new one; fields are shared
between them, so that `with_instructions` costs a few microseconds.
"""

from __future__ import annotations

import copyreg
import inspect
import sys
import typing
from collections.abc import Mapping
from types import FrameType, MappingProxyType
from typing import Any, NamedTuple

from pydantic.fields import FieldInfo

from burnish.errors import SignatureError, StateError
from burnish.values.signature_body import read_body
from burnish.values.signature_fields import (
    InputField,
    OutputField,
    checked,
    extra_of,
    identity,
    infer_prefix,
    named,
    side_of,
)
from burnish.values.signature_text import lookup_in, read_signature

__all__ = ["InputField", "OutputField", "Signature", "SignatureMeta", "ensure_signature", "infer_prefix"]


class _Sides(NamedTuple):
    """The fields of a signature, sorted once."""

    every: Mapping[str, FieldInfo]
    inputs: Mapping[str, FieldInfo]
    outputs: Mapping[str, FieldInfo]

    @classmethod
    def of(cls, fields: Mapping[str, FieldInfo]) -> _Sides:
        outputs = {name: field for name, field in fields.items() if side_of(field) == "output"}
        inputs = {name: field for name, field in fields.items() if name not in outputs}
        return cls(*map(MappingProxyType, ({**inputs, **outputs}, inputs, outputs)))


class SignatureMeta(type):
    """Gives signature classes their reading and their methods.

    Attributes:
        kept: What adapters work out from the fields and want to keep with them; shared with the
            signatures that differ in nothing but instructions.
    """

    kept: dict[Any, Any]
    _sides: _Sides
    _written: str | None

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> SignatureMeta:
        """Read a class body."""
        rest = {key: value for key, value in namespace.items() if not isinstance(value, FieldInfo)}
        cls = super().__new__(mcs, name, bases, rest)
        parents = [base for base in bases if isinstance(base, SignatureMeta)]
        fields: dict[str, FieldInfo] = {}
        for parent in reversed(parents):
            fields.update(parent.fields)
        if parents:
            fields.update(read_body(cls, namespace, sys._getframe(1)))
        written = None if cls.__doc__ is None or not parents else inspect.cleandoc(cls.__doc__)
        if written is None:
            written = next((parent._written for parent in parents if parent._written is not None), None)
        cls._sides, cls._written, cls.kept = _Sides.of(fields), written, {}
        return cls

    def __call__(
        cls,
        signature: str | Mapping[str, Any] | type[Signature] = "",
        instructions: str | None = None,
        signature_name: str = "StringSignature",
        *,
        custom_types: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> type[Signature]:
        """Read a signature from text or from a dict.

        Args:
            signature: ``"question, context: list[str] -> answer"``, or name → field or (type, field).
            instructions: The task in words; made from the fields where not given.
            signature_name: The name of the new class.
            custom_types: Name → type, for types in the text that are not Python's; other names are
                looked for in the caller's frame.
            unknown: Nothing may stand here; it makes the error below the one that is seen.

        Raises:
            SignatureError: It cannot be read; the message shows what is wrong.
        """
        if cls is not Signature:
            raise SignatureError(
                f"{cls.__name__} is a signature and is not called itself: hand it to a predictor, "
                f"as in Predict({cls.__name__})."
            )
        if unknown:
            raise SignatureError(f"Signature(...) has no argument {', '.join(map(repr, unknown))}.")
        if isinstance(signature, SignatureMeta):
            return ensure_signature(signature, instructions)
        if isinstance(signature, str):
            fields = _from_text(signature, custom_types or {}, sys._getframe(1))
        elif isinstance(signature, Mapping):
            fields = _from_mapping(signature)
        else:
            raise SignatureError(f'A signature is a text such as "question -> answer" or a class, not {signature!r}.')
        return _build(signature_name, fields, None if instructions is None else inspect.cleandoc(instructions))

    @property
    def instructions(cls) -> str:
        """The task in words."""
        return cls._default_instructions() if cls._written is None else cls._written

    def _default_instructions(cls) -> str:
        inputs, outputs = (", ".join(f"`{name}`" for name in side) for side in (cls.input_fields, cls.output_fields))
        if not inputs:
            return f"Produce the fields {outputs}." if outputs else ""
        return f"Given the fields {inputs}, produce the fields {outputs}."

    @property
    def fields(cls) -> Mapping[str, FieldInfo]:
        """Name → field, the inputs first."""
        return cls._sides.every

    @property
    def input_fields(cls) -> Mapping[str, FieldInfo]:
        """Name → field of the inputs."""
        return cls._sides.inputs

    @property
    def output_fields(cls) -> Mapping[str, FieldInfo]:
        """Name → field of the outputs."""
        return cls._sides.outputs

    @property
    def signature(cls) -> str:
        """The names as text, ``"question, context -> answer"``."""
        return f"{', '.join(cls.input_fields)} -> {', '.join(cls.output_fields)}".strip()

    def with_instructions(cls, instructions: str) -> type[Signature]:
        """The same fields with another task."""
        if not isinstance(instructions, str):
            raise SignatureError(f"Instructions are a text, and {instructions!r} is a {type(instructions).__name__}.")
        return _build(cls.__name__, cls._sides, instructions, kept=cls.kept)

    def with_updated_fields(cls, name: str, type_: Any = None, **changes: Any) -> type[Signature]:
        """The same signature with one field changed.

        Args:
            name: Which field.
            type_: Its new type, where that changes.
            changes: Keys of the field such as ``desc="..."`` and ``prefix="..."``.

        Raises:
            SignatureError: There is no such field.
        """
        field = cls._field(name)
        changed = named(name, field.annotation if type_ is None else type_, field, **changes)
        return _build(cls.__name__, {**cls.fields, name: changed}, cls._written)

    def prepend(cls, name: str, field: Any, type_: Any = None) -> type[Signature]:
        """The same signature with one more field, first on its side."""
        return cls.insert(0, name, field, type_)

    def append(cls, name: str, field: Any, type_: Any = None) -> type[Signature]:
        """The same signature with one more field, last on its side."""
        return cls.insert(-1, name, field, type_)

    def insert(cls, index: int, name: str, field: Any, type_: Any = None) -> type[Signature]:
        """The same signature with one more field.

        Args:
            index: Where on its side; negative numbers count from the end, -1 being after the last.
            name: The field's name.
            field: An `InputField` or `OutputField`.
            type_: Its type; ``str`` where not given.

        Raises:
            SignatureError: The name is taken or none, or the index is out of range.
        """
        where = f"Signature {cls.signature!r}"
        added = checked(name, field, type_, where=where)
        if name in cls.fields:
            raise SignatureError(f"{where} has a field {name!r} already.")
        side = list((cls.input_fields if side_of(added) == "input" else cls.output_fields).items())
        place = index if index >= 0 else index + len(side) + 1
        if not 0 <= place <= len(side):
            raise SignatureError(f"{where} has {len(side)} {side_of(added)}s, so nothing can be put in at {index}.")
        side.insert(place, (name, added))
        fields = {key: kept for key, kept in cls.fields.items() if side_of(kept) != side_of(added)}
        return _build(cls.__name__, {**fields, **dict(side)}, cls._written)

    def delete(cls, name: str) -> type[Signature]:
        """The same signature without a field.

        Raises:
            SignatureError: There is no such field.
        """
        cls._field(name)
        return _build(cls.__name__, {key: f for key, f in cls.fields.items() if key != name}, cls._written)

    def _field(cls, name: str) -> FieldInfo:
        if name not in cls.fields:
            raise SignatureError(f"Signature {cls.signature!r} has no field {name!r}.")
        return cls.fields[name]

    def equals(cls, other: object) -> bool:
        """Whether instructions and fields are the same."""
        if cls is other:
            return True
        if not isinstance(other, SignatureMeta) or cls.instructions != other.instructions:
            return False
        return cls._sides is other._sides or (
            list(cls.fields) == list(other.fields)
            and all(identity(field) == identity(other.fields[name]) for name, field in cls.fields.items())
        )

    def __eq__(cls, other: object) -> bool:
        return cls.equals(other) if isinstance(other, SignatureMeta) else NotImplemented

    def __hash__(cls) -> int:
        return hash((cls._written, tuple(cls.fields)))

    def dump_state(cls) -> dict[str, Any]:
        """Instructions and each field's title and description, JSON-ready, as DSPy saves them."""
        fields = [extra_of(field) for field in cls.fields.values()]
        return {
            "instructions": cls.instructions,
            "fields": [{"prefix": extra["prefix"], "description": extra["desc"]} for extra in fields],
        }

    def load_state(cls, state: Mapping[str, Any]) -> type[Signature]:
        """This signature with the instructions, titles and descriptions of a saved one.

        Raises:
            StateError: The state is none of a signature, or has another number of fields.
        """
        try:
            instructions, saved = state["instructions"], list(state.get("fields", ()))
            if not isinstance(instructions, str):
                raise TypeError(f"instructions are {instructions!r}")
            extras = [{"prefix": str(one["prefix"]), "desc": str(one["description"])} for one in saved]
        except (KeyError, TypeError, AttributeError) as error:
            raise StateError(f"This is no saved signature ({error!r}): {state!r:.200}") from error
        if extras and len(extras) != len(cls.fields):
            raise StateError(
                f"The saved signature has {len(extras)} fields, and {cls.signature!r} has {len(cls.fields)}."
            )
        fields = dict(cls.fields)
        for (name, field), extra in zip(cls.fields.items(), extras, strict=bool(extras)):
            fields[name] = named(name, field.annotation, field, **extra)
        return _build(cls.__name__, fields, instructions)

    def __repr__(cls) -> str:
        sides = (
            ", ".join(f"{name}: {inspect.formatannotation(field.annotation)}" for name, field in side.items())
            for side in (cls.input_fields, cls.output_fields)
        )
        return f"{cls.__name__}({' -> '.join(sides)}, instructions={cls.instructions!r})"


class Signature(metaclass=SignatureMeta):
    """What a predictor is given and what it must produce.

    Example:
        >>> class Grade(Signature):
        ...     '''Grade the essay.'''
        ...
        ...     essay: str = InputField()
        ...     grade: int = OutputField(desc="5 is best", ge=1, le=5)
        >>> Grade.instructions, list(Grade.output_fields)
        ('Grade the essay.', ['grade'])
        >>> Signature("question, context: list[str] -> answer")
        StringSignature(question: str, context: list[str] -> answer: str, instructions='Given the fields `question`, \
`context`, produce the fields `answer`.')
    """


def ensure_signature(signature: str | type[Signature], instructions: str | None = None) -> type[Signature]:
    """The signature itself, or the one that a text stands for.

    Args:
        signature: A signature class or a text.
        instructions: The task in words, where it is to be another.

    Raises:
        SignatureError: It is neither, or has no outputs.
    """
    if isinstance(signature, str):
        fields = _from_text(signature, {}, sys._getframe(1))
        return _build("StringSignature", fields, None if instructions is None else inspect.cleandoc(instructions))
    if not isinstance(signature, SignatureMeta):
        raise SignatureError(f'A signature is a text such as "question -> answer" or a class, not {signature!r}.')
    if not signature.output_fields:
        raise SignatureError(f"{signature.__name__} has no outputs: give it at least one OutputField().")
    return signature if instructions is None else signature.with_instructions(instructions)


def _build(
    name: str, fields: Mapping[str, FieldInfo] | _Sides, written: str | None, *, kept: dict[Any, Any] | None = None
) -> type[Signature]:
    """A signature made from fields, without the reading that a class body needs."""
    cls: Any = type.__new__(SignatureMeta, name, (Signature,), {"__doc__": written, "__module__": __name__})
    cls._sides = fields if isinstance(fields, _Sides) else _Sides.of(fields)
    cls._written, cls.kept = written, {} if kept is None else kept
    return typing.cast("type[Signature]", cls)


def _from_text(text: str, custom_types: Mapping[str, Any], frame: FrameType | None) -> dict[str, FieldInfo]:
    inputs, outputs = read_signature(text, lookup_in(custom_types, frame))
    return {name: named(name, kind, InputField()) for name, kind in inputs.items()} | {
        name: named(name, kind, OutputField()) for name, kind in outputs.items()
    }


def _from_mapping(given: Mapping[str, Any]) -> dict[str, FieldInfo]:
    where = f"Signature of {list(given)!r}"
    pairs = {name: value if isinstance(value, tuple) else (None, value) for name, value in given.items()}
    fields = {name: checked(name, field, type_, where=where) for name, (type_, field) in pairs.items()}
    if not any(side_of(field) == "output" for field in fields.values()):
        raise SignatureError(f"{where} has no outputs: give it at least one OutputField().")
    return fields


def _reduce(cls: SignatureMeta) -> str | tuple[Any, ...]:
    """How to pickle a signature: by name where it can be imported, by its fields otherwise."""
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return cls.__qualname__ if found is cls else rebuilt(cls)


def rebuilt(cls: SignatureMeta) -> tuple[Any, ...]:
    """How to make a signature again from its name, fields and instructions, in the form of ``__reduce__``."""
    return _build, (cls.__name__, dict(cls.fields), cls._written)


copyreg.pickle(SignatureMeta, _reduce)
