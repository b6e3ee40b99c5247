"""What an example's inputs are as one text, so that they can be embedded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text_of_inputs(values: Mapping[str, Any]) -> str:
    """One line a field, ``name: value``, in the order of the names.

    Args:
        values: The input fields.

    Example:
        >>> print(text_of_inputs({"question": "Where?", "context": "Como lies on a lake."}))
        context: Como lies on a lake.
        question: Where?
    """
    return "\n".join(f"{name}: {values[name]}" for name in sorted(values))
