"""Sets in an order that is the same in every process, so that prompts and files made of them are too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WITHOUT_PARTS = frozenset({str, int, float, bool, type(None)})


def in_order(value: Any) -> Any:
    """A set as a list by the ``repr`` of its members; anything else as it is.

    Example:
        >>> in_order({"b", "a"})
        ['a', 'b']
    """
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else value


def put_in_order(plain: Any, value: Any) -> None:
    """Sort the lists in a value's JSON that were sets, in place.

    Args:
        plain: The JSON.
        value: The value: sets may stand in lists, tuples, dicts and in what has attributes, such as models.

    Example:
        >>> said = {"a": [["c", "b"], 1]}
        >>> put_in_order(said, {"a": ({"b", "c"}, 1)})
        >>> said
        {'a': [['b', 'c'], 1]}
    """
    if isinstance(plain, list):
        if isinstance(value, set | frozenset):
            plain.sort(key=repr)
        elif isinstance(value, list | tuple) and len(value) == len(plain):
            for said, part in zip(plain, value, strict=True):
                if type(part) not in _WITHOUT_PARTS:
                    put_in_order(said, part)
    elif isinstance(plain, dict):
        parts = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
        for name, part in parts.items():
            if name in plain and type(part) not in _WITHOUT_PARTS:
                put_in_order(plain[name], part)
