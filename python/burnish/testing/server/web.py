"""The process: aiohttp's server, a request log, and replies written as plain bytes.

Replies bypass aiohttp's own response class, since a damaged one is not what that would write, and
since this way an answer costs about 85 microseconds of CPU instead of 130.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections import Counter, deque
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burnish.errors import BurnishError
from burnish.testing.server.answers import Answered, answerer, embeddings, models
from burnish.testing.server.faults import REFUSALS, Refusal, fault_of, share
from burnish.testing.server.stream import DONE, events, wants_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from burnish.testing.server.options import Options

_CHAT, _EMBEDDINGS, _MODELS = "/v1/chat/completions", "/v1/embeddings", "/v1/models"
_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"
_NOISE = b"\x00{]"
_PAGE = b"<html><body><h1>Welcome</h1></body></html>"
_EMPTY = json.dumps({"id": "chatcmpl-0", "object": "list", "choices": [], "data": [], "usage": {}}).encode()
_MINUTE = 60.0


class RequestLog:
    """One line of JSON a request, appended to a file; what the file holds already is counted on."""

    def __init__(self, path: Path | None) -> None:
        self.number = 0
        self.attempts: Counter[str] = Counter()
        self.file: int | None = None
        if path is not None:
            for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
                entry = json.loads(line)
                self.number += 1
                self.attempts[entry["content"]] += entry["fault"] not in ("capacity", "rpm")
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, entry: dict[str, Any]) -> None:
        """Keep one request; it is in the file when this returns."""
        if self.file is not None:
            os.write(self.file, json.dumps(entry).encode() + b"\n")


class ModelServer:
    """Answers, delays, refuses, fails, and writes down."""

    def __init__(self, options: Options, log: RequestLog, make_reply: Callable[..., Any]) -> None:
        self.options = options
        self.log = log
        self.reply = make_reply
        self.chat = answerer(options.answer, options.model)
        self.flying = 0
        self.served: deque[float] = deque()
        # Without log, faults and jitter nothing depends on the content, and it is not looked at.
        self.tells_apart = log.file is not None or bool(options.faults) or options.jitter > 0

    async def handle(self, http: Any) -> Any:
        """One request, from its arrival to its reply."""
        path = http.path
        if path == _MODELS:
            return self.reply(200, models(self.options.names))
        if path not in (_CHAT, _EMBEDDINGS) or http.method != "POST":
            return self._no(Refusal(404, "invalid_request_error", f"Unknown request URL: {http.method} {path}."))
        body = await http.read()
        busy = self._busy()
        content, attempt = self._told_apart(body, counts=busy is None)
        fault = busy or self._fault(content, attempt) or self._unknown(body)
        refusal = self._refusal(fault)
        answered: Answered = (b"", 0, 0)
        try:
            answered = await self._answer(path, body)
        # An answer function is an author's, and a body anybody's: either may be wrong in any way.
        except Exception as error:
            said = str(error) if isinstance(error, BurnishError) else f"{type(error).__name__}: {error}"
            fault = fault or "unanswerable"
            refusal = refusal or Refusal(400, "invalid_request_error", said)
        self._log(http, body, content, attempt, fault, answered, refusal)
        if busy is not None:
            return self._no(refusal)
        self.flying += 1
        try:
            await self._wait(content, fault)
        finally:
            self.flying -= 1
        if refusal is not None:
            return self._no(refusal)
        if path == _CHAT and fault != "wrong_type" and wants_stream(body):
            return self._stream(events(body, answered[0]), fault)
        return self._reply(answered[0], fault)

    async def _answer(self, path: str, body: bytes) -> Answered:
        if path == _CHAT:
            return await self.chat(body)
        return embeddings(body, self.options.model, self.options.dimensions)

    def _told_apart(self, body: bytes, *, counts: bool) -> tuple[str, int]:
        """The content's hash, and how often it was asked before."""
        self.log.number += 1
        if not self.tells_apart:
            return "", 0
        from hashlib import sha256

        content = sha256(body).hexdigest()[:16]
        attempt = self.log.attempts[content]
        # A refusal for lack of room depends on the moment, and must not shift which attempt fails.
        self.log.attempts[content] += counts
        return content, attempt

    def _busy(self) -> str | None:
        """Why there is no room for this request, None where there is."""
        options = self.options
        if options.capacity is not None and self.flying >= options.capacity:
            return "capacity"
        if options.rpm is not None:
            now = time.monotonic()
            while self.served and self.served[0] <= now - _MINUTE:
                self.served.popleft()
            if len(self.served) >= options.rpm:
                return "rpm"
            self.served.append(now)
        return None

    def _fault(self, content: str, attempt: int) -> str | None:
        first = self.options.faulty_attempts
        if first is not None and attempt >= first:
            return None
        return fault_of(self.options.faults, self.options.seed, content, attempt)

    def _unknown(self, body: bytes) -> str | None:
        names = self.options.models
        if names is None:
            return None
        try:
            return None if json.loads(body)["model"] in names else "unknown_model"
        # A body that names no model is refused for what it is, further on.
        except (ValueError, TypeError, LookupError):
            return None

    def _refusal(self, fault: str | None) -> Refusal | None:
        if fault in ("capacity", "rpm"):
            return REFUSALS["rate_limit"]._replace(retry_after=self.options.retry_after)
        refusal = REFUSALS.get(fault or "")
        if refusal is not None and refusal.retry_after is not None and self.options.retry_after is not None:
            return refusal._replace(retry_after=self.options.retry_after)
        return refusal

    def _log(
        self,
        http: Any,
        body: bytes,
        content: str,
        attempt: int,
        fault: str | None,
        answered: Answered,
        refusal: Refusal | None,
    ) -> None:
        if self.log.file is None:
            return
        lost = fault in ("hang", "disconnect")
        billed = answered[1:] if refusal is None and not lost else (0, 0)
        entry = {
            "number": self.log.number,
            "time": time.time(),
            "path": http.path,
            "content": content,
            "attempt": attempt,
            "fault": fault,
            "status": refusal.status if refusal is not None else None if lost else 200,
            "authorization": "Authorization" in http.headers,
            "prompt_tokens": billed[0],
            "completion_tokens": billed[1],
        }
        if self.options.bodies:
            entry["body"] = json.loads(body)
        self.log.write(entry)

    async def _wait(self, content: str, fault: str | None) -> None:
        options = self.options
        if fault == "hang":
            await asyncio.Event().wait()
        seconds = options.latency
        if options.jitter:
            seconds += options.jitter * share("latency", content)
        if seconds:
            await asyncio.sleep(seconds)

    def _no(self, refusal: Refusal | None) -> Any:
        assert refusal is not None
        after = refusal.retry_after
        more = "" if after is None else f"Retry-After: {after:g}\r\n"
        return self.reply(refusal.status, refusal.body(), more=more)

    def _reply(self, body: bytes, fault: str | None) -> Any:
        if fault is None:
            return self.reply(200, body)
        if fault == "wrong_type":
            return self.reply(200, _PAGE, kind="text/html")
        if fault == "cut":
            return self.reply(200, body[: len(body) // 2])
        if fault == "empty":
            return self.reply(200, _EMPTY)
        if fault == "garbage":
            return self.reply(200, body[: len(body) // 2] + _NOISE + body[len(body) // 2 :])
        return self.reply(200, body, ending=fault, pace=self.options.pace)

    def _stream(self, told: list[bytes], fault: str | None) -> Any:
        half = len(told) // 2
        if fault == "cut":
            told = told[:half]
        elif fault == "empty":
            told = [DONE]
        elif fault == "garbage":
            told = [*told[:half], b"data: " + _NOISE + b"\n\n", *told[half:]]
        ending = fault if fault in ("torn", "disconnect", "trickle") else ""
        return self.reply(
            200, b"", kind=_EVENTS, events=told, ending=ending, pace=self.options.pace, gap=self.options.gap
        )


def reply_class() -> Callable[..., Any]:
    """The class of replies, made late since aiohttp is imported late."""
    from aiohttp import web

    heads = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}

    class Reply(web.StreamResponse):
        """Bytes, written at once or as a fault has it."""

        def __init__(
            self,
            status: int,
            body: bytes,
            *,
            kind: str = _JSON,
            more: str = "",
            events: list[bytes] | None = None,
            ending: str = "",
            pace: float = 0.0,
            gap: float = 0.0,
        ) -> None:
            super().__init__(status=status)
            size = f"Content-Length: {len(body)}" if events is None else "Transfer-Encoding: chunked"
            head = f"{heads[status]}Content-Type: {kind}\r\n{size}\r\n{more}\r\n".encode()
            chunks = None if events is None else [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
            self.parts = [head + body] if chunks is None else [head, *chunks, b"0\r\n\r\n"]
            self.ending, self.pace, self.gap = ending, pace, gap
            self.stays = False

        @property
        def keep_alive(self) -> bool:
            """Whether the connection is kept for the next request."""
            return self.stays

        async def prepare(self, request: web.BaseRequest) -> None:
            """Write the reply; aiohttp calls this once."""
            self.stays = request.keep_alive and self.ending in ("", "trickle")
            parts, pause = self.parts, self.gap
            if self.ending == "trickle":
                parts, pause = [bytes((byte,)) for byte in b"".join(parts)], self.pace
            elif self.ending == "torn":
                whole = len(parts) == 1
                parts = [parts[0][: len(parts[0]) // 2]] if whole else parts[: len(parts) // 2]
            elif self.ending:
                parts = []
            for part in parts if pause else [b"".join(parts)]:
                if request.transport is None:
                    return
                request.transport.write(part)
                if pause:
                    await asyncio.sleep(pause)
            if not self.stays and self.ending and request.transport is not None:
                request.transport.close()

        async def write_eof(self, data: bytes = b"") -> None:
            """Nothing is left to write."""

    return Reply


async def serve(options: Options, *, port: int, log: Path | None, started: Callable[[int], None]) -> None:
    """Serve until cancelled; `started` is told the port."""
    from aiohttp import web

    _allow_many_connections()
    server = ModelServer(options, RequestLog(log), reply_class())
    loop = asyncio.get_running_loop()

    def request_of_any_size(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=0)

    # Whoever hangs up frees the place at once, as in a server that watches its connections.
    low_level = web.Server(
        server.handle, request_factory=request_of_any_size, handler_cancellation=True, access_log=None
    )
    runner = web.ServerRunner(low_level)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=2048)
    try:
        await site.start()
        started(runner.addresses[0][1])
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _allow_many_connections() -> None:
    """As many as the system lets this process have; many a shell starts with 1,024."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
