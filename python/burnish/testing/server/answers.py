"""What the server says: from the body of a request to the body of the reply."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from burnish.lm.backends.base import Endpoint
from burnish.lm.request import Output, Request
from burnish.lm.tokens import estimate
from burnish.plugins.address import is_address, resolve
from burnish.testing.scripted import rendered
from burnish.testing.toy import _answer as toy_answer
from burnish.testing.toy import knows

# A body, its prompt and its completion tokens.
Answered = tuple[bytes, int, int]
_OFFLINE = "offline/icl"
# Texts that name a way to answer; any other is said as it is, or is an address.
WORDS = ("any", "toy", "echo", _OFFLINE)


def answerer(answer: str | Mapping[str, Any], model: str) -> Callable[[bytes], Awaitable[Answered]]:
    """What answers chat completions, by the option `answer`."""
    if answer in ("any", _OFFLINE):
        return _learnt(model, toys=answer == "any")
    if isinstance(answer, str) and answer not in WORDS and not is_address(answer):
        return _constant(answer, model)
    if isinstance(answer, Mapping):
        return _constant(rendered(answer), model)
    function = {"toy": toy_answer, "echo": _echo}.get(answer) or resolve(answer)

    async def told(body: bytes) -> Answered:
        request, copies = _read(body)
        reply = function(request)
        several = [reply] * copies if isinstance(reply, str | Mapping | Output) else reply
        said = [rendered(one) if isinstance(one, Mapping) else one for one in several]
        return _completion(said, request.tokens, model)

    return told


def _learnt(model: str, *, toys: bool) -> Callable[[bytes], Awaitable[Answered]]:
    """The embedded model, but for the prompts of toy programs where `toys` is true."""
    from burnish.lm.backends.offline import create

    backend = create(Endpoint(_OFFLINE))

    async def said(body: bytes) -> Answered:
        request, copies = _read(body, model=_OFFLINE)
        if toys and knows(request):
            return _completion([rendered(toy_answer(request))] * copies, request.tokens, model)
        return _completion((await backend.complete(request)).texts, request.tokens, model)

    return said


def _constant(text: str, model: str) -> Callable[[bytes], Awaitable[Answered]]:
    """Says the same to everybody, and looks into a body only where it may ask for several completions."""
    tokens = _tokens(text)
    usage = b'"prompt_tokens": 0, "completion_tokens": %d, "total_tokens": %d' % (tokens, tokens)
    whole, _, _ = _completion([text], 0, model)
    assert usage in whole
    head, tail = whole.split(usage)

    async def said(body: bytes) -> Answered:
        prompt = len(body) // 4
        if b'"n":' in body:
            return _completion([text] * int(json.loads(body).get("n") or 1), prompt, model)
        counts = b'"prompt_tokens": %d, "completion_tokens": %d, "total_tokens": %d'
        return head + counts % (prompt, tokens, prompt + tokens) + tail, prompt, tokens

    return said


def _echo(request: Request) -> str:
    content = request.messages[-1].get("content")
    return content if isinstance(content, str) else json.dumps(content)


def _read(body: bytes, *, model: str | None = None) -> tuple[Request, int]:
    """The request in a body, and how many completions it asks for."""
    data = json.loads(body)
    messages, asked = data.pop("messages"), data.pop("model")
    return Request.build(model or asked, messages, params=data), int(data.get("n") or 1)


def _completion(said: Sequence[str | Output], prompt: int, model: str) -> Answered:
    outputs = [Output(one, "stop") if isinstance(one, str) else one for one in said]
    choices = [
        {"index": index, "message": _message(output), "logprobs": None, "finish_reason": output.finish_reason}
        for index, output in enumerate(outputs)
    ]
    written = sum(_tokens(output.text) for output in outputs)
    body = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": choices,
        "usage": {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written},
    }
    return json.dumps(body).encode(), prompt, written


def _message(output: Output) -> dict[str, Any]:
    """A message; one that calls tools need not say anything."""
    calls = {"tool_calls": output.extra["tool_calls"]} if "tool_calls" in output.extra else {}
    return {"role": "assistant", "content": output.text or (None if calls else ""), "refusal": None, **calls}


def _tokens(text: str) -> int:
    return 1 + len(text) // 4


def embeddings(body: bytes, model: str, dimensions: int) -> Answered:
    """The reply to a request for embeddings; texts that share words lie close to each other."""
    data = json.loads(body)
    given = data["input"]
    # One text, or the numbers of one text's tokens, may stand without a list around it.
    texts = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    rows = [_row(text if isinstance(text, str) else " ".join(map(str, text)), data, dimensions) for text in texts]
    prompt = estimate({"content": text} for text in texts)
    reply = {
        "object": "list",
        "model": model,
        "data": [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)],
        "usage": {"prompt_tokens": prompt, "total_tokens": prompt},
    }
    return json.dumps(reply).encode(), prompt, 0


def _row(text: str, data: Mapping[str, Any], dimensions: int) -> str | list[float]:
    """The sum of a fixed random direction for each word, of length 1; zeros where there is no word."""
    import numpy as np

    width = int(data.get("dimensions") or dimensions)
    row = np.zeros(width)
    for word in text.lower().split():
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        row += np.random.default_rng(seed).standard_normal(width)
    row = (row / (np.linalg.norm(row) or 1.0)).astype("<f4")
    if data.get("encoding_format") == "base64":
        return base64.b64encode(row.tobytes()).decode()
    values: list[float] = row.tolist()
    return values


def models(names: Iterable[str]) -> bytes:
    """The reply to ``GET /v1/models``."""
    rows = [{"id": name, "object": "model", "owned_by": "burnish"} for name in names]
    return json.dumps({"object": "list", "data": rows}).encode()
