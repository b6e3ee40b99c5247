"""What can go wrong with a reply, each fault by its name.

Which request meets which fault is a function of the seed, the request's content and how often that was
asked before: no clock and no order of arrival enters.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Refusal(NamedTuple):
    """A reply that says no, as OpenAI words it."""

    status: int
    kind: str
    message: str
    code: str | None = None
    retry_after: float | None = None

    def body(self) -> bytes:
        """The reply's body."""
        error = {"message": self.message, "type": self.kind, "param": None, "code": self.code}
        return json.dumps({"error": error}).encode()


REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        "rate_limit": Refusal(429, "requests", "Rate limit reached. Please try again later.", "rate_limit_exceeded"),
        "rate_limit_retry_after": Refusal(429, "requests", "Rate limit reached.", "rate_limit_exceeded", 1.0),
        "quota": Refusal(429, "insufficient_quota", "You exceeded your current quota.", "insufficient_quota"),
        "error": Refusal(500, "server_error", "The server had an error while processing your request."),
        "unavailable": Refusal(503, "server_error", "The engine is currently overloaded."),
        "refused": Refusal(400, "invalid_request_error", "The request is not valid.", "invalid_value"),
        "too_long": Refusal(
            400, "invalid_request_error", "This model's maximum context length is 10 tokens.", "context_length_exceeded"
        ),
        "denied": Refusal(401, "invalid_request_error", "Incorrect API key provided.", "invalid_api_key"),
        "unknown_model": Refusal(404, "invalid_request_error", "The model does not exist.", "model_not_found"),
    }
)
DAMAGES: Mapping[str, str] = MappingProxyType(
    {
        "hang": "no reply, ever",
        "disconnect": "the connection is closed without a reply",
        "torn": "the connection is closed half-way through the reply",
        "cut": "a whole reply whose JSON, or whose stream of chunks, ends half-way",
        "empty": "a reply without choices, or without rows",
        "garbage": "a reply with noise in its middle, in a chunk of its own where it is streamed",
        "wrong_type": "a page of HTML with status 200",
        "trickle": "the right reply, byte by byte",
    }
)
FAULTS = (*REFUSALS, *DAMAGES)


def share(*parts: object) -> float:
    """A number from 0 to 1 that depends on the parts alone."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def fault_of(faults: Mapping[str, float], *parts: object) -> str | None:
    """The fault that is met, None for none, where each has its share."""
    if not faults:
        return None
    left = share(*parts)
    for name, part in faults.items():
        left -= part
        if left < 0:
            return name
    return None
