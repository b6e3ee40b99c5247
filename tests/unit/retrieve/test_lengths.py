"""Vectors brought to length 1."""

from __future__ import annotations

import numpy as np

from burnish.retrieve.lengths import normalised


def test_rows_come_to_length_1_and_zeros_stay() -> None:
    given = np.array([[3, 4], [0, 0], [1e-30, 0], [3e38, 3e38]], np.float32)
    before = given.copy()
    rows = normalised(given)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [1, 0], [0.5**0.5, 0.5**0.5]], rtol=1e-6)
    assert (given == before).all()
