"""Whole numbers as settings."""

from __future__ import annotations

from typing import Any

from burnish.errors import ConfigError


def check_whole(least: int, **numbers: Any) -> None:
    """Each of these settings is a whole number of at least `least`, or None where it is not set.

    Raises:
        ConfigError: One is not.
    """
    for name, number in numbers.items():
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise ConfigError(f"{name}={number!r}: give a whole number of at least {least}.")
