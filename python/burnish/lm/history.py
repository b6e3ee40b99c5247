"""The last LM calls, to be looked at: `inspect_history`, `lm.history`.

A call leaves references to its request and response, which hold no credentials, and who asked. They become
dicts or text only when somebody looks. How many are kept is the setting ``max_history_size``.

Cost: about a microsecond a call; nothing with ``disable_history``.
"""

from __future__ import annotations

import contextvars
import datetime
import json
import sys
import time
import weakref
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple, Protocol

from burnish.lm.request import Message, Request, Response

_LONGEST_PART = 80


class Entry(NamedTuple):
    """One call that was answered, by a backend or from memory.

    Attributes:
        time: When, in Unix seconds.
        request: What was asked.
        response: What came.
        asker: The predictor that asked, as a weak reference; None where none did.
    """

    time: float
    request: Request
    response: Response
    asker: weakref.ref[Any] | None

    @property
    def timestamp(self) -> str:
        """When, in the local time."""
        return datetime.datetime.fromtimestamp(self.time).astimezone().isoformat(timespec="milliseconds")

    def to_dict(self) -> dict[str, Any]:
        """The call under the names that DSPy's users know.

        ``usage`` and ``cost`` are what the reply took when it was bought, also where it came from memory now.
        """
        used = self.response.usage
        return {
            "prompt": None,
            "messages": self.request.messages,
            "kwargs": dict(self.request.params),
            "outputs": self.response.texts,
            "usage": {**used.to_dict(), "total_tokens": used.tokens},
            "cost": None if used.unpriced else used.dollars,
            "timestamp": self.timestamp,
            "model": self.request.model,
            "response_model": self.response.model,
            "model_type": "chat",
        }


class History:
    """The last calls, oldest first, from any number of threads."""

    def __init__(self) -> None:
        # Appending and copying are one step each, whatever other threads do.
        self._entries: deque[Entry] = deque()

    def __reduce__(self) -> tuple[Any, ...]:
        # Prompts and replies do not travel with the LM that has them.
        return History, ()

    def add(self, entry: Entry, most: int) -> None:
        """Keep a call, and let go of the oldest beyond the last `most`."""
        if self._entries.maxlen != most:
            self._entries = deque(self._entries, most)
        self._entries.append(entry)

    def entries(self) -> list[Entry]:
        """The calls so far, oldest first."""
        return list(self._entries.copy())

    def of(self, askers: Collection[Any]) -> list[Entry]:
        """The calls of these predictors."""
        wanted = {id(predictor) for predictor in askers}
        return [
            entry
            for entry in self.entries()
            if entry.asker is not None and (by := entry.asker()) is not None and id(by) in wanted
        ]


class Asker(Protocol):
    """Who asks in the block of code that runs.

    Attributes:
        predictor: The predictor.
    """

    predictor: Any


asker: contextvars.ContextVar[Asker | None] = contextvars.ContextVar("asker", default=None)


def entry_of(request: Request, response: Response) -> Entry:
    """The call that has just been answered, and who asked."""
    by = asker.get()
    return Entry(time.time(), request, response, None if by is None else weakref.ref(by.predictor))


def show(entries: Sequence[Entry], n: int, file: IO[str] | None) -> None:
    """Write the last `n` calls as text, in colour on a terminal."""
    chosen = entries[-n:] if n > 0 else []
    if file is not None or not sys.stdout.isatty():
        print("".join(text for entry in chosen for _, text in _told(entry)), end="", file=file)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout)
    for entry in chosen:
        console.print(Text.assemble(*((text, style) for style, text in _told(entry))), end="", soft_wrap=True)


def _told(entry: Entry) -> Iterator[tuple[str, str]]:
    """The call as text, each part with its style."""
    yield "dim", f"[{entry.timestamp}] {entry.request.model}\n\n"
    for message in entry.request.messages:
        yield "bold red", f"{str(message.get('role', '')).capitalize()} message:\n\n"
        yield "", f"{_content(message)}\n\n"
    outputs = entry.response.outputs
    for number, output in enumerate(outputs):
        title = "Response" if len(outputs) == 1 else f"Response {number + 1} of {len(outputs)}"
        yield "bold green", f"{title}:\n\n"
        yield "", f"{output.text}\n"
        for name, value in output.extra.items():
            yield "dim", f"{name}: {_short(value)}\n"
        yield "", "\n"


def _content(message: Message) -> str:
    content = message.get("content")
    parts: Iterable[Any] = content if isinstance(content, list) else [content]
    lines = []
    for part in parts:
        if isinstance(part, Mapping) and isinstance(part.get("text"), str):
            lines.append(part["text"])
        elif part is not None:
            lines.append(part if isinstance(part, str) else f"<{_short(part)}>")
    lines += [f"{name}: {_short(message[name])}" for name in ("tool_calls", "tool_call_id") if message.get(name)]
    return "\n".join(lines)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    # A picture is thousands of letters long, and none of them says anything.
    return text if len(text) <= _LONGEST_PART else f"{text[:_LONGEST_PART]}… ({len(text)} characters)"
