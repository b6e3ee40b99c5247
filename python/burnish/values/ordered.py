"""Sets in an order that is the same in every process, so that prompts and files made of them are too."""

from __future__ import annotations

from typing import Any


def in_order(value: Any) -> Any:
    """A set as a list by the ``repr`` of its members; anything else as it is.

    Example:
        >>> in_order({"b", "a"})
        ['a', 'b']
    """
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else value
