"""`KNN`: which examples are nearest to the inputs of a call."""

from __future__ import annotations

import asyncio
import copy

import pytest

from burnish import KNN, ConfigError, Embedder, Example

TRAINSET = [
    Example(question="Where is my card?", answer="card").with_inputs("question"),
    Example(question="What is the exchange rate?", answer="rate").with_inputs("question"),
    Example(question="Why was my card payment declined?", answer="declined").with_inputs("question"),
]


def test_the_nearest_examples_come_first_and_are_those_of_the_trainset():
    knn = KNN(2, TRAINSET, Embedder("offline/hashing"))
    found = knn(question="Where is my new card?")
    assert [example.answer for example in found] == ["card", "declined"]
    assert found[0] is TRAINSET[0]
    assert asyncio.run(knn.acall(question="Where is my new card?")) == found
    assert knn(question="Which rate do you exchange at?")[0].answer == "rate"


def test_more_than_there_are_is_all_of_them():
    assert len(KNN(7, TRAINSET, "offline/hashing")(question="card")) == 3


def test_labels_and_the_order_of_the_inputs_make_no_difference():
    seen = []

    def letters(texts):
        seen.extend(texts)
        return [[float(len(text)), 1.0] for text in texts]

    trainset = [Example(b="two", label="secret", a="one").with_inputs("a", "b")]
    knn = KNN(1, trainset, letters)
    assert knn(b="four", a="three") == knn(a="three", b="four") == trainset
    assert seen == ["a: one\nb: two", "a: three\nb: four", "a: three\nb: four"]


def test_it_says_what_it_is_and_copies_share_the_rows():
    knn = KNN(2, TRAINSET, "offline/hashing")
    assert repr(knn) == "KNN(2, 3 examples, Embedder('offline/hashing'))"
    assert (knn.k, knn.trainset) == (2, TRAINSET)
    assert copy.deepcopy(knn)(question="Where is my card?") == knn(question="Where is my card?")


@pytest.mark.parametrize(
    ("k", "trainset", "says"),
    [
        (1, [], "The trainset of KNN is empty"),
        (0, TRAINSET, "k=0: give a whole number"),
        (1, [Example(question="?")], "It is not known which fields of this example are inputs"),
    ],
)
def test_refused_before_anything_is_embedded(k, trainset, says):
    def never(texts):
        raise AssertionError("embedded")

    with pytest.raises(ConfigError, match=says):
        KNN(k, trainset, never)
