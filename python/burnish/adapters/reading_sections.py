"""Reads sections under ``[[ ## field ## ]]`` headers while they are being written."""

from __future__ import annotations

import re
from collections.abc import Collection

from burnish.adapters.reading import FieldPiece, FormReader
from burnish.adapters.sections import HEADER, MARKUP, normal

_PART_OF_A_HEADER = re.compile(r"\[(?:\[[ \t]{0,9}(?:#{1,4}[^\[\]\n]{0,130}\]?)?)?\Z")


class SectionReader(FormReader):
    """Reads sections under ``[[ ## field ## ]]`` headers.

    A header is never told, wherever it is cut: what may become one is held back, as is white space, which does not
    count at the end of a section. Headers in the middle of a line count where they name a field that is still to come.

    Args:
        names: The fields.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = names
        self._seen: set[str] = set()
        self._field: str | None = None
        self._begins_line = True
        self._told = False
        self._closes_markdown = False

    def read(self) -> list[FieldPiece]:
        """The pieces of sections in what has come."""
        pieces: list[FieldPiece] = []
        while (header := self._header()) is not None:
            name, start, end = header
            pieces += self._tell(start, last=True)
            self.text = self.text[end - start :]
            self._begins_line = False
            self._field = name if name in self._names and name not in self._seen else None
            self._seen.add(name)
            self._told = False
        return pieces + self._tell(self._certain(), last=False)

    def finish(self) -> list[FieldPiece]:
        """The end of the section that nothing followed."""
        return self._tell(len(self.text), last=True)

    def _header(self) -> tuple[str, int, int] | None:
        """The next header that counts: its name, where the text before it ends, and where the text after it begins."""
        for match in HEADER.finditer(self.text):
            start, end = match.span()
            name = match[1] if match[1] in self._names else normal(match[1])
            line = self.text.rfind("\n", 0, start) + 1
            begins_line = line > 0 or self._begins_line
            if begins_line and not self.text[line:start].strip(MARKUP):
                # What opened Markdown before the header closes after it.
                self._closes_markdown = bool(self.text[line:start].strip(" \t"))
                return name, line, end
            if name == "completed" or (name in self._names and name not in self._seen):
                self._closes_markdown = False
                return name, start, end
        return None

    def _certain(self) -> int:
        """How much of the text is no part of a header and no white space at the end."""
        text = self.text
        end = len(text)
        bracket = text.rfind("[")
        if bracket > 0 and text[bracket - 1] == "[":
            bracket -= 1
        if bracket >= 0 and _PART_OF_A_HEADER.match(text, bracket):
            end = bracket
        line = text.rfind("\n", 0, end) + 1
        if (line > 0 or self._begins_line) and not text[line:end].strip(MARKUP):
            end = line
        return len(text[:end].rstrip())

    def _tell(self, end: int, *, last: bool) -> list[FieldPiece]:
        """Tell the text up to `end`, and go on from there."""
        text, self.text = self.text[:end], self.text[end:]
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
