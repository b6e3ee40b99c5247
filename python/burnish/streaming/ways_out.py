"""Streams for those who are not async, and for those behind HTTP."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import Any, TypeVar

import pydantic_core

from burnish.loop import run_sync
from burnish.streaming.messages import StatusMessage, StreamResponse
from burnish.values.example import Example

T = TypeVar("T")


def apply_sync_streaming(async_generator: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """The same items without async: each step waits for the next one, while the program goes on.

    Closing it closes the async generator.
    """

    async def step() -> tuple[T, ...]:
        try:
            return (await anext(async_generator),)
        except StopAsyncIteration:
            return ()

    try:
        while item := run_sync(step()):
            yield item[0]
    finally:
        # Nobody runs the loop any more while the interpreter ends, and whoever waited for it would wait forever.
        if not sys.is_finalizing():
            run_sync(_closed(async_generator))


async def _closed(async_generator: AsyncGenerator[Any, None]) -> None:
    await async_generator.aclose()


async def streaming_response(streamer: AsyncIterator[Any]) -> AsyncGenerator[str, None]:
    """The stream as server-sent events, such as FastAPI's `StreamingResponse` sends.

    Each is ``data: {...}`` with one of ``"chunk"`` (the fields of a `StreamResponse`), ``"status"`` (a text) and
    ``"prediction"`` (the output fields); the last one is ``data: [DONE]``. What is closed closes the stream.

    Args:
        streamer: What the function that `streamify` made has returned.
    """
    try:
        async for item in streamer:
            yield f"data: {json.dumps(_plain(item), ensure_ascii=False)}\n\n"
        yield "data: [DONE]\n\n"
    finally:
        if isinstance(streamer, AsyncGenerator):
            await streamer.aclose()


def _plain(item: Any) -> dict[str, Any]:
    if isinstance(item, StreamResponse):
        return {"chunk": dataclasses.asdict(item)}
    if isinstance(item, StatusMessage):
        return {"status": item.message}
    fields = item.toDict() if isinstance(item, Example) else item
    return {"prediction": pydantic_core.to_jsonable_python(fields, fallback=str)}
