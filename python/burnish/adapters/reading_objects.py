"""Reads the values of one JSON object while it is being written."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from burnish.adapters.reading import FieldPiece, FormReader

_KEY = re.compile(r'[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*(?=\S)')
_LETTERS = re.compile(r'(?:[^"\\]|\\(?:[^u]|u[0-9a-fA-F]{4}))*')
# The first half of a character: its escape alone is no text.
_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")


class ObjectReader(FormReader):
    """Tells a text without its quotes and escapes, and a value of another type as its JSON.

    Args:
        names: The fields.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = names
        self._seen: set[str] = set()
        self._field: str | None = None
        # What is read next: "object", "key", "text", "value" or, at the end, "".
        self._next = "object"
        # Where a value of another type is: brackets open, and within a text of it, after a backslash perhaps.
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def read(self) -> list[FieldPiece]:
        """The pieces of values in what has come."""
        steps = {"object": self._object, "key": self._key, "text": self._letters, "value": self._value}
        pieces: list[FieldPiece] = []
        while self._next and steps[self._next](pieces):
            pass
        return pieces

    def _object(self, pieces: list[FieldPiece]) -> bool:
        begin = self.text.find("{")
        self.text = self.text[begin + 1 :] if begin >= 0 else ""
        self._next = "key" if begin >= 0 else "object"
        return begin >= 0

    def _key(self, pieces: list[FieldPiece]) -> bool:
        if self.text.lstrip(" \t\r\n,").startswith("}"):
            self._next = ""
            return False
        match = _KEY.match(self.text)
        if match is None:
            return False
        try:
            name = json.loads(match[1], strict=False)
        except ValueError:
            name = ""
        self._field = name if name in self._names and name not in self._seen else None
        self._seen.add(name)
        is_text = self.text[match.end()] == '"'
        self.text = self.text[match.end() + is_text :]
        self._next = "text" if is_text else "value"
        self._depth, self._quoted, self._escaped = 0, False, False
        return True

    def _letters(self, pieces: list[FieldPiece]) -> bool:
        match = _LETTERS.match(self.text)
        end = match.end() if match is not None else 0
        ends = self.text[end : end + 1] == '"'
        half = None if ends else _HALF.search(self.text, 0, end)
        end = end if half is None else half.start()
        if not ends and not end:
            return False
        self._tell(pieces, json.loads(f'"{self.text[:end]}"', strict=False), last=ends)
        self.text = self.text[end + ends :]
        self._next = "key" if ends else "text"
        return ends

    def _value(self, pieces: list[FieldPiece]) -> bool:
        # White space waits for what follows it.
        held = len(self.text.rstrip())
        for place, letter in enumerate(self.text[:held]):
            if self._quoted:
                self._quoted = self._escaped or letter != '"'
                self._escaped = letter == "\\" and not self._escaped
            elif letter in "]}," and self._depth == 0:
                self._tell(pieces, self.text[:place].rstrip(), last=True)
                self.text = self.text[place:]
                self._next = "key"
                return True
            else:
                self._quoted = letter == '"'
                self._depth += (letter in "[{") - (letter in "]}")
        self._tell(pieces, self.text[:held], last=False)
        self.text = self.text[held:]
        return False

    def _tell(self, pieces: list[FieldPiece], text: str, *, last: bool) -> None:
        if self._field is not None and (text or last):
            pieces.append(FieldPiece(self._field, text, last))
