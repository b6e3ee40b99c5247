"""Budgets: a cap that leaves no room for a call is refused where it is written."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from burnish import Budget
from burnish.errors import ConfigError


@pytest.mark.parametrize("cap", ["calls", "tokens", "dollars", "seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), True])
def test_a_cap_is_a_number_above_nothing(cap: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"Budget\({cap}=.*leave {cap} out"):
        Budget(**{cap: value})


def test_a_text_is_no_number() -> None:
    with pytest.raises(ConfigError, match=r"Budget\(dollars='0.5'\) is a text, not a number"):
        Budget(dollars="0.5")  # type: ignore[arg-type]


def test_a_cap_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match=r"no cap 'dollar'\. Did you mean dollars\?"):
        Budget(dollar=1)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="Its caps are calls, tokens, dollars, seconds"):
        Budget(x=1)  # type: ignore[call-arg]


def test_a_budget_can_be_copied_and_sent() -> None:
    budget = Budget(3, dollars=1.5)
    assert pickle.loads(pickle.dumps(budget)) == copy.deepcopy(budget) == dataclasses.replace(budget) == budget


def test_no_cap_at_all_is_a_budget() -> None:
    assert Budget() == Budget(calls=None, tokens=None, dollars=None, seconds=None)


def test_fractions_cap_what_can_be_split() -> None:
    assert Budget(dollars=0.01, seconds=0.5).dollars == 0.01
