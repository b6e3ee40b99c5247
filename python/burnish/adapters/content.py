"""How pictures, sounds and files get into messages.

While a message is put together everything in it is text. A value that is content parts stands there as a mark:
a number drawn once a process, which no user's text can know, and the parts in base64. `content` takes a finished
text apart at its marks. A text without marks costs one search.

Marks never leave the process: what is saved is the data of a value, and what is sent is what `content` gives.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

from burnish.errors import ConfigError
from burnish.values.types.base import MARK, Formatted

Content = str | list[dict[str, Any]]

# Letters that neither JSON nor XML has another way to write.
_OPENING = f"part:{secrets.token_hex(16)}:"


def marked(value: Formatted) -> str:
    """The text that stands for a value while a message is put together: its own, or a mark.

    Raises:
        ConfigError: Its `format` gives neither a text nor content parts.
    """
    said: Any = value.format()
    if isinstance(said, str):
        return said
    if isinstance(said, list) and all(isinstance(part, Mapping) and isinstance(part.get("type"), str) for part in said):
        return f"{_OPENING}{base64.b64encode(json.dumps(said).encode()).decode()};"
    raise ConfigError(
        f"{type(value).__name__}.format() gave {said!r:.200}. It has to give a text, or a list of content parts such as "
        '{"type": "image_url", "image_url": {"url": "..."}}.'
    )


IN_PROMPT = {MARK: marked}
"""The serialisation context in which values are written as a prompt shows them; read, never changed."""


def _text_alone(value: Formatted) -> str | None:
    said: Any = value.format()
    return said if isinstance(said, str) else None


IN_REPLY = {MARK: _text_alone}
"""The same for what a model has written: a reply is text, so what is shown as parts is there as its data."""


def content(text: str) -> Content:
    """The content of a message whose text is finished: the text itself, or text and parts where it has marks.

    Example:
        >>> content("What is 6 × 7?")
        'What is 6 × 7?'
    """
    if _OPENING not in text:
        return text
    # Searched for, since a regular expression takes longer over the megabytes of a picture.
    before, *marks = text.split(_OPENING)
    parts: list[dict[str, Any]] = []
    for mark in marks:
        data, _, after = mark.partition(";")
        # Quotes around a mark are those of the JSON that it stands in, where it takes the place of a text.
        if before.endswith('"') and after.startswith('"'):
            before, after = before[:-1], after[1:]
        parts += [*_text_part(before), *json.loads(base64.b64decode(data))]
        before = after
    return parts + _text_part(before)


def _text_part(text: str) -> list[dict[str, Any]]:
    # Some providers refuse a part without text.
    return [{"type": "text", "text": text}] if text.strip() else []
