"""Who listens to the fields of predictors while their replies come.

A context variable carries the stream that a program runs in. It is asked, as each call of a predictor begins, whether anybody
wants a field of it. All questions that such a call leads to are heard, each in the form of the adapter that asks it. What is heard
of a field is, in the end, exactly what the reply was parsed to: where the pieces differ from it, the field is told
anew, whole.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from burnish.adapters.base import Adapter
from burnish.adapters.field_text import shown
from burnish.adapters.reading import FieldPiece, FieldReader
from burnish.lm.history import asker
from burnish.lm.pieces import Pieces, heard_by
from burnish.lm.request import Response
from burnish.values.signature import Signature


class Stream(Protocol):
    """What a program runs in while somebody listens."""

    def hearing(self, predictor: Any, signature: type[Signature]) -> HeardCall | None:
        """What hears the call that a predictor begins; None where nobody wants a field of it."""


class HeardCall:
    """One call of a predictor, and what was told of its first completion.

    Args:
        fields: The fields that are wanted.
        tell: Takes each piece, and whether the field begins anew with it. It must not raise.
    """

    def __init__(self, fields: Collection[str], tell: Callable[[FieldPiece, bool], None]) -> None:
        self._fields = fields
        self._tell = tell
        self._make_reader: Callable[[], FieldReader] = FieldReader
        self._reader = FieldReader()
        # Field → the pieces of its text so far, of this attempt; which of them have ended; and which were told by one before.
        self._told: dict[str, list[str]] = {}
        self._ended: set[str] = set()
        self._void: set[str] = set()

    async def through(self, call: Awaitable[Response], make_reader: Callable[[], FieldReader]) -> Response:
        """The response of an LM's call, which is heard meanwhile; what an earlier one told is void."""
        self._make_reader = make_reader
        self.restart(0)
        pieces = Pieces(self)
        with heard_by(pieces):
            response = await call
        pieces.settle(response)
        return response

    def hear(self, number: int, text: str) -> None:
        """Part of `burnish.lm.pieces.Listener`."""
        if number == 0:
            for piece in self._reader.feed(text):
                self._pass_on(piece)

    def restart(self, number: int) -> None:
        """Part of `burnish.lm.pieces.Listener`."""
        if number == 0:
            self._reader = self._make_reader()
            self._void |= self._told.keys()
            self._told.clear()
            self._ended.clear()

    def settle(self, outputs: Mapping[str, Any]) -> None:
        """Tell what was not heard yet of the fields as they were parsed.

        A text is told as it was parsed; a value of another type as the reply has it, else as a prompt shows it.
        """
        for piece in self._reader.finish():
            self._pass_on(piece)
        for field in self._fields:
            if field not in outputs:
                continue
            value, pieces = outputs[field], self._told.get(field)
            told = None if pieces is None else "".join(pieces)
            text = value if isinstance(value, str) else shown(value) if told is None else told
            ended = field in self._ended
            if ended and told == text:
                continue
            if told is None or ended or not text.startswith(told):
                self._void |= {field} & self._told.keys()
                self._told[field], told = [], ""
            self._pass_on(FieldPiece(field, text[len(told) :], True))

    def _pass_on(self, piece: FieldPiece) -> None:
        if piece.field not in self._fields:
            return
        self._told.setdefault(piece.field, []).append(piece.text)
        if piece.last:
            self._ended.add(piece.field)
        anew = piece.field in self._void
        self._void.discard(piece.field)
        self._tell(piece, anew)


_stream: contextvars.ContextVar[Stream | None] = contextvars.ContextVar("stream", default=None)


@contextmanager
def listening(stream: Stream) -> Iterator[None]:
    """Let this stream hear the predictors of the block."""
    token = _stream.set(stream)
    try:
        yield
    finally:
        _stream.reset(token)


class asking:  # noqa: N801  used like the context managers that are functions
    """A `with` block in which a predictor asks for a signature's outputs; it gives what hears it, None where nobody does.

    Attributes:
        predictor: Who asks.
        call: What hears it.
    """

    __slots__ = ("_before", "call", "predictor")

    def __init__(self, predictor: Any, signature: type[Signature]) -> None:
        stream = _stream.get()
        self.predictor = predictor
        self.call: HeardCall | None = None if stream is None else stream.hearing(predictor, signature)

    def __enter__(self) -> HeardCall | None:
        self._before = asker.set(self)
        return self.call

    def __exit__(self, *_: object) -> None:
        asker.reset(self._before)


def heard(call: Awaitable[Response], adapter: Adapter, signature: type[Signature]) -> Awaitable[Response]:
    """The response of an LM's call; heard meanwhile, where somebody listens to the predictor that asks.

    Args:
        call: The call.
        adapter: In whose form the reply comes.
        signature: What was asked.
    """
    listener: HeardCall | None = getattr(asker.get(), "call", None)
    return call if listener is None else listener.through(call, lambda: adapter.reader(signature))
