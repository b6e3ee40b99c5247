"""What a backend is: the contract of the `burnish_lm_backends` hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from burnish.lm.request import Request, Response


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom to call; credentials live here and nowhere else, and never in a repr.

    Attributes:
        model: ``"provider/name"``.
        api_base: Base address, where the default is not meant.
        timeout: Seconds that one attempt may take.
        secrets: Credentials and headers, handed to the provider's client only.
    """

    model: str
    api_base: str | None = None
    timeout: float = 120.0
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Backend(Protocol):
    """Answers requests.

    `complete` raises `LMTransient` for what is worth another try and `LMRejected` (or one of its
    kinds) for what is not. Retries, time-outs, cache, budget and limits are the `LM`'s.

    A backend that only computes, and never suspends, may say so with ``waits = False``: a plain
    call of it stays in the caller's thread, and has no time-out.
    """

    async def complete(self, request: Request) -> Response:
        """Answer one request; called many times at once on one event loop."""
