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
from typing import Any

from pydantic.fields import FieldInfo

from burnish.errors import SignatureError, StateError
from burnish.values.signature_body import read_body
from burnish.values.signature_fields import (
    MADE,
    InputField,
    OutputField,
    checked,
    extra_of,
    identity,
    infer_prefix,
    is_type,
    named,
    side_of,
)
from burnish.values.signature_sources import Sides, from_mapping, from_text
from burnish.values.types.history import is_history

__all__ = [
    "InputField",
    "OutputField",
    "Signature",
    "SignatureMeta",
    "ensure_signature",
    "infer_prefix",
    "make_signature",
]


class SignatureMeta(type):
    """Gives signature classes their reading and their methods.

    Attributes:
        kept: What adapters work out from the fields and want to keep with them; shared with the
            signatures that differ in nothing but instructions.
    """

    kept: dict[Any, Any]
    _sides: Sides
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
        cls._sides, cls._written, cls.kept = Sides.of(fields), written, {}
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
            fields = from_text(signature, custom_types or {}, sys._getframe(1))
        elif isinstance(signature, Mapping):
            fields = from_mapping(signature)
        else:
            raise SignatureError(f'A signature is a text such as "question -> answer" or a class, not {signature!r}.')
        return _build(signature_name, fields, _task(instructions))

    @property
    def instructions(cls) -> str:
        """The task in words."""
        return cls._default_instructions() if cls._written is None else cls._written

    def _default_instructions(cls) -> str:
        # A conversation is shown as turns, and under no name.
        named = [name for name, field in cls.input_fields.items() if not is_history(field.annotation)]
        inputs, outputs = (", ".join(f"`{name}`" for name in side) for side in (named, cls.output_fields))
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
        """The same fields with another task.

        Raises:
            SignatureError: It is no text.
        """
        return _build(cls.__name__, cls._sides, _text(instructions), kept=cls.kept)

    def append_instructions(cls, instructions: str) -> type[Signature]:
        """The same fields with more said about the task, in a paragraph of its own.

        Raises:
            SignatureError: It is no text.
        """
        return cls.with_instructions(
            f"{cls.instructions}\n\n{_text(instructions)}" if cls.instructions else instructions
        )

    def with_updated_fields(cls, name: str, type_: Any = None, **changes: Any) -> type[Signature]:
        """The same signature with one field changed.

        Args:
            name: Which field.
            type_: Its new type, where that changes.
            changes: ``desc="..."``, ``prefix="..."`` and options of `pydantic.Field` such as ``ge=1`` and ``default=3``.

        Raises:
            SignatureError: There is no such field or option, or the type is none.
        """
        field = cls._field(name)
        if not is_type(type_):
            raise SignatureError(
                f"Signature {cls.signature!r}: the new type of {name!r} is {type_!r}, which is no type."
            )
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
        if not isinstance(index, int):
            raise SignatureError(f"{where}: nothing can be put in at {index!r}, which is no whole number.")
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
            # What a program makes anew each time, such as the list of an agent's tools, is not taken from a file.
            if not extra_of(field).get(MADE):
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
        fields = from_text(signature, {}, sys._getframe(1))
        return _build("StringSignature", fields, _task(instructions))
    if not isinstance(signature, SignatureMeta):
        raise SignatureError(f'A signature is a text such as "question -> answer" or a class, not {signature!r}.')
    if not signature.output_fields:
        raise SignatureError(f"{signature.__name__} has no outputs: give it at least one OutputField().")
    return signature if instructions is None else signature.with_instructions(instructions)


def make_signature(
    signature: str | Mapping[str, Any],
    instructions: str | None = None,
    signature_name: str = "StringSignature",
    custom_types: Mapping[str, Any] | None = None,
) -> type[Signature]:
    """A signature from text or from a dict; the same as calling `Signature`, with its arguments.

    Raises:
        SignatureError: It cannot be read; the message shows what is wrong.

    Example:
        >>> make_signature({"essay": (str, InputField()), "grade": (int, OutputField())}, "Grade it.").signature
        'essay -> grade'
    """
    if isinstance(signature, str):
        fields = from_text(signature, custom_types or {}, sys._getframe(1))
        return _build(signature_name, fields, _task(instructions))
    # The metaclass's call gives a signature, and no instance.
    made: Any = Signature(signature, instructions, signature_name)  # type: ignore[call-arg]
    return typing.cast("type[Signature]", made)


def _task(instructions: str | None) -> str | None:
    return None if instructions is None else inspect.cleandoc(_text(instructions))


def _text(instructions: str) -> str:
    if not isinstance(instructions, str):
        raise SignatureError(f"Instructions are a text, and {instructions!r} is a {type(instructions).__name__}.")
    return instructions


def _build(
    name: str, fields: Mapping[str, FieldInfo] | Sides, written: str | None, *, kept: dict[Any, Any] | None = None
) -> type[Signature]:
    """A signature made from fields, without the reading that a class body needs."""
    cls: Any = type.__new__(SignatureMeta, name, (Signature,), {"__doc__": written, "__module__": __name__})
    cls._sides = fields if isinstance(fields, Sides) else Sides.of(fields)
    cls._written, cls.kept = written, {} if kept is None else kept
    return typing.cast("type[Signature]", cls)


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
