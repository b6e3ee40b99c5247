"""An example is its fields, and says which of them are inputs."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import pydantic
import pytest

import burnish
from burnish.errors import ConfigError
from burnish.values.example import Example, column
from burnish.values.prediction import Prediction


@pytest.fixture
def example() -> Example:
    return Example(question="6 × 7?", context=["arithmetic"], answer=42).with_inputs("question", "context")


def test_fields_are_read_as_attributes_and_as_items(example):
    assert example.answer == example["answer"] == example.get("answer") == 42
    assert example.get("missing") is None
    assert example.get("missing", 7) == 7
    assert "answer" in example
    assert "missing" not in example
    assert len(example) == 3
    assert example.keys() == list(example) == ["question", "context", "answer"]
    assert example.values() == ["6 × 7?", ["arithmetic"], 42]
    assert example.items()[2] == ("answer", 42)
    assert dict(example) == {**example} == {"question": "6 × 7?", "context": ["arithmetic"], "answer": 42}


def test_fields_are_set_and_deleted_both_ways(example):
    example.answer = 43
    example["note"] = "checked"
    assert (example["answer"], example.note) == (43, "checked")
    del example.note
    del example["answer"]
    assert example.keys() == ["question", "context"]


def test_a_missing_field_is_an_error_that_names_those_there_are(example):
    with pytest.raises(AttributeError, match=r"no field `anwser`.*`question`, `context`, `answer`"):
        _ = example.anwser
    with pytest.raises(KeyError, match=r"no field .anwser..*`answer`"):
        _ = example["anwser"]
    with pytest.raises(AttributeError, match="It has no fields"):
        _ = Example().anything
    with pytest.raises(AttributeError, match="no field `anwser`"):
        del example.anwser


def test_a_method_is_not_overwritten_by_a_field_of_its_name(example):
    with pytest.raises(AttributeError, match=r"example\['items'\]"):
        example.items = [1]
    example["items"] = [1]
    assert example["items"] == [1]
    assert len(example.items()) == 4


def test_inputs_and_labels_part_the_fields(example):
    assert example.inputs().keys() == ["question", "context"]
    assert example.labels().keys() == ["answer"]
    assert example.input_keys == {"question", "context"}
    assert example.inputs().inputs() == example.inputs()
    assert Example(a=1).with_inputs().inputs().keys() == []


def test_inputs_before_with_inputs_says_what_to_write():
    bare = Example(text="a", label="b")
    assert bare.input_keys is None
    for method in (bare.inputs, bare.labels):
        with pytest.raises(ConfigError, match=r'with_inputs\("text"\).*`text`, `label`'):
            method()


def test_with_inputs_leaves_the_original_and_refuses_what_cannot_be_meant():
    bare = Example(text="a", label="b")
    assert bare.with_inputs("text", "not_in_this_row").inputs() == Example(text="a")
    assert bare.input_keys is None
    with pytest.raises(ConfigError, match=r"'txt'.*has none of them.*`text`, `label`"):
        bare.with_inputs("txt")
    with pytest.raises(ConfigError, match="takes field names"):
        bare.with_inputs(["text"])


def test_copy_and_without_keep_inputs_and_leave_the_original(example):
    changed = example.copy(answer=0)
    assert (changed.answer, example.answer) == (0, 42)
    assert changed.input_keys == example.input_keys
    assert example.without("answer", "never there").keys() == ["question", "context"]
    assert "answer" in example
    assert example.without("answer").input_keys == example.input_keys


def test_base_is_a_dict_or_an_example(example):
    assert Example({"a": 1}, b=2) == Example(a=1, b=2)
    assert Example(base=example, answer=1).inputs() == example.inputs()
    with pytest.raises(ConfigError, match='field with the name "base"'):
        Example(base="x")


def test_equality_and_hash_go_by_content(example):
    same = Example(answer=42, context=["arithmetic"], question="6 × 7?")
    assert example == same
    assert hash(example) == hash(same)
    assert example != example.copy(answer=41)
    assert example != dict(example)
    assert len({example, same, example.without("answer")}) == 2
    assert hash(Example(a=[1, {2, 3}], b={"c": 1})) == hash(Example(b={"c": 1.0}, a=[1, {3, 2}]))
    assert isinstance(hash(Example(a=bytearray(b"never hashable"))), int)


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_survives_copies_and_pickles(example, twin):
    again = twin(example)
    assert again == example
    assert again.input_keys == example.input_keys
    again.answer = 0
    assert twin is copy.copy or example.answer == 42


def test_a_deep_copy_shares_nothing(example):
    again = copy.deepcopy(example)
    again.context.append("more")
    assert example.context == ["arithmetic"]


def test_to_dict_reaches_examples_and_models_inside():
    class Point(pydantic.BaseModel):
        x: int

    nested = Example(inner=Example(a=1), many=[Example(b=2)], point=Point(x=3), by={"k": Prediction(c=4)}, kind=Point)
    assert nested.toDict() == {
        "inner": {"a": 1},
        "many": [{"b": 2}],
        "point": {"x": 3},
        "by": {"k": {"c": 4}},
        "kind": Point,
    }


def test_repr_shows_fields_and_inputs():
    assert repr(Example(a=1)) == "Example({'a': 1})"
    assert repr(Example(b=2, a=1).with_inputs("b", "a")) == "Example({'b': 2, 'a': 1}, inputs=['a', 'b'])"


def test_a_column_is_the_attribute_of_each_row() -> None:
    class Shouting(Example):
        @property
        def answer(self) -> str:
            return str(self["answer"]).upper()

    rows = [Example(answer="a"), Prediction(answer="b", items=1)]
    assert column(rows, "answer") == ["a", "b"]
    assert column([*rows, Shouting({"answer": "c"}), SimpleNamespace(answer="d")], "answer") == ["a", "b", "C", "d"]
    assert column(rows[1:], "items") == [rows[1].items]
    assert column([], "answer") == []
    with pytest.raises(AttributeError, match="no field `answer`"):
        column([*rows, Example(other="x")], "answer")


def test_what_dspys_datasets_keep_beside_a_row_is_no_field_of_it():
    row = Example(dspy_uuid="u", a=1, dspy_split="train", b=2).with_inputs("a")
    assert (row.keys(), row.values(), row.items()) == (["a", "b"], [1, 2], [("a", 1), ("b", 2)])
    assert (len(row), list(row), dict(row)) == (2, ["a", "b"], {"a": 1, "b": 2})
    assert row.keys(include_dspy=True) == ["dspy_uuid", "a", "dspy_split", "b"]
    assert row.values(include_dspy=True) == ["u", 1, "train", 2]
    assert row.items(include_dspy=True)[0] == ("dspy_uuid", "u")
    assert row.dspy_uuid == row["dspy_uuid"] == row.toDict()["dspy_uuid"] == "u"
    assert "dspy_split" in row
    assert row != Example(a=1, b=2)


@pytest.mark.parametrize("name", ["Example", "Prediction", "Completions"])
def test_dspys_public_names_are_there(name):
    """Held by introspection where DSPy is installed; it is a peer of the benches, and no dependency."""
    dspy = pytest.importorskip("dspy")
    theirs = {one for one in dir(getattr(dspy, name)) if not one.startswith("_")}
    assert theirs - set(dir(getattr(burnish, name))) == set()
