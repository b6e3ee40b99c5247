"""The limiter: endpoints are used nearly to the full, refused calls are few, and nobody is forgotten.

Everything runs on a loop whose clock jumps from timer to timer: minutes pass in milliseconds, and always the same way.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import random
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.lm.limiter import Limiter, Place
from burnish.lm.traffic import traffic_of

T = TypeVar("T")
MINUTE = 60.0


class Instant(selectors.DefaultSelector):
    """Waits for nothing: where no file is ready, the time that it would have waited has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for somebody else"
            self.now += max(0.0, timeout)
        return ready


class InstantLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer."""

    def __init__(self) -> None:
        self._instant = Instant()
        super().__init__(self._instant)

    def time(self) -> float:
        return self._instant.now


def run(work: Coroutine[Any, Any, T]) -> T:
    random.seed(5)
    with asyncio.Runner(loop_factory=InstantLoop) as runner:
        return runner.run(work)


def now() -> float:
    return asyncio.get_running_loop().time()


class Watched(Limiter):
    """Notes each entry, and fails where one should not have been."""

    def __init__(self) -> None:
        super().__init__(clock=now)
        self.entries: list[Place] = []
        self.tpm = math.inf

    def _place(self, tokens: int, at: float) -> Place:
        assert self.in_flight + 1 <= self.limit
        if self.tpm < math.inf:
            used = sum(place.tokens for place in self.entries if place.sent > at - MINUTE)
            assert not used or used + tokens <= self.tpm
        place = super()._place(tokens, at)
        self.entries.append(place)
        return place

    def _left(self) -> None:
        super()._left()
        assert self.in_flight >= 0

    def times(self) -> list[float]:
        return [place.sent for place in self.entries]


class Endpoint:
    """Serves `most` at once, all of them after about `latency` seconds, and nobody while `out` says so."""

    def __init__(self, most: float, latency: float = 0.5, *, spread: float = 0.3) -> None:
        self.most, self.latency, self.spread = most, latency, spread
        self.out: Callable[[], bool] = lambda: False
        self.retry_after: float | None = None
        self.busy = self.served = self.refused = 0
        self.random = random.Random(11)

    async def answer(self) -> bool:
        await asyncio.sleep(0.001)
        if self.busy >= self.most or self.out():
            self.refused += 1
            await asyncio.sleep(0.001)
            return False
        self.busy += 1
        try:
            await self.work()
        finally:
            self.busy -= 1
        self.served += 1
        await asyncio.sleep(0.001)
        return True

    async def work(self) -> None:
        await asyncio.sleep(self.latency * self.random.uniform(1 - self.spread, 1 + self.spread))

    async def ask(self, limiter: Limiter) -> None:
        """One call until it is answered."""
        while True:
            place = await limiter.enter(10)
            try:
                if await self.answer():
                    return place.succeeded(10)
                place.refused(self.retry_after)
            finally:
                place.failed()


async def drive(endpoint: Endpoint, limiter: Limiter, *, callers: int, seconds: float) -> None:
    """So many callers ask without a pause, each one call after the other."""

    async def caller() -> None:
        while True:
            await endpoint.ask(limiter)

    tasks = [asyncio.create_task(caller()) for _ in range(callers)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
        assert not task.done()
    await asyncio.gather(*tasks, return_exceptions=True)


async def at_once(limiter: Limiter, count: int) -> list[Place]:
    return [await limiter.enter(10) for _ in range(count)]


async def limited(limit: int) -> Watched:
    """A limiter whose endpoint has just refused the calls over its limit, with nothing in flight."""
    limiter = Watched()
    places = await at_once(limiter, limit + 5)
    for place in places[limit:]:
        place.refused(None)
    for place in places[:limit]:
        place.failed()
    assert limiter.limit == limit
    assert limiter.in_flight == 0
    return limiter


def test_nobody_waits_before_the_first_refusal() -> None:
    limiter = Limiter()
    for _ in range(1000):
        # Without a loop: a call that had to wait would need one.
        with pytest.raises(StopIteration):
            limiter.enter(10).send(None)
    assert (limiter.limit, limiter.in_flight, limiter.refused_since) == (math.inf, 1000, None)


def test_a_fixed_capacity_is_used_with_few_refusals_and_no_caller_fails() -> None:
    async def work() -> tuple[Endpoint, int, Watched]:
        endpoint, limiter = Endpoint(20), Watched()
        await drive(endpoint, limiter, callers=256, seconds=10)
        start = endpoint.refused
        await drive(endpoint, limiter, callers=256, seconds=110)
        return endpoint, start, limiter

    endpoint, start, limiter = run(work())
    assert endpoint.served > 0.97 * 120 * 20 / 0.5
    assert start < 250
    assert endpoint.refused - start < 0.005 * endpoint.served
    assert 20 <= limiter.limit < 22


def test_a_slow_endpoint_is_not_tried_more_often_for_its_few_replies() -> None:
    async def work() -> tuple[int, int]:
        endpoint, limiter = Endpoint(10, latency=8.0), Watched()
        await drive(endpoint, limiter, callers=50, seconds=900)
        return endpoint.served, endpoint.refused - 40  # those of the first burst

    served, refused = run(work())
    assert served > 1000
    assert refused < 0.015 * served


def test_a_burst_of_refusals_leaves_what_is_being_served() -> None:
    async def work() -> list[float]:
        limiter = Watched()
        places = await at_once(limiter, 256)
        random.shuffle(places)
        limits = []
        for place in places[:200]:
            place.refused(None)
        limits.append(limiter.limit)
        # Replies in between change nothing: each makes room for one call.
        for place in places[200:210]:
            place.succeeded(10)
        for place in places[210:220]:
            place.refused(None)
        limits.append(limiter.limit)
        return limits

    assert run(work()) == [56, 46]


def test_a_second_refusal_in_a_round_takes_more_than_one() -> None:
    async def work() -> list[float]:
        limiter = Watched()
        places = await at_once(limiter, 101)
        places.pop().refused(None)
        limits = [limiter.limit]
        for _ in range(2):
            caller = asyncio.create_task(limiter.enter(10))
            await asyncio.sleep(0.01)
            while not caller.done():
                places.pop().succeeded(10)
                await asyncio.sleep(0)
            (await caller).refused(None)
            limits.append(limiter.limit)
        return limits

    first, second, third = run(work())
    assert first == 100
    assert second == pytest.approx(70, abs=1)
    assert third == pytest.approx(49, abs=1)


def test_capacity_that_shrinks_and_grows_is_followed() -> None:
    async def work() -> list[float]:
        endpoint, limiter = Endpoint(40), Watched()
        shares = []
        for most in (40, 10, 60, 20):
            endpoint.most = most
            await drive(endpoint, limiter, callers=256, seconds=25)
            before = endpoint.served
            await drive(endpoint, limiter, callers=256, seconds=10)
            shares.append((endpoint.served - before) / (10 * most / endpoint.latency))
        return shares

    assert min(run(work())) > 0.85


def test_a_limit_that_nobody_presses_against_does_not_grow() -> None:
    async def work() -> float:
        limiter = await limited(20)
        await drive(Endpoint(1000), limiter, callers=5, seconds=300)
        return limiter.limit

    assert run(work()) == 20


def test_everybody_waits_as_long_as_the_endpoint_asks_and_comes_back_in_a_ramp() -> None:
    async def work() -> list[float]:
        limiter = Watched()
        held = await at_once(limiter, 41)
        callers = [asyncio.create_task(limiter.enter(10)) for _ in range(60)]
        held[0].refused(7.0)
        for place in held[1:]:
            place.failed()
        await asyncio.sleep(20)
        assert sum(task.done() for task in callers) == limiter.limit == 40
        return limiter.times()[41:]

    times = run(work())
    assert times[0] == 7.0
    assert [sum(at <= 7.0 + late for at in times) for late in (0.05, 0.15, 0.25, 0.35)] == [1, 2, 5, 11]
    assert times[-1] < 8.0, "a pause ends"


def test_where_a_pause_is_asked_for_a_burst_takes_half_at_most() -> None:
    async def work() -> float:
        limiter = Watched()
        places = await at_once(limiter, 100)
        for place in places[:90]:
            place.refused(1.0)
        return limiter.limit

    assert run(work()) == 50


def test_a_level_whose_refusal_means_a_pause_is_tried_seldom() -> None:
    async def work() -> float:
        endpoint, limiter = Endpoint(20), Watched()
        endpoint.retry_after = 1.0
        await drive(endpoint, limiter, callers=100, seconds=150)
        return endpoint.served / (150 * 20 / 0.5)

    assert run(work()) > 0.94


def test_no_pause_is_longer_than_two_minutes() -> None:
    async def work() -> float:
        limiter = Watched()
        for asked in (3600.0, math.inf, math.nan, -3.0):
            (await limiter.enter(10)).refused(asked)
        await limiter.enter(10)
        return now()

    assert 120 <= run(work()) < 4 * 121


def test_an_endpoint_that_refuses_everything_is_asked_ever_less_and_is_found_soon_when_it_answers_again() -> None:
    async def work() -> tuple[Watched, Endpoint, list[float], float]:
        endpoint, limiter = Endpoint(64), Watched()
        await drive(endpoint, limiter, callers=256, seconds=20)
        begin = now()
        endpoint.out = lambda: now() < begin + 40
        before = len(limiter.entries)
        await drive(endpoint, limiter, callers=256, seconds=40)
        # At its beginning the callers are new and come all at once.
        asked = [at - begin for at in limiter.times()[before:] if at > begin + 1]
        assert limiter.refused_since == pytest.approx(begin, abs=0.1)
        served = endpoint.served
        await drive(endpoint, limiter, callers=256, seconds=10)
        return limiter, endpoint, asked, (endpoint.served - served) / (10 * 64 / 0.5)

    limiter, _, asked, share = run(work())
    gaps = [after - before for before, after in itertools.pairwise(asked)]
    assert len(asked) < 40
    assert max(gaps[-5:]) > 2
    assert max(gaps) < 6
    assert share > 0.4, "of ten seconds, five at most until all is as before"
    assert limiter.refused_since is None
    assert 60 <= limiter.limit < 70


def test_pauses_of_our_own_reach_half_a_minute_and_no_more() -> None:
    async def work() -> list[float]:
        limiter = Watched()
        for _ in range(60):
            (await limiter.enter(10)).refused(None)
        return limiter.times()

    times = run(work())
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert 20 < max(gaps) <= 30
    assert max(gaps[:3]) <= 0.5


def test_a_refusal_of_the_only_call_does_not_slow_down_the_many_after_it() -> None:
    """A server that is still loading its model refuses the first call, and serves a hundred at once a minute later."""

    async def work() -> float:
        endpoint, limiter = Endpoint(100, latency=8.0), Watched()
        endpoint.out = lambda: now() < 60
        await drive(endpoint, limiter, callers=1, seconds=70)
        await drive(endpoint, limiter, callers=100, seconds=80)
        return endpoint.served / (100 * 80 / 8.0)

    assert run(work()) > 0.85


def test_a_reply_to_what_was_sent_before_the_refusals_is_no_sign_of_recovery() -> None:
    async def work() -> tuple[float | None, float | None]:
        limiter = Watched()
        early = await limiter.enter(10)
        refused = await limiter.enter(10)
        await asyncio.sleep(1)
        refused.refused(None)
        early.succeeded(10)
        still = limiter.refused_since
        await asyncio.sleep(1)
        (await limiter.enter(10)).succeeded(10)
        return still, limiter.refused_since

    assert run(work()) == (1.0, None)


def test_calls_a_minute_that_the_endpoint_counts_are_learnt() -> None:
    """One call a second is served, with half a second each: no limit on calls in flight can tell."""

    class Bucket(Endpoint):
        level, at = 5.0, 0.0

        async def answer(self) -> bool:
            self.level = min(5.0, self.level + now() - self.at)
            self.at = now()
            self.most = 1000 if self.level >= 1 else 0
            if self.most:
                self.level -= 1
            return await super().answer()

    async def work(retry_after: float | None) -> tuple[int, int]:
        endpoint, limiter = Bucket(1000), Watched()
        endpoint.retry_after = retry_after
        await drive(endpoint, limiter, callers=50, seconds=20)
        served, refused = endpoint.served, endpoint.refused
        await drive(endpoint, limiter, callers=50, seconds=200)
        return endpoint.served - served, endpoint.refused - refused

    for retry_after in (None, 1.0):
        served, refused = run(work(retry_after))
        assert served > 180
        assert refused < 0.2 * served


def test_growth_that_only_makes_replies_slower_is_taken_back_and_growth_that_helps_is_not() -> None:
    class Queue(Endpoint):
        def __init__(self, servers: int) -> None:
            super().__init__(1000, latency=1.0)
            self.servers = asyncio.Semaphore(servers)

        async def work(self) -> None:
            async with self.servers:
                await super().work()

    async def work(servers: int) -> tuple[float, float]:
        endpoint, limiter = Queue(servers), await limited(10)
        await drive(endpoint, limiter, callers=100, seconds=100)
        return limiter.limit, endpoint.served / (100 * min(100, servers))

    limit, share = run(work(20))
    assert limit < 50
    assert share > 0.9
    limit, share = run(work(1000))
    assert limit >= 100
    assert share > 0.8


def test_replies_of_very_different_length_throttle_nobody() -> None:
    class Noisy(Endpoint):
        async def work(self) -> None:
            # Replies become ten times longer half-way, as from one phase of a compile to the next.
            scale = 0.2 if now() < 60 else 2.0
            await asyncio.sleep(scale * self.random.lognormvariate(0, 1))

    async def work() -> float:
        endpoint, limiter = Noisy(1000), await limited(20)
        await drive(endpoint, limiter, callers=40, seconds=150)
        return limiter.limit

    assert run(work()) >= 40


def test_who_came_first_goes_first() -> None:
    async def work() -> list[int]:
        limiter = await limited(3)
        order: list[int] = []

        async def caller(number: int) -> None:
            # Later ones ask for less, and must not slip in.
            place = await limiter.enter(1000 - number)
            order.append(number)
            await asyncio.sleep(1)
            place.failed()

        limiter.restrict(limiter, rpm=None, tpm=4000)
        await asyncio.gather(*[caller(number) for number in range(30)])
        return order

    assert run(work()) == list(range(30))


def test_a_caller_that_gives_up_is_passed_over() -> None:
    async def work() -> bool:
        limiter = await limited(1)
        place = await limiter.enter(10)
        first, second = asyncio.create_task(limiter.enter(10)), asyncio.create_task(limiter.enter(10))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        place.failed()
        await second
        return first.cancelled()

    assert run(work())


def test_a_caller_that_gives_up_in_the_moment_of_its_turn_gives_it_on() -> None:
    async def work() -> int:
        limiter = await limited(1)
        limiter.restrict(limiter, rpm=2, tpm=None)
        place = await limiter.enter(10)
        first, second = asyncio.create_task(limiter.enter(10)), asyncio.create_task(limiter.enter(10))
        await asyncio.sleep(0)
        place.failed()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        (await second).failed()
        assert now() == 0, "the first one sent nothing, and rpm does not count it"
        return limiter.in_flight

    assert run(work()) == 0


def test_a_large_call_that_gives_up_does_not_hold_up_small_ones() -> None:
    async def work() -> float:
        limiter = Watched()
        limiter.restrict(limiter, rpm=None, tpm=100)
        await limiter.enter(60)
        large = asyncio.create_task(limiter.enter(90))
        small = asyncio.create_task(limiter.enter(30))
        await asyncio.sleep(1)
        assert not small.done()
        large.cancel()
        await small
        return now()

    assert run(work()) == pytest.approx(1.0)


def test_a_place_ends_once() -> None:
    async def work() -> tuple[int, float]:
        limiter = Limiter(clock=now)
        places = await at_once(limiter, 3)
        for place in places:
            place.succeeded(10)
            place.refused(60.0)
            place.failed()
        return limiter.in_flight, limiter.limit

    assert run(work()) == (0, math.inf)


def test_a_failed_call_says_nothing_of_capacity() -> None:
    async def work() -> tuple[float, float | None]:
        limiter = Limiter(clock=now)
        for place in await at_once(limiter, 100):
            place.failed()
        return limiter.limit, limiter.refused_since

    assert run(work()) == (math.inf, None)


def test_calls_a_minute_are_never_passed_and_used_up() -> None:
    async def work() -> list[float]:
        limiter = Watched()
        owners = [Owner() for _ in range(3)]
        for owner, rpm in zip(owners, (30, 100, None), strict=True):
            limiter.restrict(owner, rpm=rpm, tpm=None)
        await drive(Endpoint(1000, latency=1.3), limiter, callers=50, seconds=300)
        return limiter.times()

    times = run(work())
    assert most_in_a_minute(times) == 30
    assert len(times) >= 30 * 4


class Owner:
    """Somebody who asks for a limit."""


def test_a_limit_goes_with_whoever_asked_for_it() -> None:
    async def work() -> int:
        limiter = Limiter(clock=now)
        strict, lenient = Owner(), Owner()
        limiter.restrict(strict, rpm=2, tpm=None)
        limiter.restrict(lenient, rpm=5, tpm=None)
        del strict
        return len(await at_once(limiter, 5))

    assert run(work()) == 5


def test_a_call_that_was_not_sent_after_all_is_no_call_of_the_minute() -> None:
    async def work() -> int:
        limiter = Limiter(clock=now)
        limiter.restrict(limiter, rpm=2, tpm=None)
        for place in await at_once(limiter, 2):
            place.unsent()
        return len(await at_once(limiter, 2))

    assert run(work()) == 2


def most_in_a_minute(times: list[float]) -> int:
    return max((sum(start <= at < start + MINUTE for at in times) for start in times), default=0)


def test_tokens_a_minute_are_reserved_and_corrected() -> None:
    async def work() -> list[float]:
        limiter = Watched()
        limiter.restrict(limiter, rpm=None, tpm=1000)
        first, second = await limiter.enter(600), await limiter.enter(400)
        third = asyncio.create_task(limiter.enter(300))
        await asyncio.sleep(1)
        assert not third.done()
        first.succeeded(250)  # 650 are used up now
        (await third).failed()  # what a failed call used is not known: its estimate stands
        at = [now()]
        second.refused(None)  # 550, since what was refused has used nothing
        (await limiter.enter(450)).failed()
        at.append(now())
        await limiter.enter(1)
        return [*at, now()]

    third, fourth, fifth = run(work())
    assert third == pytest.approx(1)
    assert fourth < 3
    assert fifth == pytest.approx(60.5)


def test_a_call_of_more_tokens_than_a_minute_has_goes_alone() -> None:
    async def work() -> list[float]:
        limiter = Watched()
        limiter.restrict(limiter, rpm=None, tpm=1000)
        for tokens in (5000, 10, 5000, 10):
            (await limiter.enter(tokens)).succeeded(tokens)
        return limiter.times()

    assert run(work()) == pytest.approx([0, 60.5, 121, 181.5])


def test_one_pace_for_an_endpoints_model_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    here = traffic_of("http://127.0.0.1:1/v1", "a")
    assert traffic_of("http://127.0.0.1:1/v1", "a") is here
    assert traffic_of("http://127.0.0.1:1/v1", "b") is not here
    assert traffic_of("http://127.0.0.1:2/v1", "a") is not here
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as in a forked child, whose loop is another
    assert traffic_of("http://127.0.0.1:1/v1", "a") is not here


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(0, 150)),
        st.tuples(st.sampled_from(["succeeded", "refused", "refused later", "failed", "cancel"]), st.integers(0, 50)),
        st.tuples(st.just("pass"), st.sampled_from([0, 1, 20, 61])),
    ),
    max_size=120,
)


@given(steps=STEPS, rpm=st.none() | st.integers(1, 12), tpm=st.none() | st.integers(1, 300))
def test_whatever_happens_limits_hold_and_all_get_in(
    steps: list[tuple[str, int]], rpm: int | None, tpm: int | None
) -> None:
    async def work() -> Watched:
        limiter = Watched()
        limiter.restrict(limiter, rpm=rpm, tpm=tpm)
        if tpm is not None and not cancelled(steps):
            limiter.tpm = tpm
        callers: list[asyncio.Task[Place]] = []
        for kind, number in steps:
            if kind == "enter":
                callers.append(asyncio.create_task(limiter.enter(number)))
            elif kind == "pass":
                await asyncio.sleep(number)
            elif callers and kind == "cancel":
                callers[number % len(callers)].cancel()
            else:
                inside = [task.result() for task in callers if task.done() and not task.cancelled()]
                if inside:
                    end(inside[number % len(inside)], kind, number)
            assert limiter.in_flight <= len(callers)
        # Now everything succeeds: nobody may be left over.
        for _ in range(10 * len(callers)):
            if all(task.done() for task in callers):
                break
            await asyncio.sleep(70)
            for task in callers:
                if task.done() and not task.cancelled():
                    task.result().succeeded(5)
        await asyncio.sleep(0)
        assert all(task.done() for task in callers)
        for task in callers:
            if not task.cancelled():
                task.result().succeeded(5)
        assert limiter.in_flight == 0
        return limiter

    limiter = run(work())
    if rpm is not None:
        # A caller that gave up in the moment of its turn sent nothing, and does not count.
        assert most_in_a_minute(limiter.times()) <= rpm + cancelled(steps)


def cancelled(steps: list[tuple[str, int]]) -> int:
    return sum(kind == "cancel" for kind, _ in steps)


def end(place: Place, kind: str, number: int) -> None:
    if kind == "succeeded":
        place.succeeded(3 * number)
    elif kind == "failed":
        place.failed()
    else:
        place.refused(number / 5 if kind == "refused later" else None)
