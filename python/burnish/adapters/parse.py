"""Finds the sections of a reply, and the values that a section's text may mean.

Each reader yields candidates, the most literal first; whoever asks validates them and takes the
first that is valid. So reading may be tolerant while what comes out is always strictly typed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from burnish.errors import ReplyError

# Bounded repeats: a reply of nothing but blanks must not cost the square of its length.
_HEADER = re.compile(r"\[\[[ \t]{0,9}#{1,4}[ \t]{0,9}([^\[\]#\n]{0,99}[^\[\]#\s])[ \t]{0,9}#{1,4}[ \t]{0,9}\]\]")
_MARKUP = " \t>*_#`"
_THOUGHTS = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_THINKS = re.compile(r"\s*<think(?:ing)?\b", re.IGNORECASE)
_THOUGHT = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_FENCED = re.compile(r"```[\w+-]*[ \t]*\n?(.*?)\n?[ \t]*```", re.DOTALL)
# Refuses what is part of something longer: 1.2.3, 2024-01-02, 3/4, 0x1F, 1,5 and COVID-19 are no numbers.
_NUMBER = re.compile(
    r"(?<![\w.,:/-])[-+\u2212]?[$€£]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"(?![.,:/-]?[A-Za-z_]*\d)(?P<percent>\s?%)?"
)
_WORD = re.compile(r"\W*([^\W\d_]+)\W*?(?:$|[.,;:!)(\n\u2013\u2014-])")
_BULLET = re.compile(r"\s*(?:[-*•]|\d{1,4}[.)])\s+(.*\S)\s*")
_TRUE = frozenset({"true", "yes", "1", "y"})
_FALSE = frozenset({"false", "no", "0", "n"})
_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
# How many places in a text are tried as the beginning of JSON; more would make a long reply of brackets slow.
_BEGINNINGS = 16

_decode = json.JSONDecoder(strict=False).raw_decode


class Section(NamedTuple):
    """The text under one header.

    Attributes:
        text: Without surrounding white space.
        closed: Whether another header follows, so that it cannot have been cut off.
    """

    text: str
    closed: bool


class Sections(NamedTuple):
    """A reply taken apart.

    Attributes:
        named: The sections by name, the first of each name.
        seen: The names of all headers, in order.
        lead: The text before the first header.
    """

    named: dict[str, Section]
    seen: list[str]
    lead: str


class Text(NamedTuple):
    """A text to read a value from.

    Attributes:
        text: Without surrounding white space.
        loose: Whether words around the value are allowed.
        closed: Whether it cannot have been cut off.
    """

    text: str
    loose: bool = True
    closed: bool = True


Candidates = Callable[[Text], Iterator[Any]]


def without_thoughts(text: str) -> str:
    """The text after the block of thoughts that it may begin with.

    Raises:
        ReplyError: It ends before the thoughts do.
    """
    if "<" not in text:
        return text
    block = _THOUGHTS.match(text)
    if block is not None:
        return text[block.end() :]
    if _THINKS.match(text):
        raise ReplyError("The reply ends inside its thoughts, before it answers.", reply=text)
    return text


def without_opened_thoughts(reply: str) -> str:
    """As `without_thoughts`, also where the prompt's template had opened the block already."""
    if "<" not in reply:
        return reply
    rest = without_thoughts(reply)
    end = _THOUGHT.search(rest)
    if end is not None and _HEADER.search(rest, end.end()) and "<think" not in rest[: end.start()].casefold():
        return rest[end.end() :]
    return rest


def read_sections(reply: str, names: Collection[str]) -> Sections:
    """The sections of a reply.

    A header begins a line; case, spaces and Markdown around it do not matter. Only where one of
    `names` is missing is it looked for in the middle of lines too.
    """
    strict = _sections(reply, names, anywhere=False)
    missing = [name for name in names if name not in strict.named]
    if not missing:
        return strict
    wider = _sections(reply, names, anywhere=True)
    return wider if any(name in wider.named for name in missing) or not strict.seen else strict


def _sections(reply: str, names: Collection[str], *, anywhere: bool) -> Sections:
    sections: dict[str, Section] = {}
    seen: list[str] = []
    lead, name, begin = "", "", 0
    for match in _HEADER.finditer(reply):
        start, end = match.span()
        found = match[1] if match[1] in names else _normal(match[1])
        if start and reply[start - 1] != "\n":
            line = reply.rfind("\n", 0, start) + 1
            if reply[line:start].strip(_MARKUP):
                if not _stands_inside(reply, end, found, names, anywhere=anywhere):
                    continue
            else:
                # What opened Markdown before the header closes after it.
                start = line
                end += len(reply[end:]) - len(reply[end:].lstrip("*_`"))
        text = reply[begin:start].strip()
        if not seen:
            lead = text
        elif name not in sections:
            sections[name] = Section(text, True)
        seen.append(found)
        name, begin = found, end
    if not seen:
        lead = reply.strip()
    elif name not in sections:
        sections[name] = Section(reply[begin:].strip(), False)
    return Sections(sections, seen, lead)


def _stands_inside(reply: str, end: int, name: str, names: Collection[str], *, anywhere: bool) -> bool:
    """Whether a header counts although text stands before it on its line."""
    if name == "completed" and not reply[end:].partition("\n")[0].strip(_MARKUP):
        return True
    return anywhere and (name in names or name == "completed")


def _normal(name: str) -> str:
    if name == "completed":
        return name
    return re.sub(r"[\s-]+", "_", name.strip(_MARKUP + "'\"").casefold())


def read_text(text: Text) -> Iterator[str]:
    """The text as it is; a text alone could be anything, so it counts only where `loose`."""
    if text.loose:
        yield text.text


def read_truth(text: Text) -> Iterator[bool]:
    """True or false, in a word; with `loose`, what follows a punctuation mark does not matter."""
    plain = _unquoted(_unfenced(text.text)).casefold()
    plain = plain.rstrip(".")
    if text.loose and plain not in _TRUE and plain not in _FALSE:
        word = _WORD.match(plain)
        plain = word.group(1) if word else plain
    if plain in _TRUE or plain in _FALSE:
        yield plain in _TRUE


def read_number(text: Text, *, whole: bool) -> Iterator[int | float]:
    """A number; with `loose`, the only one in the first line.

    ``1,234`` is read as 1234. ``85%`` is read as 85 where the number is to be whole; otherwise it could also mean 0.85,
    and is not read.
    """
    plain = _unquoted(_unfenced(text.text))
    first = plain.partition("\n")[0]
    found = list(_NUMBER.finditer(first))
    if len(found) != 1 or (not text.loose and found[0].group() != plain.rstrip(".")):
        return
    match = found[0]
    if match["percent"] is not None and not whole:
        return
    digits = re.sub(r"[,$€£%\s]", "", match.group()).replace("\u2212", "-")
    try:
        yield int(digits)
    except ValueError:
        number = float(digits)
        if math.isfinite(number):
            yield number


def read_choice(text: Text, options: Mapping[str, Any]) -> Iterator[Any]:
    """The option that the text is: exactly, or but for case, quotes and a full stop."""
    forms = [text.text]
    if text.loose:
        forms += [text.text.partition("\n")[0], _unfenced(text.text)]
    for form in forms:
        if form in options:
            yield options[form]
            return
    folded: dict[str, set[str]] = {}
    for option in options:
        folded.setdefault(_folded(option), set()).add(option)
    for form in forms:
        same = folded.get(_folded(form), set())
        # Options that differ in case alone are told apart by their exact text only.
        if len(same) == 1:
            yield options[next(iter(same))]
            return


def _folded(text: str) -> str:
    plain = text.strip(" \t\n*_")
    return " ".join(_unquoted(plain.rstrip(".")).rstrip(".").casefold().split())


def read_json(text: Text, *, texts: bool, lists: bool) -> Iterator[Any]:
    """What the text says as JSON, then as JSON within it, then as JSON with its faults mended.

    Args:
        text: What to read.
        texts: Whether the text itself may be the value.
        lists: Whether lines with bullets may be the items of a list.
    """
    plain = _unfenced(text.text)
    try:
        value, end = _decode(plain)
    except ValueError:
        value, end = None, -1
    if end == len(plain):
        yield value
    if not text.loose:
        return
    if texts:
        yield text.text
    yield from _json_within(plain)
    if lists:
        items = [_BULLET.fullmatch(line) for line in plain.splitlines() if line.strip()]
        if items and all(items):
            yield [item.group(1) for item in items if item is not None]
    yield from _mended(plain, closed=text.closed)


def _json_within(text: str) -> Iterator[Any]:
    """The objects and lists in a text, the first first."""
    for fenced in _FENCED.finditer(text):
        if fenced.group(1).strip() != text:
            yield from _json_within(fenced.group(1).strip())
    position = 0
    for _ in range(_BEGINNINGS):
        start = _first_bracket(text, position)
        if start < 0:
            return
        try:
            value, position = _decode(text, start)
        except ValueError:
            # What stands inside a broken object is a part of it, not the value.
            position = _closing(text, start)
            if position < 0:
                return
        else:
            yield value


def _first_bracket(text: str, position: int) -> int:
    starts = [at for at in (text.find("{", position), text.find("[", position)) if at >= 0]
    return min(starts, default=-1)


def _closing(text: str, start: int) -> int:
    """Where the bracket at `start` closes, counting its kind alone; -1 where it never does."""
    opening, closing = text[start], {"{": "}", "[": "]"}[text[start]]
    depth = 0
    for position in range(start, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == closing:
            depth -= 1
            if depth == 0:
                return position + 1
    return -1


def _mended(text: str, *, closed: bool) -> Iterator[Any]:
    start = _first_bracket(text, 0)
    # JSON that may have been cut off is not mended: what is missing cannot be known.
    if start < 0 or not (closed or text.rstrip("` \n.").endswith(("}", "]"))):
        return
    import json_repair

    yield json_repair.loads(text[start:], skip_json_loads=True)


def read_scalar(text: Text) -> Iterator[Any]:
    """A value that pydantic reads from text, such as a date."""
    yield text.text
    if text.loose:
        yield _unquoted(_unfenced(text.text))
        yield text.text.partition("\n")[0].strip()


def _unfenced(text: str) -> str:
    fenced = _FENCED.fullmatch(text) if text.startswith("```") else None
    return text if fenced is None else fenced.group(1).strip()


def _unquoted(text: str) -> str:
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text
