"""Board statistics against their naive twins."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import stdtrit

from burnish import _core
from tests.property import oracles

N_CANDIDATES = 4


def t_quantile(degrees):
    return float(stdtrit(degrees, 0.975))


def rows_of(scores):
    """Boards with scores of one kind; few examples, so that cells have several rows and candidates share some."""
    row = st.tuples(st.integers(0, N_CANDIDATES - 1), st.integers(-2, 6), scores, st.sampled_from([0, 0, 0, 1, 2]))
    return st.lists(row, max_size=60)


binary = st.sampled_from([0.0, 1.0])
# Tenths tie often and are not exact in binary.
tenths = st.integers(-10, 10).map(lambda tenth: tenth / 10)
boards = st.one_of(rows_of(binary), rows_of(tenths), rows_of(st.floats(-1e6, 1e6)))


def columns(rows):
    """The four columns; rows that are not measured carry what must not matter."""
    candidate, example, score, status = zip(*rows, strict=True) if rows else ((),) * 4
    score = np.where(np.array(status) == 2, np.nan, np.array(score)) if rows else np.zeros(0)
    return np.array(candidate, np.int64), np.array(example, np.int64), score, np.array(status, np.uint8)


def assert_close(found, expected):
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=1e-9, atol=1e-9)


@given(boards)
def test_summary(rows):
    found = _core.board_summary(*columns(rows), N_CANDIDATES)
    expected = oracles.board_summary(rows, N_CANDIDATES, t_quantile)
    for candidate, row in enumerate(expected):
        assert_close([column[candidate] for column in found], row)


@given(boards, st.integers(0, N_CANDIDATES - 1), st.integers(0, N_CANDIDATES - 1))
def test_paired(rows, first, second):
    assert_close(
        _core.board_paired(*columns(rows), first, second), oracles.board_paired(rows, first, second, t_quantile)
    )


@given(boards)
def test_leader(rows):
    assert _core.board_leader(*columns(rows), N_CANDIDATES) == oracles.board_leader(rows, N_CANDIDATES)


@given(boards, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    for one, other in zip(
        _core.board_summary(*columns(rows), N_CANDIDATES),
        _core.board_summary(*columns(shuffled), N_CANDIDATES),
        strict=True,
    ):
        assert_close(one, other)


@given(boards)
def test_what_is_not_measured_changes_no_mean(rows):
    measured = [row for row in rows if row[3] != 2]
    assume(len(measured) < len(rows))
    n, failed, _, *interval = _core.board_summary(*columns(rows), N_CANDIDATES)
    without = _core.board_summary(*columns(measured), N_CANDIDATES)
    assert_close([n, failed, *interval], [*without[:2], *without[3:]])


def test_intervals_hold_the_mean_19_times_in_20():
    """The chance is binomial: 2,000 boards of 95% lie between 93% and 97% but for one run in ten thousand."""
    random = np.random.default_rng(7)
    candidate, example = np.divmod(np.arange(2000 * 15), 15)
    score = random.normal(0.3, 1.0, candidate.size)
    _, _, _, _, low, high = _core.board_summary(candidate, example, score, np.zeros(score.size, np.uint8), 2000)
    assert 0.93 < np.mean((low < 0.3) & (high > 0.3)) < 0.97
