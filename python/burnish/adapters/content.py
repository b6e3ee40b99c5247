"""How pictures, sounds and files get into messages.

While a message is put together everything in it is text. A value that is content parts stands there as a mark:
a number drawn once a process, which no user's text can know, and the parts in base64. `content` takes a finished
text apart at its marks. A text without marks costs one search.

Marks never leave the process: what is saved is the data of a value, and what is sent is what `content` gives.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from burnish.errors import ConfigError
from burnish.values.types.base import MARK, Formatted

Content = str | list[dict[str, Any]]

# Letters that neither JSON nor XML has another way to write.
_OPENING = f"part:{secrets.token_hex(16)}:"
# Quotes around a mark are those of the JSON that it stands in, where it takes the place of a text.
_MARKS = re.compile(f'"{_OPENING}([A-Za-z0-9+/=]*);"|{_OPENING}([A-Za-z0-9+/=]*);')


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


def content(text: str) -> Content:
    """The content of a message whose text is finished: the text itself, or text and parts where it has marks.

    Example:
        >>> content("What is 6 × 7?")
        'What is 6 × 7?'
    """
    if _OPENING not in text:
        return text
    parts: list[dict[str, Any]] = []
    position = 0
    for mark in _MARKS.finditer(text):
        parts += _text_part(text[position : mark.start()])
        parts += json.loads(base64.b64decode(mark[1] or mark[2]))
        position = mark.end()
    return parts + _text_part(text[position:])


def _text_part(text: str) -> list[dict[str, Any]]:
    # Some providers refuse a part without text.
    return [{"type": "text", "text": text}] if text.strip() else []
