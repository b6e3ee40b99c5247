"""JSON in what a model wrote: whole, in a fence, in the midst of words, or slightly broken.

Each reader yields candidates, the most literal first. What is slightly broken (single quotes, trailing commas, Python's
names for true and null, unescaped quotes and line ends) is mended by ``json_repair``, once it is known where it ends:
what was cut off is not mended, as what is missing cannot be known.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from burnish.adapters.brackets import closing
from burnish.adapters.fences import fenced, unfenced
from burnish.adapters.parse import Text

_BULLET = re.compile(r"(?:[-*•]|\d{1,4}[.)])\s+(\S.*)")
_BEGINNING = re.compile(r"[{\[]")
_PAIR = re.compile(r"(?<!\\)\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
# How many places in a text are tried as the beginning of JSON; more would make a long reply of brackets slow.
_BEGINNINGS = 16
# Mending costs up to the square of the length, and what is longer is seldom what it seems.
_LONGEST_MENDED = 100_000
_MOST_BRACKETS = 1000

_decode = json.JSONDecoder(strict=False).raw_decode


def read_json(text: Text, *, texts: bool, lists: bool) -> Iterator[Any]:
    """What the text says as JSON, then as JSON within it, then as JSON with its faults mended.

    Args:
        text: What to read.
        texts: Whether the text itself may be the value.
        lists: Whether lines with bullets may be the items of a list.
    """
    plain = unfenced(text.text)
    whole = decoded(plain)
    if whole is not None:
        yield whole[0]
    if not text.loose:
        return
    if texts:
        yield text.text
    yield from within(plain, mend=False)
    if lists:
        items = [_BULLET.fullmatch(line.strip()) for line in plain.splitlines() if line.strip()]
        if items and all(items):
            yield [item.group(1) for item in items if item is not None]
    yield from within(plain, mend=True)
    if text.closed:
        yield from _without_end(plain)


def decoded(text: str) -> tuple[Any] | None:
    """What the whole text says as JSON; None where it is none."""
    try:
        value, end = _decode(text)
    # Nesting that overflows the stack is no value of anybody's.
    except (ValueError, RecursionError):
        return None
    return (value,) if end == len(text) else None


def within(text: str, *, mend: bool) -> Iterator[Any]:
    """The objects and lists in a text, those in fences first.

    Args:
        text: What to read.
        mend: Whether those that are slightly broken count; if so, only these.
    """
    for inside in itertools.islice(fenced(text), _BEGINNINGS):
        if inside.startswith(("{", "[")) and inside != text:
            yield from _bare(inside, mend=mend)
    yield from _bare(text, mend=mend)


def _bare(text: str, *, mend: bool) -> Iterator[Any]:
    position = 0
    for _ in range(_BEGINNINGS):
        start = _BEGINNING.search(text, position)
        if start is None:
            return
        begin = start.start()
        try:
            value, position = _decode(text, begin)
        except (ValueError, RecursionError):
            # What stands inside a broken object is a part of it, not the value.
            position = closing(text, begin)
            if position < 0:
                return
            if mend and position - begin <= _LONGEST_MENDED:
                yield from _mended(text[begin:position])
        else:
            if not mend:
                yield value


def _without_end(text: str) -> Iterator[Any]:
    """A value whose last brackets are missing, in a text that cannot have been cut off."""
    start = _BEGINNING.search(text)
    if start is None or len(text) - start.start() > _LONGEST_MENDED:
        return
    rest = text[start.start() :]
    if closing(rest, 0) < 0 and rest.count("{") + rest.count("[") <= _MOST_BRACKETS:
        yield from _mended(rest)


def _mended(text: str) -> Iterator[Any]:
    import json_repair

    # It would read the halves of a character one by one.
    text = _PAIR.sub(lambda pair: str(json.loads(f'"{pair[0]}"')), text)
    try:
        yield json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError):
        return
