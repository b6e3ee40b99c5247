"""Where an object or a list in a text ends, read as tolerantly as models write.

One pass over the brackets and quotes, so the cost is linear whatever the text is. Quotes may be single, and may stand
unescaped within quotes where no comma, colon or bracket follows them. What does not close is cut off or too broken to
be mended; either way nobody can know what it means.
"""

from __future__ import annotations

import itertools
import re

_MARK = re.compile(r"[{}\[\]\"'\\]")
_CLOSES = {"{": "}", "[": "]"}
# What follows the quote that ends a text: the blanks are bounded, so that many quotes before many blanks cost little.
_AFTER_TEXT = re.compile(r"\s{0,99}(?:[,:}\]]|/[/*]|#|\Z)")
_NEAR = 50
# Deeper than any reply means to be; what takes brackets apart one in another would overflow its stack.
_DEEPEST = 100
# As many brackets and quotes as a broken reply may have: what has more is not worth the time.
_MOST_MARKS = 50_000


def closing(text: str, start: int) -> int:
    """Where what opens at `start` has ended; -1 where it does not, or is too deep or too long.

    Example:
        >>> text = "see {'a': 'it's }', 'b': [1, 2,]} there"
        >>> text[4 : closing(text, 4)]
        "{'a': 'it's }', 'b': [1, 2,]}"
    """
    waiting: list[str] = []
    quote, skipped = "", -1
    for found in itertools.islice(_MARK.finditer(text, start), _MOST_MARKS):
        at, mark = found.start(), found.group()
        if at == skipped:
            continue
        if mark == "\\":
            skipped = at + 1
        elif quote:
            if mark == quote and _AFTER_TEXT.match(text, at + 1):
                quote = ""
        elif mark in _CLOSES:
            waiting.append(_CLOSES[mark])
            if len(waiting) > _DEEPEST:
                return -1
        elif mark == '"' or (mark == "'" and text[max(start, at - _NEAR) : at].rstrip()[-1:] in ("{", "[", ",", ":")):
            quote = mark
        elif mark != "'":
            if mark != waiting.pop():
                return -1
            if not waiting:
                return at + 1
    return -1
