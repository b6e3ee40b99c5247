"""What an OpenAI-compatible endpoint says instead of a completion, as Burnish's errors.

What a server wrote is part of the text, since it names the cause: cut short, and without the
credentials that some servers echo.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from burnish.errors import LMAccessDenied, LMError, LMRejected, LMTransient, PromptTooLong
from burnish.lm.backends.base import Endpoint
from burnish.lm.retry import retry_after
from burnish.lm.secrets import cleared

_LONGEST = 300
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|(maximum|max|available|model's) context|context (length|window|size)"
    r"|(prompt|input|request) is too long|(too many|maximum number of|max) (input )?tokens|reduce the length of",
    re.IGNORECASE,
)
# Limits on what is asked of a whole account, not of one prompt.
_RATE = re.compile(r"per (min|day|hour)|rate.?limit|quota", re.IGNORECASE)
_NO_CREDIT = re.compile(r"insufficient_quota|billing_hard_limit|credit balance|exceeded your current quota", re.I)
_TRY_AGAIN = frozenset({408, 409, 425, 429})


def no_reply(endpoint: Endpoint, error: ConnectionError) -> LMTransient:
    """The error of a connection that brought no reply."""
    return LMTransient(cleared(str(error), endpoint.credentials)[:_LONGEST], model=endpoint.model)


def unusable(endpoint: Endpoint, reply: Mapping[str, Any]) -> LMTransient:
    """The error of a reply that is JSON, and no completion."""
    lacks = "choices" if "choices" not in reply and "data" not in reply else "a text, or has too few of them"
    return LMTransient(f"The endpoint's reply lacks {lacks}.", model=endpoint.model)


def refused(endpoint: Endpoint, status: int, headers: Mapping[str, str], reply: Any) -> LMError:
    """The error of a status other than 200, and of a reply that is an error or no JSON.

    Args:
        endpoint: Who was asked.
        status: The HTTP status.
        headers: Of the reply, names in lower case.
        reply: What the reply's JSON says, or its bytes where it is none.
    """
    model = endpoint.model
    said, code = _said(reply)
    if 200 <= status < 300:
        if isinstance(reply, bytes):
            kind = headers.get("content-type") or "no type"
            return LMTransient(f"The endpoint's reply ({kind[:60]}) is not whole JSON.", model=model, status=status)
        # Some gateways answer 200 and tell of the real status inside.
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
    # Looked at whole, since a cut could leave half a key that no longer looks like one.
    wrote = cleared(said, endpoint.credentials)
    text = f"HTTP {status}: {wrote[:_LONGEST]}" if wrote else f"HTTP {status}."
    why = f"{code} {said}"
    if status in (400, 413, 422, 500) and _TOO_LONG.search(why) and not _RATE.search(why):
        return PromptTooLong(text, model=model, status=status)
    if status == 429 and _NO_CREDIT.search(why):
        empty = f"The account behind model {model!r} has no credit left. {text}"
        return LMAccessDenied(empty, model=model, status=status)
    denied = _denied(status, model)
    if denied is not None:
        return LMAccessDenied(f"{denied} {text}", model=model, status=status)
    if 400 <= status < 500 and status not in _TRY_AGAIN:
        return LMRejected(text, model=model, status=status)
    return LMTransient(text, model=model, status=status, retry_after=retry_after(headers))


def _denied(status: int, model: str) -> str | None:
    """What to look at where every further call would fail too."""
    if status in (401, 402, 403):
        return f"The endpoint refused model {model!r}: check the API key, which is given as LM(..., api_key=...)."
    if status in (404, 405):
        return (
            f"The endpoint knows no model {model.partition('/')[2]!r}, or no such address: "
            "check the name, and whether api_base=... has to end in /v1."
        )
    if 300 <= status < 400:
        return "The endpoint is elsewhere, and redirects are not followed: give its new address as api_base=...."
    return None


def _said(reply: Any) -> tuple[str, Any]:
    """The message and the code of an error, in the ways in which servers write them."""
    if isinstance(reply, bytes):
        return " ".join(re.sub(r"<[^>]*>", " ", reply[:4096].decode(errors="replace")).split()), None
    if not isinstance(reply, Mapping):
        return "", None
    error = reply.get("error", reply)
    if not isinstance(error, Mapping):
        return str(error), None
    message = error.get("message") or error.get("detail") or error.get("type") or ""
    return str(message), error.get("code") or error.get("type")
