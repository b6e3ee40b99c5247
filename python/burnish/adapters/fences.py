"""Code fences: three backticks around what a model wants to set off."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = "```"
# The language, and the rest of the line.
_TITLE = re.compile(r"[\w+-]{0,30}[ \t]{0,30}\n?")


def unfenced(text: str) -> str:
    """The text without the fence that it may stand in."""
    if len(text) < 2 * len(_FENCE) or not (text.startswith(_FENCE) and text.endswith(_FENCE)):
        return text
    title = _TITLE.match(text, len(_FENCE))
    return text[title.end() if title else len(_FENCE) : -len(_FENCE)].strip()


def fenced(text: str) -> Iterator[str]:
    """What stands in fences, the first first; a fence that does not close is none."""
    start = text.find(_FENCE)
    while start >= 0:
        title = _TITLE.match(text, start + len(_FENCE))
        begin = title.end() if title else start + len(_FENCE)
        end = text.find(_FENCE, begin)
        if end < 0:
            return
        yield text[begin:end].strip()
        start = text.find(_FENCE, end + len(_FENCE))
