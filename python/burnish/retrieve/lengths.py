"""Rows brought to length 1, so that their products are cosines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def normalised(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows at length 1, as new ones; a row of zeros stays one, whose product with any other is 0.

    Args:
        rows: Numbers of shape ``(rows, dimension)``, finite.
    """
    import numpy as np

    # In double precision, where the order of summing, which the processor decides, is rounded away.
    wide = rows.astype(np.float64)
    lengths = np.sqrt(np.square(wide).sum(axis=1, keepdims=True))
    np.divide(wide, lengths, out=wide, where=lengths > 0)
    return wide.astype(np.float32)
