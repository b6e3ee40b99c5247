"""Text metrics against their naive twins, Unicode included."""

from __future__ import annotations

import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from burnish import _core
from tests.property import oracles

# A capital sigma beside one of these is lowered by newer tables than this Python's: Unicode changed their classes.
RECLASSED = "ʕ\U0001171e"
WORDS = ["a", "an", "the", "The", "yes", "no", "noanswer", "cat", "cats", "CAT", "Σ", "ΟΔΟΣ", "é", "e\u0301", "\u0301"]
# Where marks meet: letters that are taken apart, marks of several classes, and what a mark must not pass.
MARKS = [
    "é",
    "ẹ",
    "ế",
    "Ǻ",
    "\u0301",
    "\u0323",
    "\u0327",
    "\u0345",
    "각",
    "가",
    "ΐ",
    "İ",
    "≠",
    "\u037e",
    "\u212a",
    "\U0001d15e",
    "ﬁ",
]
GLUE = [" ", "  ", "\t", "\u00a0", "\x1c", "\u2028", ".", "-", "_", "'", "€", "—", "\x00", "ж", "中", "٢", "\u200b", ""]


def known(text):
    """The text without what this Python's tables do not know, or know otherwise."""
    drop = RECLASSED if "Σ" in text else ""
    return "".join(char for char in text if unicodedata.category(char) not in {"Cn", "Cs"} and char not in drop)


# Any text, and text made of what decides: articles, sigmas, marks, and everything that may stand between them.
texts = st.one_of(
    st.text().map(known),
    st.lists(st.sampled_from(WORDS + GLUE), max_size=12).map("".join),
    st.lists(st.sampled_from(MARKS + WORDS + GLUE), max_size=12).map("".join),
    st.lists(
        st.sampled_from(["red", "internationally", "internationalcy", "green", "blue", "the", "yes", "no", "noanswer"]),
        max_size=5,
    ).map(" ".join),
)
rows = st.lists(st.tuples(texts, st.lists(texts, min_size=1, max_size=3)), max_size=5)


@given(st.lists(texts, max_size=5))
@example(["a\u0301 a\u0436 the\x1fthe.a"])
def test_normalize(batch):
    assert _core.normalize(batch) == [oracles.normalize(text) for text in batch]


def test_normalize_knows_every_character():
    characters = [chr(point) for point in range(sys.maxunicode + 1)]
    characters = [char for char in characters if unicodedata.category(char) not in {"Cn", "Cs", "Co"}]
    # The wide blocks of ideographs and Hangul syllables hold characters of one kind: one in 31 stands for the rest.
    wide = {"CJK UNIFIED IDEOGRAPH", "HANGUL SYLLABLE"}
    characters = [
        c
        for c in characters
        if unicodedata.name(c, "").rsplit("-")[0].rsplit(" ", 1)[0] not in wide or ord(c) % 31 == 0
    ]
    # Alone, on both sides of an article, and wherever it decides about a sigma or the order of marks.
    shapes = "{0} {0}a a{0} the{0}the 1{0}\u0323\u0301 " + "x{0}Σ xΣ{0} xΣ{0}x {0}Σ"
    batch = [shapes.format(char) if char not in RECLASSED else f"{char} {char}a a{char}" for char in characters]
    wrong = [
        f"U+{ord(char):04X}"
        for char, text, found in zip(characters, batch, _core.normalize(batch), strict=True)
        if found != oracles.normalize(text)
    ]
    assert not wrong


@pytest.mark.parametrize("name", ["exact_match", "f1", "hotpot_f1", "precision", "recall"])
@given(batch=rows)
def test_scores_of_predictions(name, batch):
    found = getattr(_core, name)([prediction for prediction, _ in batch], [references for _, references in batch])
    expected = [getattr(oracles, name)(prediction, references) for prediction, references in batch]
    assert found.tolist() == expected


@given(st.lists(st.tuples(st.lists(texts, max_size=3), st.lists(texts, min_size=1, max_size=3)), max_size=5))
def test_passage_match(batch):
    found = _core.passage_match([passages for passages, _ in batch], [answers for _, answers in batch])
    assert found.tolist() == [oracles.passage_match(passages, answers) for passages, answers in batch]


@given(st.lists(texts, min_size=1, max_size=40), st.integers(1, 400))
def test_a_long_column_scores_as_its_rows(batch, times):
    """Long columns go another way through the door than short ones."""
    references = [[text, "cat"] for text in batch[::-1]]
    once = [_core.f1([prediction], [row])[0] for prediction, row in zip(batch, references, strict=True)]
    assert np.array_equal(_core.f1(batch * times, references * times), np.tile(once, times))


def test_a_long_stretch_full_of_articles_costs_as_much_a_character_as_a_short_one():
    """One that is looked at from its beginning for each article would take minutes."""
    for text in ("é,a." * 100_000, "中a" * 200_000, "ça-the-" * 60_000):
        assert _core.normalize([text]) == [oracles.normalize(text)]
