"""What an OpenAI-compatible endpoint says instead of a completion, as Burnish's errors.

What a server wrote is part of the text, since it names the cause: cut short, and without the
credentials that some servers echo.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from burnish.errors import LMError, LMTransient
from burnish.lm.backends.base import Endpoint
from burnish.lm.backends.refusals import refusal
from burnish.lm.secrets import bare_address, cleared

_LONGEST = 300


def no_reply(endpoint: Endpoint, error: ConnectionError) -> LMTransient:
    """The error of a connection that brought no reply."""
    said = cleared(str(error), endpoint.credentials)[:_LONGEST].rstrip(".")
    where = "" if endpoint.api_base is None else f" at {bare_address(endpoint.api_base)}"
    return LMTransient(f"{said} ({endpoint.model}{where}).", model=endpoint.model)


def unusable(endpoint: Endpoint, reply: Mapping[str, Any], *, part: str) -> LMTransient:
    """The error of a reply that is JSON, and not what was asked for.

    Args:
        endpoint: Who was asked.
        reply: What it replied.
        part: Where the answers should stand: ``"choices"`` or ``"data"``.
    """
    wrong = f"has {part!r} that cannot be read" if reply.get(part) else f"lacks {part!r}"
    return LMTransient(f"The endpoint's reply {wrong}.", model=endpoint.model)


def unusable_stream(endpoint: Endpoint, error: ValueError) -> LMTransient:
    """The error of a stream of events that is none, or ended too soon."""
    said = cleared(str(error), endpoint.credentials)[:_LONGEST]
    return LMTransient(f"The endpoint's stream cannot be read: {said}.", model=endpoint.model)


def refused(endpoint: Endpoint, status: int, headers: Mapping[str, str], reply: Any) -> LMError:
    """The error of a status other than 200, and of a reply that is an error or no JSON.

    Args:
        endpoint: Who was asked.
        status: The HTTP status.
        headers: Of the reply, names in lower case.
        reply: What the reply's JSON says, or its bytes where it is none.
    """
    said, code = _said(reply)
    # Looked at whole, since a cut could leave half a key that no longer looks like one.
    wrote = cleared(said, endpoint.credentials)[:_LONGEST]
    text = f"HTTP {status}: {wrote}" if wrote else f"HTTP {status}."
    if 200 <= status < 300:
        if not isinstance(reply, Mapping):
            kind = headers.get("content-type") or "no type"
            is_none = "is not whole JSON" if isinstance(reply, bytes) else "is no JSON object"
            text = f"The endpoint's reply ({kind[:60]}) {is_none}."
            return LMTransient(text, model=endpoint.model, status=status)
        text = f"The endpoint replied with an error: {wrote}"
        # Some gateways answer 200 and tell of the real status inside.
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
    return refusal(status, text, why=f"{code} {said}", model=endpoint.model, headers=headers)


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
