"""`offline/hashing`: the same row for the same text everywhere, near where texts share words."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from burnish.errors import ConfigError
from burnish.lm.backends.base import Endpoint
from burnish.lm.backends.hashing import WIDTH, create, hashed
from burnish.retrieve.embedder import Embedder
from burnish.testing import EmbedderContract

TEXTS = [
    "Where is my card?",
    "my card has not arrived yet",
    "I WAS CHARGED TWICE",
    "Größe — 日本語のテキスト 🙂",
    "?",
    "a",
]
# Rounded, so that a processor's last bit does not count.
DIGEST = "408c51f21059462e"


class TestContract(EmbedderContract):
    model = "offline/hashing"

    def make_backend(self):
        return create(Endpoint(self.model))


def digest() -> str:
    return hashlib.sha256((hashed(TEXTS) * 1e4).round().astype("<i4").tobytes()).hexdigest()[:16]


def test_rows_are_the_same_in_every_process_and_version() -> None:
    assert digest() == DIGEST
    script = "from tests.unit.retrieve.test_hashing import digest; print(digest())"
    other = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert other.stdout.split() == [DIGEST]


def test_rows_have_length_one_and_texts_of_nothing_have_rows_of_zeros() -> None:
    assert np.allclose(np.linalg.norm(hashed(TEXTS), axis=1), 1, atol=1e-6)
    assert not hashed(["", " \n\t "]).any()
    assert hashed([]).shape == (0, WIDTH)


def test_texts_are_near_where_they_share_words_or_parts_of_words() -> None:
    question, form, typo, other = hashed(["card arrival", "my cards arrived", "crad arival", "exchange rate"])
    assert question @ form > 2 * (question @ other)
    assert question @ typo > question @ other


def test_capitals_make_no_difference_and_the_order_of_words_does() -> None:
    plain, capitals, turned = hashed(["lost card", "Lost CARD", "card lost"])
    assert np.array_equal(plain, capitals)
    assert not np.array_equal(plain, turned)


def test_another_offline_model_and_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match="offline/hashing"):
        Embedder("offline/hashng")("x")
    with pytest.raises(ConfigError, match="takes no parameters, and was given dimensions"):
        Embedder("offline/hashing", dimensions=256)("x")
