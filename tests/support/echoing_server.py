"""A model server that repeats the credentials it is sent: `python -m tests.support.echoing_server`.

Careless gateways do, in errors, headers and pages. The port is the first line of standard output. How a request fails
depends on its content and on how often it was asked before; every second attempt is answered.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from burnish.testing.scripted import rendered

KINDS = ("answer", "500", "429", "503", "400", "401", "302", "cut", "page", "empty", "error", "drop", "torn")


class Handler(BaseHTTPRequestHandler):
    """Fails in every way, with the credentials in what it says; the word after ``kind:`` chooses the way."""

    protocol_version = "HTTP/1.1"
    attempts: ClassVar[Counter[str]] = Counter()

    def do_POST(self) -> None:
        """One request."""
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw)
        content = hashlib.sha256(raw).hexdigest()
        said = body["messages"][-1]["content"] if "messages" in body else "kind:500 for all that is to be embedded"
        asked = said.partition("kind:")[2].split(" ")[0].strip()
        kind = asked or (KINDS[int(content[:6], 16) % len(KINDS)] if self.attempts[content] % 2 == 0 else "answer")
        # Some only where they are asked for: they end a run, or slow it down.
        kind = "answer" if kind in ("401", "302", "429", "503") and not asked else kind
        self.attempts[content] += 1
        self._reply(kind, body)

    def _reply(self, kind: str, body: dict[str, Any]) -> None:
        shown = [value for name, value in self.headers.items() if name.lower().startswith(("auth", "x-"))]
        echo = f"No such key: {' '.join(shown)}, said to {self.path}"
        error = json.dumps({"error": {"message": echo, "type": echo, "code": echo, "param": shown}}).encode()
        if kind.isdigit():
            self._send(int(kind), error, echo)
        elif kind == "page":
            self._send(200, f"<html><h1>{echo}</h1></html>".encode(), echo, kind="text/html")
        elif kind == "error":
            self._send(200, error, echo)
        elif kind == "empty":
            self._send(200, json.dumps({"id": echo, "choices": []}).encode(), echo)
        elif kind == "cut":
            self._send(200, error[: len(error) - 10], echo)
        elif kind == "drop":
            self.close_connection = True
        else:
            self._send(200, answer(body, echo), echo, torn=kind == "torn")

    def _send(self, status: int, body: bytes, echo: str, *, kind: str = "application/json", torn: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        # OpenAI's own client logs a reply's headers as they are, at DEBUG, which is its affair.
        if "burnish" in self.headers["User-Agent"]:
            self.send_header("X-Echo", echo)
            self.send_header("Location", f"/elsewhere?{echo.replace(' ', '+')}")
        if status == 429:
            self.send_header("Retry-After", "0.02")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if torn else body)
        self.close_connection = self.close_connection or torn

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def answer(body: dict[str, Any], echo: str) -> bytes:
    """The same answer to everybody, with the credentials where nobody reads."""
    message = {"role": "assistant", "content": rendered({"kind": "bird"}), "x_echo": echo}
    reply = {
        "id": echo,
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        "system_fingerprint": echo,
    }
    return json.dumps(reply).encode()


def main() -> None:
    """Serve until standard input ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
