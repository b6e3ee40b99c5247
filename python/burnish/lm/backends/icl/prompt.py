"""Reads a rendered prompt: output fields with their types, instructions, demos, and what is asked.

Everything is read from the text, as a model would: field lists of the system message, sections of
the turns. What cannot be read is left out; no prompt is an error.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.lm.request import Message

# Repeats are bounded, so that no text, however odd, takes long.
_HEADER = re.compile(r"\[\[ {0,4}#{1,4} {0,4}([^\[\]#\n]{1,80}?) {0,4}#{1,4} {0,4}\]\]")
_FIELD = re.compile(r"^(?:[-*]|\d+[.)])[ \t]*`([^`\n]+)`(?:[ \t]*\((.*?)\))?(?:[ \t]*:[ \t]*(.*))?$", re.MULTILINE)
_LIST = re.compile(r"^[^\n]{0,40}\b(in|out)puts?\b[^\n]{0,40}:[ \t]{0,8}$", re.MULTILINE | re.IGNORECASE)
_TASK = re.compile(
    r"^(?:task|instructions?|[^\n:]{0,80}\bobjective is)\b[^\n:]{0,20}:[ \t]*", re.MULTILINE | re.IGNORECASE
)
_CLOSING = re.compile(r"(?:reply|respond|answer)\b.*\bcompleted\b", re.IGNORECASE)
_JSON_CLOSING = re.compile(r"(?:reply|respond|answer)\b.*\bJSON object\b", re.IGNORECASE)
_NAME = re.compile(r"`(?:\[\[ ## )?([^`\n\[\]#]+?)(?: ## \]\])?`")
_LITERAL = re.compile(r"Literal(\[.*\])")
_ONE_OF = re.compile(r"\bone of:\s*(.*)", re.DOTALL | re.IGNORECASE)
_CHOICE = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^|]*?)\s*(?:\||$)')
_PLACEHOLDERS = frozenset({"not shown.", "not shown"})


@dataclass(frozen=True, slots=True)
class Field:
    """An output that the prompt asks for.

    Attributes:
        name: As the reply's header has it.
        kind: Its type in the words of the prompt; ``"str"`` where none is given.
        description: What the prompt says about it.
        choices: The values that it may have, where the prompt lists them.
    """

    name: str
    kind: str = "str"
    description: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demo:
    """One worked example: what was given, what was answered. What is not shown is absent."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def text(self) -> str:
        """All that was given."""
        return "\n".join(self.inputs.values())


@dataclass(frozen=True, slots=True)
class Question:
    """The turn that asks.

    Attributes:
        inputs: Name and text of each section.
        asked: The sections that the reply should have, where the turn names them.
    """

    inputs: Mapping[str, str]
    asked: tuple[str, ...]

    @property
    def text(self) -> str:
        """All that is given."""
        return "\n".join(self.inputs.values())


@dataclass(frozen=True, slots=True)
class Task:
    """What the turns before the last one say.

    Attributes:
        fields: The outputs asked for, in the order of the reply.
        instructions: The task in words.
        demos: The worked examples, in the order of the prompt.
        as_json: Whether the reply is one JSON object instead of sections.
    """

    fields: tuple[Field, ...]
    instructions: str
    demos: tuple[Demo, ...]
    as_json: bool = False


def last_question(messages: Sequence[Message]) -> int:
    """Where the turn stands that asks: the last one of the user's; -1 without any."""
    asked = [index for index, message in enumerate(messages) if message.get("role") == "user"]
    return asked[-1] if asked else -1


def content(message: Message) -> str:
    """The text of a message, its text parts together."""
    found = message.get("content")
    if isinstance(found, list):
        return "\n".join(str(part.get("text", "")) for part in found if isinstance(part, dict))
    return found if isinstance(found, str) else ""


def read_question(text: str) -> Question:
    """The sections of a turn that asks; a turn without any is one input without a name."""
    body, _, last = text.rstrip().rpartition("\n")
    closing = _CLOSING.match(last)
    if closing is None and _JSON_CLOSING.match(last) is None:
        body = text
    inputs = sections(body) or ({"": body.strip()} if body.strip() else {})
    names = _NAME.findall(last) if closing is not None else ()
    return Question(inputs, tuple(name for name in names if name != "completed"))


def read_task(before: Sequence[Message], question: Question) -> Task:
    """What is to be done, from the messages before the turn that asks.

    The names of the question's sections tell inputs and outputs apart where nothing else does.
    """
    system = "\n\n".join(content(message) for message in before if message.get("role") in ("system", "developer"))
    demos = _demos(before)
    fields = _fields(system) or _named(system, question, demos)
    as_json = not _HEADER.search(system) and not question.asked and "json" in system.casefold()
    return Task(fields, _instructions(system), demos, as_json)


def sections(text: str) -> dict[str, str]:
    """Name → text under each header, or the members of a JSON object."""
    parts = _HEADER.split(text)
    if len(parts) == 1:
        return _members(text)
    found = zip(parts[1::2], parts[2::2], strict=True)
    return {name: value for name, raw in found if name != "completed" and _is_shown(value := raw.strip())}


def _is_shown(value: str) -> bool:
    return bool(value) and value.casefold() not in _PLACEHOLDERS


def _members(text: str) -> dict[str, str]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        members = json.loads(text)
    except ValueError:
        return {}
    return {str(name): as_text(value) for name, value in members.items() if value is not None}


def as_text(value: Any) -> str:
    """A JSON value as a prompt shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _demos(before: Sequence[Message]) -> tuple[Demo, ...]:
    pairs = [
        (content(asked), content(answered))
        for asked, answered in itertools.pairwise(before)
        if asked.get("role") == "user" and answered.get("role") == "assistant"
    ]
    demos = [Demo(read_question(asked).inputs, sections(answered)) for asked, answered in pairs]
    return tuple(demo for demo in demos if demo.outputs)


def _fields(system: str) -> tuple[Field, ...]:
    """The fields listed under a title that says output."""
    titles = list(_LIST.finditer(system))
    fields: dict[str, Field] = {}
    for title, following in zip(titles, [*titles[1:], None], strict=False):
        if title[1].casefold() == "out":
            # The list ends with its paragraph: what follows may be instructions with lists of their own.
            block = system[title.end() : following.start() if following else None].lstrip("\n").partition("\n\n")[0]
            found = list(_FIELD.finditer(block))
            ends = [*(match.start() for match in found[1:]), len(block)]
            for match, end in zip(found, ends, strict=False):
                kind, about = (match[2] or "str").strip(), (match[3] or "") + block[match.end() : end]
                fields.setdefault(match[1], Field(match[1], kind, about.strip(), read_choices(kind)))
    return tuple(fields.values())


def read_choices(kind: str) -> tuple[str, ...]:
    """The values listed by ``one of: a | b``, one with the separator in it quoted, or by ``Literal[…]``."""
    literal = _LITERAL.search(kind)
    if literal is not None:
        try:
            return tuple(str(choice) for choice in ast.literal_eval(literal[1]))
        except (ValueError, SyntaxError):
            return ()
    listed = _ONE_OF.search(kind)
    if listed is None:
        return ()
    found = [match[1] for match in _CHOICE.finditer(listed[1]) if match[1]]
    return tuple(dict.fromkeys(_unquoted(choice) if "|" in choice or "\\n" in choice else choice for choice in found))


def _unquoted(choice: str) -> str:
    try:
        return str(json.loads(choice))
    except ValueError:
        return choice


def _named(system: str, question: Question, demos: tuple[Demo, ...]) -> tuple[Field, ...]:
    """Fields known by name only: from the closing line, the form of the reply, or the demos."""
    shown = [*_HEADER.findall(system), *(name for demo in demos for name in demo.outputs)]
    given = {name for demo in demos for name in demo.inputs} | question.inputs.keys() | {"completed"}
    return tuple(Field(name) for name in dict.fromkeys(question.asked or shown) if name not in given)


def _instructions(system: str) -> str:
    """What follows the title of the task; a system message without one is all instructions."""
    title = _TASK.search(system)
    if title is not None:
        return system[title.end() :].strip()
    return "" if _HEADER.search(system) else system.strip()
