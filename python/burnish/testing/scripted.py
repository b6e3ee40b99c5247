"""`ScriptedLM`: a model that answers what it is told to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from burnish.errors import ConfigError
from burnish.lm.capabilities import Capabilities
from burnish.lm.lm import LM
from burnish.lm.request import Output, Request, Response
from burnish.values.usage import Usage

Said = str | Mapping[str, Any] | Output
Reply = Said | Exception | Sequence[Said]


class ScriptedLM(LM):
    """An `LM` whose replies come from a script; everything else about it is real.

    Without a cache and without retries unless asked for, so that each entry is one call.

    Args:
        replies: The replies in the order of the calls; or a function from `Request` to reply,
            which is what concurrent calls need, since their order is not known. A reply is a
            text, a dict of output fields, a `burnish.Output` such as one with tool calls, an exception
            to raise, or a list of texts, dicts or outputs for several completions.
        latency: Seconds that each call takes, or a function from `Request` to seconds.
        model: The model's name.
        pieces: How many characters at a time are told of a reply that is streamed, or a function from its text to the pieces.
        capabilities: What the model can do; None is what is known of its name, which is nothing.
        options: Arguments for `LM`.

    Attributes:
        requests: Every request so far, in order of arrival.

    Example:
        >>> lm = ScriptedLM(["Paris", {"answer": "Rome"}])
        >>> lm("What is the capital of France?")
        ['Paris']
        >>> print(lm("And of Italy?")[0])
        [[ ## answer ## ]]
        Rome
        <BLANKLINE>
        [[ ## completed ## ]]
        >>> len(lm.requests)
        2
    """

    def __init__(
        self,
        replies: Sequence[Reply] | Callable[[Request], Reply],
        *,
        latency: float | Callable[[Request], float] = 0.0,
        model: str = "scripted/model",
        pieces: int | Callable[[str], Sequence[str]] = 8,
        capabilities: Capabilities | None = None,
        **options: Any,
    ) -> None:
        self._script = _Script(replies, latency, pieces)
        self._script.capabilities = capabilities
        super().__init__(model, backend=self._script, **{"cache": False, "num_retries": 0, **options})

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order of arrival."""
        return self._script.requests


class _Script:
    """The backend of a `ScriptedLM`."""

    capabilities: Capabilities | None = None

    def __init__(self, replies: Sequence[Reply] | Callable[[Request], Reply], latency: Any, pieces: Any) -> None:
        self.replies = replies
        self.latency = latency
        self.pieces = pieces
        self.requests: list[Request] = []

    async def complete(self, request: Request) -> Response:
        number = len(self.requests)
        self.requests.append(request)
        seconds = self.latency(request) if callable(self.latency) else self.latency
        if seconds:
            await asyncio.sleep(seconds)
        reply = self.replies(request) if callable(self.replies) else self._next(number, request)
        if isinstance(reply, Exception):
            raise reply
        several = [reply] if isinstance(reply, str | Mapping | Output) else reply
        outputs = tuple(_output(one, as_json=_asks_for_json(request)) for one in several)
        usage = Usage(1, request.tokens, sum(1 + len(output.text) // 4 for output in outputs))
        return Response(outputs, usage, request.model)

    async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
        response = await self.complete(request)
        for number, text in enumerate(response.texts):
            for piece in self.pieces(text) if callable(self.pieces) else _cut(text, self.pieces):
                deliver(number, piece)
                await asyncio.sleep(0)
        return response

    def _next(self, number: int, request: Request) -> Reply:
        assert not callable(self.replies)
        if number < len(self.replies):
            return self.replies[number]
        raise ConfigError(
            f"The script of this ScriptedLM has {len(self.replies)} replies, and this is call {number + 1}. "
            f"It asks: {request.messages[-1].get('content')!r:.300}"
        )


def _cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _output(said: Said, *, as_json: bool) -> Output:
    if isinstance(said, Output):
        return said
    if isinstance(said, str):
        return Output(said, "stop")
    return Output(json.dumps(dict(said), ensure_ascii=False) if as_json else rendered(said), "stop")


def _asks_for_json(request: Request) -> bool:
    """Whether the last line of the question is `JSONAdapter`'s."""
    asked = request.messages[-1].get("content") if request.messages else None
    return isinstance(asked, str) and asked.rstrip().rpartition("\n")[2].startswith("Reply with one JSON object")


def rendered(fields: Mapping[str, Any]) -> str:
    """Output fields as the text in which `ChatAdapter` expects them."""
    values = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    sections = [f"[[ ## {name} ## ]]\n{value}" for name, value in values.items()]
    return "\n\n".join([*sections, "[[ ## completed ## ]]"])
