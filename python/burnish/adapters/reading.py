"""Reads a reply's fields while it is being written.

A reader tells each field's text in pieces, as soon as it is sure that they belong to it. What it cannot be sure
of before the end it may get wrong or leave out: whoever listens compares with the parsed reply at the end, and
says what differs. So a reader follows the form that a model was asked for, and leaves every oddity to `Adapter.parse`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from burnish.adapters.parse import _HEADER, _MARKUP, _THINKS, _THOUGHT, _normal

_PART_OF_A_HEADER = re.compile(r"\[(?:\[[ \t]{0,9}(?:#{1,4}[^\[\]\n]{0,130}\]?)?)?\Z")
# How many letters it takes to see whether a reply begins with its thoughts.
_OPENING = len("<thinking>")


class FieldPiece(NamedTuple):
    """A piece of a field's text.

    Attributes:
        field: The field's name.
        text: What comes next; it may be empty at the end.
        last: Whether the field ends with it.
    """

    field: str
    text: str
    last: bool


class FieldReader:
    """Reads one reply. This one tells nothing, so that every field is heard once the reply is parsed."""

    def feed(self, text: str) -> list[FieldPiece]:
        """The pieces of fields in the next piece of the reply."""
        return []

    def finish(self) -> list[FieldPiece]:
        """What was held back, now that the reply has ended."""
        return []


class SectionReader(FieldReader):
    """Reads sections under ``[[ ## field ## ]]`` headers.

    A header is never told, wherever it is cut: what may become one is held back, as is white space, which does not
    count at the end of a section. Headers in the middle of a line count where they name a field that is still to come.

    Args:
        names: The fields.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._seen: set[str] = set()
        self._field: str | None = None
        self._text = ""
        self._begins_line = True
        self._told = False
        self._thinks: bool | None = None  # not known before the first letters
        self._closes_markdown = False

    def feed(self, text: str) -> list[FieldPiece]:
        """The pieces of sections in the next piece of the reply."""
        self._text += text
        if self._thinks is not False and not self._past_thoughts():
            return []
        pieces: list[FieldPiece] = []
        while (header := self._header()) is not None:
            name, start, end = header
            pieces += self._tell(start, last=True)
            self._text = self._text[end - start :]
            self._begins_line = False
            self._field = name if name in self._names and name not in self._seen else None
            self._seen.add(name)
            self._told = False
        return pieces + self._tell(self._certain(), last=False)

    def finish(self) -> list[FieldPiece]:
        """The end of the section that nothing followed."""
        return self._tell(len(self._text), last=True)

    def _past_thoughts(self) -> bool:
        """Whether what is read now is no longer the block of thoughts at the beginning."""
        if self._thinks is None:
            begin = self._text.lstrip()
            if len(begin) < _OPENING and "<thinking>".startswith(begin[:6].casefold()):
                return False
            self._thinks = _THINKS.match(self._text) is not None
        if self._thinks:
            end = _THOUGHT.search(self._text)
            if end is None:
                self._text = self._text[-_OPENING - 1 :]
                return False
            self._text = self._text[end.end() :]
            self._thinks = False
        return True

    def _header(self) -> tuple[str, int, int] | None:
        """The next header that counts: its name, where the text before it ends, and where the text after it begins."""
        for match in _HEADER.finditer(self._text):
            start, end = match.span()
            name = match[1] if match[1] in self._names else _normal(match[1])
            line = self._text.rfind("\n", 0, start) + 1
            begins_line = line > 0 or self._begins_line
            if begins_line and not self._text[line:start].strip(_MARKUP):
                # What opened Markdown before the header closes after it.
                self._closes_markdown = bool(self._text[line:start].strip(" \t"))
                return name, line, end
            if name == "completed" or (name in self._names and name not in self._seen):
                self._closes_markdown = False
                return name, start, end
        return None

    def _certain(self) -> int:
        """How much of the text is no part of a header and no white space at the end."""
        text = self._text
        end = len(text)
        bracket = text.rfind("[")
        if bracket > 0 and text[bracket - 1] == "[":
            bracket -= 1
        if bracket >= 0 and _PART_OF_A_HEADER.match(text, bracket):
            end = bracket
        line = text.rfind("\n", 0, end) + 1
        if (line > 0 or self._begins_line) and not text[line:end].strip(_MARKUP):
            end = line
        return len(text[:end].rstrip())

    def _tell(self, end: int, *, last: bool) -> list[FieldPiece]:
        """Tell the text up to `end`, and go on from there."""
        text, self._text = self._text[:end], self._text[end:]
        if last:
            text = text.rstrip()
        elif not text:
            return []
        self._begins_line = self._begins_line and not text
        if self._field is None:
            return []
        if not self._told:
            text = (text.lstrip("*_`") if self._closes_markdown else text).lstrip()
        if not text and not last:
            return []
        self._told = True
        return [FieldPiece(self._field, text, last)]
