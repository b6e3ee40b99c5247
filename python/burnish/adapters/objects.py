"""Replies that are one JSON object with a key for each field.

The object may stand in a fence or among words, be slightly broken, or be wrapped in another with a single key; other
keys do not matter, nor do case, spaces and hyphens in the names of keys. A reply without the key of a lone output is
taken for its value where it *is* JSON of its type. An object that does not close was cut off, and is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from burnish.adapters.field_text import NOT_SHOWN, FieldText
from burnish.adapters.json_text import decoded, within
from burnish.adapters.parse import without_opened_thoughts
from burnish.errors import ReplyError

_OPENING = re.compile(r"\{")
_BRACES = re.compile(r"\s*[{\[]")


def in_object(fields: Mapping[str, FieldText], outputs: Mapping[str, Any]) -> str:
    """A right reply with these outputs; what is not there says that it is not shown."""
    values = {name: field.plain(outputs[name]) if name in outputs else NOT_SHOWN for name, field in fields.items()}
    return json.dumps(values, ensure_ascii=False)


def from_object(fields: Mapping[str, FieldText], reply: str) -> dict[str, Any]:
    """The outputs in a reply, each valid for its field.

    Raises:
        ReplyError: There is no such object, a field is missing, or its value is none of its type.
    """
    text = reply if _BRACES.match(reply) else without_opened_thoughts(reply, _OPENING)
    found, whole = _best(fields, text.strip())
    if found is None and len(fields) == 1:
        ((name, field),) = fields.items()
        return {name: _alone(field, text.strip(), reply)}
    if found is None:
        raise ReplyError(f"{_fault(fields, text)}.", reply=reply)
    values = {}
    for name, field in fields.items():
        if name not in found and field.has_default:
            values[name] = field.default()
            continue
        if name not in found:
            has = ", ".join(f"`{key:.50}`" for key in list(whole)[:20])
            raise ReplyError(f"The reply's JSON has no key `{name}`, only {has}.", reply=reply, field=name)
        try:
            values[name] = field.take(found[name])
        except ReplyError as error:
            raise ReplyError(str(error), reply=reply, field=name) from error
    return values


def is_object(reply: str) -> bool:
    """Whether a reply looks like an object, in a fence perhaps."""
    return reply.lstrip("` \n\tjson").startswith("{")


def _best(fields: Mapping[str, FieldText], text: str) -> tuple[dict[str, Any] | None, Mapping[str, Any]]:
    """The first object that has every field, else the first that has any; and that object as it stands."""
    some: tuple[dict[str, Any], Mapping[str, Any]] | None = None
    for candidate in _candidates(text):
        for whole in _layers(candidate):
            found = _named(fields, whole)
            if len(found) == len(fields):
                return found, whole
            if some is None and (found or not whole):
                some = found, whole
    return (None, {}) if some is None else some


def _candidates(text: str) -> Iterator[Any]:
    whole = decoded(text)
    if whole is not None:
        yield whole[0]
        return
    yield from within(text, mend=False)
    yield from within(text, mend=True)


def _layers(value: Any) -> Iterator[dict[str, Any]]:
    """The object itself, and what it or a list wraps alone."""
    for _ in range(2):
        if isinstance(value, dict):
            yield value
        if not isinstance(value, dict | list) or len(value) != 1:
            return
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    if isinstance(value, dict):
        yield value


def _named(fields: Mapping[str, FieldText], whole: Mapping[str, Any]) -> dict[str, Any]:
    """The values by the names of their fields."""
    found = {name: whole[name] for name in fields if name in whole}
    if len(found) < len(fields):
        spelt = {_spelling(name): name for name in fields if name not in found}
        for key, value in whole.items():
            name = spelt.get(_spelling(key))
            if name is not None:
                found.setdefault(name, value)
    return found


def _spelling(name: str) -> str:
    return re.sub(r"[\s_-]", "", name[:200]).casefold()


def _alone(field: FieldText, text: str, reply: str) -> Any:
    """The lone output of a reply without its key."""
    try:
        return field.read(text, closed=False, loose=False)
    except ReplyError as error:
        said = f"{_fault({field.name: field}, text)}, nor is it a value of it alone: {error}"
        raise ReplyError(said, reply=reply, field=field.name) from error


def _fault(fields: Mapping[str, FieldText], text: str) -> str:
    whole = decoded(text)
    if whole is not None and isinstance(whole[0], dict) and whole[0]:
        has = ", ".join(f"`{key:.50}`" for key in list(whole[0])[:20])
        return f"The reply's JSON has no key {', '.join(f'`{name}`' for name in fields)}, only {has}; it reads {text[:200]!r}"
    keys = f"the key{'s' * (len(fields) > 1)} {', '.join(f'`{name}`' for name in fields)}"
    kind = "no whole JSON object (it may have been cut off)" if "{" in text else "no JSON object"
    return f"The reply has {kind} with {keys}; it reads {text[:200]!r}"
