"""Every provider that LiteLLM knows, through its async completion call.

LiteLLM costs some seconds to import and 7 to 10 ms of CPU a call, so it is imported at the first
call that needs it. Its own retries, logging and telemetry stay off: retries are the `LM`'s.
"""

from __future__ import annotations

import functools
from typing import Any

from burnish.errors import ConfigError, LMAccessDenied, LMError, LMRejected, LMTransient, PromptTooLong
from burnish.lm.backends.base import Endpoint
from burnish.lm.request import Output, Request, Response
from burnish.values.usage import Usage


@functools.cache
def _library() -> Any:
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
            raise translate(error, self._endpoint.model, litellm) from error
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


def translate(error: Exception, model: str, litellm: Any) -> LMError:
    """LiteLLM's error as ours.

    The message keeps the kind of error and its status; what the provider wrote is kept too, as
    it names the cause, shortened and without the credentials that some providers echo.
    """
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) else None
    kind = type(error).__name__
    text = f"{kind}: {str(error)[:300]}"
    if isinstance(error, litellm.ContextWindowExceededError):
        return PromptTooLong(text, model=model, status=status)
    denials = (litellm.AuthenticationError, litellm.PermissionDeniedError, litellm.NotFoundError)
    if isinstance(error, denials):
        denied = f"{kind}: the endpoint refused model {model!r}. Check the API key and the name."
        return LMAccessDenied(denied, model=model, status=status)
    if isinstance(error, litellm.RateLimitError | litellm.Timeout | litellm.APIConnectionError):
        return LMTransient(text, model=model, status=status, retry_after=_retry_after(error))
    if status is not None and 400 <= status < 500 and status not in (408, 409, 425, 429):
        return LMRejected(text, model=model, status=status)
    return LMTransient(text, model=model, status=status, retry_after=_retry_after(error))


def _retry_after(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return float(headers.get("retry-after") or "")
    except ValueError:
        return None
