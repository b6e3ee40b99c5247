"""Replies in tags: ``<field>`` its text ``</field>``, read without an XML parser.

What models write is seldom XML: texts hold ``<`` and ``&``, tags stay open, words stand around them. So a tag counts
only where it is a field's, in whatever case; a text ends at its own closing tag, else at the opening tag of another
field, else where the reply ends. Written texts are escaped where they would be misread otherwise, and no further.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from burnish.adapters.field_text import FieldText
from burnish.adapters.parse import without_opened_thoughts
from burnish.errors import ReplyError

_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_DATA = re.compile(r"<!\[CDATA\[(.*)\]\]>", re.DOTALL)


def in_tags(texts: Mapping[str, str]) -> str:
    """A right reply with these texts.

    Example:
        >>> print(in_tags({"why": "1 < 2, so </why> is no end", "answer": "3 &lt; 4"}))
        <why>
        1 < 2, so &lt;/why> is no end
        </why>
        <BLANKLINE>
        <answer>
        3 &amp;lt; 4
        </answer>
    """
    tag = _tags(texts)
    return "\n\n".join(f"<{name}>\n{_escaped(text, tag)}\n</{name}>" for name, text in texts.items())


def from_tags(fields: Mapping[str, FieldText], reply: str) -> dict[str, Any]:
    """The outputs in a reply, each valid for its field.

    Raises:
        ReplyError: A field is missing or its text is no value of its type.
    """
    opening = _tags(fields)
    text = without_opened_thoughts(reply, opening)
    found = _read(text, fields, opening)
    values = {}
    for name, field in fields.items():
        try:
            if name in found:
                inside, closed = found[name]
                values[name] = field.read(inside, closed=closed)
            elif field.has_default and found:
                values[name] = field.default()
            elif len(fields) == 1:
                # A lone output of a type that is not text may stand alone: it can be nothing else.
                values[name] = field.read(text.strip(), closed=False, loose=False)
            else:
                raise _missing(name, found, reply)
        except ReplyError as error:
            where = "" if name in found or len(fields) > 1 else f" There is no `<{name}>` around it."
            raise ReplyError(f"{error}{where}", reply=reply, field=name) from error
    return values


def has_tags(fields: Mapping[str, FieldText], reply: str) -> bool:
    """Whether there is a tag of any field in a reply."""
    return "<" in reply and _tags(fields).search(reply) is not None


def _tags(names: Mapping[str, Any]) -> re.Pattern[str]:
    """Opening and closing tags of these fields; the groups are the slash, the name, and the slash of an empty one."""
    spelt = "|".join(_any_spelling(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"<\s{{0,9}}(/?)\s{{0,9}}({spelt})(?:\s[^<>]{{0,200}}?)?\s{{0,9}}(/?)\s{{0,9}}>", re.IGNORECASE)


def _escaped(text: str, tag: re.Pattern[str]) -> str:
    text = _ENTITY.sub(lambda entity: f"&amp;{entity[0][1:]}", text)
    if text.startswith("<![CDATA["):
        return f"&lt;{text[1:]}"
    return tag.sub(lambda found: f"&lt;{found[0][1:]}", text)


def _read(text: str, fields: Mapping[str, Any], tag: re.Pattern[str]) -> dict[str, tuple[str, bool]]:
    """Name → text, and whether it cannot have been cut off; the first of each name."""
    spelt = {_spelling(name): name for name in fields}
    found: dict[str, tuple[str, bool]] = {}
    opened = _next(text, 0, tag, spelt, found)
    while opened is not None:
        match, name = opened
        end = None if match[3] else _closing(name).search(text, match.end())
        if end is None:
            opened = _next(text, match.end(), tag, spelt, {**found, name: None})
            stop = match.end() if match[3] else len(text) if opened is None else opened[0].start()
            closed = opened is not None or bool(match[3])
            found[name] = _plain(text[match.end() : stop]), closed
        else:
            found[name] = _plain(text[match.end() : end.start()]), True
            opened = _next(text, end.end(), tag, spelt, found)
    return found


def _next(
    text: str, position: int, tag: re.Pattern[str], spelt: Mapping[str, str], found: Mapping[str, Any]
) -> tuple[re.Match[str], str] | None:
    """The next opening tag of a field that is not found yet."""
    for match in tag.finditer(text, position):
        name = match[2] if match[2] in spelt.values() else spelt[_spelling(match[2])]
        if not match[1] and name not in found:
            return match, name
    return None


def _closing(name: str) -> re.Pattern[str]:
    return re.compile(rf"<\s{{0,9}}/\s{{0,9}}{_any_spelling(name)}\s{{0,9}}>", re.IGNORECASE)


def _spelling(name: str) -> str:
    return re.sub("[_ -]", "", name.casefold())


def _any_spelling(name: str) -> str:
    return re.escape(name).replace("_", "[_ -]")


def _plain(text: str) -> str:
    text = text.strip()
    data = _DATA.fullmatch(text)
    if data is not None:
        return data[1]
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text


def _missing(name: str, found: Mapping[str, Any], reply: str) -> ReplyError:
    there = f"only {', '.join(f'`<{one}>`' for one in found)}" if found else "no tags at all"
    return ReplyError(f"The reply has no tag `<{name}>`, {there}. It reads {reply[:200]!r}.", reply=reply, field=name)
