"""The budget of a run, reserved before dispatch.

A call holds what it may use from before it is sent until its usage is known. Where what is held leaves no
room, the next call waits until some comes free, and is refused once none can.

How much a call uses is not known before. What it is taken for: its prompt as it is estimated, times the most by which
an estimate has been short so far, and a reply as long as the longest so far, or as long as the request allows where
that is less. Where tokens or dollars are capped, the first call goes alone, to learn from. After it, calls that hold
as much as the request allows go as long as there is room; others only as long as no more are in flight than have been
answered. One of so many is longer than all before it once, on the average. So the cap on calls is exact, and those on
tokens and dollars hold within the size of one call.
"""

from __future__ import annotations

import asyncio
import math
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
        # What is known of a call's size: how many were answered, the longest reply, the highest price, and the most
        # by which a prompt had more tokens than were estimated.
        self._answered = 0
        self._longest: int | None = None
        self._dearest = 0.0
        self._short = 1.0
        self._turn = asyncio.Lock()
        self._settled = asyncio.Event()

    async def reserve(self, tokens: int, *, most: int | None = None, price: Price | None = None) -> Hold:
        """Room for one call of about `tokens` prompt tokens and at most `most` of the reply, once there is some.

        Raises:
            BudgetExhausted: There is none, and none will come free; nothing was sent.
        """
        expected = None if self._turn.locked() else self._room(tokens, most, price)
        if expected is None:
            # Whoever is first in line waits for room, and the others for him.
            async with self._turn:
                while (expected := self._room(tokens, most, price)) is None:
                    self._settled.clear()
                    await self._settled.wait()
                hold = Hold(self, expected, tokens)
        else:
            hold = Hold(self, expected, tokens)
        if self._outer is not None:
            try:
                hold.outer = await self._outer.reserve(tokens, most=most, price=price)
            except BaseException:
                hold.settle(Usage(), replied=False)
                raise
        return hold

    def seconds(self) -> float:
        """Seconds since the run began in this process."""
        return time.monotonic() - self._started

    def seconds_left(self) -> float | None:
        """Seconds until the first cap on time is reached, of this run and those around it; None is no cap."""
        own = None if self.budget.seconds is None else self.budget.seconds - self.seconds()
        outer = None if self._outer is None else self._outer.seconds_left()
        return min((left for left in (own, outer) if left is not None), default=None)

    def out_of_time(self) -> BudgetExhausted:
        """The refusal of a call for which there is no time, by the run whose time is over first."""
        own = math.inf if self.budget.seconds is None else self.budget.seconds - self.seconds()
        outer = None if self._outer is None else self._outer.seconds_left()
        if self._outer is not None and outer is not None and outer < own:
            return self._outer.out_of_time()
        return self._stop("seconds", f"the next call would pass seconds={self.budget.seconds:g}")

    def hold(self, expected: Usage) -> None:
        """Keep room for a call."""
        self._held += expected

    def settle(self, expected: Usage, used: Usage, *, estimated: int, replied: bool) -> None:
        """Book what a call used in place of what was held for it; its prompt was estimated at so many tokens."""
        self._held = Usage(
            self._held.calls - expected.calls,
            self._held.prompt_tokens - expected.prompt_tokens,
            self._held.completion_tokens - expected.completion_tokens,
            self._held.dollars - expected.dollars,
        )
        self.spent += used
        if replied:
            self._answered += 1
            self._longest = max(self._longest or 0, used.completion_tokens)
            self._short = max(self._short, used.prompt_tokens / max(1, estimated))
        self._dearest = max(self._dearest, used.dollars)
        self._settled.set()

    def _room(self, tokens: int, most: int | None, price: Price | None) -> Usage | None:
        """What to hold for a call, None where there is no room now; raises where there will be none."""
        prompt = math.ceil(tokens * self._short)
        known = most if self._longest is None else self._longest
        likely = self._size(prompt, min(most if most is not None else math.inf, known or 0), price)
        for cap, limit, used in self._after(self.spent + likely):
            if limit is not None and used > limit:
                raise self._stop(cap, f"the next call would pass {cap}={limit:g}")
        if self.budget.dollars is not None and self.spent.unpriced:
            raise self._stop("dollars", _UNKNOWN_PRICE)
        if not self._sized():
            return likely if self._fits(likely) else None
        if self._held.calls and not self._answered:
            return None
        if most is not None and (price is not None or self.budget.dollars is None):
            largest = self._size(prompt, most, price)
            if self._fits(largest):
                return largest
        if self._held.calls and (self._held.calls > self._answered or not self._fits(likely)):
            return None
        return likely

    def _size(self, prompt: int, completion: float, price: Price | None) -> Usage:
        return Usage(1, prompt, int(completion), self._dearest if price is None else price.of(prompt, int(completion)))

    def _fits(self, expected: Usage) -> bool:
        """Whether there is room beside what is held."""
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

    __slots__ = ("_estimated", "_expected", "_meter", "outer")

    def __init__(self, meter: BudgetMeter, expected: Usage, estimated: int) -> None:
        self._meter = meter
        self._expected = expected
        self._estimated = estimated
        self.outer: Reservation | None = None
        meter.hold(expected)

    def settle(self, usage: Usage, *, replied: bool) -> None:
        """Give back what the call did not use."""
        self._meter.settle(self._expected, usage, estimated=self._estimated, replied=replied)
        if self.outer is not None:
            self.outer.settle(usage, replied=replied)
