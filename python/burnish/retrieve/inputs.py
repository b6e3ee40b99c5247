"""The inputs of an example or a call as one text, to be embedded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text_of_inputs(values: Mapping[str, Any]) -> str:
    """One line a field, ``name: value``, in the order of the names, so that the order of arguments makes no difference.

    Args:
        values: Field name → value.

    Example:
        >>> print(text_of_inputs({"question": "Where?", "context": "At the lake."}))
        context: At the lake.
        question: Where?
    """
    return "\n".join(f"{name}: {value}" for name, value in sorted(values.items()))
