"""Reads signatures and types from text, such as ``"question -> answer: Literal['yes', 'no']"``.

Python's own parser takes the text apart; only names, subscripts, unions and constants are read
from the tree, and nothing in it is ever evaluated. A name is looked for among the types that were
passed, then Python's, then in the frames of the callers, nearest first, then among Burnish's.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import operator
import types
import typing
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from burnish.errors import SignatureError
from burnish.values.signature_fields import check_name, is_type
from burnish.values.types.audio import Audio
from burnish.values.types.code import Code
from burnish.values.types.file import File
from burnish.values.types.history import History
from burnish.values.types.image import Image

Lookup = Callable[[str], Any]
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
_KNOWN: dict[str, Any] = {name: kind for name, kind in vars(builtins).items() if isinstance(kind, type)}
_KNOWN |= {
    name: getattr(typing, name)
    for name in (
        *("Any", "Literal", "Optional", "Union", "Annotated", "List", "Dict", "Tuple", "Set", "FrozenSet"),
        *("Sequence", "Mapping", "Iterable"),
    )
}
_KNOWN["typing"] = typing
# Looked for last, so that a type of the user's that has such a name is meant.
_OWN: dict[str, Any] = {kind.__name__: kind for kind in (Audio, Code, File, History, Image)}
_SHOWN = "str, int, float, bool, list[...], dict[...], tuple[...], Literal[...], Optional[...], Any"


def read_signature(text: str, lookup: Lookup) -> tuple[dict[str, Any], dict[str, Any]]:
    """The input and the output fields of a text, each as name → type.

    Args:
        text: ``"inputs -> outputs"``, each a list of ``name`` or ``name: type``.
        lookup: Gives the object that a name stands for; KeyError where there is none.

    Raises:
        SignatureError: The text cannot be read; the message shows it.
    """
    arrows = _arrows(text)
    if len(arrows) != 1:
        found = "no arrow" if not arrows else f"{len(arrows)} arrows"
        if not arrows and "->" in text:
            found = "none outside of brackets and quotes, so one of these is not closed"
        raise SignatureError(f'A signature needs one "->" between inputs and outputs; {text!r} has {found}.')
    inputs = _read_side(text[: arrows[0]], "input", text, lookup)
    outputs = _read_side(text[arrows[0] + 2 :], "output", text, lookup)
    if not outputs:
        raise SignatureError(f'The signature {text!r} has no outputs. Name at least one after "->".')
    both = [name for name in inputs if name in outputs]
    if both:
        raise SignatureError(f"In the signature {text!r}, {both[0]!r} is an input and an output. Rename one of them.")
    return inputs, outputs


def _arrows(text: str) -> list[int]:
    """Where ``->`` stands outside of quotes and brackets."""
    found: list[int] = []
    quote, depth, position = "", 0, 0
    while position < len(text):
        char = text[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif depth <= 0 and text.startswith("->", position):
            found.append(position)
        position += 1
    return found


def _read_side(side: str, kind: str, text: str, lookup: Lookup) -> dict[str, Any]:
    where = f"Signature {text!r}"
    fields: dict[str, Any] = {}
    for argument in _arguments(side, where):
        check_name(argument.arg, kind, where=where)
        if argument.arg in fields:
            raise SignatureError(f"{where}: the {kind} {argument.arg!r} stands there twice.")
        annotation = argument.annotation
        fields[argument.arg] = str if annotation is None else _as_type(annotation, _Reader(lookup, where))
    return fields


def _arguments(side: str, where: str) -> list[ast.arg]:
    """The fields of one side, read as the parameters of a function."""
    try:
        statements = ast.parse(f"def fields({side}\n): pass").body
    except _UNREADABLE as error:
        raise SignatureError(
            f'{where}: cannot read {side.strip()!r}. Write fields as "name" or "name: type", with commas between.'
        ) from error
    function = statements[0]
    if len(statements) == 1 and isinstance(function, ast.FunctionDef) and function.returns is None:
        arguments = function.args
        plain = not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs)
        if plain and arguments.defaults:
            given = ast.unparse(arguments.defaults[0])
            raise SignatureError(
                f"{where}: cannot read {side.strip()!r}. A default stands in a signature class: "
                f"`name: str = InputField(default={given})`."
            )
        if plain and isinstance(function.body[0], ast.Pass):
            return arguments.args
    raise SignatureError(f'{where}: cannot read {side.strip()!r}. Only "name" and "name: type" can stand there.')


class _Reader(typing.NamedTuple):
    lookup: Lookup
    where: str

    def fail(self, node: ast.AST, reason: str) -> SignatureError:
        return SignatureError(f"{self.where}: `{ast.unparse(node)}` is no type: {reason}")


def _as_type(node: ast.expr, reader: _Reader) -> Any:
    """The type that an expression stands for."""
    found = _resolve(node, reader)
    if found in (typing.Literal, typing.Optional, typing.Union, typing.Annotated):
        raise reader.fail(node, "say of what, in square brackets.")
    if not is_type(found):
        raise reader.fail(node, f"it is {found!r}.")
    return found


def _resolve(node: ast.expr, reader: _Reader) -> Any:
    match node:
        case ast.Name(id=name):
            return _look_up(name, reader)
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(text)):
            return _parse_type(text, reader)
        case ast.Attribute(value=owner, attr=attribute):
            try:
                return getattr(_resolve(owner, reader), attribute)
            except AttributeError as error:
                raise reader.fail(node, f"{error}.") from error
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return typing.Union[_as_type(left, reader), _as_type(right, reader)]  # noqa: UP007 - built at run time
        case ast.Subscript(value=owner, slice=inside):
            return _subscript(node, _resolve(owner, reader), inside, reader)
        case ast.List(elts=parts):
            return [_as_type(part, reader) for part in parts]
        case ast.Constant(value=constant) if constant is ...:
            return constant
    raise reader.fail(node, "write a name, a name with [...], or types joined by |.")


def _parse_type(text: str, reader: _Reader) -> Any:
    try:
        return _resolve(ast.parse(text.strip(), mode="eval").body, reader)
    except _UNREADABLE as error:
        if isinstance(error, SignatureError):
            raise
        raise SignatureError(f"{reader.where}: cannot read the type {text!r}.") from error


def _subscript(node: ast.Subscript, owner: Any, inside: ast.expr, reader: _Reader) -> Any:
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if owner is typing.Literal or owner is Code:
        arguments = [_choice(part, reader) for part in parts]
    elif owner is typing.Annotated:
        raise reader.fail(node, "constraints stand in OutputField(...) of a signature class.")
    else:
        arguments = [_resolve(part, reader) for part in parts]
        if not all(is_type(argument) or argument is ... or isinstance(argument, list) for argument in arguments):
            raise reader.fail(node, "what stands in the brackets are no types.")
    try:
        return operator.getitem(owner, tuple(arguments) if len(arguments) != 1 else arguments[0])
    except (TypeError, AttributeError) as error:
        raise reader.fail(node, f"{error}.") from error


def _choice(node: ast.expr, reader: _Reader) -> Any:
    """One choice of a Literal."""
    match node:
        case ast.Constant(value=str() | int() | bytes() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
        case ast.Attribute():
            return _resolve(node, reader)
    raise reader.fail(node, "choices of a Literal stand in quotes, as in Literal['yes', 'no'].")


def _look_up(name: str, reader: _Reader) -> Any:
    try:
        return reader.lookup(name)
    except KeyError:
        near = difflib.get_close_matches(name, {**_KNOWN, **_OWN}, 1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise SignatureError(
            f"{reader.where}: unknown type `{name}`.{hint} There are {_SHOWN}; "
            f'for a class of your own pass custom_types={{"{name}": {name}}}.'
        ) from None


def lookup_in(custom: Mapping[str, Any], frame: types.FrameType | None) -> Lookup:
    """Looks a name up in `custom`, among Python's types, in the frame and those that called it, then among Burnish's."""

    def look_up(name: str) -> Any:
        if name in custom:
            return custom[name]
        if name in _KNOWN:
            return _KNOWN[name]
        caller = frame
        while caller is not None:
            for names in (caller.f_locals, caller.f_globals):
                # Other objects of the name, such as a local variable, are not what a signature means.
                if name in names and (is_type(names[name]) or isinstance(names[name], types.ModuleType)):
                    return names[name]
            caller = caller.f_back
        return _OWN[name]

    return look_up


def names_around(frame: types.FrameType | None) -> dict[str, Any]:
    """Every local name of the frame and of those that called it, the nearest winning."""
    frames = []
    while frame is not None:
        frames.append(frame.f_locals)
        frame = frame.f_back
    return reduce(operator.or_, reversed(frames), {})
