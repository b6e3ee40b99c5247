"""A model server in a process of its own: `python -m tests.support.server --port 0 --log FILE`.

It speaks enough of the OpenAI protocol for one chat completion at a time, answers as the toy model does, and writes
down every request on arrival. Whether a request fails depends on its content and on how often it was asked before, so
that a test can count on which ones do.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

from aiohttp import web

from burnish.lm.request import Request, estimate_tokens
from burnish.testing.scripted import rendered
from burnish.testing.toy import _answer


def share(*parts: object) -> float:
    """A number from 0 to 1 that depends on the parts alone."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


class ModelServer:
    """Answers, delays, fails and writes down."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.attempts: Counter[str] = Counter()
        self.log = Path(options.log).open("a", encoding="utf-8")  # noqa: SIM115  open as long as the process lives

    async def complete(self, http: web.Request) -> web.Response:
        """One chat completion."""
        body = await http.read()
        content = hashlib.sha256(body).hexdigest()[:16]
        attempt = self.attempts[content]
        self.attempts[content] += 1
        fails = share(content, attempt) < self.options.failing
        line = {"hash": content, "key": http.headers.get("X-Request-Key", ""), "failed": fails}
        # Written before the answer goes out: what the log does not hold was never seen.
        print(json.dumps(line), file=self.log, flush=True)
        await asyncio.sleep(self.options.latency + self.options.jitter * share("latency", content))
        if fails:
            headers = {"Retry-After": "0.01"} if self.options.status == 429 else {}
            return web.json_response({"error": "out of order"}, status=self.options.status, headers=headers)
        return web.json_response(answer(json.loads(body)))


def answer(body: dict) -> dict:
    """The body of the toy model's answer."""
    messages = body["messages"]
    request = Request.build(body["model"], messages, params={})
    text = rendered(_answer(request))
    return {
        "model": body["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": estimate_tokens(messages), "completion_tokens": 1 + len(text) // 4},
    }


async def serve(options: argparse.Namespace) -> None:
    """Serve until killed; the port is the first line of standard output."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", ModelServer(options).complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    # Ends with whoever started it, so that a killed test leaves no server behind.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Read the knobs and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", required=True, help="one line a request, in order of arrival")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each answer takes")
    parser.add_argument("--jitter", type=float, default=0.0, help="up to so many seconds more, by content")
    parser.add_argument("--failing", type=float, default=0.0, help="share of requests that fail")
    parser.add_argument("--status", type=int, default=500, help="the HTTP status of those")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
