"""An example's inputs as one text, and vectors at length 1."""

from __future__ import annotations

import numpy as np

from burnish.retrieve.inputs import text_of_inputs
from burnish.retrieve.lengths import normalised


def test_fields_stand_in_the_order_of_their_names_whatever_order_they_were_given_in() -> None:
    assert text_of_inputs({"b": 2, "a": "one\ntwo"}) == text_of_inputs({"a": "one\ntwo", "b": 2}) == "a: one\ntwo\nb: 2"
    assert text_of_inputs({}) == ""


def test_rows_come_to_length_1_and_zeros_stay() -> None:
    given = np.array([[3, 4], [0, 0], [1e-30, 0], [3e38, 3e38]], np.float32)
    before = given.copy()
    rows = normalised(given)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [1, 0], [0.5**0.5, 0.5**0.5]], rtol=1e-6)
    assert (given == before).all()
