"""A reply in pieces, for whoever listens: what comes of one call, whichever attempt or memory brings it.

A context variable says who listens to the calls of a task. Where nobody does, no backend is asked to stream. A listener
gets each piece of text once. Where an attempt fails after pieces were heard, the next one's text is held back while it
says the same again; where it says something else, the listener is told that the reply begins anew. Replies from cache or
journal, those of backends that do not stream, and those that another call asked for come as one piece.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from burnish.lm.backends.base import Backend
from burnish.lm.request import Request, Response


class Listener(Protocol):
    """Hears the completions of one call. It is called from any thread, must be quick, and must not raise."""

    def hear(self, number: int, text: str) -> None:
        """The next piece of a completion, the first of which is number 0."""

    def restart(self, number: int) -> None:
        """Forget what was heard of a completion: it begins anew."""


class Pieces:
    """What one call has told its listener so far.

    Args:
        listener: Who hears it.
    """

    __slots__ = ("_attempt", "_heard", "_listener")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        # Number of a completion → the pieces of its text, as the listener has it and as this attempt has brought it so far.
        # They are one list where the two are the same, so that a piece costs the same however long the reply is.
        self._heard: dict[int, list[str]] = {}
        self._attempt: dict[int, list[str]] = {}

    async def ask(self, backend: Backend, request: Request) -> Response:
        """Ask a backend, in pieces where it can; one attempt."""
        self._attempt = {}
        self._heard = {number: ["".join(pieces)] for number, pieces in self._heard.items()}
        stream = getattr(backend, "stream", None)
        response: Response = await (backend.complete(request) if stream is None else stream(request, self._deliver))
        return response

    def settle(self, response: Response) -> None:
        """Tell what the listener has not heard yet of the reply that counts."""
        for number, text in enumerate(response.texts):
            self._tell(number, text)

    @property
    def written(self) -> int:
        """About how many tokens this attempt has brought so far."""
        return sum(1 + sum(map(len, pieces)) // 4 for pieces in self._attempt.values())

    def _deliver(self, number: int, text: str) -> None:
        if not text:
            return
        pieces = self._attempt.setdefault(number, [])
        pieces.append(text)
        if self._heard.setdefault(number, pieces) is pieces:
            self._listener.hear(number, text)
            return
        # An attempt after one that failed: it may say the same again so far.
        so_far = "".join(pieces)
        pieces[:] = [so_far]
        if not "".join(self._heard[number]).startswith(so_far):
            self._tell(number, so_far)
            self._heard[number] = pieces

    def _tell(self, number: int, text: str) -> None:
        heard = "".join(self._heard.get(number, ()))
        if text == heard:
            return
        if not text.startswith(heard):
            self._listener.restart(number)
            heard = ""
        self._heard[number] = [text]
        if len(text) > len(heard):
            self._listener.hear(number, text[len(heard) :])


_pieces: contextvars.ContextVar[Pieces | None] = contextvars.ContextVar("pieces", default=None)


def current_pieces() -> Pieces | None:
    """What the call that this code is part of tells its listener; None where nobody listens."""
    return _pieces.get()


@contextmanager
def heard_by(pieces: Pieces | None) -> Iterator[None]:
    """Let the call of the block be heard; None is nobody."""
    token = _pieces.set(pieces)
    try:
        yield
    finally:
        _pieces.reset(token)
