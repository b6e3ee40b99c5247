"""Endpoints that speak OpenAI's protocol: OpenAI itself, vLLM, SGLang, llama.cpp, Ollama and many more.

    POST {api_base}/chat/completions and {api_base}/embeddings, over pooled keep-alive connections

``openai/...`` without an `api_base` goes to ``OPENAI_BASE_URL`` or, where that is not set, to OpenAI; any other
provider needs an `api_base`. The address is taken as it is given: most servers want it to end in ``/v1``. The model's
name is what follows the first ``/``. All parameters go into the body, and those in `extra_body` beside them.

``OPENAI_API_KEY`` is sent by ``openai/...`` to OpenAI's own hosts and to ``OPENAI_BASE_URL``, and nowhere else. Any
other endpoint gets the `api_key` that its LM was given, and the headers in `extra_headers`.

Cost: about 15 microseconds of CPU a call, beside what the HTTP client takes (docs/design/007-the-http-client.md).
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic_core import from_json

from burnish.errors import ConfigError
from burnish.lm.backends.base import KEPT, Embedded, Endpoint
from burnish.lm.backends.http import post
from burnish.lm.backends.openai_errors import no_reply, refused, unusable, unusable_stream
from burnish.lm.backends.openai_stream import ChunkReader, is_stream
from burnish.lm.capabilities import capabilities
from burnish.lm.request import Output, Request, Response, canonical
from burnish.lm.secrets import bare_address, basic_authorization
from burnish.lm.tokens import estimate
from burnish.values.usage import Usage

_OPENAI = "https://api.openai.com/v1"
_HEADERS = ("headers", "extra_headers", "default_headers")
# OpenAI's reasoning models know the limit under another name only.
_REASONING = re.compile(r"(ft:)?(o[1-9]|gpt-[5-9])\b")
# More tokens than any call has.
_ABSURD = 10**9
# A reply that ended for these reasons may have no text, and another one would have none either.
_CUT_SHORT = ("length", "content_filter")


class OpenAICompatibleBackend:
    """Asks one endpoint for completions and embeddings, any number at once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        provider, _, name = endpoint.model.partition("/")
        self._name = name or provider
        self._renames = provider == "openai" and _REASONING.match(self._name) is not None
        self._base, self._query = _address(endpoint, provider)
        self._headers = _headers(endpoint, provider, self._base)
        self._head = f'{{"model":{json.dumps(self._name)}'

    async def complete(self, request: Request) -> Response:
        """Answer one request."""
        reply = await self._ask("/chat/completions", f'"messages":{request.messages_json()}', request.params)
        return self._response(request, reply)

    async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
        """Answer one request, and tell each piece of text as it comes; an endpoint that does not stream replies at once."""
        chunks = ChunkReader(deliver)
        asked = f'"stream":true,"stream_options":{{"include_usage":true}},"messages":{request.messages_json()}'
        try:
            reply = await self._ask("/chat/completions", asked, request.params, chunks=chunks)
        except ConfigError:  # which is a ValueError too
            raise
        except ValueError as error:
            raise unusable_stream(self._endpoint, error) from None
        return self._response(request, reply)

    def _response(self, request: Request, reply: Mapping[str, Any]) -> Response:
        try:
            outputs = tuple(_output(choice) for choice in reply["choices"])
        except (AttributeError, KeyError, TypeError, ValueError):
            raise unusable(self._endpoint, reply, part="choices") from None
        if not outputs:
            raise unusable(self._endpoint, reply, part="choices")
        usage = self._usage(reply, request.tokens, sum(len(output.text) for output in outputs) // 4)
        return Response(outputs, usage, str(reply.get("model") or request.model))

    async def embed(self, texts: list[str], params: Mapping[str, Any]) -> Embedded:
        """Embed one batch."""
        import numpy as np

        # A quarter of the size of digits; a server that does not know of it sends numbers.
        wanted = {"encoding_format": "base64", **params}
        reply = await self._ask("/embeddings", f'"input":{canonical(texts)}', wanted)
        try:
            entries = sorted(reply["data"], key=lambda entry: entry["index"])
            rows = [_row(entry["embedding"]) for entry in entries]
            if [entry["index"] for entry in entries] != list(range(len(texts))):
                raise ValueError("rows are missing")
            table = np.asarray(rows, dtype=np.float32).reshape(len(texts), -1)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise unusable(self._endpoint, reply, part="data") from None
        asked = estimate({"role": "user", "content": text} for text in texts)
        return Embedded(table, self._usage(reply, asked, 0))

    async def _ask(
        self, path: str, asked: str, params: Mapping[str, Any], *, chunks: ChunkReader | None = None
    ) -> dict[str, Any]:
        """What the endpoint replied, where it is a JSON object without an error.

        Raises:
            ValueError: Its chunks are none.
        """
        body = f"{self._head},{asked}{self._tail(params)}}}".encode()
        hear = None if chunks is None else chunks.feed
        try:
            status, headers, text = await post(f"{self._base}{path}{self._query}", self._headers, body, hear=hear)
        except ConnectionError as error:
            raise no_reply(self._endpoint, error) from None
        if chunks is not None and 200 <= status < 300 and is_stream(headers):
            chunks.feed(text)  # packed, it came whole
            reply: Any = chunks.error or chunks.reply()
        else:
            reply = _read(text)
        if 200 <= status < 300 and isinstance(reply, dict) and not _is_error(reply.get("error")):
            return reply
        raise refused(self._endpoint, status, headers, text if reply is None else reply)

    def _tail(self, params: Mapping[str, Any]) -> str:
        """The parameters as the rest of a JSON object."""
        if not params:
            return ""
        if "extra_body" in params:
            params = {**params, **(params["extra_body"] or {})}
            del params["extra_body"]
        if self._renames and "max_tokens" in params:
            params = dict(params)
            params.setdefault("max_completion_tokens", params.pop("max_tokens"))
        if params.get("stream"):
            raise ConfigError("stream=True: replies are read whole here; leave it out.")
        return f",{canonical(params)[1:-1]}" if params else ""

    def _usage(self, reply: Mapping[str, Any], asked: int, written: int) -> Usage:
        used = reply.get("usage")
        if not used or not isinstance(used, Mapping):
            # Estimated, so that a cap on tokens holds also where a server does not count.
            return self._priced(asked, written, 0)
        details = used.get("prompt_tokens_details")
        cached = _count(details, "cached_tokens") if isinstance(details, Mapping) else 0
        return self._priced(_count(used, "prompt_tokens"), _count(used, "completion_tokens"), cached)

    def _priced(self, prompt: int, completion: int, cached: int) -> Usage:
        price = capabilities(self._endpoint.model).price
        if price is None:
            return Usage(1, prompt, completion, unpriced=1)
        return Usage(1, prompt, completion, price.of(prompt, completion, cached=min(cached, prompt)))


def create(endpoint: Endpoint) -> OpenAICompatibleBackend:
    """A backend for an OpenAI-compatible endpoint.

    Raises:
        ConfigError: There is no address or no key, or a credential that is not sent anywhere.
    """
    return OpenAICompatibleBackend(endpoint)


def _address(endpoint: Endpoint, provider: str) -> tuple[str, str]:
    """The base address without its query, and the query."""
    base = endpoint.api_base
    if base is None and provider == "openai":
        base = _of_environment() or _OPENAI
    if base is None:
        raise ConfigError(
            f"Model {endpoint.model!r} has no address. Say where it is served, such as "
            "api_base='http://localhost:8000/v1'."
        )
    try:
        parts = urlsplit(base)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"api_base={bare_address(base)!r} is no address; write it as 'http://localhost:8000/v1', "
            "with http or https, and /v1 where the server wants it."
        )
    query = f"?{parts.query}" if parts.query else ""
    return _place(base), query


def _place(address: str) -> str:
    """The address without user and query."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def _of_environment() -> str | None:
    return os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE") or None


def _headers(endpoint: Endpoint, provider: str, base: str) -> dict[str, str]:
    from burnish import __version__

    secrets = dict(endpoint.secrets)
    headers = {"content-type": "application/json", "user-agent": f"burnish/{__version__}"}
    key = secrets.pop("api_key", None)
    if key is None and provider == "openai" and _is_trusted(base):
        key = os.environ.get("OPENAI_API_KEY")
        if not key and base == _OPENAI:
            raise ConfigError(
                f"There is no API key for model {endpoint.model!r}. Set OPENAI_API_KEY, or give "
                "api_key=... with the model; for a server of your own, give its api_base=... too."
            )
    user = basic_authorization(endpoint.api_base or "")
    if user is not None:
        headers["authorization"] = user
    if key:
        headers["authorization"] = f"Bearer {str(key).strip()}"
    for name in _HEADERS:
        headers |= {str(header).lower(): str(value) for header, value in (secrets.pop(name, None) or {}).items()}
    if secrets:
        raise ConfigError(
            f"Model {endpoint.model!r} was given {', '.join(sorted(secrets))}, which no OpenAI-compatible endpoint takes. "
            "Give api_key=... or extra_headers={...}, or reach the provider through backend='litellm'."
        )
    return headers


def _is_trusted(base: str) -> bool:
    """Whether the key in the environment is meant for this address."""
    parts = urlsplit(base)
    of_openai = parts.hostname == "openai.com" or (parts.hostname or "").endswith(".openai.com")
    return (of_openai and parts.scheme == "https") or base == _place(_of_environment() or "")


def _read(text: bytes) -> Any:
    """What a reply's JSON says, None where it is none.

    Half characters, which a reply that was cut short may have, are U+FFFD: they could be kept in JSON, but be
    neither printed nor sent to most servers, and another try would bring them again.
    """
    try:
        return from_json(text)
    except ValueError:
        pass
    try:
        said = json.loads(text.decode("utf-8-sig", errors="replace"))
        whole = json.dumps(said, ensure_ascii=False).encode("utf-16-le", errors="surrogatepass")
        return json.loads(whole.decode("utf-16-le", errors="replace"))
    except (ValueError, RecursionError):
        return None


def _is_error(told: Any) -> bool:
    """Whether an ``error`` that stands in a reply says anything."""
    return any(told.values()) if isinstance(told, Mapping) else bool(told)


def _count(used: Mapping[str, Any], name: str) -> int:
    """A number of tokens; what is no such number is 0, since the reply is paid for and good."""
    try:
        count = int(used.get(name) or 0)
    except (OverflowError, TypeError, ValueError):
        return 0
    return count if 0 <= count < _ABSURD else 0


def _output(choice: Mapping[str, Any]) -> Output:
    message = choice["message"]
    extra = {kept: message[name] for name, kept in KEPT.items() if message.get(name)}
    if choice.get("logprobs"):
        extra["logprobs"] = choice["logprobs"]
    reason = choice.get("finish_reason")
    text = message.get("content")
    if isinstance(text, list):
        text = "".join(part["text"] for part in text if part.get("type") == "text")
    if text is None and (extra.keys() & {"tool_calls", "refusal"} or reason in _CUT_SHORT):
        text = extra.get("refusal", "")
    if not isinstance(text, str):
        raise TypeError("a message without text")
    return Output(text, reason, extra)


def _row(vector: Any) -> Any:
    import numpy as np

    return np.frombuffer(base64.b64decode(vector), dtype="<f4") if isinstance(vector, str) else vector
