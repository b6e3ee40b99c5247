"""Searches and races against their naive twins, and against what they promise."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtr
from scipy.stats import binom

from burnish import _core
from tests.property import oracles

sizes = st.lists(st.integers(1, 6), min_size=1, max_size=5)
seeds = st.integers(-(2**63), 2**63 - 1)


def candidates(found, sizes):
    return [tuple(row) for row in found.reshape(-1, len(sizes)).tolist()]


@given(sizes, st.integers(0, 40), seeds)
def test_a_design_has_every_choice_of_a_slot_equally_often(sizes, n, seed):
    found = candidates(_core.search_design(np.array(sizes, np.int64), n, seed), sizes)
    assert len(found) == len(set(found)) == min(n, math.prod(sizes))
    assert not found or found[0] == (0,) * len(sizes)
    if len(sizes) == 1:
        counts = Counter(picks[0] for picks in found)
        assert max(counts.values(), default=0) - min((counts[c] for c in range(sizes[0])), default=0) <= 1


def test_a_design_of_a_large_space_is_level():
    # So many combinations that none comes twice, and nothing is left to chance.
    found = np.array(candidates(_core.search_design(np.array([8] * 12, np.int64), 20, 3), [8] * 12))
    for slot in found.T:
        counts = np.bincount(slot, minlength=8)
        assert counts.max() - counts.min() <= 1


@given(sizes, st.integers(0, 10), st.integers(0, 10), seeds)
def test_chance_gives_candidates_that_were_not_there(sizes, before, n, seed):
    there = _core.search_random(np.array(sizes, np.int64), np.array([], np.int64), before, seed, 0)
    found = _core.search_random(np.array(sizes, np.int64), there, n, seed, 1)
    old, new = candidates(there, sizes), candidates(found, sizes)
    assert len(new) == len(set(new)) == min(n, math.prod(sizes) - len(old))
    assert not set(old) & set(new)


@st.composite
def races(draw):
    """Rows in which candidates saw the first so many examples."""
    n_candidates, n_examples = draw(st.integers(1, 6)), draw(st.integers(1, 12))
    marks = st.sampled_from([0.0, 0.25, 1.0])
    rows = []
    for candidate in range(n_candidates):
        for example in range(draw(st.integers(0, n_examples))):
            rows.append((candidate, example, draw(marks), 0))
    return rows, n_candidates, n_examples


def columns(rows):
    kinds = (np.int64, np.int64, np.float64, np.uint8)
    found = zip(*rows, strict=True) if rows else ([],) * 4
    return tuple(np.array(column, kind) for column, kind in zip(found, kinds, strict=True))


@given(races(), st.integers(0, 80))
def test_the_worst_is_rejected_as_the_naive_twin_says(race, budget):
    rows, n_candidates, n_examples = race
    alive, examples = _core.race_rejects(columns(rows), n_candidates, n_examples, budget)
    assert (alive.tolist(), examples) == oracles.rejects(rows, n_candidates, n_examples, budget)


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=60), st.integers(1, 9))
def test_right_and_wrong_are_compared_by_the_exact_sign_test(differences, looks):
    rows = [(0, e, max(d, 0.0), 0) for e, d in enumerate(differences)]
    rows += [(1, e, max(-d, 0.0), 0) for e, d in enumerate(differences)]
    wins, losses = differences.count(1.0), differences.count(-1.0)
    first, second = _core.race_beaten(columns(rows), 2, 0.0, looks, 0.05).tolist()
    chance = binom.sf(max(wins, losses) - 1, wins + losses, 0.5)
    assert (second, first) == (wins >= losses and chance <= 0.05 / looks, losses > wins and chance <= 0.05 / looks)


@given(st.lists(st.floats(0, 1), min_size=10, max_size=40, unique=True), st.floats(-0.3, 0.6))
def test_graded_scores_are_compared_by_students_t(scores, shift):
    rows = [(0, e, 0.5 + score / 3 + shift, 0) for e, score in enumerate(scores)] + [
        (1, e, 0.5, 0) for e in range(len(scores))
    ]
    differences = np.array([row[2] - 0.5 for row in rows[: len(scores)]])
    t = differences.mean() / (differences.std(ddof=1) / math.sqrt(len(scores)))
    chance = stdtr(len(scores) - 1, -abs(t))
    if abs(chance - 0.05) < 1e-6:
        return  # rounding decides
    first, second = _core.race_beaten(columns(rows), 2, 0.0, 1, 0.05).tolist()
    assert (first, second) == (t < 0 and chance <= 0.05, t >= 0 and chance <= 0.05)


@given(sizes, st.integers(1, 12), st.integers(0, 9), seeds)
def test_a_searcher_reads_a_board_in_any_order(sizes, n_candidates, n, seed):
    draw = np.random.default_rng(n_candidates)
    picks = np.stack([draw.integers(0, size, n_candidates) for size in sizes], axis=1).ravel()
    rows = [(c, e, float(draw.random() < 0.5), int(draw.random() < 0.1)) for c in range(n_candidates) for e in range(4)]
    shuffled = [rows[place] for place in draw.permutation(len(rows))]
    shut, head = np.zeros(n_candidates, bool), (np.array(sizes, np.int64), picks)
    one, other = (_core.search_surrogate(*head, columns(some), shut, n, 0.5, seed, 0) for some in (rows, shuffled))
    for found, wanted in zip(one, other, strict=True):
        assert found.tobytes() == wanted.tobytes()
    assert len(set(candidates(one[0], sizes))) == min(n, math.prod(sizes))
    assert one[3].sum() == 0 or math.isclose(one[3].sum(), 1)
