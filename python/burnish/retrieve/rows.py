"""Rows of numbers, one a text: checked where they come in, and as text where they are kept.

A kept row is the base64 of its numbers as little-endian float32, as OpenAI's own endpoint sends it:
5.3 characters a number, exact, and read many times as fast as decimals.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def checked(answer: Any, places: Sequence[int]) -> NDArray[np.float32]:
    """What an embedder answered, as float32 rows of shape ``(texts, dimensions)``.

    Args:
        answer: An array, a list of lists, or what else NumPy reads as numbers.
        places: Where each text that was asked for stands in the user's list, for the message.

    Raises:
        ValueError: It is something else; the message says what, and at which place.
    """
    import numpy as np

    try:
        rows = np.asarray(answer)
    except (TypeError, ValueError):
        raise ValueError(f"{_told(answer)}, where every row must have the same length") from None
    if rows.dtype.kind not in "iuf":
        raise ValueError(f"{_told(answer)}, where there must be an array of numbers")
    if rows.ndim != 2 or len(rows) != len(places) or rows.shape[1] == 0:
        raise ValueError(f"the shape {rows.shape}, where {len(places)} texts need ({len(places)}, dimensions)")
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(rows, np.float32)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise ValueError(f"a row that is not finite in float32, for the text at place {places[int(finite.argmin())]}")
    return rows


def joined(rows: Sequence[NDArray[np.float32]], places: Sequence[int]) -> NDArray[np.float32]:
    """Rows, each an array of one dimension, as one new array of two.

    Raises:
        ValueError: They are not all of the same length; the message names the first that differs.
    """
    import numpy as np

    for row, place in zip(rows, places, strict=True):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{len(row)} numbers for the text at place {place} and {len(rows[0])} for the one at place {places[0]}"
            )
    return np.stack(rows) if rows else np.zeros((0, 0), np.float32)


def packed(row: NDArray[np.float32]) -> str:
    """A row as text."""
    return binascii.b2a_base64(row.astype("<f4", copy=False).tobytes(), newline=False).decode("ascii")


def unpacked(text: str) -> NDArray[np.float32] | None:
    """The row that `packed` wrote, or None where the text is something else."""
    import numpy as np

    try:
        row = np.frombuffer(binascii.a2b_base64(text, strict_mode=True), "<f4")
    except ValueError:  # binascii's own among them
        return None
    return row.astype(np.float32, copy=False) if len(row) and np.isfinite(row).all() else None


def _told(answer: Any) -> str:
    name = type(answer).__name__
    if not isinstance(answer, list | tuple):
        return f"something of the type {name}"
    lengths = sorted({len(row) for row in answer if hasattr(row, "__len__") and not isinstance(row, str)})
    rows = f" of rows of {' and '.join(str(length) for length in lengths[:3])}" if lengths else ""
    return f"a {name}{rows}"
