"""Draws depend on seed and purpose, on nothing else, and are the same on every machine."""

from __future__ import annotations

from burnish.values.seed import draw


def test_the_same_name_draws_the_same() -> None:
    draw(1, "other").random()
    assert draw(0, "shuffle", 3).random() == draw(0, "shuffle", 3).random()


def test_seed_and_purpose_tell_draws_apart() -> None:
    names = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (-1, "a")]
    assert len({draw(*name).random() for name in names}) == len(names)


def test_the_numbers_are_these_everywhere() -> None:
    # Programs compiled elsewhere, or with another Python, must come out the same.
    assert draw(0, "shuffle", 3).sample(range(100), 5) == [66, 78, 51, 26, 16]
