"""Which rows a proposal is shown."""

from __future__ import annotations

import random
from collections import Counter

from burnish.optimizers.grounding import in_turn
from burnish.values.example import Example

ROWS = [Example(text=f"text {number}", kind="rare" if number % 10 == 0 else "common") for number in range(40)]


def test_each_answer_comes_once_before_any_comes_twice() -> None:
    found = in_turn(ROWS, ["kind"], random.Random(0))
    assert Counter(row.kind for row in found[:8]) == {"rare": 4, "common": 4}
    assert {row.text for row in found} == {row.text for row in ROWS}
    assert found != in_turn(ROWS, ["kind"], random.Random(1))


def test_answers_that_all_differ_are_a_plain_shuffle() -> None:
    drawn = random.Random(3).sample(ROWS, len(ROWS))
    assert in_turn(ROWS, ["text"], random.Random(3)) == drawn
    assert in_turn([], ["text"], random.Random(3)) == []
    # What cannot be compared as it is can be an answer too.
    lists = [Example(tags=[number % 2]) for number in range(4)]
    assert [row.tags for row in in_turn(lists, ["tags"], random.Random(0))[:2]] in ([[0], [1]], [[1], [0]])
