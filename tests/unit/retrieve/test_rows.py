"""Rows: what is one and what is not, and that a kept row comes back bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from burnish.retrieve.rows import checked, joined, packed, unpacked


@pytest.mark.parametrize(
    "answer",
    [
        [[1, 2], [3, 4]],
        ([1.0, 2.0], (3.0, 4.0)),
        [np.array([1, 2]), np.array([3, 4])],
        np.array([[1, 2], [3, 4]], np.float64),
        np.asfortranarray(np.array([[1, 2], [3, 4]], np.float16)),
    ],
)
def test_what_holds_numbers_becomes_float32_rows(answer) -> None:
    rows = checked(answer, [0, 1])
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    assert rows.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([[1.0, 2.0]], r"the shape \(1, 2\), where 2 texts need \(2, dimensions\)"),
        ([1.0, 2.0], r"the shape \(2,\)"),
        (np.zeros((2, 3, 4)), r"the shape \(2, 3, 4\)"),
        (np.zeros((2, 0)), r"the shape \(2, 0\)"),
        ([[1.0], [1.0, 2.0]], "a list of rows of 1 and 2, where every row must have the same length"),
        ([["a"], ["b"]], "an array of numbers"),
        (np.array([[True], [False]]), "an array of numbers"),
        (np.array([[1j], [2j]]), "an array of numbers"),
        (None, "something of the type NoneType"),
        ({"a": [1.0]}, "something of the type dict"),
        ([[1.0], [float("nan")]], "not finite in float32, for the text at place 7"),
        ([[float("inf")], [1.0]], "not finite in float32, for the text at place 3"),
        ([[1.0], [1e300]], "not finite in float32, for the text at place 7"),
    ],
)
def test_anything_else_is_refused_with_what_it_is(answer, says) -> None:
    with pytest.raises(ValueError, match=says):
        checked(answer, [3, 7])


def test_rows_of_unlike_lengths_are_not_joined() -> None:
    with pytest.raises(ValueError, match="2 numbers for the text at place 5 and 3 for the one at place 2"):
        joined([np.zeros(3, np.float32), np.zeros(3, np.float32), np.zeros(2, np.float32)], [2, 4, 5])


@given(arrays(np.float32, st.integers(1, 9), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_a_kept_row_comes_back_bit_for_bit(row) -> None:
    back = unpacked(packed(row))
    assert back is not None
    assert back.dtype == np.float32
    assert back.tobytes() == row.tobytes()


def test_a_kept_row_is_little_endian_as_openai_sends_it() -> None:
    assert packed(np.array([1.0, -2.0], np.float32)) == "AACAPwAAAMA="


@pytest.mark.parametrize("text", ["", "hello", "AACAPw", "AAA=", "AADAfw==", "AACAPwAA", "é"])
def test_what_is_no_kept_row_is_none(text) -> None:
    assert unpacked(text) is None
