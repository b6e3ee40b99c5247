"""Every provider that LiteLLM knows, through its async calls for completions and embeddings.

LiteLLM takes about 4 s of CPU and 160 MB to import, so it is imported at the first call that needs it, in a
worker thread: other calls go on meanwhile. A call costs 7 to 10 ms of CPU; an endpoint that speaks OpenAI's
protocol is reached at a fraction of that by the lean backend, which is what `api_base` chooses.

Per call, LiteLLM's retries, cache and callbacks are off: retries and cache are the `LM`'s, and what a run
does is told by its events. Whatever a process has set up in LiteLLM for its own calls stays as it is, but
for the advertisement that LiteLLM prints beside an error. A parameter that the provider does not take is an
error, not a silent omission; ``LM(..., drop_params=True)`` asks LiteLLM to leave it out.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import os
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from burnish.errors import ConfigError, LMAccessDenied, LMError, LMRejected, LMTransient, PromptTooLong
from burnish.lm.backends.base import KEPT, Embedded, Endpoint
from burnish.lm.backends.refusals import refusal
from burnish.lm.capabilities import capabilities
from burnish.lm.request import Output, Request, Response
from burnish.lm.secrets import cleared
from burnish.loop import in_thread
from burnish.values.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

_NO_KEY = re.compile(
    r"missing credentials|missing .{0,40}api.?key|api.?key.{0,40}(must be set|missing|not set)", re.IGNORECASE
)
# What LiteLLM is asked for beside the request itself.
_OURS: Mapping[str, Any] = {
    "num_retries": 0,
    "max_retries": 0,
    "no-log": True,
    "caching": False,
    "cache": {"no-cache": True, "no-store": True},
}
# Unless asked otherwise, LiteLLM's import asks GitHub for prices, and waits some ten seconds without a network.
_LOCAL_PRICES = "LITELLM_LOCAL_MODEL_COST_MAP"
# Raised by LiteLLM's proxy and its guardrails on purpose; the same call would be stopped again.
_OF_THE_PROXY = (
    "BlockedPiiEntityError",
    "GuardrailRaisedException",
    "ModelNotMappedError",
    "ModifyResponseException",
    "SensitiveDataRouteException",
)
# A reply that ended for these reasons may have no text.
_CUT_SHORT = ("length", "content_filter")
_importing = threading.Lock()


class LiteLLMBackend:
    """Calls `litellm.acompletion` and `litellm.aembedding`, and reads their responses."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def ready(self) -> None:
        """Import LiteLLM, which takes seconds; no call's time-out runs meanwhile."""
        await _library()

    async def complete(self, request: Request) -> Response:
        """Answer one request through the provider's API."""
        answer = await self._call("acompletion", messages=request.messages, **request.params)
        outputs = tuple(_output(choice) for choice in answer.choices)
        if not outputs:
            raise LMTransient("The endpoint sent no choices.", model=self._endpoint.model)
        return Response(outputs, _usage(answer, self._endpoint.model), str(answer.model or request.model))

    async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
        """Answer one request through the provider's API, and tell each piece of text as it comes."""
        litellm = await _library()
        chunks: list[Any] = []
        wanted = {"stream": True, "stream_options": {"include_usage": True}}
        answer = await self._call("acompletion", messages=request.messages, **{**request.params, **wanted})
        try:
            async for chunk in answer:
                chunks.append(chunk)
                for choice in chunk.choices:
                    if text := getattr(choice.delta, "content", None):
                        deliver(choice.index, text)
            several = _whole(litellm, chunks, request)
            outputs = tuple(_output(one.choices[0]) for one in several)
        # As in `_call`; LiteLLM's joining of chunks is one more place where anything may be raised.
        except Exception as error:
            raise translate(error, self._endpoint, litellm) from None
        finally:
            with contextlib.suppress(Exception):
                await answer.aclose()
        # Of a stream of nothing LiteLLM makes an empty text.
        if not any(output.text or output.extra or output.finish_reason in _CUT_SHORT for output in outputs):
            raise LMTransient("The endpoint sent no choices.", model=self._endpoint.model)
        # Some versions of LiteLLM raise this themselves.
        if any(output.finish_reason is None for output in outputs):
            raise LMTransient("The endpoint's stream ended before the reply did.", model=self._endpoint.model)
        return Response(outputs, _usage(several[0], self._endpoint.model), str(several[0].model or request.model))

    async def embed(self, texts: list[str], params: Mapping[str, Any]) -> Embedded:
        """Embed one batch through the provider's API."""
        import numpy as np

        answer = await self._call("aembedding", input=texts, **{"encoding_format": "float", **params})
        entries = sorted(answer.data, key=lambda entry: int(entry["index"]))
        if len(entries) != len(texts):
            count = f"{len(entries)} vectors for {len(texts)} texts"
            raise LMTransient(f"The endpoint sent {count}.", model=self._endpoint.model)
        rows = np.asarray([entry["embedding"] for entry in entries], dtype=np.float32)
        return Embedded(rows, _usage(answer, self._endpoint.model))

    async def _call(self, name: str, **arguments: Any) -> Any:
        litellm = await _library()
        endpoint = self._endpoint
        options = {**_OURS, "api_base": endpoint.api_base, "timeout": endpoint.timeout, **endpoint.secrets}
        try:
            return await _undisturbed(getattr(litellm, name)(model=endpoint.model, **options, **arguments))
        # LiteLLM raises its own, its providers' and its HTTP clients' errors alike.
        except Exception as error:
            # What the provider wrote may hold the key, and a chained error would be shown as it is.
            raise translate(error, endpoint, litellm) from None


def create(endpoint: Endpoint) -> LiteLLMBackend:
    """A backend for any model name that LiteLLM accepts, such as ``"openai/gpt-4o-mini"``."""
    if "/" not in endpoint.model:
        raise ConfigError(
            f"The model name {endpoint.model!r} lacks its provider. Write it as "
            f"'provider/name', such as 'openai/{endpoint.model}'."
        )
    return LiteLLMBackend(endpoint)


async def _library() -> Any:
    """LiteLLM, imported in a worker thread where it is not yet."""
    return _imported() if _imported.cache_info().currsize else await in_thread(_import_once)


def _import_once() -> Any:
    with _importing:
        return _imported()


@functools.cache
def _imported() -> Any:
    wanted = os.environ.get(_LOCAL_PRICES)
    os.environ[_LOCAL_PRICES] = wanted or "True"
    try:
        import litellm
    finally:
        if wanted is None:
            del os.environ[_LOCAL_PRICES]
    litellm.suppress_debug_info = True
    return litellm


async def _undisturbed(call: Coroutine[Any, Any, Any]) -> Any:
    """The result of a call of LiteLLM's, which is cancelled only once its request is made.

    LiteLLM makes the request in a worker thread, some milliseconds long. Cancelled meanwhile, it would leave
    behind a coroutine that nobody awaits, with a warning on the terminal.
    """
    task = asyncio.create_task(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            while _is_in_worker(task):  # noqa: ASYNC110 (nothing tells of the thread's end but the call itself)
                await asyncio.sleep(0.001)
        finally:
            task.cancel()
        await asyncio.wait([task])
        raise


def _is_in_worker(task: asyncio.Task[Any]) -> bool:
    """Whether LiteLLM's outermost call waits for a thread of its own, and not for the provider."""
    innermost = task.get_coro()
    while inspect.iscoroutine(innermost) and inspect.iscoroutine(innermost.cr_await):
        innermost = innermost.cr_await
    frame = getattr(innermost, "cr_frame", None)
    return not task.done() and frame is not None and frame.f_code.co_name in ("acompletion", "aembedding")


def _whole(litellm: Any, chunks: list[Any], request: Request) -> list[Any]:
    """The replies that chunks make, one a completion; the usage and its price are in the first."""
    numbers = sorted({choice.index for chunk in chunks for choice in chunk.choices})
    several = []
    for number in numbers:
        own = [chunk for chunk in chunks if not chunk.choices or chunk.choices[0].index == number]
        several.append(litellm.stream_chunk_builder(own, messages=request.messages))
    return several


def _output(choice: Any) -> Output:
    message = choice.message
    told = {kept: value for name, kept in KEPT.items() if (value := getattr(message, name, None))}
    if logprobs := getattr(choice, "logprobs", None):
        told["logprobs"] = logprobs
    extra = {name: _plain(value) for name, value in told.items()}
    return Output(message.content or "", choice.finish_reason, extra)


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _usage(answer: Any, model: str) -> Usage:
    used = getattr(answer, "usage", None)
    # LiteLLM works the price out at every call, with what only it knows: written caches, service tiers.
    dollars = (getattr(answer, "_hidden_params", None) or {}).get("response_cost")
    # Put together from chunks, a reply has none.
    if dollars is None and (price := capabilities(model).price) is not None and used is not None:
        details = getattr(used, "prompt_tokens_details", None)
        cached = int(getattr(details, "cached_tokens", 0) or 0)
        dollars = price.of(int(used.prompt_tokens or 0), int(used.completion_tokens or 0), cached=cached)
    # The table also holds a 0 where nobody has looked the price up; `capabilities` tells the two apart.
    priced = bool(dollars) or (dollars is not None and capabilities(model).price is not None)
    return Usage(
        calls=1,
        prompt_tokens=int(getattr(used, "prompt_tokens", 0) or 0),
        completion_tokens=int(getattr(used, "completion_tokens", 0) or 0),
        dollars=float(dollars or 0.0),
        unpriced=0 if priced else 1,
    )


def translate(error: Exception, endpoint: Endpoint, litellm: Any) -> LMError:
    """LiteLLM's error as ours.

    The message keeps the kind of error and its status; what the provider wrote is kept too, as
    it names the cause, shortened and without the credentials that some providers echo.
    """
    model = endpoint.model
    # Looked at whole, since a cut could leave half a key that no longer looks like one.
    wrote = cleared(str(error), endpoint.credentials)
    text = f"{type(error).__name__}: {wrote[:300]}"
    headers = _headers(error)
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) else None
    if _is(error, litellm, ("ContextWindowExceededError",)):
        return PromptTooLong(text, model=model, status=status)
    if _is(error, litellm, ("BudgetExceededError",)):
        return LMAccessDenied(f"The budget that was set in LiteLLM itself is used up: {text}", model=model)
    if _is(error, litellm, ("LiteLLMUnknownProvider",)) or "LLM Provider NOT provided" in wrote:
        return LMAccessDenied(f"LiteLLM knows no provider for model {model!r}. Check the name.", model=model)
    # LiteLLM calls a key that nobody gave an internal server error, though no server was asked.
    if not headers and _NO_KEY.search(wrote):
        return LMAccessDenied(f"There is no API key for model {model!r}: {text}", model=model)
    if status == 500 and not headers:
        # LiteLLM's own way to say that there was no answer, or none that it could read.
        status = None
    if _is(error, litellm, _OF_THE_PROXY):
        return LMRejected(text, model=model, status=status)
    return refusal(status, text, why=f"{getattr(error, 'body', '')} {error}", model=model, headers=headers)


def _is(error: Exception, litellm: Any, names: Iterable[str]) -> bool:
    """Whether the error is one of LiteLLM's of these names; not every version has them all."""
    kinds = tuple(kind for name in names if (kind := getattr(litellm.exceptions, name, None)) is not None)
    return isinstance(error, kinds)


def _headers(error: Exception) -> Mapping[str, str]:
    """The headers of the answer; LiteLLM keeps those of its providers apart from its own."""
    kept = getattr(error, "litellm_response_headers", None)
    return kept or getattr(getattr(error, "response", None), "headers", None) or {}
