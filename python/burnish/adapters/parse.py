"""The values that a text may mean.

Each reader yields candidates, the most literal first; whoever asks validates them and takes the
first that is valid. So reading may be tolerant while what comes out is always strictly typed.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from burnish.adapters.fences import unfenced
from burnish.errors import ReplyError

# Repeats are bounded, or cannot overlap: a reply of nothing but blanks must not cost the square of its length.
_THOUGHTS = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_THOUGHT = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_THINKS = re.compile(r"\s*<think(?:ing)?\b", re.IGNORECASE)
# Refuses what is part of something longer: 1.2.3, 2024-01-02, 3/4, 0x1F, 1,5 and COVID-19 are no numbers.
_NUMBER = re.compile(
    r"(?<![\w.,:/-])[-+\u2212]?[$€£]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"(?![.,:/-]?[A-Za-z_]*\d)(?P<percent>\s?%)?"
)
_WORD = re.compile(r"\W*([^\W\d_]+)\W*?(?:$|[.,;:!)(\n\u2013\u2014-])")
_TRUE = frozenset({"true", "yes", "1", "y"})
_FALSE = frozenset({"false", "no", "0", "n"})
_LETTERS = frozenset({"y", "n"})
# Quotes within quotes: more layers would make a long reply of quotes slow.
_LAYERS = 4
_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}


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


def without_opened_thoughts(reply: str, form: re.Pattern[str]) -> str:
    """As `without_thoughts`, also where the prompt's template had opened the block already.

    Args:
        reply: The reply.
        form: What the answer has and thoughts before it need not have, such as a header.
    """
    if "<" not in reply:
        return reply
    rest = without_thoughts(reply)
    end = _THOUGHT.search(rest)
    if end is not None and form.search(rest, end.end()) and "<think" not in rest[: end.start()].casefold():
        return rest[end.end() :]
    return rest


def read_text(text: Text) -> Iterator[str]:
    """The text as it is; a text alone could be anything, so it counts only where `loose`."""
    if text.loose:
        yield text.text


def read_truth(text: Text) -> Iterator[bool]:
    """True or false, in a word; with `loose`, what follows a punctuation mark does not matter."""
    plain = _unquoted(unfenced(text.text)).casefold()
    plain = plain.rstrip(".")
    if text.loose and plain not in _TRUE and plain not in _FALSE:
        word = _WORD.match(plain)
        plain = word.group(1) if word else plain
    if not text.closed and plain in _LETTERS:
        return  # "n" may be the beginning of null
    if plain in _TRUE or plain in _FALSE:
        yield plain in _TRUE


def read_number(text: Text, *, whole: bool) -> Iterator[int | float]:
    """A number; with `loose`, the only one in the first line.

    ``1,234`` is read as 1234. ``85%`` is read as 85 where the number is to be whole; otherwise it could also mean 0.85,
    and is not read.
    """
    plain = _unquoted(unfenced(text.text))
    first = plain.partition("\n")[0]
    found = list(itertools.islice(_NUMBER.finditer(first), 2))
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
        forms += [text.text.partition("\n")[0], unfenced(text.text)]
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


def read_scalar(text: Text) -> Iterator[Any]:
    """A value that pydantic reads from text, such as a date."""
    yield text.text
    if text.loose:
        yield _unquoted(unfenced(text.text))
        yield text.text.partition("\n")[0].strip()


def _unquoted(text: str) -> str:
    for _ in range(_LAYERS):
        if len(text) < 2 or _QUOTES.get(text[0]) != text[-1]:
            break
        text = text[1:-1].strip()
    return text
