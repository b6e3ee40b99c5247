"""Text metrics as users call them; how texts are normalised is held by the cases that Rust reads too."""

from __future__ import annotations

import numpy as np
import pytest

from burnish import EM, F1, Example, HotPotF1, Prediction, answer_exact_match, answer_passage_match, normalize_text
from burnish.errors import ConfigError
from burnish.metrics.text import (
    em_score,
    exact_match_batch,
    f1_batch,
    f1_score,
    hotpot_f1_batch,
    hotpot_f1_score,
    passage_match_batch,
    precision_batch,
    precision_score,
    recall_batch,
    recall_score,
)


def test_articles_case_punctuation_and_spaces_do_not_matter() -> None:
    assert normalize_text(" The  Eiffel Tower, (Paris)! ") == "eiffel tower paris"
    assert EM("the Eiffel tower.", ["Big Ben", "Eiffel Tower"]) is True
    assert EM("Eiffel", ["Eiffel Tower"]) is False


def test_overlap_with_the_best_of_the_answers() -> None:
    assert F1("eiffel tower", ["eiffel", "the tower of pisa"]) == pytest.approx(2 / 3)
    assert F1("none of it", ["other words"]) == 0.0


def test_yes_and_no_are_all_or_nothing_for_hotpot() -> None:
    assert F1("yes it is", ["yes"]) == pytest.approx(0.5)
    assert HotPotF1("yes it is", ["yes"]) == 0.0
    assert HotPotF1("yes", ["Yes."]) == 1.0


def test_one_answer_may_be_given_as_a_text() -> None:
    assert EM("Paris", "paris")
    assert F1("Paris", "paris") == 1.0


@pytest.mark.parametrize("answers", [3, None, ["a", 3], {"a": "b"}])
def test_other_answers_are_shown(answers: object) -> None:
    with pytest.raises(ConfigError, match="a text or a list of texts"):
        EM("Paris", answers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "predicted", "frac", "passes"),
    [
        ("Lake Como", "lake como", 1.0, True),
        ("Lake Como", "the lake", 1.0, False),
        ("Lake Como", "the lake", 0.6, True),
        ("Lake Como", "the lake", 0.7, False),
        (["Como", "Lake Como"], "como", 1.0, True),
        ("42", 42, 1.0, True),
    ],
)
def test_answer_exact_match(answer: object, predicted: object, frac: float, *, passes: bool) -> None:
    example = Example(answer=answer)
    assert answer_exact_match(example, Prediction(answer=predicted), frac=frac) is passes


def test_answer_passage_match() -> None:
    example = Example(answer=["Lake Como", "Garda"])
    assert answer_passage_match(example, Prediction(context=["x", "He lives on the Lake  Como."]))
    assert answer_passage_match(example, Prediction(context="Garda"))
    assert not answer_passage_match(example, Prediction(context=["a lake", "comorbid"]))
    assert not answer_passage_match(example, Prediction(context=[]))


def test_columns_give_what_rows_give() -> None:
    predictions = ["Paris", "the lake", "yes it is", ""]
    answers = [["paris"], ["Lake Como"], ["yes"], ["x"]]
    rows = list(zip(predictions, answers, strict=True))
    np.testing.assert_array_equal(exact_match_batch(predictions, answers), [EM(*row) for row in rows])
    np.testing.assert_array_equal(f1_batch(predictions, answers), [F1(*row) for row in rows])
    np.testing.assert_array_equal(hotpot_f1_batch(predictions, answers), [HotPotF1(*row) for row in rows])
    assert precision_batch(predictions, answers).tolist() == [precision_score(said, one) for said, (one,) in rows]
    assert recall_batch(predictions, answers).tolist() == [recall_score(said, one) for said, (one,) in rows]
    contexts = [[said, "x"] for said in predictions]
    found = [
        answer_passage_match(Example(answer=row), Prediction(context=said))
        for said, row in zip(contexts, answers, strict=True)
    ]
    assert passage_match_batch(contexts, answers).tolist() == found


def test_against_one_answer() -> None:
    assert em_score("the Tower!", "tower") is True
    assert f1_score("eiffel tower", "the tower of pisa") == pytest.approx(0.4)
    assert hotpot_f1_score("yes it is", "yes") == 0.0
    assert precision_score("eiffel tower in paris", "the tower") == 0.25
    assert recall_score("eiffel tower in paris", "the tower") == 1.0


def test_two_texts_without_tokens_agree() -> None:
    for score in (f1_score, hotpot_f1_score, precision_score, recall_score):
        assert (score("the", "!"), score("", "x"), score("x", "")) == (1.0, 0.0, 0.0)
