"""The choice of traces, and the sketch by which near copies are found, against their naive twins."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from burnish import _core
from tests.property import oracles
from tests.property.test_cases import trace_table

PLAIN = {"near": False, "variety": False, "stratify": False}
WORDS = st.sampled_from(
    [
        "the",
        "a",
        "card",
        "Card",
        "payment",
        "was",
        "declined",
        "today",
        "in",
        "shop",
        "twice",
        "naïve",
        "日本語",
        "x" * 20,
    ]
)
sentences = st.lists(WORDS, max_size=14).map(" ".join)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)

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
    return trace_table(rows).pick(**{**PLAIN, **limits}).tolist()


def sketches(given_texts):
    columns = trace_table([(1.0, 0, place, 1, text) for place, text in enumerate(given_texts)]).columns()
    return [int(low) | int(high) << 64 for low, high in columns[4]]


@given(
    steps,
    st.sampled_from([None, -1.0, 0.5, 0.7, 1.0]),
    st.integers(0, 5),
    st.none() | st.integers(0, 150),
    st.integers(-(2**63), 2**63 - 1),
)
def test_pick(rows, min_score, per_predictor, max_tokens, seed):
    limits = {"min_score": min_score, "per_predictor": per_predictor, "max_tokens": max_tokens, "seed": seed}
    assert pick(rows, **limits) == oracles.pick_traces(rows, **limits)


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 50), sentences), max_size=25),
    st.booleans(),
    st.integers(0, 8),
    st.none() | st.integers(0, 150),
)
def test_pick_the_farthest(given_rows, near, per_predictor, max_tokens):
    rows = [(score, 0, place, tokens, text) for place, (score, tokens, text) in enumerate(given_rows)]
    limits = {"near": near, "per_predictor": per_predictor, "max_tokens": max_tokens}
    found = pick(rows, **limits, variety=True, min_score=None, seed=0)
    assert found == oracles.pick_varied(rows, sketches([row[4] for row in rows]), **limits)


@given(texts | sentences)
def test_sketch(text):
    (found,) = sketches([text])
    expected = oracles.sketch((0, text))
    assert expected is None or found == expected


@given(st.lists(texts, min_size=2, max_size=5, unique=True))
def test_texts_without_words_are_near_to_their_copies_alone(some):
    dots = ["." * (place + 1) for place, _ in enumerate(some)]
    first, *others = sketches([*dots, dots[0]])
    assert others[-1] == first
    assert all((first ^ other).bit_count() > 7 for other in others[:-1])


@st.composite
def rows_alike(draw):
    """Rows of two texts, of which some are copies of others with a word or two changed."""
    generator = draw(st.randoms(use_true_random=False))
    rows = []
    for _ in range(draw(st.integers(0, 12))):
        if rows and generator.random() < 0.6:
            words = [list(text) for text in generator.choice(rows)]
            for _ in range(generator.randrange(4)):
                field = generator.choice(words)
                field[generator.randrange(len(field))] = "x" + str(generator.randrange(3))
        else:
            words = [["w" + str(generator.randrange(50)) for _ in range(generator.choice((3, 90)))] for _ in range(2)]
        rows.append(words)
    return [[" ".join(text) for text in row] for row in rows]


@given(rows_alike())
def test_near_copies(rows):
    bits = [oracles.sketch_of_places(row) for row in rows]
    assert _core.near_copies(rows).tolist() == oracles.near_copies(bits)


@given(st.lists(st.lists(texts | st.sampled_from(["", "!", "One two."]), max_size=2), max_size=8))
def test_a_row_is_near_to_its_copies_whatever_it_holds(rows):
    found = _core.near_copies([*rows, *rows]).tolist()
    assert found[len(rows) :] == found[: len(rows)]
    assert all(first <= place and found[first] == first for place, first in enumerate(found))


def test_no_pair_is_missed_wherever_its_bits_differ():
    """Pairs some of which are seven bits apart, and so agree in as little as one of the eight parts that they are looked up by."""
    generator = random.Random(0)
    texts = []
    for number in range(2500):
        words = [f"{number}x{word}" for word in range(150)]
        texts.append(" ".join(words))
        for place in generator.sample(range(150), 4):
            words[place] = "changed"
        texts.append(" ".join(words))
    bits = sketches(texts)
    near = [(bits[2 * pair] ^ bits[2 * pair + 1]).bit_count() <= 7 for pair in range(2500)]
    found = _core.near_copies([[text] for text in texts])
    assert 500 < sum(near) < 2000
    assert [found[2 * pair + 1] == 2 * pair for pair in range(2500)] == near


def test_near_copies_among_many_cost_little():
    """Compared pair by pair, 200,000 rows are 20 billion pairs; by their parts, this ends at once."""
    found = _core.near_copies(
        [[f"question {number % 150_000} of many, put in words of its own"] for number in range(200_000)]
    )
    assert found.tolist() == [number % 150_000 for number in range(200_000)]


def test_more_words_in_common_are_fewer_bits_apart():
    """A hundred texts of 60 words, of which so many are replaced: some 64 bits × the share of pairs that is not in common."""
    generator = random.Random(0)
    vocabulary = ["".join(generator.choices("abcdefghij", k=6)) for _ in range(3000)]
    means = []
    for changed in (0, 1, 3, 15, 60):
        apart = []
        for _ in range(100):
            words = generator.sample(vocabulary, 60)
            others = list(words)
            for place in generator.sample(range(60), changed):
                others[place] = generator.choice(vocabulary)
            one, other = sketches([" ".join(words), " ".join(others)])
            apart.append((one ^ other).bit_count())
        means.append(sum(apart) / 100)
    assert means[0] == 0
    assert means[1] < 7 < means[2] < means[3] < means[4]
    assert abs(means[4] - 64) < 4


@given(steps, st.integers(0, 9))
def test_another_rollout_changes_no_draw(rows, seed):
    """Whether a step stays depends on its own rollout only, as long as nothing else limits the choice."""
    rows = [(1.0, *row[1:4], f"text {number}") for number, row in enumerate(rows)]
    limits = {"min_score": 1.0, "per_predictor": 99, "max_tokens": None, "seed": seed}
    added = [(1.0, 0, 99, 1, "x"), (1.0, 1, 99, 1, "y"), (1.0, 1, 99, 1, "z")]
    assert [row for row in pick(rows + added, **limits) if row < len(rows)] == pick(rows, **limits)


def test_the_last_step_stays_half_of_the_time_and_the_others_share_the_rest():
    rows = [(1.0, 0, rollout, 1, f"{rollout} {step}") for rollout in range(6000) for step in range(4)]
    picked = pick(rows, min_score=1.0, per_predictor=6000, max_tokens=None, seed=1)
    shares = Counter(row % 4 for row in picked)
    assert len(picked) == 6000
    assert abs(shares[3] - 3000) < 160
    assert all(abs(shares[step] - 1000) < 120 for step in range(3))


def test_many_copies_cost_no_more_than_many_others():
    """Copies are put out together; met one by one, each would cost a pass over all, and this would not end in the time of a test."""
    rows = [(1.0, 0, place, 1, f"text {place % 8}") for place in range(300_000)]
    assert len(pick(rows, min_score=None, per_predictor=16, max_tokens=None, seed=0, variety=True, near=True)) == 8
    large = [(1.0, 0, place, 1 + place, f"text {place}") for place in range(300_000)]
    assert len(pick(large, min_score=None, per_predictor=16, max_tokens=40, seed=0, variety=True, near=False)) <= 16
