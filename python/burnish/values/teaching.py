"""Whether a labelled example can be a demo of a signature."""

from __future__ import annotations

from typing import Any

from burnish.values.example import Example


def teaches(signature: Any, example: Example) -> bool:
    """Whether an example shows some input and some output of a signature.

    Args:
        signature: The signature's class.
        example: A labelled example; what is None in it is not shown.
    """
    shown = {key for key, value in example.items() if value is not None}
    inputs = signature.input_fields
    return bool(shown & signature.output_fields.keys()) and (not inputs or bool(shown & inputs.keys()))
