"""Reads a reply's fields while it is being written.

A reader tells each field's text in pieces, as soon as it is sure that they belong to it. What it cannot be sure
of before the end it may get wrong or leave out: whoever listens compares with the parsed reply at the end, and
says what differs. So a reader follows the form that a model was asked for, and leaves every oddity to `Adapter.parse`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from burnish.adapters.parse import _THINKS, _THOUGHT

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


class FormReader(FieldReader):
    """Reads what comes after the thoughts that a reply may begin with.

    Attributes:
        text: What has come and is not told yet.
    """

    def __init__(self) -> None:
        self.text = ""
        self._thinks: bool | None = None  # not known before the first letters

    def feed(self, text: str) -> list[FieldPiece]:
        """The pieces of fields in the next piece of the reply."""
        self.text += text
        return self.read() if self._thinks is False or self._past_thoughts() else []

    @abstractmethod
    def read(self) -> list[FieldPiece]:
        """Tell what can be told of `text`, and take it from there."""

    def _past_thoughts(self) -> bool:
        if self._thinks is None:
            begin = self.text.lstrip()
            if len(begin) < _OPENING and "<thinking>".startswith(begin[:6].casefold()):
                return False
            self._thinks = _THINKS.match(self.text) is not None
        if self._thinks:
            end = _THOUGHT.search(self.text)
            if end is None:
                self.text = self.text[-_OPENING - 1 :]
                return False
            self.text = self.text[end.end() :]
            self._thinks = False
        return True
