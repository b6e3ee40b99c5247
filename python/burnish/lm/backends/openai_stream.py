"""A chat completion that comes as server-sent events: told piece by piece, and put together as a whole reply.

Each event is one line ``data: {chunk}`` with what is new, the last one ``data: [DONE]``. Put together it has the form of
a reply that came at once, so that everything after it is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json

_DONE = b"[DONE]"
# What of a tool call comes once, and is not joined.
_ONCE = ("id", "type", "name", "index")


def is_stream(headers: Mapping[str, str]) -> bool:
    """Whether a reply is a stream of events; an endpoint that knows of none replies with JSON."""
    return headers.get("content-type", "").lower().startswith("text/event-stream")


class ChunkReader:
    """Reads the chunks of one reply.

    Args:
        deliver: Takes the number of a completion and its next piece of text.

    Attributes:
        error: What the endpoint said in the place of a chunk; None where it did not.
    """

    def __init__(self, deliver: Callable[[int, str], None]) -> None:
        self._deliver = deliver
        self._rest = b""
        self._choices: dict[int, dict[str, Any]] = {}
        # Number of a choice and name of a text → its pieces, joined at the end.
        self._texts: dict[tuple[int, str], list[str]] = {}
        self._told: dict[str, Any] = {}
        self._done = False
        self.error: Mapping[str, Any] | None = None

    def feed(self, piece: bytes) -> None:
        """Read the next bytes.

        Raises:
            ValueError: A chunk is no chunk.
        """
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line[5:].strip())

    def reply(self) -> dict[str, Any]:
        """The whole reply.

        Raises:
            ValueError: It ended before it was whole.
        """
        if self._rest.startswith(b"data:"):
            self._event(self._rest[5:].strip())
        whole = self._done or all(choice["finish_reason"] for choice in self._choices.values())
        if not whole or not self._choices:
            raise ValueError("it ended before the reply did")
        for (number, name), pieces in self._texts.items():
            self._choices[number]["message"][name] = "".join(pieces)
        return {**self._told, "choices": [self._choices[number] for number in sorted(self._choices)]}

    def _event(self, data: bytes) -> None:
        if data == _DONE or not data:
            self._done = self._done or data == _DONE
            return
        chunk = from_json(data)
        if not isinstance(chunk, dict):
            raise ValueError("a chunk is no JSON object")  # noqa: TRY004  as for every other fault of a chunk
        if chunk.get("error"):
            self.error = chunk
            return
        # Some send the sum with each chunk, and some in one without choices.
        self._told |= {name: chunk[name] for name in ("model", "usage") if chunk.get(name)}
        for choice in chunk.get("choices") or ():
            try:
                self._choice(choice)
            except (AttributeError, KeyError, TypeError) as error:
                raise ValueError("a chunk has a choice that cannot be read") from error

    def _choice(self, choice: Mapping[str, Any]) -> None:
        number = int(choice.get("index") or 0)
        kept = self._choices.setdefault(number, {"message": {"content": None}, "finish_reason": None})
        kept["finish_reason"] = choice.get("finish_reason") or kept["finish_reason"]
        if choice.get("logprobs"):
            _join(kept.setdefault("logprobs", {}), choice["logprobs"])
        message = kept["message"]
        for name, value in (choice.get("delta") or {}).items():
            if name == "tool_calls":
                for call in value or ():
                    _join_call(message.setdefault("tool_calls", []), call)
            elif isinstance(value, str) and name != "role":
                self._texts.setdefault((number, name), []).append(value)
                if name == "content" and value:
                    self._deliver(number, value)
            elif value is not None:
                message[name] = value


def _join(kept: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Join lists, as those of log probabilities."""
    for name, value in new.items():
        kept[name] = [*(kept.get(name) or []), *value] if isinstance(value, list) else value


def _join_call(calls: list[dict[str, Any]], new: Mapping[str, Any]) -> None:
    """Add a piece of a tool call to the one that it belongs to."""
    place = int(new.get("index") or 0)
    while len(calls) <= place:
        calls.append({})
    call = calls[place]
    for name, value in new.items():
        if isinstance(value, Mapping):
            inner = call.setdefault(name, {})
            for part, text in value.items():
                joins = part not in _ONCE and isinstance(text, str)
                inner[part] = (inner.get(part) or "") + text if joins else text or inner.get(part)
        elif name != "index" and value is not None:
            call[name] = value
