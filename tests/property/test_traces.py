"""The choice of traces against its naive twin."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from burnish import _core
from tests.property import oracles

steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, float("nan")]),
        st.integers(-1, 2),
        st.integers(-1, 5),
        st.integers(0, 50),
        st.sampled_from("abcdefgh"),
    ),
    max_size=60,
)


def pick(rows, **limits):
    score, predictor, rollout, tokens, texts = zip(*rows, strict=True) if rows else ((),) * 5
    integers = (np.array(column, np.int64) for column in (predictor, rollout, tokens))
    return _core.pick_traces(np.array(score, float), *integers, _core.digests(texts), **limits).tolist()


@given(
    steps,
    st.sampled_from([-1.0, 0.5, 0.7, 1.0]),
    st.integers(0, 5),
    st.none() | st.integers(0, 150),
    st.integers(-(2**63), 2**63 - 1),
)
def test_pick(rows, min_score, per_predictor, max_tokens, seed):
    limits = {"min_score": min_score, "per_predictor": per_predictor, "max_tokens": max_tokens, "seed": seed}
    assert pick(rows, **limits) == oracles.pick_traces(rows, **limits)


@given(steps, st.integers(0, 9))
def test_another_rollout_changes_no_draw(rows, seed):
    """Whether a step stays depends on its own rollout only, as long as nothing else limits the choice."""
    rows = [(1.0, *row[1:4], f"text {number}") for number, row in enumerate(rows)]
    limits = {"min_score": 1.0, "per_predictor": 99, "max_tokens": None, "seed": seed}
    added = [(1.0, 0, 99, 1, "x"), (1.0, 1, 99, 1, "y"), (1.0, 1, 99, 1, "z")]
    assert pick(rows + added, **limits)[: len(pick(rows, **limits))] == pick(rows, **limits)


def test_the_last_step_stays_half_of_the_time_and_the_others_share_the_rest():
    rows = [(1.0, 0, rollout, 1, f"{rollout} {step}") for rollout in range(6000) for step in range(4)]
    picked = pick(rows, min_score=1.0, per_predictor=6000, max_tokens=None, seed=1)
    shares = Counter(row % 4 for row in picked)
    assert len(picked) == 6000
    assert abs(shares[3] - 3000) < 160
    assert all(abs(shares[step] - 1000) < 120 for step in range(3))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_digests_are_fingerprints_in_numbers(texts):
    digests = _core.digests(texts)
    assert digests.shape == (len(texts), 2)
    assert [row.astype("<u8").tobytes().hex() for row in digests] == [_core.fingerprint(text) for text in texts]
