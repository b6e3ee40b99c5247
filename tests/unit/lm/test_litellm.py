"""The LiteLLM backend against a real server on this machine, through LiteLLM itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from burnish.errors import ConfigError, LMAccessDenied, LMRejected, LMTransient, PromptTooLong
from burnish.lm.lm import LM

KEY = "sk-marker-4711-0815"


class _Server(ThreadingHTTPServer):
    """Speaks OpenAI's chat completions; the last message says with which status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        self.server.keys.append(self.headers["authorization"])
        asked = body["messages"][-1]["content"]
        status, _, about = asked.partition(" ")
        if not status.isdigit():
            choices = [
                {"index": n, "message": {"role": "assistant", "content": f"{asked}, {n}"}, "finish_reason": "stop"}
                for n in range(body.get("n", 1))
            ]
            usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
            answer: dict[str, Any] = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"]}
            self._send(200, {**answer, "choices": choices, "usage": usage})
            return
        code = "context_length_exceeded" if about == "length" else None
        text = "This model's maximum context length is 8 tokens." if about == "length" else f"wrong: {about} {KEY}"
        self._send(int(status), {"error": {"message": text, "type": "x", "param": None, "code": code}})

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if status == 429:
            self.send_header("retry-after", "3")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[_Server]:
    """A server of this module's own."""
    server = _Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def lm(server: _Server, **options: Any) -> LM:
    """An LM that asks the server once and keeps nothing."""
    return LM("openai/toy", api_base=server.base, api_key=KEY, **{"cache": False, "num_retries": 0, **options})


def test_a_call_goes_to_the_address_with_key_and_settings(server: _Server) -> None:
    asked = lm(server, temperature=0.5)
    assert asked("hello", n=2) == ["hello, 0", "hello, 1"]
    body = server.bodies[-1]
    assert {key: body[key] for key in ("model", "temperature", "n", "messages")} == {
        "model": "toy",
        "temperature": 0.5,
        "n": 2,
        "messages": [{"role": "user", "content": "hello"}],
    }
    assert server.keys[-1] == f"Bearer {KEY}"


def test_usage_is_read_and_an_unknown_price_is_not_nothing(server: _Server) -> None:
    from burnish.lm.scope import Scope, use_scope
    from burnish.values.usage import Ledger, Usage

    ledger = Ledger()
    with use_scope(Scope(ledger=ledger)):
        lm(server)("hello")
    assert ledger.total() == Usage(1, 11, 3, 0.0, 1)
    assert ledger.total().price == "price unknown"


def test_a_known_price_is_taken_from_the_table(server: _Server) -> None:
    from burnish.lm.scope import Scope, use_scope
    from burnish.values.usage import Ledger

    ledger = Ledger()
    with use_scope(Scope(ledger=ledger)):
        LM("openai/gpt-4o-mini", api_base=server.base, api_key=KEY, cache=False)("hello")
    assert ledger.total().dollars == pytest.approx(11 * 0.15e-6 + 3 * 0.6e-6)
    assert ledger.total().unpriced == 0


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ("400 about", LMRejected),
        ("400 length", PromptTooLong),
        ("401 key", LMAccessDenied),
        ("403 permission", LMAccessDenied),
        ("404 model", LMAccessDenied),
        ("422 form", LMRejected),
        ("408 late", LMTransient),
        ("429 slowly", LMTransient),
        ("500 broken", LMTransient),
        ("503 full", LMTransient),
    ],
)
def test_what_the_endpoint_answers_becomes_our_error(server: _Server, asked: str, kind: type[LMRejected]) -> None:
    sent = len(server.bodies)
    with pytest.raises((LMRejected, LMTransient)) as caught:
        lm(server)(asked)
    assert type(caught.value) is kind
    assert (caught.value.model, caught.value.status) == ("openai/toy", int(asked[:3]))
    assert caught.value.retry_after == (3.0 if asked.startswith("429") else None)
    assert len(server.bodies) == sent + 1


@pytest.mark.parametrize("asked", ["400 about", "401 key", "403 permission", "500 broken", "429 slowly"])
def test_a_key_that_the_endpoint_echoes_is_in_no_error(server: _Server, asked: str) -> None:
    import traceback

    with pytest.raises((LMRejected, LMTransient)) as caught:
        lm(server)(asked)
    assert KEY not in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_key_from_the_environment_is_in_no_error_either(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(LMTransient) as caught:
        LM("openai/toy", api_base=server.base, cache=False, num_retries=0)("500 broken")
    assert server.keys[-1] == f"Bearer {KEY}"
    assert KEY not in str(caught.value)


def test_a_missing_key_is_no_outage(server: _Server) -> None:
    with pytest.raises(LMAccessDenied):
        LM("openai/toy", api_base=server.base, cache=False, num_retries=0)("hello")


def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    with pytest.raises(LMTransient):
        LM("openai/toy", api_base="http://127.0.0.1:9/v1", api_key=KEY, cache=False, num_retries=0)("hello")


def test_a_name_without_a_provider_is_refused() -> None:
    with pytest.raises(ConfigError, match="openai/gpt-4o-mini"):
        LM("gpt-4o-mini")


def test_retries_are_ours_alone(server: _Server) -> None:
    sent = len(server.bodies)
    with pytest.raises(LMTransient):
        lm(server, num_retries=1)("503 full")
    assert len(server.bodies) == sent + 2
