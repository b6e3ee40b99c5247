"""The budget of a run, reserved before dispatch.

A call holds what it may use from before it is sent until its usage is known. Where what is held leaves no
room, the next call waits until some comes free, and is refused once none can.

How much a reply may use: as many tokens as the longest so far, or as the request allows where that is less.
Before the first reply, as many as the request allows; where it does not say, calls go one at a time until
one has been answered. So the cap on calls is exact, and those on tokens and dollars hold within the size of
one call, as long as replies do not grow beyond the longest before them.
"""

from __future__ import annotations

import asyncio
import time

from burnish.errors import BudgetExhausted
from burnish.lm.capabilities import Price
from burnish.lm.scope import Meter, Reservation
from burnish.values.budget import Budget
from burnish.values.usage import Usage

_UNKNOWN_PRICE = (
    "the model's price is unknown, so dollars cannot be capped: give LM(prices=(dollars per million prompt tokens, "
    "dollars per million completion tokens)), or cap calls or tokens"
)


class BudgetMeter:
    """Keeps a run within its budget; used on the one loop only.

    Args:
        budget: The caps.
        spent: What the run had used before this process began.
        outer: The meter of the run around a nested one, whose caps hold too.
    """

    def __init__(self, budget: Budget, spent: Usage | None = None, *, outer: Meter | None = None) -> None:
        self.budget = budget
        self.spent = spent or Usage()
        self.exhausted: BudgetExhausted | None = None
        self._outer = outer
        self._started = time.monotonic()
        self._held = Usage()
        # Of one call: the longest reply and the highest price so far.
        self._longest: int | None = None
        self._dearest = 0.0
        self._turn = asyncio.Lock()
        self._settled = asyncio.Event()

    async def reserve(self, tokens: int, *, most: int | None = None, price: Price | None = None) -> Hold:
        """Room for one call of about `tokens` prompt tokens and at most `most` of the reply, once there is some.

        Raises:
            BudgetExhausted: There is none, and none will come free; nothing was sent.
        """
        if self._turn.locked() or not self._fits(expected := self._expected(tokens, most, price)):
            # Whoever is first in line waits for room, and the others for him.
            async with self._turn:
                while not self._fits(expected := self._expected(tokens, most, price)):
                    self._settled.clear()
                    await self._settled.wait()
                hold = Hold(self, expected)
        else:
            hold = Hold(self, expected)
        if self._outer is not None:
            try:
                hold.outer = await self._outer.reserve(tokens, most=most, price=price)
            except BaseException:
                hold.settle(Usage())
                raise
        return hold

    def seconds(self) -> float:
        """Seconds since the run began in this process."""
        return time.monotonic() - self._started

    def seconds_left(self) -> float | None:
        """Seconds until the cap on time; None is no cap."""
        return None if self.budget.seconds is None else self.budget.seconds - self.seconds()

    def out_of_time(self) -> BudgetExhausted:
        """The refusal of a call for which there is no time."""
        return self._stop("seconds", f"the next call would pass seconds={self.budget.seconds:g}")

    def hold(self, expected: Usage) -> None:
        """Keep room for a call."""
        self._held += expected

    def settle(self, expected: Usage, used: Usage) -> None:
        """Book what a call used in place of what was held for it."""
        self._held = Usage(
            self._held.calls - expected.calls,
            self._held.prompt_tokens - expected.prompt_tokens,
            self._held.completion_tokens - expected.completion_tokens,
            self._held.dollars - expected.dollars,
        )
        self.spent += used
        if used.completion_tokens:
            self._longest = max(self._longest or 0, used.completion_tokens)
        self._dearest = max(self._dearest, used.dollars)
        self._settled.set()

    def _expected(self, tokens: int, most: int | None, price: Price | None) -> Usage:
        longest = most if self._longest is None else min(self._longest, most or self._longest)
        completion = longest or 0
        return Usage(1, tokens, completion, self._dearest if price is None else price.of(tokens, completion))

    def _fits(self, expected: Usage) -> bool:
        """Whether there is room now; raises where there will be none."""
        for cap, limit, used in self._after(self.spent + expected):
            if limit is not None and used > limit:
                raise self._stop(cap, f"the next call would pass {cap}={limit:g}")
        if self.budget.dollars is not None and self.spent.unpriced:
            raise self._stop("dollars", _UNKNOWN_PRICE)
        if not self._held.calls:
            return True
        if self._longest is None and expected.completion_tokens == 0 and self._sized():
            return False
        return all(limit is None or used <= limit for _, limit, used in self._after(self.spent + self._held + expected))

    def _sized(self) -> bool:
        """Whether it matters how large a call is."""
        return self.budget.tokens is not None or self.budget.dollars is not None

    def _after(self, total: Usage) -> list[tuple[str, float | None, float]]:
        return [
            ("calls", self.budget.calls, total.calls),
            ("tokens", self.budget.tokens, total.tokens),
            ("dollars", self.budget.dollars, total.dollars),
            ("seconds", self.budget.seconds, self.seconds()),
        ]

    def _stop(self, cap: str, why: str) -> BudgetExhausted:
        spent = f"{self.spent.calls} calls, {self.spent.tokens} tokens, {self.spent.price}"
        self.exhausted = BudgetExhausted(f"Budget: {why} (spent: {spent}).", cap=cap)
        return self.exhausted


class Hold:
    """Room for one call; settled once."""

    __slots__ = ("_expected", "_meter", "outer")

    def __init__(self, meter: BudgetMeter, expected: Usage) -> None:
        self._meter = meter
        self._expected = expected
        self.outer: Reservation | None = None
        meter.hold(expected)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the first cap on time is reached, of this run and those around it."""
        own = self._meter.seconds_left()
        outer = None if self.outer is None else self.outer.seconds_left
        return min((left for left in (own, outer) if left is not None), default=None)

    def out_of_time(self) -> BudgetExhausted:
        """The refusal of the run whose time is over first."""
        own = self._meter.seconds_left()
        outer = None if self.outer is None else self.outer.seconds_left
        if self.outer is not None and outer is not None and (own is None or outer < own):
            return self.outer.out_of_time()
        return self._meter.out_of_time()

    def settle(self, usage: Usage) -> None:
        """Give back what the call did not use."""
        self._meter.settle(self._expected, usage)
        if self.outer is not None:
            self.outer.settle(usage)
