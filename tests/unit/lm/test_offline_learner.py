"""What the offline model learns: close texts, label names, descriptions, and no eagerness for the labels shown."""

from __future__ import annotations

import numpy as np
import pytest

from burnish.lm.backends.icl.learner import Learner, Memory, Vectors
from burnish.lm.backends.icl.words import features, name_words, weight, words

DEMOS = [
    ("the parcel never arrived", "delivery"),
    ("please send my money back", "refund"),
    ("where is the courier now", "delivery"),
]
LABELS = ["delivery", "refund", "other"]


def test_cosines_are_those_of_scikit_learns_vectors() -> None:
    texts = [*(text for text, _ in DEMOS), "parcel by parcel by parcel"]
    vectors = Vectors(texts)
    # Each text fitted is at 1 from itself, and the lookups of a prediction agree with the fitted matrix.
    found = np.array([vectors.cosines(text) for text in texts])
    assert found == pytest.approx((vectors.matrix @ vectors.matrix.T).toarray())
    assert np.diag(found) == pytest.approx(1.0)
    assert not vectors.cosines("xyz").any()
    assert not vectors.cosines("").any()


def test_words_without_a_single_text_are_no_error() -> None:
    assert Learner(["?", "!"], [("...", "!")], descriptions={}).answer("—") in ("?", "!")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("the activation fails", "activate_account"),
        ("a transfered amount", "moneyTransfer"),
        ("about my deliverys", "late-delivery"),
    ],
)
def test_other_forms_of_a_labels_words_still_count(text: str, label: str) -> None:
    learner = Learner(["activate_account", "moneyTransfer", "late-delivery"], [], descriptions={})
    assert learner.answer(text) == label


def test_a_demo_with_an_answer_that_is_no_label_is_left_out() -> None:
    learner = Learner(LABELS, [*DEMOS, ("coins", "Not shown")], descriptions={})
    assert learner.demos == DEMOS
    assert learner.answer("send it back") == "refund"


def test_a_text_like_none_of_the_demos_does_not_go_to_the_label_shown_most() -> None:
    demos = [(f"about the parcel and a thing {n}", "delivery") for n in range(6)]
    learner = Learner(LABELS, [*demos, ("about a note on the tax", "other")], descriptions={})
    assert learner.answer("about a question on the weather") == "other"


def test_a_rare_word_says_more_than_a_common_one() -> None:
    demos = [("card gold", "a"), ("card card card silver", "b"), ("card bronze", "c")]
    assert Memory(demos).answer("card card gold") == "a"


def test_memory_answers_as_the_nearest_demo() -> None:
    memory = Memory(DEMOS)
    assert memory.answer("money") == "refund"
    assert memory.answer("courier") == "delivery"


def test_evidence_is_what_is_known_about_the_answer() -> None:
    learner = Learner(LABELS, DEMOS, descriptions={"refund": "coins"})
    assert learner.telling("The couriers arrived with money", "delivery") == ["couriers", "arrived"]
    assert learner.telling("Money and coins", "refund") == ["money", "coins"]
    assert learner.nearest("a courier", "delivery") == "where is the courier now"
    assert learner.nearest("a courier", "other") is None


def test_features_are_stems_pairs_and_ngrams() -> None:
    assert name_words("moneyTransfer") == "money Transfer"
    assert words("It's 12 café_tables!") == ["it's", "12", "café", "tables"]
    assert set(features("lost cards")) == {
        *("lost", "card", "lost card"),
        *("##lo", "#los", "#ost", "#st#", "##los", "#lost", "#ost#"),
        *("##ca", "#car", "#ard", "#rds", "#ds#", "##car", "#card", "#ards", "#rds#"),
    }
    assert weight("card") > weight("lost card") > weight("the")
