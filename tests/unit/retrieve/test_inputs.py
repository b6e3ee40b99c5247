"""`text_of_inputs`: one text for the same inputs, in whichever order they are given."""

from __future__ import annotations

import pytest

from burnish.retrieve.inputs import text_of_inputs


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, ""),
        ({"b": 1, "a": "x"}, "a: x\nb: 1"),
        ({"a": "x", "b": 1}, "a: x\nb: 1"),
        ({"context": ["one", "two"], "empty": ""}, "context: ['one', 'two']\nempty: "),
    ],
)
def test_a_line_a_field_in_the_order_of_their_names(values, text):
    assert text_of_inputs(values) == text
