"""The budget of a run, reserved before dispatch.

A call holds one call and its estimated tokens and dollars from before it is sent until its usage
is known. The estimate of a reply's tokens, and of a call's dollars, is the mean of the calls so
far. So the cap on calls is exact, and those on tokens and dollars hold within about one call's
size for each call that is in flight before the first reply.
"""

from __future__ import annotations

import time

from burnish.errors import BudgetExhausted
from burnish.lm.scope import Meter, Reservation
from burnish.values.budget import Budget
from burnish.values.usage import Usage


class BudgetMeter:
    """Keeps a run within its budget; used on the one loop only.

    Args:
        budget: The caps.
        spent: What the run had used before this process began.
        outer: The meter of the run around a nested one, whose caps hold too.
    """

    def __init__(self, budget: Budget, spent: Usage | None = None, *, outer: Meter | None = None) -> None:
        self.budget = budget
        self._outer = outer
        self.spent = spent or Usage()
        self.exhausted: BudgetExhausted | None = None
        self._started = time.monotonic()
        self._held = Usage()

    def reserve(self, tokens: int) -> Hold:
        """Room for one call of about `tokens` prompt tokens.

        Raises:
            BudgetExhausted: There is none; nothing was sent.
        """
        expected = self._expected(tokens)
        for cap, limit, used in self._after(expected):
            if limit is not None and used > limit:
                raise self._stop(cap, f"the next call would pass {cap}={limit:g}")
        if self.budget.dollars is not None and self.spent.unpriced:
            why = "the model's price is unknown, so dollars cannot be capped: cap calls or tokens"
            raise self._stop("dollars", why)
        outer = None if self._outer is None else self._outer.reserve(tokens)
        self._held += expected
        return Hold(self, expected, outer)

    def seconds(self) -> float:
        """Seconds since the run began in this process."""
        return time.monotonic() - self._started

    def settle(self, expected: Usage, used: Usage) -> None:
        """Book what a call used in place of what was held for it."""
        self._held = Usage(
            self._held.calls - expected.calls,
            self._held.prompt_tokens - expected.prompt_tokens,
            self._held.completion_tokens - expected.completion_tokens,
            self._held.dollars - expected.dollars,
        )
        self.spent += used

    def _expected(self, tokens: int) -> Usage:
        calls = max(self.spent.calls, 1)
        return Usage(1, tokens, self.spent.completion_tokens // calls, self.spent.dollars / calls)

    def _after(self, expected: Usage) -> list[tuple[str, float | None, float]]:
        total = self.spent + self._held + expected
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

    __slots__ = ("_expected", "_meter", "_outer")

    def __init__(self, meter: BudgetMeter, expected: Usage, outer: Reservation | None = None) -> None:
        self._meter = meter
        self._expected = expected
        self._outer = outer

    def settle(self, usage: Usage) -> None:
        """Give back what the call did not use."""
        self._meter.settle(self._expected, usage)
        if self._outer is not None:
            self._outer.settle(usage)
