"""Randomness from (seed, purpose, step), so that no draw depends on what ran before it."""

from __future__ import annotations

import random


def draw(seed: int, *purpose: object) -> random.Random:
    """A generator for one purpose; the same arguments give the same numbers everywhere.

    Args:
        seed: The run's seed; 0 is a seed like any other.
        purpose: Words and numbers that name the draw, such as ``("shuffle", 3)``.

    Example:
        >>> draw(0, "shuffle", 3).random() == draw(0, "shuffle", 3).random()
        True
    """
    # A text seed is hashed with SHA-512, the same on every platform and Python version.
    return random.Random("/".join(map(str, (seed, *purpose))))
