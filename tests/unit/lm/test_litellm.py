"""The LiteLLM backend against a real server on this machine, through LiteLLM itself."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import os
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from burnish.errors import ConfigError, LMAccessDenied, LMError, LMRejected, LMTransient, PromptTooLong
from burnish.lm.backends.base import Endpoint
from burnish.lm.backends.litellm import LiteLLMBackend, _imported, create, translate
from burnish.lm.lm import LM
from burnish.lm.request import Output, Request, Response
from burnish.loop import run_sync
from burnish.values.usage import Usage
from tests.support.leftovers import no_more_tasks_than, tasks

KEY = "sk-marker-4711-0815"
CALL = {"id": "1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
TOLD: dict[str, dict[str, Any]] = {
    "tools": {"content": None, "tool_calls": [CALL]},
    "thoughts": {"content": "42", "reasoning_content": "six times seven"},
}


class _Server(ThreadingHTTPServer):
    """Speaks OpenAI's protocol; the last message says how it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.ended = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        self.server.keys.append(self.headers["authorization"])
        if "input" in body:
            self._embed(body)
            return
        asked = body["messages"][-1]["content"]
        status, _, about = asked.partition(" ")
        if status.isdigit():
            self._refuse(int(status), about)
        elif asked.startswith("hang"):
            self.server.ended.wait(60)
        elif asked == "cut":
            self._send(200, b'{"id": "1", "choices": [{"ind')
        elif asked == "html":
            self._send(200, b"<html>Sorry</html>", kind="text/html")
        elif asked != "drop":
            self._complete(body, asked)

    def _complete(self, body: dict[str, Any], asked: str) -> None:
        choices = [
            {
                "index": n,
                "message": {"role": "assistant", **TOLD.get(asked, {"content": f"{asked}, {n}"})},
                "finish_reason": "tool_calls" if asked == "tools" else "stop",
                "logprobs": {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]}
                if body.get("logprobs")
                else None,
            }
            for n in range(0 if asked == "empty" else body.get("n", 1))
        ]
        usage: dict[str, Any] = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
        if asked == "cached":
            usage["prompt_tokens_details"] = {"cached_tokens": 5}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"]}
        self._send(200, json.dumps({**answer, "choices": choices, "usage": usage}).encode())

    def _embed(self, body: dict[str, Any]) -> None:
        rows = [
            {"object": "embedding", "index": n, "embedding": [len(text), n]} for n, text in enumerate(body["input"])
        ]
        if "lost" in body["input"]:
            rows.pop()
        usage = {"prompt_tokens": 7, "total_tokens": 7}
        answer = {"object": "list", "model": body["model"], "data": rows[::-1], "usage": usage}
        self._send(200, json.dumps(answer).encode())

    def _refuse(self, status: int, about: str) -> None:
        codes = {"length": "context_length_exceeded", "quota": "insufficient_quota"}
        texts = {
            "length": "This model's maximum context length is 8 tokens.",
            "large": "Request too large for m on tokens per min (TPM): Limit 3, Requested 4. The input must be reduced.",
        }
        text = texts.get(about, f"wrong: {about} {KEY}")
        error = {"message": text, "type": "x", "param": None, "code": codes.get(about)}
        self._send(status, json.dumps({"error": error}).encode())

    def _send(self, status: int, body: bytes, *, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
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
    server.ended.set()
    server.shutdown()
    server.server_close()


def backend(server: _Server, **options: Any) -> LiteLLMBackend:
    given = {"model": "openai/toy", "api_base": server.base, "timeout": 30.0, "secrets": {"api_key": KEY}, **options}
    return create(Endpoint(**given))


def request(asked: str, **params: Any) -> Request:
    return Request.build("openai/toy", [{"role": "user", "content": asked}], params=params)


def ask(server: _Server, asked: str, *, params: dict[str, Any] | None = None, **options: Any) -> Response:
    return run_sync(backend(server, **options).complete(request(asked, **(params or {}))))


def refused(server: _Server, asked: str, **options: Any) -> LMError:
    with pytest.raises(LMError) as caught:
        ask(server, asked, **options)
    return caught.value


def lm(server: _Server, **options: Any) -> LM:
    """An LM that asks the server through LiteLLM, once, and keeps nothing."""
    given = {"backend": "litellm", "cache": False, "num_retries": 0, **options}
    return LM("openai/toy", api_base=server.base, api_key=KEY, **given)


def test_a_call_goes_to_the_address_with_key_and_settings(server: _Server) -> None:
    assert lm(server, temperature=0.5)("hello", n=2) == ["hello, 0", "hello, 1"]
    assert server.bodies[-1] == {
        "model": "toy",
        "temperature": 0.5,
        "n": 2,
        "messages": [{"role": "user", "content": "hello"}],
    }
    assert server.keys[-1] == f"Bearer {KEY}"


def test_usage_is_read_and_an_unknown_price_is_not_nothing(server: _Server) -> None:
    assert ask(server, "hello").usage == Usage(1, 11, 3, 0.0, 1)
    assert ask(server, "hello").usage.price == "price unknown"


def test_a_known_price_is_taken_from_the_table(server: _Server) -> None:
    usage = ask(server, "hello", model="openai/gpt-4o-mini").usage
    assert (usage.dollars, usage.unpriced) == (pytest.approx(11 * 0.15e-6 + 3 * 0.6e-6), 0)


def test_cached_tokens_cost_less(server: _Server) -> None:
    usage = ask(server, "cached", model="openai/gpt-4o-mini").usage
    assert usage.prompt_tokens == 11
    assert usage.dollars == pytest.approx(6 * 0.15e-6 + 5 * 0.075e-6 + 3 * 0.6e-6)


def test_a_price_of_nothing_is_unknown_unless_the_model_is_free(server: _Server) -> None:
    assert ask(server, "hello", model="zai/glm-4.5-flash").usage.unpriced == 1
    assert ask(server, "hello", model="lemonade/gpt-oss-20b-mxfp4-GGUF").usage == Usage(1, 11, 3, 0.0, 0)


def test_what_comes_beside_the_text_is_kept(server: _Server) -> None:
    (called,) = ask(server, "tools").outputs
    assert (called.text, called.finish_reason) == ("", "tool_calls")
    assert called.extra["tool_calls"][0]["function"] == CALL["function"]
    assert ask(server, "thoughts").outputs == (Output("42", "stop", {"reasoning_content": "six times seven"}),)
    (scored,) = ask(server, "hello", params={"logprobs": True}).outputs
    assert scored.extra["logprobs"]["content"][0]["logprob"] == -0.5
    for outputs in ((called,), (scored,)):
        response = Response(outputs, Usage(), "toy")
        assert Response.from_json(response.to_json()) == response


def test_texts_become_rows_in_their_order(server: _Server) -> None:
    embedded = run_sync(backend(server, model="openai/text-embedding-3-small").embed(["a", "bcd"], {"dimensions": 2}))
    assert embedded.rows.dtype == np.float32
    assert embedded.rows.tolist() == [[1, 0], [3, 1]]
    assert embedded.usage == Usage(1, 7, 0, pytest.approx(7 * 0.02e-6), 0)
    assert {key: server.bodies[-1][key] for key in ("input", "dimensions")} == {"input": ["a", "bcd"], "dimensions": 2}


def test_a_row_that_is_lost_is_worth_another_try(server: _Server) -> None:
    with pytest.raises(LMTransient, match="1 vectors for 2 texts"):
        run_sync(backend(server, model="openai/text-embedding-3-small").embed(["a", "lost"], {}))


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ("400 about", LMRejected),
        ("400 length", PromptTooLong),
        ("401 key", LMAccessDenied),
        ("402 credit", LMAccessDenied),
        ("403 permission", LMAccessDenied),
        ("404 model", LMAccessDenied),
        ("408 late", LMTransient),
        ("409 conflict", LMTransient),
        ("422 form", LMRejected),
        ("429 slowly", LMTransient),
        ("429 quota", LMAccessDenied),
        ("429 large", PromptTooLong),
        ("500 broken", LMTransient),
        ("502 gateway", LMTransient),
        ("503 full", LMTransient),
        ("529 overloaded", LMTransient),
    ],
)
def test_what_the_endpoint_answers_becomes_our_error(server: _Server, asked: str, kind: type[LMError]) -> None:
    sent = len(server.bodies)
    error = refused(server, asked)
    assert type(error) is kind
    assert (error.model, error.status) == ("openai/toy", int(asked[:3]))
    assert error.retry_after == (3.0 if asked == "429 slowly" else None)
    # LiteLLM's and its clients' own retries are off.
    assert len(server.bodies) == sent + 1


@pytest.mark.parametrize("asked", ["cut", "html", "drop", "empty"])
def test_a_reply_that_is_none_is_worth_another_try(server: _Server, asked: str) -> None:
    error = refused(server, asked)
    assert type(error) is LMTransient
    assert error.status is None


def test_a_server_that_is_not_there_is_worth_another_try(server: _Server) -> None:
    error = refused(server, "hello", api_base="http://127.0.0.1:9/v1")
    assert (type(error), error.status) == (LMTransient, None)


def test_a_call_that_hangs_is_given_up(server: _Server) -> None:
    assert type(refused(server, "hang", timeout=0.3)) is LMTransient


def test_a_missing_key_is_no_outage(server: _Server) -> None:
    assert type(refused(server, "hello", secrets={})) is LMAccessDenied


def test_a_provider_that_nobody_knows_is_no_outage(server: _Server) -> None:
    error = refused(server, "hello", model="nobody/toy", api_base=None)
    assert type(error) is LMAccessDenied
    assert "'nobody/toy'" in str(error)


def test_a_parameter_that_the_model_refuses_is_not_left_out_unasked(server: _Server) -> None:
    assert type(refused(server, "hello", model="openai/o3-mini", params={"temperature": 0.3})) is LMRejected
    asked_for = {"temperature": 0.3, "drop_params": True}
    ask(server, "hello", model="openai/o3-mini", params=asked_for)
    assert "temperature" not in server.bodies[-1]


def test_a_name_without_a_provider_is_refused() -> None:
    with pytest.raises(ConfigError, match="openai/gpt-4o-mini"):
        create(Endpoint("gpt-4o-mini"))


# What each of LiteLLM's errors becomes where it carries its usual status and no answer.
KINDS: dict[str, type[LMError]] = {
    "APIConnectionError": LMTransient,
    "APIError": LMTransient,
    "APIResponseValidationError": LMTransient,
    "AuthenticationError": LMAccessDenied,
    "BadGatewayError": LMTransient,
    "BadRequestError": LMRejected,
    "BlockedPiiEntityError": LMRejected,
    "BudgetExceededError": LMAccessDenied,
    "ContentPolicyViolationError": LMRejected,
    "ContextWindowExceededError": PromptTooLong,
    "GuardrailRaisedException": LMRejected,
    "ImageFetchError": LMRejected,
    "InternalServerError": LMTransient,
    "InvalidRequestError": LMRejected,
    "JSONSchemaValidationError": LMTransient,
    "LiteLLMUnknownProvider": LMAccessDenied,
    "MidStreamFallbackError": LMTransient,
    "MockException": LMTransient,
    "ModelNotMappedError": LMRejected,
    "ModifyResponseException": LMRejected,
    "NotFoundError": LMAccessDenied,
    "OpenAIError": LMTransient,
    "PaymentRequiredError": LMAccessDenied,
    "PermissionDeniedError": LMAccessDenied,
    "RateLimitError": LMTransient,
    "RejectedRequestError": LMRejected,
    "SensitiveDataRouteException": LMRejected,
    "ServiceUnavailableError": LMTransient,
    "Timeout": LMTransient,
    "UnprocessableEntityError": LMRejected,
    "UnsupportedParamsError": LMRejected,
    "VectorStoreSearchError": LMRejected,
}
# The statuses that their constructors give them.
STATUSES = {
    **dict.fromkeys(("APIConnectionError", "APIError", "InternalServerError", "MockException"), 500),
    **dict.fromkeys(("APIResponseValidationError", "JSONSchemaValidationError"), 500),
    **dict.fromkeys(("ServiceUnavailableError", "MidStreamFallbackError"), 503),
    **dict.fromkeys(("BlockedPiiEntityError", "BudgetExceededError", "GuardrailRaisedException"), 400),
    **dict.fromkeys(
        ("ModelNotMappedError", "ModifyResponseException", "OpenAIError", "SensitiveDataRouteException"), None
    ),
    "AuthenticationError": 401,
    "BadGatewayError": 502,
    "NotFoundError": 404,
    "PaymentRequiredError": 402,
    "PermissionDeniedError": 403,
    "RateLimitError": 429,
    "Timeout": 408,
    "UnprocessableEntityError": 422,
}


def _errors_of_litellm() -> dict[str, type[Exception]]:
    found = vars(_imported().exceptions).items()
    return {
        name: kind
        for name, kind in found
        if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == "litellm.exceptions"
    }


def test_every_error_of_litellm_has_a_kind() -> None:
    errors = _errors_of_litellm()
    # One that is new stands here with what it means, before anybody meets it; a newer kind of a known one means what that means.
    known = {
        name: next((base.__name__ for base in kind.__mro__ if base.__name__ in KINDS), None)
        for name, kind in errors.items()
    }
    new = {name for name, base in known.items() if name != base}
    assert not {name for name in new if known[name] in {None, "APIError", "OpenAIError"}}
    endpoint = Endpoint("openai/toy", secrets={"api_key": KEY})
    for name, kind in errors.items():
        error = kind.__new__(kind)
        Exception.__init__(error, f"about {KEY}")
        error.__dict__.update(
            status_code=STATUSES.get(known[name], 400), message=f"about {KEY}", num_retries=0, max_retries=0
        )
        error.__dict__.update(original_exception=None, args=(f"about {KEY}",))
        ours = translate(error, endpoint, _imported())
        assert type(ours) is KINDS[known[name]], name
        assert KEY not in str(ours)


@pytest.mark.parametrize("asked", ["400 about", "401 key", "403 permission", "500 broken", "429 slowly", "429 quota"])
def test_a_key_that_the_endpoint_echoes_is_nowhere(
    server: _Server, asked: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        error = refused(server, asked)
    shown = [str(error), *traceback.format_exception(error), caplog.text, *capfd.readouterr(), repr(backend(server))]
    assert KEY not in "".join(shown)
    assert "***" in str(error)


def test_litellm_prints_nothing(server: _Server, capfd: pytest.CaptureFixture[str]) -> None:
    ask(server, "hello")
    refused(server, "500 broken")
    refused(server, "hello", model="nobody/toy", api_base=None)
    assert capfd.readouterr() == ("", "")


def test_a_key_from_the_environment_is_in_no_error_either(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    error = refused(server, "500 broken", secrets={})
    assert server.keys[-1] == f"Bearer {KEY}"
    assert KEY not in str(error)


def test_half_a_key_at_the_end_of_a_long_text_is_in_no_error(server: _Server) -> None:
    for length in range(190, 260):
        assert KEY[:12] not in str(refused(server, f"500 {'x' * length}"))


def test_retries_are_ours_alone(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_imported(), "num_retries", 3)
    sent = len(server.bodies)
    with pytest.raises(LMTransient):
        lm(server, num_retries=1)("500 broken")
    assert len(server.bodies) == sent + 2


def test_what_a_process_set_up_in_litellm_is_neither_used_nor_changed(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from litellm.integrations.custom_logger import CustomLogger

    litellm = _imported()
    told: list[str] = []

    heard = threading.Event()

    class Watcher(CustomLogger):
        async def async_log_success_event(self, kwargs: Any, **_: Any) -> None:
            told.append(kwargs["messages"][0]["content"])
            heard.set()

        async def async_log_failure_event(self, kwargs: Any, **_: Any) -> None:
            told.append(kwargs["messages"][0]["content"])

    async def their_own() -> None:
        messages = [{"role": "user", "content": "mine"}]
        await litellm.acompletion(model="openai/toy", api_base=server.base, api_key=KEY, messages=messages)

    monkeypatch.setattr(litellm, "callbacks", [Watcher()])
    monkeypatch.setattr(litellm, "cache", litellm.Cache(type="local"))
    before = {name: value for name, value in vars(litellm).items() if isinstance(value, bool | int | str | None)}
    sent = len(server.bodies)
    ask(server, "the same")
    ask(server, "the same")
    refused(server, "500 broken")
    assert len(server.bodies) == sent + 3
    assert {name: vars(litellm)[name] for name in before} == before
    run_sync(their_own())
    # LiteLLM tells in a task of its own, one call after the other.
    assert heard.wait(30)
    assert told == ["mine"]


def test_a_cancelled_call_leaves_nothing_behind(server: _Server) -> None:
    async def cancel_after(seconds: float) -> list[Any]:
        calls = [asyncio.ensure_future(backend(server).complete(request(f"hang {n}"))) for n in range(20)]
        await asyncio.sleep(seconds)
        for call in calls:
            call.cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    ask(server, "hello")  # LiteLLM keeps one task of its own for its log
    before = tasks()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for seconds in (0, 0.001, 0.003, 0.01, 0.03, 0.2):
            ended = run_sync(cancel_after(seconds))
            assert {type(end) for end in ended} == {asyncio.CancelledError}
    assert [str(warning.message) for warning in warned if "never awaited" in str(warning.message)] == []
    assert no_more_tasks_than(before), tasks() - before


def test_a_call_cancelled_twice_ends_too(server: _Server) -> None:
    async def cancel_twice() -> None:
        call = asyncio.ensure_future(backend(server).complete(request("hang")))
        await asyncio.sleep(0.002)
        call.cancel()
        await asyncio.sleep(0)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        assert call.cancelled()

    ask(server, "hello")
    before = tasks()
    run_sync(cancel_twice())
    assert no_more_tasks_than(before), tasks() - before


def test_the_first_call_holds_up_nobody_and_leaves_the_environment_alone(server: _Server) -> None:
    script = f"""
import asyncio, os, sys
from burnish.lm.backends.base import Endpoint
from burnish.lm.backends.litellm import create
from burnish.lm.request import Request
from burnish.loop import run_sync

backend = create(Endpoint("openai/toy", {server.base!r}, 30.0, {{"api_key": "{KEY}"}}))
request = Request.build("openai/toy", [{{"role": "user", "content": "hello"}}], params={{}})

async def both():
    first, second = (asyncio.ensure_future(backend.complete(request)) for _ in range(2))
    turns = 0
    while not first.done():
        await asyncio.sleep(0.001)
        turns += "litellm.utils" not in sys.modules
    return turns, (await first).texts, (await second).texts

before = set(os.environ)
turns, first, second = run_sync(both())
print(turns > 10, first, second, sorted(set(os.environ) - before - {{"TIKTOKEN_CACHE_DIR"}}))
"""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LITELLM", "TIKTOKEN"))}
    done = subprocess.run(
        [sys.executable, "-c", script], env=bare, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("True ['hello, 0'] ['hello, 0'] []", "")
