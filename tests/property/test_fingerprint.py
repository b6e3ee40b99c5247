"""Fingerprints with a kept prefix, and draws by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish import _core
from tests.property import oracles

# Long enough to cross the chunks of the hash, which are 1,024 bytes wide.
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.builds(lambda unit, times: unit * times, st.sampled_from(["x", "é", "prompt "]), st.integers(0, 5000)),
)


@given(texts, texts, texts)
def test_a_kept_prefix_gives_the_fingerprint_of_the_whole(prefix, middle, suffix):
    kept = _core.Fingerprint(prefix)
    extended = kept.extend(middle)
    assert extended.finish(suffix) == _core.fingerprint(prefix + middle + suffix)
    # Neither object was changed by being used.
    assert extended.finish() == _core.fingerprint(prefix + middle)
    assert kept.finish(suffix) == _core.fingerprint(prefix + suffix)


@given(st.lists(texts, unique=True, max_size=6))
def test_different_texts_have_different_fingerprints(batch):
    assert len({_core.fingerprint(text) for text in batch}) == len(batch)


def test_a_prefix_cannot_be_written_to():
    with pytest.raises(AttributeError):
        _core.Fingerprint("x").prefix = "y"


int64 = st.integers(-(2**63), 2**63 - 1)


@given(int64, st.text(st.characters(exclude_categories=["Cs"])), int64)
def test_draw(seed, purpose, step):
    assert _core.draw(seed, purpose, step) == oracles.draw(seed, purpose, step)


def test_draws_spread():
    """Each of the 64 bits is set about half of the time, over seeds that differ by one."""
    draws = [_core.draw(seed, "spread", 0) for seed in range(4000)]
    for bit in range(64):
        assert abs(sum(draw >> bit & 1 for draw in draws) - 2000) < 150
