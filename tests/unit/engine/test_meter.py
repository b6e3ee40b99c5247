"""The budget meter: room is held before a call is sent, so caps hold however many calls are in flight."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from burnish.engine import meter as meter_module
from burnish.engine.meter import BudgetMeter, Hold
from burnish.errors import BudgetExhausted
from burnish.lm.capabilities import Price
from burnish.lm.scope import Scope, use_scope
from burnish.loop import run_sync
from burnish.testing import ScriptedLM
from burnish.values.budget import Budget
from burnish.values.usage import Usage


def reserve(meter: BudgetMeter, tokens: int = 10, **known: Any) -> Hold:
    """A reservation that is to be had, or refused, at once."""

    async def at_once() -> Hold:
        async with asyncio.timeout(1):
            return await meter.reserve(tokens, **known)

    return run_sync(at_once())


def call(meter: BudgetMeter, used: Usage, tokens: int = 10) -> None:
    reserve(meter, tokens).settle(used, replied=True)


def refused(meter: BudgetMeter, tokens: int = 10, **known: Any) -> str:
    with pytest.raises(BudgetExhausted) as caught:
        reserve(meter, tokens, **known)
    assert meter.exhausted is caught.value
    return caught.value.cap


def full(meter: BudgetMeter, tokens: int = 10, **known: Any) -> bool:
    """Whether a call would have to wait for others."""

    async def tried() -> bool:
        task = asyncio.ensure_future(meter.reserve(tokens, **known))
        await asyncio.sleep(0)
        if task.done():
            task.result().settle(Usage(), replied=False)
            return False
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return True

    return run_sync(tried())


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
    meter = BudgetMeter(Budget(tokens=110))
    call(meter, Usage(1, 10, 0))
    holds = [reserve(meter, 10, most=20) for _ in range(3)]
    assert full(meter, 10, most=20)
    for hold in holds:
        hold.settle(Usage(1, 10, 0), replied=True)
    assert meter.spent.tokens == 40
    reserve(meter, 50, most=20)
    assert full(meter, 1)
    assert refused(meter, 71) == "tokens"


def test_before_the_first_reply_calls_go_one_at_a_time_and_then_as_many_as_were_answered() -> None:
    meter = BudgetMeter(Budget(tokens=10_000))
    hold = reserve(meter)
    assert full(meter)
    assert full(meter, most=5)
    hold.settle(Usage(1, 10, 30), replied=True)
    held = [reserve(meter), reserve(meter)]
    assert full(meter)
    assert meter.spent.tokens + meter._held.tokens == 40 + 2 * 40
    for hold in held:
        hold.settle(Usage(1, 10, 20), replied=True)
    held = [reserve(meter) for _ in range(4)]
    assert full(meter)
    # One that holds as much as it may use needs nothing to compare with.
    held += [reserve(meter, most=500) for _ in range(10)]
    for hold in held:
        hold.settle(Usage(), replied=False)
    assert meter._held == Usage()


def test_a_prompt_is_held_for_as_much_as_estimates_were_short() -> None:
    meter = BudgetMeter(Budget(tokens=1000))
    call(meter, Usage(1, 25, 5), tokens=10)
    reserve(meter, 20)
    assert meter._held.prompt_tokens == 50


def test_replies_of_unknown_size_are_replies_all_the_same() -> None:
    meter = BudgetMeter(Budget(tokens=1000))
    reserve(meter).settle(Usage(1, 0, 0), replied=True)
    assert not full(meter)
    reserve(meter).settle(Usage(1, 10, 0), replied=False)
    assert meter._answered == 1


def test_a_cap_on_calls_alone_makes_nobody_wait() -> None:
    meter = BudgetMeter(Budget(calls=50))
    assert len([reserve(meter) for _ in range(50)]) == 50


def test_the_next_reply_is_expected_to_be_as_long_as_the_longest_before() -> None:
    meter = BudgetMeter(Budget(tokens=100))
    call(meter, Usage(1, 10, 40))
    call(meter, Usage(1, 10, 1))
    assert refused(meter, 10) == "tokens"
    assert not full(meter, 10, most=29)


def test_the_cap_on_dollars_goes_by_the_price_where_it_is_known() -> None:
    meter = BudgetMeter(Budget(dollars=1.0))
    price = Price(0.001, 0.01, 0.001)
    hold = reserve(meter, 100, most=50, price=price)
    assert meter._held.dollars == pytest.approx(0.6)
    assert full(meter, 100, most=50, price=price)
    hold.settle(Usage(1, 100, 10, 0.2), replied=True)
    assert not full(meter, 100, most=50, price=price)


def test_the_cap_on_dollars_expects_the_highest_price_so_far_where_it_is_not() -> None:
    meter = BudgetMeter(Budget(dollars=1.0))
    call(meter, Usage(1, 10, 10, 0.4))
    hold = reserve(meter)
    assert refused_later(meter, hold, Usage(1, 10, 10, 0.3)) == "dollars"


def refused_later(meter: BudgetMeter, hold: Hold, used: Usage) -> str:
    """What refuses a call that waits for another one, once that one is settled."""

    async def tried() -> str:
        task = asyncio.ensure_future(meter.reserve(10))
        await asyncio.sleep(0)
        assert not task.done()
        hold.settle(used, replied=True)
        with pytest.raises(BudgetExhausted) as caught:
            await task
        return caught.value.cap

    return run_sync(tried())


def test_calls_that_wait_for_room_are_served_in_their_order_and_may_be_cancelled() -> None:
    meter = BudgetMeter(Budget(tokens=100))
    call(meter, Usage(1, 0, 10))

    async def several() -> list[int]:
        order: list[int] = []

        async def one(number: int) -> None:
            hold = await meter.reserve(30)
            order.append(number)
            await asyncio.sleep(0)
            hold.settle(Usage(), replied=False)

        tasks = [asyncio.ensure_future(one(number)) for number in range(8)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return order

    assert run_sync(several()) == [0, 1, 2, 4, 5, 6, 7]
    assert meter._held == Usage()


def test_a_nested_run_holds_room_in_both_and_gives_back_what_it_did_not_get() -> None:
    outer = BudgetMeter(Budget(calls=1))
    inner = BudgetMeter(Budget(calls=5), outer=outer)
    call(inner, Usage(1, 5, 5))
    with pytest.raises(BudgetExhausted, match="calls=1"):
        reserve(inner)
    assert (inner.spent.calls, inner._held) == (1, Usage())


def test_an_unknown_price_cannot_be_capped_in_dollars() -> None:
    meter = BudgetMeter(Budget(dollars=1.0))
    call(meter, Usage(1, 10, 10, 0.0, unpriced=1))
    with pytest.raises(BudgetExhausted, match=r"price is unknown.*LM\(prices="):
        reserve(meter)
    without = BudgetMeter(Budget(tokens=1000))
    call(without, Usage(1, 10, 10, 0.0, unpriced=1))
    reserve(without)


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
        reserve(meter, 1)


def test_no_cap_is_no_limit() -> None:
    meter = BudgetMeter(Budget())
    for _ in range(1000):
        call(meter, Usage(1, 10**6, 10**6, 10.0, 1))
    assert meter.exhausted is None
