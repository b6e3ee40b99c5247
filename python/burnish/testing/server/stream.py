"""A chat completion as the stream of events that ``"stream": true`` asks for."""

from __future__ import annotations

import json
import re
from typing import Any

_WORDS = re.compile(r"\s*\S+\s*|\s+")
DONE = b"data: [DONE]\n\n"


def wants_stream(body: bytes) -> bool:
    """Whether a request asks for one."""
    return b'"stream"' in body and json.loads(body).get("stream") is True


def events(body: bytes, completion: bytes) -> list[bytes]:
    """The events of a completion, to a request with this body: a word or so each, the usage where it is asked for.

    Args:
        body: The request.
        completion: What would be answered at once.
    """
    whole = json.loads(completion)
    head = {"id": whole["id"], "object": "chat.completion.chunk", "created": 0, "model": whole["model"]}
    counts = (json.loads(body).get("stream_options") or {}).get("include_usage")

    def event(choices: list[dict[str, Any]], usage: Any = None) -> bytes:
        more = {"usage": usage} if counts else {}
        return f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n".encode()

    def told(number: int, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return event([{"index": number, "delta": delta, "logprobs": None, "finish_reason": reason}])

    made = []
    for choice in whole["choices"]:
        number, text = choice["index"], choice["message"]["content"]
        made.append(told(number, {"role": "assistant", "content": "", "refusal": None}))
        made += [told(number, {"content": piece}) for piece in _WORDS.findall(text)]
        made.append(told(number, {}, choice["finish_reason"]))
    if counts:
        made.append(event([], whole["usage"]))
    return [*made, DONE]
