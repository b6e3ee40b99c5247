"""Reads fields in tags, ``<field>`` text ``</field>``, while they are being written."""

from __future__ import annotations

import html
import re
from collections.abc import Collection

from burnish.adapters.reading import FieldPiece, FormReader

_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_PART_OF_AN_ENTITY = re.compile(r"&[#\w]{0,8}\Z")


class TagReader(FormReader):
    """Tells the text between the tags of each field; a tag is never told, nor is white space beside one.

    Args:
        names: The fields.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = list(names)
        self._field: str | None = None
        self._told = False

    def read(self) -> list[FieldPiece]:
        """The pieces of fields in what has come."""
        pieces: list[FieldPiece] = []
        while self._names or self._field is not None:
            if self._field is None and not self._opens():
                break
            end = self.text.find(f"</{self._field}>")
            if end < 0:
                self._tell(pieces, self._certain(), last=False)
                break
            self._tell(pieces, end, last=True)
            self.text = self.text[len(f"</{self._field}>") :]
            self._field = None
        return pieces

    def _opens(self) -> bool:
        """Whether the tag of a field that is still to come has come; the text goes on behind it then."""
        found = [(self.text.find(f"<{name}>"), name) for name in self._names]
        begin, name = min(((at, name) for at, name in found if at >= 0), default=(-1, ""))
        if begin < 0:
            # No more than a tag can be is kept.
            self.text = self.text[-max(map(len, self._names), default=0) - 2 :]
            return False
        self.text = self.text[begin + len(name) + 2 :]
        self._field = name
        self._names.remove(name)
        self._told = False
        return True

    def _certain(self) -> int:
        """How much of the text is no part of the closing tag or of an entity, and no white space at the end."""
        end = len(self.text)
        angle = self.text.rfind("<")
        if angle >= 0 and f"</{self._field}>".startswith(self.text[angle:]):
            end = angle
        entity = _PART_OF_AN_ENTITY.search(self.text, 0, end)
        if entity is not None:
            end = entity.start()
        return len(self.text[:end].rstrip())

    def _tell(self, pieces: list[FieldPiece], end: int, *, last: bool) -> None:
        text, self.text = self.text[:end], self.text[end:]
        if not self._told:
            text = text.lstrip()
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text.rstrip() if last else text)
        if self._field is not None and (text or last):
            self._told = True
            pieces.append(FieldPiece(self._field, text, last))
