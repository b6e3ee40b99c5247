"""Completions that come as server-sent events: what is told, what is put together, and what becomes of a stream that is none."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from burnish.errors import LMRejected, LMTransient, PromptTooLong
from burnish.lm.backends.base import Endpoint
from burnish.lm.backends.litellm import create as create_litellm
from burnish.lm.backends.openai_compatible import create
from burnish.lm.request import Output, Request, Response
from burnish.loop import run_sync
from burnish.testing import BackendContract
from burnish.testing.server import Server, serving
from burnish.values.usage import Usage
from tests.unit.lm.test_http import served

TEXT = "Grüße,  from\n\n the heron. "
KEY = "sk-marker-4711-0815"
USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


def question(**params: Any) -> Request:
    return Request.build("local/m", [{"role": "user", "content": "?"}], params=params)


def told(backend: Any, request: Request) -> tuple[Response, list[tuple[int, str]]]:
    pieces: list[tuple[int, str]] = []
    return run_sync(backend.stream(request, lambda *piece: pieces.append(piece))), pieces


def ask(*sent: object, kind: str = "text/event-stream", more: str = "", status: str = "200 OK") -> Any:
    """The outcome of a stream of these chunks, dicts or bytes as they are, and what was told."""
    body = b"".join(one if isinstance(one, bytes) else f"data: {json.dumps(one)}\n\n".encode() for one in sent)
    bodies = []

    def answer(asked: bytes) -> bytes:
        bodies.append(json.loads(asked))
        packed = gzip.compress(body) if "gzip" in more else body
        return (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(packed)}\r\n\r\n".encode()
            + packed
        )

    pieces: list[tuple[int, str]] = []

    async def main() -> Any:
        async with served(answer) as (url, _):
            backend = create(Endpoint("local/m", url, secrets={"api_key": KEY}))
            try:
                return await backend.stream(question(), lambda *piece: pieces.append(piece))
            except (LMTransient, LMRejected) as error:
                return error

    outcome = asyncio.run(asyncio.wait_for(main(), 60))
    assert bodies[0]["stream"] is True
    assert bodies[0]["stream_options"] == {"include_usage": True}
    return outcome, pieces


def chunk(text: str | None = None, *, index: int = 0, reason: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    return {"model": "served", "choices": [{"index": index, "delta": {**delta, **more}, "finish_reason": reason}]}


DONE = b"data: [DONE]\n\n"
END = chunk(reason="stop")
LAST = {"choices": [], "usage": USAGE, "model": "served"}


@pytest.fixture(scope="module")
def server():
    with serving(answer=TEXT) as running:
        yield running


def both(server: Server) -> list[Any]:
    return [
        create(Endpoint("local/toy", server.url)),
        create_litellm(Endpoint("openai/toy", server.url, secrets={"api_key": KEY})),
    ]


@pytest.mark.parametrize("which", [0, 1], ids=["openai", "litellm"])
@pytest.mark.parametrize("n", [1, 3])
def test_a_real_server_s_pieces_and_the_reply_that_they_make(server: Server, which: int, n: int) -> None:
    backend = both(server)[which]
    request = Request.build("local/toy", [{"role": "user", "content": "?"}], params={"n": n} if n > 1 else {})
    response, pieces = told(backend, request)
    assert response.texts == [TEXT] * n
    for number in range(n):
        own = [text for index, text in pieces if index == number]
        assert "".join(own) == TEXT
        assert len(own) > 3
    whole = run_sync(backend.complete(request))
    assert response.outputs == whole.outputs
    assert response.usage.completion_tokens == whole.usage.completion_tokens
    assert (response.usage.calls, response.usage.unpriced) == (1, 1)


@pytest.mark.parametrize("which", [0, 1], ids=["openai", "litellm"])
def test_a_stream_costs_what_a_reply_costs(server: Server, which: int) -> None:
    if which:
        backend = create_litellm(Endpoint("openai/gpt-4o-mini", server.url, secrets={"api_key": KEY}))
    else:
        backend = create(Endpoint("openai/gpt-4o-mini", server.url))
    response, _ = told(backend, question())
    assert response.usage.unpriced == 0
    assert response.usage.dollars > 0


BREAKS = ["cut", "torn", "garbage", "empty", "wrong_type", "disconnect", "error", "rate_limit"]


@pytest.fixture(scope="module")
def breaking() -> Iterator[Server]:
    """A server each of whose streams breaks, in the way that the question draws."""
    with serving(answer=TEXT * 5, faults=dict.fromkeys(BREAKS, 1 / len(BREAKS))) as running:
        yield running


@pytest.mark.parametrize("which", [0, 1], ids=["openai", "litellm"])
def test_a_stream_that_breaks_is_worth_another_try(breaking: Server, which: int) -> None:
    backend, before, met = both(breaking)[which], breaking.count(), set()
    while met < set(BREAKS) and breaking.count() < before + 100:
        with pytest.raises(LMTransient):
            told(backend, question(seed=breaking.count()))
        met.add(breaking.seen()[-1]["fault"])
    assert met == set(BREAKS)


@pytest.mark.parametrize("which", [0, 1], ids=["openai", "litellm"])
def test_a_refusal_is_one_also_where_a_stream_was_asked_for(which: int) -> None:
    with serving(answer=TEXT, faults={"too_long": 1.0}) as server, pytest.raises(PromptTooLong):
        told(both(server)[which], question())


def test_bytes_may_be_cut_anywhere() -> None:
    with serving(answer="ü€😀 " * 3, faults={"trickle": 1.0}, pace=0.0) as server:
        response, pieces = told(both(server)[0], question())
    assert "".join(text for _, text in pieces) == response.texts[0] == "ü€😀 " * 3


def test_what_comes_beside_the_text_is_put_together() -> None:
    calls: list[list[dict[str, Any]]] = [
        [{"index": 0, "id": "1", "type": "function", "function": {"name": "search", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": '{"query": '}}],
        [{"index": 1, "id": "2", "type": "function", "function": {"name": "stop", "arguments": "{}"}}],
        [{"index": 0, "function": {"arguments": '"heron"}'}}],
    ]
    response, pieces = ask(
        chunk("", role="assistant"),
        chunk(reasoning_content="six "),
        chunk(reasoning_content="times seven"),
        *(chunk(tool_calls=call) for call in calls),
        chunk(reason="tool_calls"),
        LAST,
        DONE,
    )
    assert pieces == []
    assert response.outputs[0].extra == {
        "reasoning_content": "six times seven",
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "search", "arguments": '{"query": "heron"}'}},
            {"id": "2", "type": "function", "function": {"name": "stop", "arguments": "{}"}},
        ],
    }
    assert response.usage == Usage(1, 11, 3, 0.0, 1)
    assert response.model == "served"


def test_log_probabilities_are_joined() -> None:
    parts = [chunk("a"), chunk("b")]
    for part, name in zip(parts, "ab", strict=True):
        part["choices"][0]["logprobs"] = {"content": [{"token": name, "logprob": -1.0}]}
    response, _ = ask(*parts, END, DONE)
    assert [one["token"] for one in response.outputs[0].extra["logprobs"]["content"]] == ["a", "b"]


@pytest.mark.parametrize(
    "sent",
    [
        (b": keep-alive\r\n\r\ndata:" + json.dumps(chunk("heron")).encode() + b"\r\n\r\n", END, DONE),
        (chunk("her"), chunk("on", reason="stop")),
        (chunk("her"), chunk("on"), DONE),
        (chunk("heron", reason="stop"), b"event: end\ndata:\n\n", b"data: [DONE]"),
    ],
    ids=["comments and CR", "no DONE", "no reason", "no last line"],
)
def test_servers_differ_in_how_they_end_and_in_what_they_say_between(sent: Any) -> None:
    response, pieces = ask(*sent)
    assert response.texts == ["heron"]
    assert "".join(text for _, text in pieces) == "heron"
    # Not told, so estimated.
    assert response.usage.completion_tokens == 1


def test_a_server_that_streams_nothing_answers_at_once() -> None:
    whole = {"choices": [{"message": {"content": "heron"}, "finish_reason": "stop"}], "usage": USAGE}
    response, pieces = ask(json.dumps(whole).encode(), kind="application/json")
    assert response.outputs == (Output("heron", "stop"),)
    assert pieces == []


def test_a_packed_stream_is_read_at_its_end() -> None:
    response, pieces = ask(chunk("her"), chunk("on"), END, DONE, more="Content-Encoding: gzip\r\n")
    assert response.texts == ["heron"]
    assert pieces == [(0, "her"), (0, "on")]


@pytest.mark.parametrize(
    ("sent", "kind", "says"),
    [
        ((chunk("her"), {"error": {"message": f"overloaded {KEY}", "code": 503}}), LMTransient, "overloaded"),
        (({"error": {"message": "no such thing", "code": 400}},), LMRejected, "no such thing"),
        ((chunk("her"),), LMTransient, "ended before the reply did"),
        ((DONE,), LMTransient, "ended before the reply did"),
        ((chunk("her"), b"data: [1]\n\n"), LMTransient, "no JSON object"),
        (({"choices": ["heron"]},), LMTransient, "cannot be read"),
        ((chunk("her"), b"data: {\n\n"), LMTransient, "cannot be read"),
    ],
)
def test_a_stream_that_is_none(sent: Any, kind: type[Exception], says: str) -> None:
    outcome, _ = ask(*sent)
    assert isinstance(outcome, kind)
    assert says in str(outcome)
    assert KEY not in str(outcome)


def test_cancelled_it_closes_the_connection() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    event = f"data: {json.dumps(chunk('heron'))}\n\n".encode()

    async def main() -> None:
        async with served(lambda _: head + b"%x\r\n%b\r\n" % (len(event), event)) as (url, seen):
            backend = create(Endpoint("local/m", url))
            first = asyncio.Event()
            call = asyncio.ensure_future(backend.stream(question(), lambda *_: first.set()))
            await first.wait()
            call.cancel()
            await asyncio.wait([call])
            assert call.cancelled()
            await seen.hung_up.wait()

    asyncio.run(asyncio.wait_for(main(), 60))


class TestStreams(BackendContract):
    """What plugin authors' backends must do, done by ours against a real server."""

    model = "local/toy"
    make: Callable[[Endpoint], Any] = staticmethod(create)

    @pytest.fixture(autouse=True)
    def _server(self, server: Server) -> None:
        self.server = server

    def make_backend(self) -> Any:
        return type(self).make(Endpoint(self.model, self.server.url, secrets={"api_key": KEY}))


class TestStreamsOfLiteLLM(TestStreams):
    model = "openai/toy"
    make = staticmethod(create_litellm)
