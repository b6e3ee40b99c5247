"""The parts of a program: how they are found through attributes, lists, tuples and dicts, mapped and copied."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator
from typing import Any


def walk(
    value: Any, path: str, seen: set[int], *, of: type[Any], frozen: bool, root: bool = False
) -> Iterator[tuple[str, Any]]:
    """Each module in a value with its dotted path, once; of predictors not their parts.

    Args:
        value: Where to look.
        path: Where that stands.
        seen: `id` of what was found already.
        of: The class of modules.
        frozen: Whether to go into parts that are compiled already.
        root: Whether the value is the program itself.
    """
    if isinstance(value, of):
        left_alone = value._compiled and not (frozen or root or value.is_predictor)
        if id(value) in seen or left_alone:
            return
        seen.add(id(value))
        yield path or "self", value
        if value.is_predictor:
            return
        dot = f"{path}." if path else ""
        for name, part in value.__dict__.items():
            if name != "report":
                yield from walk(part, dot + name, seen, of=of, frozen=frozen)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from walk(part, f"{path}[{index}]", seen, of=of, frozen=frozen)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from walk(part, f"{path}[{key!r}]", seen, of=of, frozen=frozen)


def mapped(value: Any, func: Callable[[Any], Any], done: dict[int, Any], *, of: type[Any], root: bool = False) -> Any:
    """The value with its predictors mapped: in place, but for tuples. Goes where `walk` does."""
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, of):
        done[id(value)] = value
        if value.is_predictor:
            done[id(value)] = func(value)
        elif root or not value._compiled:
            for name, part in list(value.__dict__.items()):
                if name != "report":
                    value.__dict__[name] = mapped(part, func, done, of=of)
        return done[id(value)]
    if isinstance(value, list):
        value[:] = [mapped(part, func, done, of=of) for part in value]
    elif isinstance(value, tuple):
        parts = [mapped(part, func, done, of=of) for part in value]
        return value if all(map(operator.is_, parts, value)) else tuple(parts)
    elif isinstance(value, dict):
        for key, part in list(value.items()):
            value[key] = mapped(part, func, done, of=of)
    return value


def copied(value: Any, memo: dict[int, Any]) -> Any:
    """A copy that shares nothing that can be copied."""
    if type(value) is list:
        return [copied(part, memo) for part in value]
    if type(value) is tuple:
        return tuple(copied(part, memo) for part in value)
    if type(value) is dict:
        return {key: copied(part, memo) for key, part in value.items()}
    try:
        return copy.deepcopy(value, memo)
    # Users keep locks, clients and models on their modules, whose copying raises anything.
    except Exception:
        return value
