"""`Line`: the one straight line from a request to its response.

    journal? ─▶ cache? ─▶ the same in flight? ─▶ limiter ─▶ slot ─▶ budget ─▶ backend (retries) ─▶ journal, cache, ledger

An `LM` and an `Embedder` each have one. Every attempt has its own slot, its own room in the budget and its
own place at the endpoint, and is booked whether or not it brought a reply.

Cost: about 20 microseconds of CPU a call on top of the backend's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from burnish.errors import BudgetExhausted, BurnishError, ConfigError, LMError, LMTransient
from burnish.lm.backends.base import Backend, Endpoint
from burnish.lm.cache import Cache, default_cache
from burnish.lm.capabilities import UNKNOWN, Capabilities, capabilities
from burnish.lm.flight import Flight
from burnish.lm.limiter import Limiter, Place
from burnish.lm.pieces import Pieces, current_pieces, heard_by
from burnish.lm.request import Request, Response
from burnish.lm.resend import first_of_two
from burnish.lm.retry import RATE_LIMITED, Patience, retried
from burnish.lm.scope import Scope, current_scope, outside
from burnish.lm.secrets import cleared
from burnish.lm.settings import settings
from burnish.lm.tracking import current_tracker, tracked_by
from burnish.lm.traffic import Traffic, traffic_of
from burnish.loop import over_loop
from burnish.values.usage import Usage

_NO_SCOPE = Scope()
# The endpoint has more to do than it can.
_OVERLOADED = RATE_LIMITED | {503}
_NO_CALL = Usage()
_NO_LIMITS = (None, None)


class Line:
    """The way to one endpoint's model.

    Args:
        endpoint: Where and as whom to call.
        make: Makes the backend from the endpoint, at the first call.
        own: Whether the endpoint is this line's alone, as that of a backend object is.
        cached: Whether replies are kept from run to run.
        num_retries: How many more times to try what is worth another try.
        resend_after: Seconds after which a call without a reply is sent once more; None is never.
        limits: Requests and tokens a minute at most; None is no limit.
        told: What the user knows of the model; it goes over what backend and table say.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        make: Callable[[Endpoint], Backend],
        *,
        own: bool,
        cached: bool,
        num_retries: int,
        resend_after: float | None = None,
        limits: tuple[int | None, int | None] = _NO_LIMITS,
        told: Capabilities = UNKNOWN,
    ) -> None:
        self.endpoint = endpoint
        self.own = own
        self.cached = cached
        self.num_retries = num_retries
        self._make = make
        self._resend_after = resend_after
        self._limits = limits
        self._told = told
        self._own_traffic = Traffic(os.getpid()) if own else None

    def __getstate__(self) -> dict[str, Any]:
        # What is pickled goes to disk or elsewhere: no credentials, and nothing that is under way.
        kept = {name: value for name, value in self.__dict__.items() if name not in ("backend", "capabilities")}
        return {**kept, "_own_traffic": Traffic(os.getpid()) if self.own else None}

    @functools.cached_property
    def backend(self) -> Backend:
        """What is asked, made when it is first needed."""
        return self._make(self.endpoint)

    @property
    def _waits(self) -> bool:
        """Whether calls wait for somebody, and do not only compute."""
        return getattr(self.backend, "waits", True)

    @functools.cached_property
    def capabilities(self) -> Capabilities:
        """What the model can do, takes and costs: what the user said, else the backend, else LiteLLM's table."""
        try:
            known: Capabilities | None = getattr(self.backend, "capabilities", None)
        except ConfigError:
            known = None  # the first call will say what is wrong
        known = known or capabilities(self.endpoint.model)
        window, price = self._told.context_window, self._told.price
        return replace(
            known,
            context_window=known.context_window if window is None else window,
            price=known.price if price is None else price,
        )

    @property
    def traffic(self) -> Traffic:
        """What is under way to this endpoint's model in this process; that of a forked child begins anew."""
        own = self._own_traffic
        if own is None:
            return traffic_of(self.endpoint.api_base or "", self.endpoint.model)
        if own.process != os.getpid():
            own = self._own_traffic = Traffic(os.getpid())
        return own

    @property
    def limiter(self) -> Limiter:
        """What paces the calls of this endpoint and model, shared by the whole process."""
        limiter = self.traffic.limiter
        if self._limits != _NO_LIMITS:
            limiter.restrict(self, rpm=self._limits[0], tpm=self._limits[1])
        return limiter

    def prepare(self) -> None:
        """Make the backend now, so that a name that it does not know is an error before the first call."""
        self.backend  # noqa: B018  made by being looked at

    async def complete(self, request: Request, *, predictor: str = "") -> Response:
        """Answer a request, from what is known already if possible.

        Raises:
            BudgetExhausted: The call would pass a cap of the run's budget.
            LMTransient: No reply after every retry.
            LMRejected: The endpoint refused the request.
        """
        scope = current_scope() or _NO_SCOPE
        if scope is _NO_SCOPE:
            # Without a run, all that comes before the backend is done in whichever thread asks.
            return await self._follow(request, scope, predictor)
        return await over_loop(self._inside(request, scope, predictor))

    async def ask(self, request: Request, *, predictor: str = "") -> Response:
        """Ask the backend, whatever is known, with retries."""
        return await self._ask(request, current_scope() or _NO_SCOPE, predictor)

    def recall(self, key: str, *, cached: bool | None = None) -> Response | None:
        """What the journal or the cache knows under this key; `cached` as the line is unless given."""
        return (current_scope() or _NO_SCOPE).recall(key, self._cache(cached))

    async def keep(self, key: str, response: Response, *, paid: bool, cached: bool | None = None) -> None:
        """Keep a reply in journal and cache; `paid` where its usage is part of the bill."""
        scope = current_scope() or _NO_SCOPE
        if scope.journal is not None:
            await scope.journal.keep_reply(key, response, paid=paid)
        cache = self._cache(cached)
        if cache is not None:
            cache.put(key, response)

    def _cache(self, cached: bool | None = None) -> Cache | None:
        return settings.cache or default_cache() if (self.cached if cached is None else cached) else None

    async def _inside(self, request: Request, scope: Scope, predictor: str) -> Response:
        try:
            return await self._follow(request, scope, predictor)
        except (LMError, BudgetExhausted) as error:
            if scope.rollout is not None and isinstance(error, LMTransient | BudgetExhausted):
                scope.rollout.outage = error
            raise

    async def _follow(self, request: Request, scope: Scope, predictor: str) -> Response:
        cache = self._cache()
        key: str | None = request.key if cache is not None else scope.draw_key(request)
        if key is None:
            waits = self._waits
            asked = self._ask(request, scope, predictor)
            response = await (over_loop(asked) if waits else asked)
            await scope.make_way()
            return response
        if scope is _NO_SCOPE:
            known = scope.recall(key, cache)
            if known is not None:
                return known
        return await over_loop(self._join(key, request, scope, predictor, cache))

    async def _join(self, key: str, request: Request, scope: Scope, predictor: str, cache: Cache | None) -> Response:
        """What is known already, else the reply to the same request in flight, else one's own."""
        # A draw of its own is shared within its run only, and what a backend asks waits for no run's slot.
        flight_key = (key, None if cache is not None else id(scope.journal), scope is _NO_SCOPE)
        flights = self.traffic.flights
        while True:
            known = scope.recall(key, cache)
            if known is not None:
                scope.recalled(request, predictor)
                return known
            flight = flights.get(flight_key)
            if flight is None:
                flight = flights[flight_key] = asyncio.get_running_loop().create_future()
                try:
                    return await self._lead(flight, key, request, scope, predictor, cache)
                finally:
                    flight.cancel()  # where it has no outcome, whoever joined asks by himself
                    del flights[flight_key]
            try:
                response = await scope.in_time(asyncio.shield(flight))
            except asyncio.CancelledError:
                # Either the task that was asking for both is cancelled, or this one, or both.
                task = asyncio.current_task()
                if not flight.cancelled() or (task is not None and task.cancelling()):
                    raise
            else:
                # The one who asked may belong to another run, with a journal of its own.
                if scope.journal is not None:
                    await scope.journal.keep_reply(key, response, paid=False)
                scope.recalled(request, predictor)
                return response

    async def _lead(
        self,
        flight: asyncio.Future[Response],
        key: str,
        request: Request,
        scope: Scope,
        predictor: str,
        cache: Cache | None,
    ) -> Response:
        """Ask on behalf of everybody who wants the same, and keep the reply first."""
        try:
            response = await self._ask(request, scope, predictor, key=key)
        except LMError as error:
            # What else goes wrong, such as a budget that is used up, concerns this run alone.
            flight.set_exception(error)
            flight.exception()  # read once, so that a flight nobody joined warns of nothing
            raise
        if cache is not None:
            cache.put(key, response)
        flight.set_result(response)
        await scope.make_way()
        return response

    async def _ask(self, request: Request, scope: Scope, predictor: str, *, key: str | None = None) -> Response:
        """Ask the backend, with retries; the reply is in the journal under `key` before anyone else is let in."""
        ready = getattr(self.backend, "ready", None)
        if ready is not None:
            await ready()
        try:
            return await self._attempt(request, scope, predictor, key=key)
        except LMTransient as error:
            limiter = self.limiter if self._waits else None
            again = retried(
                self._attempt,
                request,
                scope,
                predictor,
                key=key,
                first=error,
                times=self.num_retries,
                waited_out=Patience(limiter, self.endpoint.timeout * (self.num_retries + 1)),
                sleep=lambda seconds: scope.in_time(asyncio.sleep(seconds)),
            )
            return await over_loop(again)

    async def _attempt(
        self, request: Request, scope: Scope, predictor: str, *, key: str | None = None, again: bool = False
    ) -> Response:
        place: Place | None = None
        if self._waits:
            # Before the slot, so that calls which wait for one endpoint do not keep those to others waiting.
            place = await scope.in_time(self.limiter.enter(request.tokens))
        try:
            if scope is _NO_SCOPE:
                return await self._dispatch(request, scope, predictor, place, again=again)
            async with scope.slots or contextlib.nullcontext():
                # A backend may ask other models. That is part of this call: it is on this call's bill,
                # and where it took a slot of its own, calls would wait for each other forever.
                with outside():
                    response = await self._dispatch(request, scope, predictor, place, again=again)
                if scope.journal is not None and key is not None:
                    # In the slot: a process that is killed has lost no more calls than there are slots.
                    await scope.journal.keep_reply(key, response)
                return response
        finally:
            if place is not None:
                place.unsent()  # without effect where it has ended already

    async def _dispatch(
        self, request: Request, scope: Scope, predictor: str, place: Place | None, *, again: bool
    ) -> Response:
        reservation = None
        if scope.meter is not None:
            price = self.capabilities.price
            reservation = await scope.meter.reserve(request.tokens, most=request.most_tokens, price=price)
        # None once the call is sent: cut off without an answer, it is on the bill with what is known of it.
        used: Usage | None = _NO_CALL
        sent: Usage | None = None
        flight = Flight()
        try:
            if scope.journal is not None and scope.meter is not None:
                # So that the budget holds over a process that is killed with calls in flight.
                sent = self._unanswered(request)
                await scope.journal.keep_sent(sent)
            used = None
            flight.begin()
            response, own = await self._reply(request, scope, predictor, waits=place is not None, again=again)
            if own:
                response = self._priced(response)
                used = response.usage
                flight.succeeded()
                if place is not None:
                    place.succeeded(used.tokens)
            return response
        except TimeoutError as error:
            timeout = self.endpoint.timeout
            raise LMTransient(f"No reply within {timeout:g} s (timeout=...).", model=request.model) from error
        except LMError as error:
            pieces = current_pieces()
            # Whoever refuses a call sends no bill; of a reply that broke off, what had come is on it.
            used = self._unanswered(request) if pieces is not None and pieces.written else Usage(calls=1)
            if place is not None and isinstance(error, LMTransient) and error.status in _OVERLOADED:
                place.refused(error.retry_after)
            flight.failed(error)
            raise
        finally:
            if place is not None and used is not _NO_CALL:
                place.failed()  # without effect where it has ended already
            if used is not _NO_CALL:
                used = self._unanswered(request) if used is None else used
                self._book(used, request, scope, predictor, flight)
            if scope.journal is not None and sent is not None:
                scope.journal.keep_ended(sent)
            if reservation is not None:
                reservation.settle(used, replied=flight.replied)

    async def _reply(
        self, request: Request, scope: Scope, predictor: str, *, waits: bool, again: bool
    ) -> tuple[Response, bool]:
        """The backend's reply, and whether it came to this attempt or to the one sent after it."""
        try:
            if not waits:
                return await self._asked(request), True
            async with asyncio.timeout(self.endpoint.timeout):
                if self._resend_after is None or again:
                    return await self._asked(request), True

                async def resend() -> Response:
                    scope.tell("lm_resent", request.model, predictor)
                    # Two replies at once cannot be heard.
                    with heard_by(None):
                        return await self._attempt(request, scope, predictor, again=True)

                return await first_of_two(self._asked(request), resend, seconds=self._resend_after)
        except (BurnishError, TimeoutError):
            raise
        # A backend is a plugin and may raise anything; what it does not explain is never a score.
        except Exception as error:
            text = cleared(f"{type(error).__name__}: {error}", self.endpoint.credentials)
            # A chained error would be shown as it is, with whatever it holds.
            raise LMTransient(text, model=request.model) from None

    def _asked(self, request: Request) -> Coroutine[Any, Any, Response]:
        """The backend's answer, in pieces where somebody listens."""
        pieces = current_pieces()
        if pieces is None and current_tracker() is None:
            return self.backend.complete(request)
        return self._apart(request, pieces)

    async def _apart(self, request: Request, pieces: Pieces | None) -> Response:
        # What a backend asks other models is neither the reply nor on the bill beside it.
        with heard_by(None), tracked_by(None):
            return await (self.backend.complete(request) if pieces is None else pieces.ask(self.backend, request))

    def _book(self, used: Usage, request: Request, scope: Scope, predictor: str, flight: Flight) -> None:
        tracker = current_tracker()
        if tracker is not None:
            tracker.add(request.model, used)
        if scope is not _NO_SCOPE:
            scope.book(used, request.model, predictor, flight)

    def _priced(self, response: Response) -> Response:
        """The response at the price that the user gave, which no backend knows of."""
        if self._told.price is None:
            return response
        used = response.usage
        dollars = self._told.price.of(used.prompt_tokens, used.completion_tokens)
        return replace(response, usage=replace(used, dollars=dollars, unpriced=0))

    def _unanswered(self, request: Request) -> Usage:
        """What a call that was sent and cut off is booked as: its prompt, and what was heard of the reply, at its price."""
        pieces, price = current_pieces(), self.capabilities.price
        written = 0 if pieces is None else pieces.written
        if price is None:
            return Usage(1, request.tokens, written, unpriced=1)
        return Usage(1, request.tokens, written, dollars=price.of(request.tokens, written))
