"""`split`: parts of the sizes asked for, the same each time, with near copies in one part and the labels spread."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish import Example
from burnish.datasets import Split, TestSet, leaks, split
from burnish.errors import ConfigError

LABELS = ["often"] * 60 + ["sometimes"] * 30 + ["rarely"] * 10
ROWS = [Example(n=n, label=label).with_inputs("n") for n, label in enumerate(LABELS)]


def numbers(parts: Split) -> list[list[int]]:
    return [[row.n for row in part] for part in parts]


def test_the_test_part_comes_first_and_the_others_share_the_rest() -> None:
    parts = split(ROWS)
    assert [len(part) for part in parts] == [16, 64, 20]
    assert isinstance(parts.test, TestSet)
    assert type(parts.train) is type(parts.val) is list
    assert sorted(n for part in numbers(parts) for n in part) == list(range(100))
    assert parts.train[0].input_keys == {"n"}


def test_it_depends_on_the_seed_alone() -> None:
    assert numbers(split(ROWS)) == numbers(split(iter(ROWS), seed=0)) != numbers(split(ROWS, seed=1))
    assert numbers(split(ROWS)) == numbers(split(ROWS, near=False))
    assert [set(part) for part in numbers(split(ROWS))] != [set(part) for part in numbers(split(ROWS, seed=1))]
    train = numbers(split(ROWS))[0]
    assert train != sorted(train)


@pytest.mark.parametrize(
    ("asked", "sizes"),
    [
        ({"train": 10, "val": 20, "test": 30}, [10, 20, 30]),
        ({"train": 10, "val": 20, "test": 0.5}, [10, 20, 50]),
        ({"train": 0.5, "val": 0.25, "test": 0}, [50, 25, 0]),
        ({"train": 1.0, "val": 0, "test": 1}, [99, 0, 1]),
        ({"train": 0.33, "val": 0.67, "test": 7}, [31, 62, 7]),
        ({"train": 0, "val": 0.0, "test": 1.0}, [0, 0, 100]),
    ],
)
def test_shares_and_whole_numbers(asked: dict[str, Any], sizes: list[int]) -> None:
    assert [len(part) for part in split(ROWS, **asked)] == sizes


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"train": 0.5, "val": 0.6}, "more than all"),
        ({"train": 50, "val": 50, "test": 1}, r"There are 100 examples.*test=1 \(1\), train=50 \(50\)"),
        ({"test": 101}, "There are 100 examples"),
        ({"test": 1.5}, "test=1.5"),
        ({"test": -1}, "test=-1"),
        ({"train": True}, "train=True"),
        ({"val": "half"}, "val='half'"),
        ({"val": float("nan")}, "val=nan"),
        ({"by": "lable"}, r"by='lable': examples\[0\] has no such field. Its fields: n, label"),
    ],
)
def test_what_cannot_be_is_told(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        split(ROWS, **asked)


def test_labels_have_their_shares_in_every_part() -> None:
    for by in ("label", lambda row: row.label):
        parts = split(ROWS, test=0.2, by=by)
        assert [Counter(row.label for row in part) for part in (parts.test, parts.val)] == [
            {"often": 12, "sometimes": 6, "rarely": 2},
            {"often": 38, "sometimes": 19, "rarely": 7},
        ]
        assert [len(part) for part in parts] == [16, 64, 20]


WORDS = [f"word{n}" for n in range(300)]


def copies(of: int, number: int) -> list[str]:
    """A long text of its own, and the same with a word changed."""
    words = [f"{of}x{word}" for word in WORDS]
    return [
        " ".join([*words[: 7 * n], f"changed{n}", *words[7 * n + 1 :]]) if n else " ".join(words) for n in range(number)
    ]


def test_near_copies_stay_in_one_part_and_are_told() -> None:
    texts = [text for of in range(10) for text in copies(of, 3)] + [f"short {n}" for n in range(70)]
    rows = [Example(text=text, n=n).with_inputs("text") for n, text in enumerate(texts)]
    with pytest.warns(
        UserWarning, match=r"20 of 100 examples are the same as others.*examples\[1\] and examples\[0\]"
    ) as told:
        parts = split(rows, seed=3)
    assert told[0].filename == __file__
    part_of = {n: which for which, part in enumerate(numbers(parts)) for n in part}
    assert all(len({part_of[3 * of + n] for n in range(3)}) == 1 for of in range(10))
    assert len(parts.test) == 20
    assert not leaks(train=parts.train, val=parts.val, test=parts.test)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apart = split(rows, seed=3, near=False)
    assert leaks(train=apart.train, val=apart.val, test=apart.test)


def test_a_group_that_is_larger_than_a_part() -> None:
    rows = [Example(text="the same").with_inputs("text")] * 8 + [Example(text="another").with_inputs("text")] * 2
    with pytest.warns(UserWarning, match="8 of 10") as told:
        parts = split(rows)
    assert sorted(len(part) for part in parts) == [0, 2, 8]
    empty = next(name for name, part in parts._asdict().items() if not part)
    assert str(told[1].message).startswith(f"Nothing is left for {empty}: 8 of 10 examples are near copies")
    assert told[1].filename == __file__


@given(
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from("ab")), min_size=1, max_size=40),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 5),
)
def test_nothing_is_lost_and_nothing_leaks(given_rows: Any, test: float, train: float, seed: int) -> None:
    rows = [
        Example(text=f"text {text}", label=label, n=n).with_inputs("text") for n, (text, label) in enumerate(given_rows)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = split(rows, train, 1 - train, test, seed=seed, by="label")
    assert sorted(n for part in numbers(parts) for n in part) == list(range(len(rows)))
    assert not leaks(train=parts.train, val=parts.val, test=parts.test)
    largest = max(Counter(text for text, _ in given_rows).values())
    assert abs(len(parts.test) - round(test * len(rows))) < 2 * largest
    if largest == 1:
        assert len(parts.test) == round(test * len(rows))


def test_a_test_set_is_not_split_again() -> None:
    with pytest.raises(ConfigError, match="is a TestSet of 20 examples"):
        split(split(ROWS).test)
    with pytest.raises(ConfigError, match="examples is empty"):
        split([])
    with pytest.raises(ConfigError, match="inputs"):
        split([Example(a=1)])
