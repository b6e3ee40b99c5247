"""The budget meter: room is held before a call is sent, so caps hold however many calls are in flight."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from burnish.engine import meter as meter_module
from burnish.engine.meter import BudgetMeter
from burnish.errors import BudgetExhausted
from burnish.lm.scope import Scope, use_scope
from burnish.loop import run_sync
from burnish.testing import ScriptedLM
from burnish.values.budget import Budget
from burnish.values.usage import Usage


def call(meter: BudgetMeter, used: Usage, tokens: int = 10) -> None:
    meter.reserve(tokens).settle(used)


def refused(meter: BudgetMeter, tokens: int = 10) -> str:
    with pytest.raises(BudgetExhausted) as caught:
        meter.reserve(tokens)
    assert meter.exhausted is caught.value
    return caught.value.cap


def test_the_cap_on_calls_is_exact_with_fifty_at_once() -> None:
    lm = ScriptedLM(lambda request: "yes", latency=0.002)
    meter = BudgetMeter(Budget(calls=17))

    async def fifty() -> list[Any]:
        with use_scope(Scope(meter=meter)):
            return await asyncio.gather(*(lm.acall(str(n)) for n in range(50)), return_exceptions=True)

    results = run_sync(fifty())
    assert results.count(["yes"]) == len(lm.requests) == meter.spent.calls == 17
    assert all(isinstance(result, BudgetExhausted) for result in results if result != ["yes"])


def test_a_call_that_brought_no_reply_was_a_call() -> None:
    lm = ScriptedLM([ConnectionError("gone"), "yes"])
    meter = BudgetMeter(Budget(calls=2))

    async def three() -> list[Any]:
        with use_scope(Scope(meter=meter)):
            return [await asyncio.gather(lm.acall(str(n)), return_exceptions=True) for n in range(3)]

    run_sync(three())
    assert len(lm.requests) == meter.spent.calls == 2


def test_the_cap_on_tokens_counts_what_is_held() -> None:
    meter = BudgetMeter(Budget(tokens=100))
    holds = [meter.reserve(30) for _ in range(3)]
    assert refused(meter, 30) == "tokens"
    for hold in holds:
        hold.settle(Usage(1, 10, 0))
    assert meter.spent.tokens == 30
    meter.reserve(70)
    assert refused(meter, 1) == "tokens"


def test_the_next_reply_is_expected_to_be_as_long_as_those_before() -> None:
    meter = BudgetMeter(Budget(tokens=100))
    call(meter, Usage(1, 10, 30))
    call(meter, Usage(1, 10, 30))
    assert refused(meter, 10) == "tokens"


def test_the_cap_on_dollars_expects_the_mean_price() -> None:
    meter = BudgetMeter(Budget(dollars=1.0))
    call(meter, Usage(1, 10, 10, 0.4))
    hold = meter.reserve(10)
    assert refused(meter) == "dollars"
    hold.settle(Usage(1, 10, 10, 0.0))
    meter.reserve(10)


def test_an_unknown_price_cannot_be_capped_in_dollars() -> None:
    meter = BudgetMeter(Budget(dollars=1.0))
    call(meter, Usage(1, 10, 10, 0.0, unpriced=1))
    with pytest.raises(BudgetExhausted, match="price is unknown"):
        meter.reserve(10)
    without = BudgetMeter(Budget(tokens=1000))
    call(without, Usage(1, 10, 10, 0.0, unpriced=1))
    without.reserve(10)


def test_the_cap_on_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(meter_module.time, "monotonic", lambda: now)
    meter = BudgetMeter(Budget(seconds=5))
    call(meter, Usage(1))
    now = 105.1
    assert refused(meter) == "seconds"


def test_what_was_spent_before_counts() -> None:
    meter = BudgetMeter(Budget(calls=3), Usage(calls=2, prompt_tokens=5))
    call(meter, Usage(1))
    with pytest.raises(BudgetExhausted, match=r"calls=3 \(spent: 3 calls, 5 tokens"):
        meter.reserve(1)


def test_no_cap_is_no_limit() -> None:
    meter = BudgetMeter(Budget())
    for _ in range(1000):
        call(meter, Usage(1, 10**6, 10**6, 10.0, 1))
    assert meter.exhausted is None
