"""How many calls an endpoint is asked at once, found out from what it answers.

    enter ─▶ in line for: room under the limit ─ the end of a pause ─ rpm and tpm ─▶ `Place` ─▶ its end says how it went

Until the endpoint refuses a call (429, 503, 529) there is no limit and nobody waits. Then the limit is what was being
served, the calls in flight less those refused, and grows as calls succeed: fast far below the level that was refused, slowly
near it, and fast again where it holds after all. An endpoint that refuses everything is asked one call at a time. The rules
and their reasons are in `docs/design/009-the-limiter.md`. No locks: a `Limiter` belongs to the one event loop. Without a
limit a call costs 1 to 2 microseconds; where it waits, about 10.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
import weakref
from collections import deque
from collections.abc import Callable

from burnish.lm.chance import Chance
from burnish.lm.growth import Growth

# Seconds that a `Retry-After` is heeded at most: a run that seems to hang helps nobody.
LONGEST_ASKED = 120.0
# Seconds between questions to an endpoint that refuses everything and names no time; between the two bounds it is a
# share of the time for which it has refused, so that it is not asked much, nor found answering much too late.
_FIRST_PAUSE, _LONGEST_PAUSE, _PAUSE_SHARE = 0.5, 30.0, 0.125
# Seconds in which the calls in flight double after a pause, or twice what a refusal takes to arrive.
_RAMP, _LONGEST_RAMP = 0.1, 2.0
# rpm and tpm hold in every minute, also where the endpoint counts it: calls take unlike times to arrive.
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

    def unsent(self) -> None:
        """The call was not sent after all."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter._unsent(self)  # noqa: SLF001 — the two are one thing

    def failed(self) -> None:
        """The call ended otherwise, which says nothing of how many there may be."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter._left()  # noqa: SLF001 — the two are one thing


class Limiter:
    """The pace of one endpoint's one model.

    Attributes:
        limit: How many calls may be in flight; infinite until one was refused beside others that were served.
        in_flight: How many are.
        refused_since: Since when, by the clock, no call that was sent has been answered but by refusals; None while
            the endpoint answers.

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
        self._was_refused = False
        self._minute = _Minute()
        self._growth = Growth()
        self._pause = self._kept_pause = _Pause()
        self._chance = Chance()

    def restrict(self, owner: object, *, rpm: int | None, tpm: int | None) -> None:
        """Hold to so many calls and tokens a minute for as long as the owner lives; the strictest owner counts."""
        self._minute.restrict(owner, rpm, tpm)

    async def enter(self, tokens: int) -> Place:
        """A place for one call, as soon as those who came before have theirs.

        Args:
            tokens: What the call will use, as far as is known; `Place.succeeded` corrects it.
        """
        now = self._clock()
        if not self._waiters and self._ready(tokens, now) <= now:
            return self._place(tokens, now)
        waiter: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiters.append((waiter, tokens))
        self._admit()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                # Its turn had come at the same moment.
                waiter.result().unsent()
            else:
                self._admit()
            raise

    def _ready(self, tokens: int, now: float) -> float:
        """When a call may go, as far as time alone decides it."""
        if self._was_refused:
            if self.in_flight + 1 > self.limit:
                return math.inf
            ready = self._pause.ready(self.in_flight, now)
            return max(ready, self._minute.ready(tokens, now)) if self._minute.counts else ready
        return self._minute.ready(tokens, now) if self._minute.counts else now

    def _place(self, tokens: int, now: float) -> Place:
        self.in_flight += 1
        self._sent += 1
        place = Place(self, tokens, self._sent, now)
        if self._minute.counts:
            self._minute.add(place)
        self._pause.last_sent = now
        return place

    def _admit(self) -> None:
        """Let in who may, in the order of arrival, and come back when time alone will let in the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        while self._waiters:
            waiter, tokens = self._waiters[0]
            if not waiter.done():
                ready = self._ready(tokens, now)
                if ready > now:
                    if ready < math.inf:
                        self._timer = asyncio.get_running_loop().call_later(ready - now, self._admit)
                    break
                waiter.set_result(self._place(tokens, now))
            self._waiters.popleft()
        self._growth.press(now, pressed=bool(self._waiters))

    def _left(self) -> None:
        self.in_flight -= 1
        if self._waiters:
            self._admit()

    def _unsent(self, place: Place) -> None:
        if self._minute.counts:
            self._minute.forget(place)
        self._left()

    def _succeeded(self, place: Place, tokens: int) -> None:
        if self._minute.counts:
            self._minute.correct(place, tokens)
        if self._was_refused:
            # What was sent before the refusals began was taken on before, and says nothing of now.
            if self.refused_since is not None and place.sent > self.refused_since:
                self.refused_since = None
            self._pause.succeeded(place)
            self._chance.answered()
            if self._chance.found:
                self.limit += bool(self._waiters)
            elif self.limit < math.inf:
                self.limit = self._growth.grown(self.limit, place, self._clock())
        self._left()

    def _refused(self, place: Place, retry_after: float | None) -> None:
        now = self._clock()
        if self._minute.counts:
            self._minute.correct(place, 0)
        asked = min(retry_after, LONGEST_ASKED) if retry_after is not None and retry_after > 0 else 0.0
        first = self.refused_since is None
        if self.refused_since is None:
            self.refused_since = now
            self._growth.before = self.limit
        self._was_refused = True
        was_chance = self._chance.found
        if self._chance.refused(self.limit, now, asked=asked):
            if not was_chance:
                self._pause, self._kept_pause = _Pause(), self._pause
            self._left()
            return
        if was_chance:
            self.limit, self._pause = self._chance.before, self._kept_pause
        self.limit = self._growth.shrunk(self.limit, place, now, flying=self.in_flight, sent=self._sent, asked=asked)
        alone = self.in_flight == 1
        if alone:
            # Nothing was being served beside it, which says nothing of how much can be.
            self.limit = self._growth.restored(self.limit)
        self._pause.refused(place, now, asked=asked, alone=alone, for_seconds=now - self.refused_since, first=first)
        self._left()


class _Pause:
    """When calls go again after a refusal: a pause, then a ramp, and a gap between calls that are refused one by one."""

    def __init__(self) -> None:
        self.last_sent = -math.inf
        self._until = -math.inf
        self._step = _RAMP
        self._gap = 0.0
        self._interval = 0.0
        self._last_success: float | None = None
        self._in_a_row = 0

    def ready(self, flying: int, now: float) -> float:
        """When the next call may go, beside so many in flight."""
        if now < self._until:
            return self._until
        # One, two, four and so on: whoever else has waited for the same pause comes back now, too.
        ready = self._until + self._step * math.log2(flying + 1) if self._until > -math.inf else -math.inf
        return max(ready, self.last_sent + self._gap) if self._gap else ready

    def succeeded(self, place: Place) -> None:
        """Learn how fast calls are answered, and shorten the gap, slowly at first."""
        if self._last_success is not None:
            interval = max(0.0, place.sent - self._last_success)
            self._interval += 0.2 * (interval - self._interval) if self._interval else interval
        self._last_success = place.sent
        self._in_a_row += 1
        self._gap *= 1 - min(0.1, 0.002 * self._in_a_row)

    def refused(self, place: Place, now: float, *, asked: float, alone: bool, for_seconds: float, first: bool) -> None:
        """Begin a pause where one was asked for, or where no call is left whose end would tell when to ask again."""
        self._step = min(_LONGEST_RAMP, max(_RAMP, 2 * (now - place.sent)))
        own = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, _PAUSE_SHARE * for_seconds)) * random.uniform(0.5, 1.0)
        if asked or alone:
            self._until = max(self._until, now + (asked or own))
        if alone and first:
            # One call was too many where another was answered just before: they come too fast one after the other.
            self._gap = min(_LONGEST_PAUSE, max(1.25 * self._gap, self._interval))
            self._in_a_row = 0


class _Minute:
    """Calls and tokens of the last minute, where the user caps them."""

    def __init__(self) -> None:
        self.counts = False
        self._owners: weakref.WeakKeyDictionary[object, tuple[float, float]] = weakref.WeakKeyDictionary()
        self._places: deque[Place] = deque()
        self._tokens = 0

    def restrict(self, owner: object, rpm: int | None, tpm: int | None) -> None:
        self._owners[owner] = (math.inf if rpm is None else rpm, math.inf if tpm is None else tpm)
        self.counts = True

    def ready(self, tokens: int, now: float) -> float:
        """When a call of so many tokens may go, as far as is known; one of more than tpm goes when no other counts."""
        while self._places and self._places[0].sent + _MINUTE <= now:
            self._tokens -= self._places.popleft().tokens
        limits = list(self._owners.values())
        calls_fit = not self._places or len(self._places) < min((rpm for rpm, _ in limits), default=math.inf)
        tokens_fit = not self._tokens or self._tokens + tokens <= min((tpm for _, tpm in limits), default=math.inf)
        return now if calls_fit and tokens_fit else self._places[0].sent + _MINUTE

    def add(self, place: Place) -> None:
        self._places.append(place)
        self._tokens += place.tokens

    def correct(self, place: Place, tokens: int) -> None:
        """Put what a call used in the place of what it was taken for."""
        if self._places and place.number >= self._places[0].number:
            self._tokens += tokens - place.tokens
            place.tokens = tokens

    def forget(self, place: Place) -> None:
        """Take a call that was never sent out of the count."""
        if self._places and place.number >= self._places[0].number:
            self._places.remove(place)
            self._tokens -= place.tokens
