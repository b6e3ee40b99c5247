"""Streams from a real model server, through real HTTP, to a real web application."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

import burnish
from burnish.errors import LMTransient
from burnish.streaming import StreamResponse, streaming_response
from burnish.testing import serving

FIELDS = {"reasoning": "It has been said so for a long time, by many.", "answer": "Paris, the city of light"}


def program() -> burnish.Module:
    return burnish.ChainOfThought("question -> answer")


def text_of(items: list[Any], field: str) -> str:
    text = ""
    for item in items:
        if isinstance(item, StreamResponse) and item.signature_field_name == field:
            text = item.chunk if item.restarted else text + item.chunk
    return text


async def taken(stream: Any) -> list[Any]:
    return [item async for item in stream]


def test_the_first_piece_is_there_long_before_the_last_one() -> None:
    with serving(answer=FIELDS, gap=0.05) as server, burnish.context(lm=server.lm()):
        began = time.monotonic()
        arrived = [time.monotonic() - began for _ in burnish.streamify(program(), async_streaming=False)(question="?")]
    assert len(arrived) > 10
    assert arrived[-1] - arrived[0] > 0.5


@pytest.mark.parametrize("fault", ["torn", "cut", "garbage", "rate_limit", "error", "disconnect"])
def test_what_breaks_is_tried_again_and_only_the_whole_is_heard_in_the_end(fault: str) -> None:
    with serving(answer=FIELDS, faults={fault: 1.0}, faulty_attempts=1) as server:

        async def main() -> list[list[Any]]:
            stream = burnish.streamify(program())
            return await asyncio.gather(*(taken(stream(question=f"{number}?")) for number in range(10)))

        with burnish.context(lm=server.lm(num_retries=4)), burnish.track_usage() as usage:
            several = asyncio.run(main())
        assert server.count() == usage.total.calls >= 20
    for items in several:
        assert text_of(items, "answer") == items[-1].answer == FIELDS["answer"]
        assert text_of(items, "reasoning") == FIELDS["reasoning"]
        # Another attempt says the same, so nobody hears of it.
        assert not any(item.restarted for item in items[:-1])


def test_an_endpoint_that_never_ends_well_is_an_error_after_the_pieces() -> None:
    with serving(answer=FIELDS, faults={"torn": 1.0}) as server, burnish.context(lm=server.lm(num_retries=1)):
        items: list[Any] = []
        with pytest.raises(LMTransient):
            items.extend(burnish.streamify(program(), async_streaming=False)(question="?"))
        assert server.count() == 2
    assert items


def test_nobody_listening_no_stream_is_asked_for() -> None:
    with serving(answer=FIELDS, bodies=True) as server, burnish.context(lm=server.lm()):
        program()(question="?")
        list(burnish.streamify(program(), stream_listeners=[], async_streaming=False)(question="?"))
        list(burnish.streamify(program(), async_streaming=False)(question="?"))
        asked = [entry["body"].get("stream") for entry in server.seen()]
    assert asked == [None, None, True]


def test_the_embedded_model_streams_too() -> None:
    with burnish.context(lm=burnish.LM("offline/icl")):
        predict = burnish.Predict("text -> words")
        items = asyncio.run(taken(burnish.streamify(predict)(text="The heron stands in the shallow water and waits.")))
    assert text_of(items, "words") == items[-1].words


def test_a_web_application_sends_the_pieces_as_they_come() -> None:
    from aiohttp import ClientSession, web

    async def main() -> tuple[list[dict[str, Any]], list[float]]:
        answer = burnish.streamify(program())

        async def handle(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            async for line in streaming_response(answer(question=request.query["question"])):
                await response.write(line.encode())
            return response

        application = web.Application()
        application.router.add_get("/", handle)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        told, arrived = [], []
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/?question=What") as reply:
            async for line in reply.content:
                if line.strip() and line.strip() != b"data: [DONE]":
                    told.append(json.loads(line.removeprefix(b"data: ")))
                    arrived.append(time.monotonic())
        await runner.cleanup()
        return told, arrived

    with serving(answer=FIELDS, gap=0.03) as server, burnish.context(lm=server.lm()):
        told, arrived = asyncio.run(asyncio.wait_for(main(), 60))
    chunks = [one["chunk"] for one in told if "chunk" in one]
    assert "".join(one["chunk"] for one in chunks if one["signature_field_name"] == "answer") == FIELDS["answer"]
    assert told[-1] == {"prediction": FIELDS}
    assert arrived[-1] - arrived[0] > 0.3
