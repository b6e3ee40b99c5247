"""What a run brings to the calls that are made inside it.

One context variable carries the scope; `engine/` makes it. Outside a run there is none, and a
call goes straight to cache and backend.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from burnish.errors import BudgetExhausted
from burnish.lm.capabilities import Price
from burnish.lm.flight import Flight
from burnish.lm.request import Request, Response
from burnish.values.usage import Ledger, Usage

T = TypeVar("T")


class Reservation(Protocol):
    """Room in the budget, held for one attempt at a call."""

    def settle(self, usage: Usage, *, replied: bool) -> None:
        """Give back what the attempt did not use."""


class Meter(Protocol):
    """Keeps a run within its budget."""

    async def reserve(self, tokens: int, *, most: int | None = None, price: Price | None = None) -> Reservation:
        """Room for one call, once there is some.

        Args:
            tokens: About how many prompt tokens it has.
            most: Most tokens of the reply; None is unknown.
            price: What tokens cost; None is unknown.

        Raises:
            BudgetExhausted: There is none, and none will come free.
        """

    def seconds_left(self) -> float | None:
        """Seconds until the run's time is over; None is never."""

    def out_of_time(self) -> BudgetExhausted:
        """What to raise where a call was not sent before that."""


class Journal(Protocol):
    """Keeps every reply that a run received."""

    def reply(self, key: str) -> Response | None:
        """The reply to this request, where the run received one before."""

    def keep_reply(self, key: str, response: Response, *, paid: bool = True) -> Awaitable[None]:
        """Keep a reply, before anyone acts on it; `paid` unless it came from the cache."""

    def keep_sent(self, usage: Usage) -> Awaitable[None]:
        """Keep that a call is about to be sent, and its bill where nothing more is heard of it."""

    def keep_ended(self, usage: Usage) -> None:
        """Keep that this call has ended, beside its reply or its bill."""

    def keep_bill(self, usage: Usage) -> None:
        """Keep what an attempt used that brought no reply."""


class Memory(Protocol):
    """Keeps replies from run to run."""

    def get(self, key: str) -> Response | None:
        """The reply to this request, where it is known."""


class Watch(Protocol):
    """Takes the events of a run."""

    def emit(self, kind: str, **fields: Any) -> None:
        """Tell everybody who watches."""


@dataclass(slots=True)
class RolloutState:
    """What is known of the rollout that is running: its usage so far and what stood in its way."""

    usage: Usage = field(default_factory=Usage)
    draws: Counter[str] = field(default_factory=Counter)
    outage: Exception | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run brings: each part is used by one stop on the way of a call.

    Attributes:
        slots: The concurrency limit, shared by every phase and nested run.
        journal: Replies received so far; None keeps none.
        meter: The budget; None has no cap.
        ledger: Where usage is booked.
        watch: Takes events; None is silent.
        stage: The phase under which usage is booked, such as ``"bootstrap"``.
        rollout: The rollout that is running, where one is.
    """

    slots: asyncio.Semaphore | None = None
    journal: Journal | None = None
    meter: Meter | None = None
    ledger: Ledger = field(default_factory=Ledger)
    watch: Watch | None = None
    stage: str = ""
    rollout: RolloutState | None = None

    def draw_key(self, request: Request) -> str | None:
        """The request's key as the n-th of its like in this rollout, for calls without a cache.

        A program that asks the same question five times with the cache off wants five draws. The
        n-th of them is the same request again when the run is resumed. None: nothing is kept.
        """
        if self.journal is None:
            return None
        if self.rollout is None:
            return request.key
        n = self.rollout.draws[request.key]
        self.rollout.draws[request.key] += 1
        return request.key if n == 0 else f"{request.key}-{n}"

    async def in_time(self, waiting: Awaitable[T]) -> T:
        """What `waiting` brings, for what is no call yet and so ends with the run's time.

        Raises:
            BudgetExhausted: The time is over.
        """
        left = None if self.meter is None else self.meter.seconds_left()
        if self.meter is None or left is None:
            return await waiting
        try:
            async with asyncio.timeout(left):
                return await waiting
        except TimeoutError:
            raise self.meter.out_of_time() from None

    def recall(self, key: str, cache: Memory | None) -> Response | None:
        """What the journal or the cache knows under this key."""
        if self.journal is not None:
            response = self.journal.reply(key)
            if response is not None:
                return response
        if cache is None:
            return None
        response = cache.get(key)
        # The journal alone must be able to replay the run, on a machine without this cache.
        if response is not None and self.journal is not None:
            self.journal.keep_reply(key, response, paid=False)
        return response

    async def make_way(self) -> None:
        """Send off whoever waits for the slot that has come free, before the reply is read.

        When many replies come at once, the limit stays busy while they are parsed and scored.
        """
        if self.slots is not None:
            await asyncio.sleep(0)

    def recalled(self, request: Request, predictor: str) -> None:
        """Add the event of a call that the journal, the cache or the same call in flight answered."""
        if self.watch is not None:
            fields = {"source": "kept", "tokens": 0, "dollars": 0.0, "unpriced": 0}
            self.tell("lm_called", request.model, predictor, **fields)

    def tell(self, kind: str, model: str, predictor: str, **fields: Any) -> None:
        """Add an event about a model's call."""
        if self.watch is not None:
            self.watch.emit(kind, stage=self.stage, predictor=predictor, model=model, **fields)

    def book(self, usage: Usage, model: str, predictor: str, flight: Flight) -> None:
        """Put an attempt on every bill and tell of it; that of a reply is kept in the journal with the reply."""
        self.ledger.add(usage, stage=self.stage, predictor=predictor, model=model)
        if self.rollout is not None:
            self.rollout.usage += usage
        if self.journal is not None and not flight.replied:
            self.journal.keep_bill(usage)
        if self.watch is not None:
            self.tell(flight.kind, model, predictor, **flight.told(usage))


_scope: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("scope", default=None)


def current_scope() -> Scope | None:
    """The scope of the run that this code is part of, if any."""
    return _scope.get()


def new_run(*, limit: int, watch: Watch, journal: Journal | None = None, meter: Meter | None = None) -> Scope:
    """The scope of a run that begins here.

    Inside another run that one's limit and caps hold too, its journal keeps, and it gets the bill:
    nesting multiplies nothing.
    """
    outer = current_scope() or Scope()
    return Scope(
        slots=outer.slots or asyncio.Semaphore(limit),
        journal=outer.journal if journal is None else journal,
        meter=outer.meter if meter is None else meter,
        ledger=Ledger(outer.ledger),
        watch=watch,
    )


@contextmanager
def outside() -> Iterator[None]:
    """Outside of any run: for backends, whose own LM calls are part of a call that has its slot."""
    token = _scope.set(None)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def use_scope(scope: Scope | None = None, **changes: Any) -> Iterator[Scope]:
    """Make `scope` (default: the current one) with `changes` the scope of the block."""
    base = scope or _scope.get() or Scope()
    scope = replace(base, **changes)
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)
