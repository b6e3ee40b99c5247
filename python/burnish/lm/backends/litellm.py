"""Every provider that LiteLLM knows, through its async completion call.

LiteLLM costs some seconds to import and 7 to 10 ms of CPU a call, so it is imported at the first
call that needs it. Its own retries, logging and telemetry stay off: retries are the `LM`'s.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from burnish.errors import ConfigError, LMAccessDenied, LMError, LMRejected, LMTransient, PromptTooLong
from burnish.lm.backends.base import Endpoint
from burnish.lm.request import Output, Request, Response
from burnish.values.usage import Usage

_NO_KEY = re.compile(
    r"missing credentials|missing .{0,40}api.?key|api.?key.{0,40}(must be set|missing|not set)", re.IGNORECASE
)
_SHORTEST_SECRET = 6


@functools.cache
def _library() -> Any:
    # Or its import asks GitHub for prices, and waits some ten seconds where there is no network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    return litellm


class LiteLLMBackend:
    """Calls `litellm.acompletion` and reads its response."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def complete(self, request: Request) -> Response:
        """Answer one request through the provider's API."""
        litellm = _library()
        try:
            answer = await litellm.acompletion(
                model=self._endpoint.model,
                messages=request.messages,
                base_url=self._endpoint.api_base,
                timeout=self._endpoint.timeout,
                num_retries=0,
                max_retries=0,
                **self._endpoint.secrets,
                **request.params,
            )
        # LiteLLM raises its own, its providers' and its HTTP clients' errors alike.
        except Exception as error:
            # What the provider wrote may hold the key, and a chained error would be shown as it is.
            raise translate(error, self._endpoint, litellm) from None
        outputs = tuple(_output(choice) for choice in answer.choices)
        if not outputs:
            raise LMTransient("The endpoint sent no choices.", model=self._endpoint.model)
        return Response(outputs, _usage(litellm, answer), str(answer.model or request.model))


def create(endpoint: Endpoint) -> LiteLLMBackend:
    """A backend for any model name that LiteLLM accepts, such as ``"openai/gpt-4o-mini"``."""
    if "/" not in endpoint.model:
        raise ConfigError(
            f"The model name {endpoint.model!r} lacks its provider. Write it as "
            f"'provider/name', such as 'openai/{endpoint.model}'."
        )
    return LiteLLMBackend(endpoint)


def _output(choice: Any) -> Output:
    message = choice.message
    calls = getattr(message, "tool_calls", None)
    extra = {"tool_calls": [call.model_dump(mode="json") for call in calls]} if calls else {}
    return Output(message.content or "", choice.finish_reason, extra)


def _usage(litellm: Any, answer: Any) -> Usage:
    try:
        dollars = float(litellm.completion_cost(completion_response=answer))
        priced = dollars > 0
    # Not in LiteLLM's price table: the price is unknown, which is not the same as 0.
    except Exception:
        dollars, priced = 0.0, False
    used = getattr(answer, "usage", None)
    return Usage(
        calls=1,
        prompt_tokens=int(getattr(used, "prompt_tokens", 0) or 0),
        completion_tokens=int(getattr(used, "completion_tokens", 0) or 0),
        dollars=dollars,
        unpriced=0 if priced else 1,
    )


def translate(error: Exception, endpoint: Endpoint, litellm: Any) -> LMError:
    """LiteLLM's error as ours.

    The message keeps the kind of error and its status; what the provider wrote is kept too, as
    it names the cause, shortened and without the credentials that some providers echo.
    """
    model = endpoint.model
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) else None
    kind = type(error).__name__
    headers = _headers(error)
    text = f"{kind}: {_without_secrets(str(error), endpoint)[:300]}"
    if isinstance(error, litellm.ContextWindowExceededError):
        return PromptTooLong(text, model=model, status=status)
    denials = (litellm.AuthenticationError, litellm.PermissionDeniedError, litellm.NotFoundError)
    if isinstance(error, denials) or status in {401, 403}:
        denied = f"{kind}: the endpoint refused model {model!r}. Check the API key and the name."
        return LMAccessDenied(denied, model=model, status=status)
    if "LLM Provider NOT provided" in str(error):
        return LMAccessDenied(f"LiteLLM knows no provider for model {model!r}. Check the name.", model=model)
    # LiteLLM calls a key that nobody gave an internal server error, though no server was asked.
    if not headers and _NO_KEY.search(str(error)):
        return LMAccessDenied(f"There is no API key for model {model!r}: {text}", model=model)
    if isinstance(error, litellm.RateLimitError | litellm.Timeout | litellm.APIConnectionError):
        return LMTransient(text, model=model, status=status, retry_after=_retry_after(headers))
    if status is not None and 400 <= status < 500 and status not in (408, 409, 425, 429):
        return LMRejected(text, model=model, status=status)
    return LMTransient(text, model=model, status=status, retry_after=_retry_after(headers))


def _headers(error: Exception) -> Mapping[str, str]:
    """The headers of the answer; LiteLLM keeps those of its providers apart from its own."""
    kept = getattr(error, "litellm_response_headers", None)
    return kept or getattr(getattr(error, "response", None), "headers", None) or {}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(float(headers.get("retry-after") or ""), 0.0)
    except ValueError:
        return None


def _without_secrets(text: str, endpoint: Endpoint) -> str:
    names = (name for name in os.environ if name.endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")))
    known = {*_texts(endpoint.secrets), *(os.environ[name] for name in names)}
    # Longest first, since one may be part of another.
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text


def _texts(value: Any) -> Iterator[str]:
    """Every text in a credential, and the words of one such as ``"Bearer ..."``."""
    if isinstance(value, str):
        yield value
        yield from value.split()[1:]
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
