"""Any value as text that can be written and shown, whatever its own ways of writing itself do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Characters that steer a terminal; line breaks and tabs stay.
_STEERING = {number: repr(chr(number))[1:-1] for number in (*range(32), *range(127, 160)) if chr(number) not in "\n\t"}


def text_of(value: Any, write: Callable[[Any], str] = str) -> str:
    """The value's text, or words for one whose text raises."""
    try:
        return write(value)
    # What a user's object does when it is written is its own matter, and must not cost a result.
    except Exception as error:
        return f"<{type(value).__name__}, whose text raises {type(error).__name__}>"


def shown(text: str, *, longest: int) -> str:
    """The text cut at so many characters, without what would steer a terminal or cannot be encoded."""
    if len(text) > longest:
        text = f"{text[:longest]}… ({len(text) - longest} more characters)"
    return text.translate(_STEERING).encode("utf-8", "backslashreplace").decode()
