"""A model backend: says back what was asked. Replace the body of `complete` with a call to your model."""

from __future__ import annotations

from typing import Any

from burnish import LMRejected, Output, Request, Response, Usage


class EchoBackend:
    """Answers requests to ``echo/…``; `endpoint` has ``model, api_base, timeout, secrets``."""

    def __init__(self, endpoint: Any) -> None:
        self.endpoint = endpoint

    async def complete(self, request: Request) -> Response:
        """Say back the last message. Raise `LMTransient` for what is worth another try."""
        text = request.messages[-1]["content"]
        if not isinstance(text, str):
            raise LMRejected("echo answers text only.", model=request.model)
        usage = Usage(calls=1, prompt_tokens=request.tokens, completion_tokens=1 + len(text) // 4)
        return Response((Output(text, "stop"),), usage, request.model)
