"""How many calls an endpoint is asked at once, found out from what it answers.

    enter ─▶ waits in line for: the pause that was asked for ─ room under the limit ─ rpm and tpm ─▶ `Place` ─▶ its end says how it went

Until the endpoint refuses a call (429, 503, 529) there is no limit and nobody waits. A refusal sets the limit to what
was being served: the calls in flight less those refused. From there it grows with the calls that succeed, slowly near
the level that was refused last and fast further off.

A `Limiter` has no locks: it belongs to the one event loop.
"""

from __future__ import annotations

import asyncio
import functools
import math
import os
import random
import time
from collections import deque
from collections.abc import Callable

# Seconds that a `Retry-After` is heeded at most: a run that seems to hang helps nobody.
_LONGEST_ASKED = 120.0
# Seconds between two questions to an endpoint that refuses everything and names no time: the first, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
# Seconds under load until a level that was refused is tried again: at first, and after it was refused many times.
_FIRST_PATIENCE, _LONGEST_PATIENCE = 1.0, 16.0
# Seconds in which the calls in flight double after a pause.
_RAMP_STEP, _LONGEST_RAMP_STEP = 0.1, 2.0
_SHRINK = 0.7
# rpm and tpm hold in every minute. The half second is for calls that are under way for unlike times.
_MINUTE = 60.5


class Place:
    """Leave to have one call in flight. It ends once; what ends it a second time is ignored."""

    __slots__ = ("_limiter", "level", "number", "sent", "tokens")

    def __init__(self, limiter: Limiter, tokens: int, number: int, sent: float) -> None:
        self._limiter: Limiter | None = limiter
        self.tokens = tokens
        self.number = number
        self.sent = sent
        self.level = limiter.in_flight

    def succeeded(self, tokens: int) -> None:
        """The endpoint replied, at the price of so many tokens."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter._succeeded(self, tokens)  # noqa: SLF001 — the two are one thing

    def refused(self, retry_after: float | None) -> None:
        """The endpoint has more to do than it can, and asks for so many seconds of pause."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter._refused(self, retry_after)  # noqa: SLF001 — the two are one thing

    def failed(self) -> None:
        """The call ended otherwise, which says nothing of how many there may be."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter._left()  # noqa: SLF001 — the two are one thing


class Limiter:
    """The pace of one endpoint's one model.

    Args:
        clock: Seconds, as the event loop counts them.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = math.inf
        self.in_flight = 0
        self.refused_since: float | None = None
        self._clock = clock
        self._waiters: deque[tuple[asyncio.Future[Place], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._sent = 0
        self._window = _Window()
        self._growth = _Growth()
        self._pause = _Pause()

    def restrict(self, *, rpm: int | None, tpm: int | None) -> None:
        """Hold to so many calls and tokens a minute from now on; the strictest of all that was asked for counts."""
        self._window.restrict(rpm, tpm)

    async def enter(self, tokens: int) -> Place:
        """Wait in line for a place.

        Args:
            tokens: What the call will use, as far as is known; `Place.succeeded` corrects it.
        """
        if self.limit == math.inf and not self._window.counts and not self._waiters:
            return self._place(tokens, self._clock())
        waiter: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiters.append((waiter, tokens))
        self._admit()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                place = waiter.result()
                self._window.forget(place)
                place.failed()
            else:
                self._admit()
            raise

    def _place(self, tokens: int, now: float) -> Place:
        self.in_flight += 1
        self._sent += 1
        return Place(self, tokens, self._sent, now)

    def _admit(self) -> None:
        """Let in who may, in the order of arrival, and come back when time alone will let in the next."""
        now = self._clock()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiters:
            waiter, tokens = self._waiters[0]
            if waiter.done():
                self._waiters.popleft()
                continue
            if self.in_flight >= self.limit - self.limit % 1:
                break
            ready = max(self._pause.ready(self.in_flight, now), self._window.ready(tokens, now))
            if ready > now:
                self._timer = asyncio.get_running_loop().call_later(ready - now, self._admit)
                break
            self._waiters.popleft()
            place = self._place(tokens, now)
            self._window.add(place)
            self._pause.sent(now)
            waiter.set_result(place)
        self._growth.press(now, pressed=bool(self._waiters))

    def _left(self) -> None:
        self.in_flight -= 1
        if self._waiters:
            self._admit()

    def _succeeded(self, place: Place, tokens: int) -> None:
        if self.refused_since is not None and place.sent > self.refused_since:
            self.refused_since = None
        self._window.correct(place, tokens)
        if self.limit < math.inf:
            now = self._clock()
            self._pause.succeeded(place.sent)
            self.limit = self._growth.grown(self.limit, place, now)
        self._left()

    def _refused(self, place: Place, retry_after: float | None) -> None:
        now = self._clock()
        self._window.correct(place, 0)
        asked = retry_after if retry_after is not None and 0 < retry_after < math.inf else 0.0
        if self.refused_since is None:
            self.refused_since = now
            self._growth.before = min(self.limit, float(self.in_flight))
        alone = self.in_flight == 1
        outage = alone and self.refused_since < now
        self.limit = self._growth.shrunk(self.limit, place, now, flying=self.in_flight, sent=self._sent, asked=asked)
        if alone:
            # Nothing was served, so nothing was learnt about how many may be.
            self.limit = max(self.limit, self._growth.restored())
        self._pause.refused(place, now, asked=asked, alone=alone, since=self.refused_since)
        self._left()


class _Pause:
    """When calls may be sent again after a refusal: a pause, then a ramp; and the gap between calls sent one by one."""

    def __init__(self) -> None:
        self._until = -math.inf
        self._step = _RAMP_STEP
        self._gap = 0.0
        self._last_sent = -math.inf
        self._last_success: float | None = None
        self._interval = 0.0
        self._row = 0

    def ready(self, flying: int, now: float) -> float:
        """When the next call may go, beside so many in flight."""
        if now < self._until:
            return self._until
        ready = self._last_sent + self._gap if self._gap else -math.inf
        if flying and self._until > -math.inf:
            # Twice as many each step, from one on.
            ready = max(ready, self._until + self._step * math.log2(flying + 1))
        return ready

    def sent(self, now: float) -> None:
        self._last_sent = now

    def succeeded(self, sent: float) -> None:
        if self._last_success is not None:
            interval = max(0.0, sent - self._last_success)
            self._interval += 0.2 * (interval - self._interval) if self._interval else interval
        self._last_success = sent
        if self._gap:
            self._row += 1
            self._gap *= 1 - min(0.1, 0.002 * self._row)

    def refused(self, place: Place, now: float, *, asked: float, alone: bool, since: float) -> None:
        self._step = min(_LONGEST_RAMP_STEP, max(_RAMP_STEP, 2 * (now - place.sent)))
        pause = 0.0
        if asked:
            pause = min(asked, _LONGEST_ASKED)
        elif alone:
            # Nothing is left in flight whose end would tell when to ask again.
            pause = random.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, max(_FIRST_PAUSE, (now - since) / 8))
        if pause:
            self._until = max(self._until, now + pause)
        if alone and since == now and self._interval:
            self._row = 0
            self._gap = min(_LONGEST_PAUSE, max(1.25 * self._gap, self._interval))


class _Growth:
    """How the limit moves."""

    def __init__(self) -> None:
        self.before = math.inf
        self._cut = 0
        self._level = 0
        self._least = 1.0
        self._held = 0.0
        self._ceiling = math.inf
        self._patience = _FIRST_PATIENCE
        self._latency = 0.0
        self._pressed = 0.0
        self._pressed_since: float | None = None
        self._successes = 0
        self._crossed: float | None = None

    def press(self, now: float, *, pressed: bool) -> None:
        """Count the time in which somebody waits: only then does a success say that more would do."""
        if self._pressed_since is not None:
            self._pressed += now - self._pressed_since
        self._pressed_since = now if pressed else None

    def restored(self) -> float:
        """The limit of before the endpoint refused everything."""
        self._held = max(1.0, self.before)
        self._ceiling = self._held + 1
        return self._held

    def shrunk(self, limit: float, place: Place, now: float, *, flying: int, sent: int, asked: float) -> float:
        """The limit after a refusal: what is being served, once for all that was sent before the first one."""
        if place.number <= self._cut:
            self._level = max(1, self._level - 1)
            if self._level < limit:
                self._held = max(self._least, float(self._level))
                self._ceiling = min(self._ceiling, self._held + 1)
            return min(limit, self._held)
        self._cut = sent
        self._level = max(1, flying - 1)
        self._least = max(1.0, flying / 2 if asked else 1.0)
        least = max(_FIRST_PATIENCE, min(16 * asked, 60.0))
        most = max(_LONGEST_PATIENCE, min(64 * asked, 120.0))
        if limit == math.inf or max(place.level, flying) > self._held:
            again = self._level >= self._held > 0
            if again and self._level < 1.1 * self._ceiling:
                self._patience = max(least, min(2 * self._patience, most))
            else:
                self._patience = least
            self._held = min(limit, float(self._level))
            self._ceiling = self._held + 1
        else:
            self._held = max(1.0, min(float(self._level), limit * _SHRINK))
            self._ceiling = max(math.floor(limit), math.floor(self._held) + 1)
        self.press(now, pressed=self._pressed_since is not None)
        self._pressed = 0.0
        self._successes = 0
        self._crossed = None
        return self._held

    def grown(self, limit: float, place: Place, now: float) -> float:
        """The limit after a success: a cubic curve through the level that was refused, at most one step a call."""
        latency = now - place.sent
        self._latency += 0.1 * (latency - self._latency) if self._latency else latency
        self._successes += 1
        if self._pressed_since is None:
            return limit
        self.press(now, pressed=True)
        round_trip = 2 * self._latency
        if self._crossed is None and place.level >= self._ceiling and place.number > self._cut:
            self._crossed = self._pressed
        if self._crossed is None:
            patience = max(self._patience, round_trip)
            way = min(1.0, self._pressed / patience, self._successes / (12 * self._patience))
            curve = self._ceiling - (self._ceiling - self._held) * (1 - way) ** 3
        else:
            rounds = (self._pressed - self._crossed) / max(_FIRST_PATIENCE, round_trip)
            curve = self._ceiling + max(1.0, 0.05 * self._ceiling) * rounds**3
        return max(limit, min(limit + 1, curve))


class _Window:
    """Calls and tokens of the last minute, where the user caps them."""

    def __init__(self) -> None:
        self.counts = False
        self._rpm = math.inf
        self._tpm = math.inf
        self._places: deque[Place] = deque()
        self._tokens = 0

    def restrict(self, rpm: int | None, tpm: int | None) -> None:
        self._rpm = min(self._rpm, math.inf if rpm is None else rpm)
        self._tpm = min(self._tpm, math.inf if tpm is None else tpm)
        self.counts = min(self._rpm, self._tpm) < math.inf

    def ready(self, tokens: int, now: float) -> float:
        """When a call of so many tokens may go, as far as this is known now."""
        while self._places and self._places[0].sent + _MINUTE <= now:
            self.forget(self._places[0])
        if not self._places:
            return -math.inf
        if len(self._places) < self._rpm and self._tokens + tokens <= self._tpm:
            return -math.inf
        return self._places[0].sent + _MINUTE

    def add(self, place: Place) -> None:
        if self.counts:
            self._places.append(place)
            self._tokens += place.tokens

    def correct(self, place: Place, tokens: int) -> None:
        """Put what a call used in the place of what it was taken for."""
        if self._places and self._places[0].number <= place.number:
            self._tokens += tokens - place.tokens
            place.tokens = tokens

    def forget(self, place: Place) -> None:
        if self.counts:
            self._places.remove(place)
            self._tokens -= place.tokens


def limiter_of(endpoint: str, model: str) -> Limiter:
    """The one limiter of this endpoint's model in this process."""
    return _limiter_of(endpoint, model, os.getpid())


@functools.cache
def _limiter_of(endpoint: str, model: str, process: int) -> Limiter:
    # A forked child has a loop of its own, so it begins anew.
    return Limiter()
