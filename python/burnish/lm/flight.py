"""`Flight`: one attempt at a call, from when it is sent to its end, and what is told of it then."""

from __future__ import annotations

import time
from typing import Any

from burnish.errors import LMError
from burnish.values.usage import Usage


class Flight:
    """One attempt, which ends as an event of the kind that the last method called says.

    ``lm_called`` is a reply, ``lm_failed`` an endpoint's error, and ``lm_cut_off`` an attempt whose answer nobody waited for: one
    that timed out, the slower of two, what was in flight when a run ended. Each is told with when it was ``sent`` (Unix
    seconds) and for how many ``seconds`` it flew, so that the events say how many calls were in flight at any time.

    Attributes:
        kind: The event.
        replied: Whether it brought a reply.
    """

    __slots__ = ("_began", "_fields", "_sent", "kind", "replied")

    def __init__(self) -> None:
        self.kind = "lm_cut_off"
        self.replied = False
        self._sent = self._began = 0.0
        self._fields: dict[str, Any] = {}

    def begin(self) -> None:
        """It is sent now."""
        self._sent, self._began = time.time(), time.perf_counter()

    def succeeded(self) -> None:
        """It brought a reply."""
        self.kind, self.replied = "lm_called", True
        self._fields = {"source": "backend"}

    def failed(self, error: LMError) -> None:
        """It brought this error."""
        self.kind = "lm_failed"
        self._fields = {"error": type(error).__name__, "status": error.status, "retry_after": error.retry_after}

    def told(self, used: Usage) -> dict[str, Any]:
        """The fields of the event, now that it has ended."""
        return {
            **self._fields,
            "tokens": used.tokens,
            "dollars": used.dollars,
            "unpriced": used.unpriced,
            "sent": self._sent,
            "seconds": time.perf_counter() - self._began,
        }
