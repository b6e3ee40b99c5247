"""`streamify`: a program whose output comes while it is made."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any

from burnish.lm.settings import settings
from burnish.modules.asyncify import asyncify
from burnish.modules.listening import listening
from burnish.streaming.listener import FieldStream, StreamListener, Target, targets_of
from burnish.streaming.messages import StatusMessageProvider, StatusWatcher, StreamResponse
from burnish.streaming.ways_out import apply_sync_streaming

_END = object()

Streamed = Callable[..., AsyncGenerator[Any, None]] | Callable[..., Generator[Any, None, None]]


def streamify(
    program: Callable[..., Any],
    status_message_provider: StatusMessageProvider | None = None,
    stream_listeners: Sequence[StreamListener] | None = None,
    include_final_prediction_in_output_stream: bool = True,
    is_async_program: bool = False,
    async_streaming: bool = True,
) -> Streamed:
    """A function that runs the program and gives its output while it comes.

    Called like the program, it returns a generator of `StreamResponse` (pieces of fields), `StatusMessage`, and at the end the
    program's prediction. An error of the program is raised there. Whoever closes the generator cancels the program, and the
    LM call under way with it; what that has used is on the bill.

    An LM call is asked for in pieces if its backend can. A reply from cache or journal comes as one piece.
    The pieces of a field, from the last one that `restarted` on, are exactly its text as the reply was parsed.

    Args:
        program: A `Module`, or a function, which may be async.
        status_message_provider: Puts into words what the program does; None tells of tools alone.
        stream_listeners: Which fields to tell; None is every output field of every predictor, ``[]`` is none.
        include_final_prediction_in_output_stream: Whether the prediction is told though pieces of it were.
        is_async_program: Whether a program that is no `Module` returns an awaitable, where its own look does not say so.
        async_streaming: Whether the generator is an async one.

    Raises:
        ConfigError: A listener names nothing in the program.

    Example:
        >>> import burnish
        >>> from burnish.testing import ScriptedLM
        >>> answer = burnish.streamify(burnish.Predict("question -> answer"), async_streaming=False)
        >>> with burnish.context(lm=ScriptedLM([{"answer": "It is Paris."}])):
        ...     *pieces, prediction = answer(question="The capital of France?")
        >>> [piece.chunk for piece in pieces]
        ['It is', ' Paris.', '']
        >>> prediction.answer
        'It is Paris.'
    """
    targets = None if stream_listeners is None else targets_of(program, stream_listeners)
    provider = status_message_provider or StatusMessageProvider()
    call = _caller(program, is_async=is_async_program)

    def streamed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        # The settings are those of the caller, whoever takes the pieces later.
        context = contextvars.copy_context()
        return _stream(
            lambda: call(*args, **kwargs),
            context,
            (program, targets, provider),
            always_ends_with_prediction=include_final_prediction_in_output_stream,
        )

    def streamed_sync(*args: Any, **kwargs: Any) -> Generator[Any, None, None]:
        return apply_sync_streaming(streamed(*args, **kwargs))

    return streamed if async_streaming else streamed_sync


def _caller(program: Callable[..., Any], *, is_async: bool) -> Callable[..., Any]:
    return program if is_async and not hasattr(program, "acall") else asyncify(program)


async def _stream(
    call: Callable[[], Any],
    context: contextvars.Context,
    what: tuple[Any, Sequence[Target] | None, StatusMessageProvider],
    *,
    always_ends_with_prediction: bool,
) -> AsyncGenerator[Any, None]:
    program, targets, provider = what
    loop = asyncio.get_running_loop()
    came: asyncio.Queue[Any] = asyncio.Queue()

    def tell(piece: Any) -> None:
        # A loop that was closed meanwhile has nobody left who listens.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(came.put_nowait, piece)

    async def run() -> Any:
        watchers = [*settings.callbacks, StatusWatcher(provider, tell)]
        with listening(FieldStream(program, targets, tell)), settings.context(callbacks=watchers):
            result = call()
            return await result if inspect.isawaitable(result) else result

    task = loop.create_task(run(), context=context)
    task.add_done_callback(lambda _: tell(_END))
    told = False
    try:
        while (piece := await came.get()) is not _END:
            told = told or isinstance(piece, StreamResponse)
            yield piece
        prediction = await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    if always_ends_with_prediction or not told:
        yield prediction
