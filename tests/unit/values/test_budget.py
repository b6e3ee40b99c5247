"""Budgets: a cap that leaves no room for a call is refused where it is written."""

from __future__ import annotations

from typing import Any

import pytest

from burnish import Budget
from burnish.errors import ConfigError


@pytest.mark.parametrize("cap", ["calls", "tokens", "dollars", "seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "5", True])
def test_a_cap_is_a_number_above_nothing(cap: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"Budget\({cap}=.*leave {cap} out"):
        Budget(**{cap: value})


def test_no_cap_at_all_is_a_budget() -> None:
    assert Budget() == Budget(calls=None, tokens=None, dollars=None, seconds=None)


def test_fractions_cap_what_can_be_split() -> None:
    assert Budget(dollars=0.01, seconds=0.5).dollars == 0.01
