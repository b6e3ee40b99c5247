"""Embedding through the `Line`: what is known is not asked, the rest is asked once, in batches.

The line's own way is one request, one reply. Here a reply holds many rows and each is kept under its
text's own key, so this module looks up, shares what is in flight and keeps by the text, and leaves to the
line what belongs to a call: slot, budget, limiter, retries, bill.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from burnish.errors import BudgetExhausted, LMError, LMRejected, LMTransient, PromptTooLong
from burnish.lm.backends.base import EmbeddingBackend, Endpoint, backend_name
from burnish.lm.capabilities import Capabilities, Price
from burnish.lm.line import Line
from burnish.lm.request import Output, Request, Response, canonical, digest
from burnish.lm.scope import current_scope
from burnish.lm.secrets import bare_address
from burnish.lm.settings import settings
from burnish.loop import all_of
from burnish.plugins.manager import lookup
from burnish.retrieve.rows import checked, packed, unpacked
from burnish.values.usage import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float32]
    # Who wants a text that is being asked for waits for this, by the text's key.
    Flights = dict[str, asyncio.Future[Response]]

T = TypeVar("T")

# Texts looked up in one turn of the loop: some milliseconds where each is read from the disk.
_A_TURN = 100
_PAYLOAD_TOO_LARGE = 413


@dataclass(frozen=True, slots=True)
class Asked:
    """What one call of an embedder asks for.

    Attributes:
        texts: The different texts.
        places: Where each of them stands first in the user's list.
        batch_size: Most texts of a request.
        caching: Whether rows are kept from run to run.
        params: What else the model is told.
    """

    texts: Sequence[str]
    places: Sequence[int]
    batch_size: int
    caching: bool
    params: Mapping[str, Any]


class Hosted:
    """An endpoint's embedding model.

    Args:
        endpoint: Where and as whom to call.
        given: The backend's name, or a backend; None leaves the choice to model and address.
        num_retries: How many more times to try what is worth another try.
        limits: Requests and tokens a minute at most; None is no limit.
        price: What tokens cost, where the user knows better than the table.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        given: str | EmbeddingBackend | None,
        *,
        num_retries: int,
        limits: tuple[int | None, int | None],
        price: Price | None,
    ) -> None:
        self.computes = False
        self.given = given
        self.endpoint = endpoint
        self._line = Line(
            endpoint,
            lambda _: _ByText(self.backend),
            own=given is not None and not isinstance(given, str),
            cached=True,
            num_retries=num_retries,
            limits=limits,
            told=Capabilities(price=price),
        )

    @functools.cached_property
    def backend(self) -> EmbeddingBackend:
        """What is asked, made when it is first needed."""
        if self.given is not None and not isinstance(self.given, str):
            return self.given
        made: EmbeddingBackend = lookup("embedders", self.given or backend_name("embedders", self.endpoint))(
            self.endpoint
        )
        return made

    async def rows(self, asked: Asked) -> Row:
        """The rows of the texts, in their order; runs on the one loop.

        Raises:
            BudgetExhausted: The next batch would pass a cap of the run's budget.
            LMTransient: A batch brought no reply after every retry.
            LMRejected: The endpoint refused a batch; as `PromptTooLong` it names the text's place.
        """
        scope = current_scope()
        try:
            return await self._rows(asked)
        except (LMTransient, BudgetExhausted) as error:
            if scope is not None and scope.rollout is not None:
                scope.rollout.outage = error
            raise

    async def _rows(self, asked: Asked) -> Row:
        base = self.endpoint.api_base
        address = None if base is None else bare_address(base)
        head = canonical(["embedding", self.endpoint.model, address, dict(asked.params)])
        keys: list[str] = []
        async for text in _in_turns(asked.texts):
            keys.append(digest(f"{head}\n{canonical(text)}"))
        errand = _Errand(asked, keys, self._line)
        while errand.missing:
            await errand.go()
        return errand.rows


async def _in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """The items, with a pause now and then in which others have the loop."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % _A_TURN == 0:
            await asyncio.sleep(0)


class _Errand:
    """One call's way: which rows are there, and which texts are still missing."""

    def __init__(self, asked: Asked, keys: Sequence[str], line: Line) -> None:
        import numpy as np

        self.missing = dict(zip(keys, range(len(keys)), strict=True))
        self.rows = np.zeros((0, 0), np.float32)
        self._first = 0  # the text whose row came first
        self._asked = asked
        self._line = line
        # Where the line's other requests in flight are, so that a forked child begins anew with them.
        self._flights = line.traffic.flights
        scope = current_scope()
        # In a run the batches have its slots; outside of one they are held to as many as a run has.
        in_a_run = scope is not None and scope.slots is not None
        self._gate = contextlib.nullcontext() if in_a_run else asyncio.Semaphore(settings.num_threads)

    async def go(self) -> None:
        """Look up, join or ask for all that is missing; what another call was asking for and lost stays missing."""
        led: Flights = {}
        joined_flights: Flights = {}
        try:
            async for key in _in_turns(list(self.missing)):
                flight = self._flights.get((key, self._asked.caching))
                if self._take(key, self._line.recall(key, cached=self._asked.caching)):
                    continue
                if flight is None:
                    flight = asyncio.get_running_loop().create_future()
                    self._flights[key, self._asked.caching] = led[key] = flight
                else:
                    joined_flights[key] = flight
            keys, size = list(led), self._asked.batch_size
            batches = [keys[first : first + size] for first in range(0, len(keys), size)]
            await all_of(
                [
                    *(self._lead(batch, led) for batch in batches),
                    *(self._join(key, flight) for key, flight in joined_flights.items()),
                ]
            )
        finally:
            for key, flight in led.items():
                flight.cancel()  # where it has no outcome, whoever joined asks by himself
                del self._flights[key, self._asked.caching]

    def _take(self, key: str, response: Response | None) -> bool:
        """Whether a response, if there is one, holds the row of this key; it is in its place then."""
        row = None if response is None else unpacked(response.texts[0] if response.outputs else "")
        if row is None:
            return False
        import numpy as np

        number = self.missing.pop(key)
        if not self.rows.size:
            self.rows = np.empty((len(self._asked.texts), len(row)), np.float32)
            self._first = number
        if len(row) != self.rows.shape[1]:
            raise self._unlike(number, len(row))
        self.rows[number] = row
        return True

    async def _join(self, key: str, flight: asyncio.Future[Response]) -> None:
        """The row that another call is asking for."""
        try:
            response = await asyncio.shield(flight)
        except asyncio.CancelledError:
            # Either the call that was asking is cancelled, or this one, or both.
            task = asyncio.current_task()
            if not flight.cancelled() or (task is not None and task.cancelling()):
                raise
        except BudgetExhausted:
            return  # the budget of whoever asked; this call may have room of its own
        except PromptTooLong as error:
            raise self._too_long(key, error) from None
        else:
            scope = current_scope()
            # The one who asked may belong to another run, with a journal of its own.
            if scope is not None and scope.journal is not None:
                await scope.journal.keep_reply(key, response, paid=False)
            self._take(key, response)

    async def _lead(self, keys: Sequence[str], led: Flights) -> None:
        """Ask for a batch on behalf of everybody who wants a text of it."""
        try:
            await self._ask(keys, led)
        except Exception as error:
            for flight in (led[key] for key in keys if key in led):
                flight.set_exception(error)
                flight.exception()  # read once, so that a flight nobody joined warns of nothing
            raise

    async def _ask(self, keys: Sequence[str], led: Flights) -> None:
        """Ask for these texts in one request, or in two where it is too long; keep each row as it comes."""
        try:
            async with self._gate:
                await self._keep(keys, await self._line.ask(self._request(keys)), led)
                return
        except LMRejected as error:
            if not isinstance(error, PromptTooLong) and error.status != _PAYLOAD_TOO_LARGE:
                raise
            if len(keys) == 1:
                raise self._too_long(keys[0], error) from None
        # Either all together are too long for a request or one of them is for the model: halves tell.
        half = len(keys) // 2
        await self._ask(keys[:half], led)
        await self._ask(keys[half:], led)

    def _request(self, keys: Sequence[str]) -> _Batch:
        asked, numbers = self._asked, [self.missing[key] for key in keys]
        endpoint = self._line.endpoint
        messages = [{"role": "user", "content": asked.texts[number]} for number in numbers]
        request = _Batch.build(endpoint.model, messages, params=asked.params, endpoint=endpoint.api_base)
        assert isinstance(request, _Batch)
        return replace(request, places=tuple(asked.places[number] for number in numbers))

    async def _keep(self, keys: Sequence[str], response: Response, led: Flights) -> None:
        """Keep each row under its own key; the first one's reply carries the batch's bill."""
        bills = [response.usage, *[Usage()] * (len(keys) - 1)]
        rows = [Response((one,), bill, response.model) for one, bill in zip(response.outputs, bills, strict=True)]
        keeping = (
            self._line.keep(key, row, paid=row is rows[0], cached=self._asked.caching)
            for key, row in zip(keys, rows, strict=True)
        )
        # All in one turn of the loop share a commit of the journal. What was paid for is kept, even by a call that is
        # cancelled in this moment.
        await asyncio.shield(asyncio.gather(*keeping))
        for key, row in zip(keys, rows, strict=True):
            del self._flights[key, self._asked.caching]
            led.pop(key).set_result(row)
        for key, row in zip(keys, rows, strict=True):
            self._take(key, row)

    def _unlike(self, number: int, length: int) -> LMRejected:
        model, places = self._line.endpoint.model, self._asked.places
        return LMRejected(
            f"Embeddings of {model!r} differ in length: {length} numbers for the text at place {places[number]} and "
            f"{self.rows.shape[1]} for the one at place {places[self._first]}. Where the endpoint serves another model "
            "under the same name than it did, give caching=False or clear the cache.",
            model=model,
        )

    def _too_long(self, key: str, error: LMError) -> PromptTooLong:
        number = self.missing[key]
        return PromptTooLong(
            f"The text at place {self._asked.places[number]}, of {len(self._asked.texts[number]):,} characters, is too "
            f"long for {error.model!r}: cut it into passages. Nothing was cut off. ({error})",
            model=error.model,
            status=error.status,
        )


@dataclass(frozen=True, slots=True)
class _Batch(Request):
    """Texts to embed, each as a message.

    Attributes:
        places: Where each stands in the user's list.
    """

    places: tuple[int, ...] = ()

    @property
    def most_tokens(self) -> int | None:
        """No reply has tokens of its own."""
        return 0


class _ByText:
    """An embedding backend as the line knows backends: rows are texts."""

    def __init__(self, backend: EmbeddingBackend) -> None:
        self._backend = backend
        self.capabilities = getattr(backend, "capabilities", None)

    async def complete(self, request: Request) -> Response:
        """The rows of a batch, each as one output."""
        assert isinstance(request, _Batch)
        texts = [message["content"] for message in request.messages]
        embedded = await self._backend.embed(texts, request.params)
        try:
            rows = checked(embedded.rows, request.places)
        except ValueError as error:
            raise LMRejected(f"The embedder {request.model!r} brought {error}.", model=request.model) from None
        return Response(tuple(Output(packed(row)) for row in rows), embedded.usage, request.model)
