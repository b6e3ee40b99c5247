"""What one POST costs with three HTTP clients: `python benches/python/http_clients.py [--record] [--rounds N]`.

aiohttp, httpx and Burnish's own client post a chat body of four demos (about 2 kB) over keep-alive connections to a
server in a process of its own, on one asyncio loop, with 1, 64 and 256 calls in flight and a server that takes 0 and
50 ms. The first two are tuned: no limit on connections, no cookies, no environment, bytes in and bytes out, the body
left unparsed. Every reply is compared before the clock starts, and its status and length after that.

*CPU* is that of all threads of the client's process, divided by the calls. Clients take turns in every round; the table has
medians, with the least and the most.

What the figures do not say: TLS and a network between, which cost every client more and about the same; and calls a
second at 0 ms are bounded by the server, which is Python too and shares the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

import aiohttp
import httpx
from aiohttp import web

RECORD = Path(__file__).resolve().parents[1] / "records" / "http_clients.md"
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-of-no-use", "user-agent": "bench"}
CASES = [(flight, wait) for wait in (0, 50) for flight in (1, 64, 256)]

Post = Callable[[], Awaitable[tuple[int, bytes]]]


def question() -> bytes:
    """A chat request with instructions, four demos and a question."""
    turns = [{"role": "system", "content": "Answer the question with a short fact. " * 8}]
    for number in range(4):
        turns.append({"role": "user", "content": f"[[ ## question ## ]]\nWhich bird is number {number}? " * 3})
        turns.append({"role": "assistant", "content": "[[ ## answer ## ]]\nheron\n\n[[ ## completed ## ]]\n"})
    turns.append({"role": "user", "content": "[[ ## question ## ]]\nWhich bird stands in water?"})
    return json.dumps({"model": "local", "messages": turns, "temperature": 0.0}).encode()


REPLY = json.dumps(
    {
        "id": "chatcmpl-0123456789",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "local",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "[[ ## answer ## ]]\nheron\n\n[[ ## completed ## ]]\n"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 500, "completion_tokens": 17, "total_tokens": 517},
    }
).encode()


def serve() -> None:
    """Answer on a free port, which is printed, until the standard input ends."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        wait = int(request.match_info["wait"])
        if wait:
            await asyncio.sleep(wait / 1000)
        return web.Response(body=REPLY, content_type="application/json")

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/{wait}/chat/completions", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)

    asyncio.run(main())


@contextlib.asynccontextmanager
async def with_aiohttp(url: str, body: bytes) -> AsyncIterator[Post]:
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, auto_decompress=False) as session:

        async def post() -> tuple[int, bytes]:
            async with session.post(url, data=body, headers=HEADERS, allow_redirects=False) as response:
                return response.status, await response.read()

        yield post


@contextlib.asynccontextmanager
async def with_httpx(url: str, body: bytes) -> AsyncIterator[Post]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=None) as client:

        async def post() -> tuple[int, bytes]:
            response = await client.post(url, content=body, headers=HEADERS)
            return response.status_code, response.content

        yield post


@contextlib.asynccontextmanager
async def with_burnish(url: str, body: bytes) -> AsyncIterator[Post]:
    from burnish.lm.backends import http

    async def post() -> tuple[int, bytes]:
        status, _, text = await http.post(url, HEADERS, body)
        return status, text

    yield post


CLIENTS = {"burnish": with_burnish, "aiohttp": with_aiohttp, "httpx": with_httpx}


async def measure(client: str, url: str, *, flight: int, calls: int) -> tuple[float, float]:
    """Microseconds of CPU a call, and calls a second."""
    async with CLIENTS[client](url, question()) as post:
        left = calls

        async def work() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                status, text = await post()
                assert status == 200
                assert len(text) == len(REPLY)

        answers = await asyncio.gather(*(post() for _ in range(flight)))  # opens the connections
        assert set(answers) == {(200, REPLY)}
        began, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(flight)))
        return 1e6 * (time.process_time() - used) / calls, calls / (time.perf_counter() - began)


def calls_of(client: str, flight: int, wait: int) -> int:
    """Enough for a second or so."""
    most = 300 if client == "httpx" else 4000
    return max(most if wait == 0 else min(most, flight * 1000 // wait), 40)


def told(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--record", action="store_true", help=f"write {RECORD.name} too")
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    if chosen.serve:
        serve()
        return
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    address = f"http://127.0.0.1:{int(server.stdout.readline())}"
    found: dict[tuple[int, int, str], list[tuple[float, float]]] = {}
    try:
        for _ in range(chosen.rounds):
            for flight, wait in CASES:
                for client in CLIENTS:
                    url = f"{address}/{wait}/chat/completions"
                    case = measure(client, url, flight=flight, calls=calls_of(client, flight, wait))
                    found.setdefault((flight, wait, client), []).append(asyncio.run(case))
    finally:
        server.communicate(b"")
    show(found, chosen)


def show(found: dict[tuple[int, int, str], list[tuple[float, float]]], chosen: argparse.Namespace) -> None:
    command = "python benches/python/http_clients.py" + (" --record" if chosen.record else "")
    named = ", ".join(f"{name} {version(name)}" for name in ("burnish", "aiohttp", "httpx"))
    lines = [
        "# HTTP clients",
        "",
        f"`{command} --rounds {chosen.rounds}`, {datetime.datetime.now(tz=datetime.UTC).date()}; {named};",
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores.",
        f"{chosen.rounds} rounds, median (least to most).",
        f"A POST of {len(question())} bytes, a reply of {len(REPLY)}; CPU of all threads of the client's process.",
        "",
        "| in flight | server, ms | client | CPU a call, µs | of aiohttp's | calls/s |",
        "|---|---|---|---|---|---|",
    ]
    for (flight, wait, client), figures in found.items():
        cpu = [used for used, _ in figures]
        peer = statistics.median(used for used, _ in found[flight, wait, "aiohttp"])
        share = f"{100 * statistics.median(cpu) / peer:.0f}%"
        lines.append(
            f"| {flight} | {wait} | {client} | {told(cpu)} | {share} | {told([rate for _, rate in figures])} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    if chosen.record:
        RECORD.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
