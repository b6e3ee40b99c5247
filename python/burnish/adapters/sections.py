"""Replies in sections: ``[[ ## field ## ]]``, its text, and ``[[ ## completed ## ]]`` at the end.

A header begins a line; case, spaces and Markdown around it do not matter. A reply without any header is taken for
the value of a lone output where it cannot be anything else: where it *is* a value of a type that is not text, or
ends with ``[[ ## completed ## ]]``. A text without either might be a thought that was cut off.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from burnish.adapters.field_text import FieldText
from burnish.adapters.parse import without_opened_thoughts
from burnish.errors import ReplyError

COMPLETED = "[[ ## completed ## ]]"
# Bounded repeats, and looks of a bounded length: a reply of nothing but blanks or headers must not cost the square of
# its length.
HEADER = re.compile(r"\[\[[ \t]{0,9}#{1,4}[ \t]{0,9}([^\[\]#\n]{0,99}[^\[\]#\s])[ \t]{0,9}#{1,4}[ \t]{0,9}\]\]")
MARKUP = " \t>*_#`"
_CLOSING_MARKUP = re.compile(r"[*_`]{0,9}")
_REST_OF_MARKUP = re.compile(rf"[{re.escape(MARKUP)}]{{0,30}}(?:\n|\Z)")
_NEAR = 30


def header(name: str) -> str:
    """What stands above the text of a field."""
    return f"[[ ## {name} ## ]]"


def in_sections(texts: Mapping[str, str]) -> str:
    """A right reply with these texts."""
    return "\n\n".join([*(f"{header(name)}\n{text}" for name, text in texts.items()), COMPLETED])


def from_sections(fields: Mapping[str, FieldText], reply: str) -> dict[str, Any]:
    """The outputs in a reply, each valid for its field.

    Raises:
        ReplyError: A field is missing or its text is no value of its type.
    """
    sections = read_sections(without_opened_thoughts(reply, HEADER), fields)
    values = {}
    for name, field in fields.items():
        section = sections.named.get(name)
        if section is None:
            values[name] = _left_out(fields, field, sections, reply)
            continue
        try:
            values[name] = field.read(section.text, closed=section.closed)
        except ReplyError as error:
            raise ReplyError(str(error), reply=reply, field=name) from error
    return values


def has_sections(reply: str) -> bool:
    """Whether there is any header in a reply."""
    return "[[" in reply and HEADER.search(reply) is not None


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
    for match in HEADER.finditer(reply):
        start, end = match.span()
        found = match[1] if match[1] in names else normal(match[1])
        if start and reply[start - 1] != "\n":
            line = reply.rfind("\n", max(0, start - _NEAR), start) + 1
            if (not line and start > _NEAR) or reply[line:start].strip(MARKUP):
                if not _stands_inside(reply, end, found, names, anywhere=anywhere):
                    continue
            else:
                # What opened Markdown before the header closes after it.
                start = line
                closing = _CLOSING_MARKUP.match(reply, end)
                end = closing.end() if closing else end
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
    if name == "completed" and _REST_OF_MARKUP.match(reply, end):
        return True
    return anywhere and (name in names or name == "completed")


def normal(name: str) -> str:
    """The name that a header means, without what differs between spellings."""
    if name == "completed":
        return name
    return re.sub(r"[\s-]+", "_", name.strip(MARKUP + "'\"").casefold())


def _left_out(fields: Mapping[str, FieldText], field: FieldText, sections: Sections, reply: str) -> Any:
    """An output that has no section: the whole reply where it is the only output, else its default."""
    named = any(name in fields or name == "completed" for name in sections.seen)
    if field.has_default and named and not (len(fields) == 1 and sections.lead):
        return field.default()
    if len(fields) == 1:
        return _bare(field, sections, reply)
    raise _missing(field.name, sections.seen, reply)


def _bare(field: FieldText, sections: Sections, reply: str) -> Any:
    """The lone output of a reply that has no header for it."""
    completed = sections.seen[:1] == ["completed"]
    if sections.lead and (completed or not sections.seen):
        try:
            return field.read(sections.lead, closed=completed, loose=completed)
        except ReplyError as error:
            text = f"{error} There is no section `{field.name}` around it."
            raise ReplyError(text, reply=reply, field=field.name) from error
    raise _missing(field.name, sections.seen, reply)


def _missing(name: str, seen: Sequence[str], reply: str) -> ReplyError:
    there = f"only {', '.join(f'`{one}`' for one in list(dict.fromkeys(seen))[:20])}" if seen else "no sections at all"
    return ReplyError(f"The reply has no section `{name}`, {there}. It reads {reply[:200]!r}.", reply=reply, field=name)
