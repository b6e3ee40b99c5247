"""Refusals by chance do not slow an endpoint down, and nothing else is taken for chance; on a loop whose clock jumps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from burnish.lm.chance import Chance
from tests.unit.lm.test_limiter import Watched, now, run

CALLERS, LATENCY = 16, 0.5


class Gateway:
    """Refuses a share of the calls, whatever it is asked, and all above what it serves at once."""

    def __init__(self, share: float, most: int = 1000) -> None:
        self.share, self.most = share, most
        self.busy = self.served = self.refused = 0
        self.random = random.Random(3)

    async def answer(self) -> bool:
        await asyncio.sleep(0.01)
        if self.busy >= self.most or self.random.random() < self.share:
            self.refused += 1
            return False
        self.busy += 1
        try:
            await asyncio.sleep(LATENCY)
        finally:
            self.busy -= 1
        self.served += 1
        return True


def drive(gateway: Gateway, seconds: float, *, after: Callable[[], None] = lambda: None) -> Watched:
    """Let all callers ask for so long, and once more so long after that is done."""

    async def work() -> Watched:
        limiter = Watched()
        stop = now() + 2 * seconds

        async def caller() -> None:
            while now() < stop:
                place = await limiter.enter(10)
                if await gateway.answer():
                    place.succeeded(10)
                else:
                    place.refused(None)

        asyncio.get_running_loop().call_later(seconds, after)
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return limiter

    return run(work())


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3])
def test_calls_refused_by_chance_do_not_slow_the_others_down(share: float) -> None:
    gateway = Gateway(share)
    limiter = drive(gateway, 60)
    assert limiter._chance.found
    assert gateway.served > 0.7 * CALLERS / LATENCY * 120
    assert gateway.refused / (gateway.refused + gateway.served) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("most", [2, 5, 12])
def test_an_endpoint_that_serves_so_many_at_once_is_not_taken_for_one(most: int) -> None:
    gateway = Gateway(0.0, most)
    limiter = drive(gateway, 150)
    assert not limiter._chance.found
    assert gateway.refused < 0.05 * gateway.served


def test_where_more_are_refused_as_more_is_asked_it_was_not_chance() -> None:
    gateway = Gateway(0.1)

    def fewer() -> None:
        gateway.share, gateway.most = 0.0, 4
        gateway.served = gateway.refused = 0

    limiter = drive(gateway, 120, after=fewer)
    assert not limiter._chance.found
    assert limiter.limit < 6
    assert gateway.served > 0.7 * 4 / LATENCY * 120
    assert gateway.refused < 0.2 * gateway.served


def test_an_endpoint_that_says_when_to_come_back_does_not_refuse_by_chance() -> None:
    chance = Chance()
    for _ in range(50):
        chance.answered()
        assert not chance.refused(8.0, 0.0, asked=1.0)
        chance.answered()


def test_chance_that_was_none_is_not_thought_of_again_for_a_while() -> None:
    chance = Chance()

    def found(at: float) -> bool:
        for _ in range(10):
            chance.answered()
            chance.answered()
            chance.refused(8.0, at, asked=0.0)
        return chance.found

    assert found(0.0)
    assert chance.before == 8.0
    while chance.found:
        chance.refused(100.0, 1.0, asked=0.0)
    assert chance.before == 8.0
    assert not found(300.0)
    assert found(302.0)
