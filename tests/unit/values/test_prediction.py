"""A prediction keeps every completion, and counts as its score."""

from __future__ import annotations

import copy
import pickle

import pytest

from burnish.errors import ConfigError
from burnish.values.example import Example
from burnish.values.prediction import Completions, Prediction


@pytest.mark.parametrize(
    "completions", [[{"answer": "yes", "why": 1}, {"answer": "no", "why": 2}], {"answer": ["yes", "no"], "why": [1, 2]}]
)
def test_the_first_completion_gives_the_fields_and_all_are_kept(completions):
    prediction = Prediction.from_completions(completions, "question -> answer, why")
    assert prediction.toDict() == {"answer": "yes", "why": 1}
    assert prediction.completions.answer == prediction.completions["answer"] == ["yes", "no"]
    assert len(prediction.completions) == 2
    assert prediction.completions[1] == prediction.completions[-1] == Prediction(answer="no", why=2)
    assert [p.why for p in prediction.completions] == [1, 2]
    assert "why" in prediction.completions
    assert prediction.completions.signature == "question -> answer, why"


def test_completions_that_do_not_fit_together_are_refused():
    with pytest.raises(ConfigError, match="a: 2, b: 1"):
        Completions({"a": [1, 2], "b": [1]})
    with pytest.raises(ConfigError, match="same fields"):
        Completions([{"a": 1}, {"b": 1}])
    with pytest.raises(ConfigError, match="at least one"):
        Prediction.from_completions([])


def test_completions_say_what_they_lack():
    completions = Completions([{"a": 1}])
    with pytest.raises(AttributeError, match=r"no field `b`\. They have `a`"):
        _ = completions.b
    with pytest.raises(IndexError, match="no completion 1: there are 1"):
        _ = completions[1]


def test_a_prediction_made_by_hand_is_its_own_only_completion():
    assert Prediction(a=1).completions == Completions([{"a": 1}])


def test_usage_is_kept_and_copied():
    prediction = Prediction(a=1)
    assert prediction.get_lm_usage() is None
    prediction.set_lm_usage({"offline/icl": {"calls": 1}})
    assert prediction.usage == prediction.copy().get_lm_usage() == {"offline/icl": {"calls": 1}}
    assert "usage" not in prediction
    assert Prediction(usage="noun").usage == "noun"
    assert Prediction(completions=3).completions == 3


def test_score_arithmetic():
    low, high = Prediction(score=0.25), Prediction(score=True)
    assert float(high) == 1.0
    assert sum([low, high]) == low + high == 1.25
    assert high / 4 == 0.25
    assert 1 / low == 4.0
    assert low < high
    assert low <= 0.25
    assert high > 0.5
    assert high >= low
    assert low < 0.5
    assert max([low, high], key=float) is high


def test_without_a_score_it_is_no_number():
    for use in (float, lambda p: p + 1, lambda p: p < 1, lambda p: 1 / p):
        with pytest.raises(TypeError, match=r"no score.*`answer`"):
            use(Prediction(answer="x"))
    with pytest.raises(TypeError, match="not supported"):
        _ = Prediction(score=1) < "a"


def test_it_is_an_example():
    assert Prediction(a=1) == Example(a=1)
    assert hash(Prediction(a=1)) == hash(Example(a=1))
    assert Prediction(a=1, b=2).with_inputs("a").labels() == Prediction(b=2)
    assert Prediction(base={"a": 1}, b=2).keys() == ["a", "b"]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_survives_copies_and_pickles(twin):
    prediction = Prediction.from_completions([{"a": 1}, {"a": 2}])
    prediction.set_lm_usage({"m": 1})
    again = twin(prediction)
    assert again == prediction
    assert again.completions.a == [1, 2]
    assert again.get_lm_usage() == {"m": 1}
