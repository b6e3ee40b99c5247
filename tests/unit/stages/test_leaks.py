"""`leaks`: which rows stand in two parts, the same or nearly, and what of a row counts."""

from __future__ import annotations

from typing import Any

import pytest

import burnish
from burnish import Example, Module, Predict
from burnish.datasets import TestSet, leaks
from burnish.errors import ConfigError

LONG = " ".join(f"word{n}" for n in range(60))


def rows(*texts: Any, **labels: Any) -> list[Example]:
    return [Example(q=text, **labels).with_inputs("q") for text in texts]


def told(**parts: Any) -> list[str]:
    return [str(leak) for leak in leaks(**parts)]


def test_the_same_and_nearly_the_same_across_parts() -> None:
    train = rows("Where is my card?", LONG, "only here")
    val = rows("Where is my card?", "where is my card", "another")
    test = rows(LONG.replace("word7 ", "other "), "Where is my card?")
    found = leaks(train=train, val=val, test=TestSet(test))
    assert list(map(str, found)) == [
        "val[0] is train[0]",
        "val[1] is nearly train[0]",
        "test[0] is nearly train[1]",
        "test[1] is train[0]",
        "test[1] is val[0]",
    ]
    assert [len(found.exact), len(found.near), len(found)] == [3, 2, 5]
    assert dict(found.sizes) == {"train": 3, "val": 3, "test": 2}
    assert "val and train: 1 the same, 1 nearly (val[0] is train[0], val[1] is nearly train[0])" in str(found)


def test_nothing_is_false_and_says_so() -> None:
    found = leaks(train=rows("a", "a", "A."), test=rows("b"))
    assert not found
    assert str(found) == "No row stands in two parts (3 train, 1 test rows compared)."
    assert not leaks()
    assert not leaks(train=[Example()], test=[Example()])


def test_the_same_row_is_named_before_a_near_one() -> None:
    assert told(train=rows("a b c", "A b c!"), test=rows("A b c!")) == ["test[0] is train[1]"]


def test_inputs_count_and_labels_do_not() -> None:
    train = [Example(q="Where?", context=LONG, a="here").with_inputs("q", "context")]
    assert told(train=train, test=[train[0].copy(a="there")]) == ["test[0] is train[0]"]
    assert told(train=train, test=[train[0].copy(q="How?")]) == []
    assert told(train=train, test=[train[0].copy(q="How?")], fields=["context"]) == ["test[0] is train[0]"]
    assert told(train=train, test=[train[0].copy(q="How?")], fields=["a"]) == ["test[0] is train[0]"]


def test_rows_without_marks_are_held_against_the_inputs_of_the_others() -> None:
    train = [Example(q="Where is my card?", a="here"), Example(q="another", a="there")]
    assert told(train=train, test=rows("Where is my card?", a="there")) == ["test[0] is train[0]"]
    assert told(train=train, test=[Example(q="another", a="here")]) == []


def test_values_of_any_kind_are_compared_by_what_they_say() -> None:
    class Loud:
        def __repr__(self) -> str:
            raise RuntimeError("no text")

    pairs = [({"b": 1, "a": [2.5]}, {"a": [2.5], "b": 1}), (7, 7), (None, None), ("\ud800", "\ud800"), (True, True)]
    for one, other in pairs:
        assert told(train=rows(one), test=rows(other)) == ["test[0] is train[0]"]
    assert told(train=rows(7, Loud()), test=rows(8, Loud())) == []


def test_demos_of_a_program_are_a_part_too() -> None:
    class Hops(Module):
        def __init__(self) -> None:
            self.hop = Predict("q, context -> query")
            self.answer = Predict("q -> a")

    program = Hops()
    program.hop.demos = [Example(context="only this", query="x"), Example(q="second?", context="c", query="y")]
    program.answer.demos = [{"q": "First?", "a": "1"}]
    test = rows("first", "second?", "third")
    assert told(test=test, demos=program) == ["demos[1] is test[1]", "demos[2] is nearly test[0]"]
    assert told(test=test, demos=[Example(q="third", a=3)]) == ["demos[0] is test[2]"]
    assert told(test=rows("x"), demos=Hops()) == []


def test_a_demo_that_lacks_an_input_counts_for_nothing() -> None:
    test = [Example(q="first", language="").with_inputs("q", "language")]
    assert told(test=test, demos=[Example(q="first", a=1)]) == []
    assert told(test=test, demos=[Example(q="first", language="", a=1)]) == ["demos[0] is test[0]"]


def test_what_a_program_looks_demos_up_from_is_a_part_too() -> None:
    train = [Example(question=f"{n} + 1?", answer=n + 1).with_inputs("question") for n in range(9)]
    program = burnish.KNNFewShot(3, train, max_bootstrapped_demos=0).compile(Predict("question -> answer"))
    assert told(test=[train[4].copy()], demos=program) == ["demos[4] is test[0]"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"train": "text"}, "leaks\\(train='text'\\): give a list"),
        ({"test": [{"q": 1}]}, "leaks: test\\[0\\] is dict"),
        ({"train": rows("x"), "fields": "q"}, r"write fields=\['q'\]"),
        ({"train": rows("x"), "fields": ["q", "zz"]}, "no row has 'zz'. Their fields: q"),
    ],
)
def test_what_cannot_be_compared_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        leaks(**given)
