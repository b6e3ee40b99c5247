"""Random signatures with values, and the ways in which models write, bend and break a reply: seeded, and quick to make.

`typed_values` has more types and finds the smallest failing case; here it is the number of replies that counts.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections.abc import Callable
from random import Random
from typing import Any, Literal, NamedTuple

import pydantic

from burnish.adapters.chat import ChatAdapter
from burnish.adapters.form import FormAdapter
from burnish.adapters.json import JSONAdapter
from burnish.adapters.sections import in_sections
from burnish.adapters.tags import in_tags
from burnish.adapters.xml import XMLAdapter
from burnish.values.signature import InputField, OutputField, Signature

ADAPTERS: tuple[FormAdapter, ...] = (ChatAdapter(), JSONAdapter(), XMLAdapter())


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad mood"


class Point(pydantic.BaseModel):
    x: int
    note: str | None
    tags: list[str] = []


class Path(pydantic.BaseModel):
    name: str
    points: list[Point]
    closed: bool = False


WORDS = (
    *(
        "yes",
        "Paris",
        "it's",
        'say "hi"',
        "a, b",
        "x: y",
        "{",
        "]",
        "1.5",
        "null",
        "True",
        "naïve",
        "日本語",
        "😀",
        "`code`",
    ),
    *(
        "two\nlines",
        "tab\there",
        "back\\slash",
        "<b>",
        "a < b && c > d",
        "&lt;",
        "http://a.b/c?d=e",
        "# title",
        "-",
        "",
    ),
)


def text(random: Random) -> str:
    """Some words that a reader may stumble over; without white space around them, which belongs to the form."""
    return " ".join(random.choices(WORDS, k=random.randrange(1, 4))).strip()


def point(random: Random) -> Point:
    return Point(x=random.randrange(-9, 99), note=random.choice([None, text(random)]), tags=several(random, text))


def several(random: Random, make: Callable[[Random], Any]) -> list[Any]:
    return [make(random) for _ in range(random.randrange(3))]


def number(random: Random) -> int:
    return random.choice([0, 1, -7, 42, 1234, 10**12])


def fraction(random: Random) -> float:
    return random.choice([0.5, -1.25, 3.0, 1e-9, 12345.678])


KINDS: list[tuple[Any, Callable[[Random], Any]]] = [
    (str, text),
    (str, text),
    (str | None, lambda random: random.choice([None, text(random)])),
    (int, number),
    (int | None, lambda random: random.choice([None, number(random)])),
    (float, fraction),
    (bool, lambda random: random.random() < 0.5),
    (Literal["billing", "login", "No"], lambda random: random.choice(["billing", "login", "No"])),
    (Mood, lambda random: random.choice(list(Mood))),
    (dt.date, lambda random: dt.date(2024, random.randrange(1, 13), 28)),
    (list[str], lambda random: several(random, text)),
    (list[int], lambda random: several(random, number)),
    (dict[str, float], lambda random: {text(random): fraction(random) for _ in range(random.randrange(3))}),
    (dict[str, Any], lambda random: {"a": text(random), "b": [number(random), None, True], "c": {}}),
    (tuple[int, str], lambda random: (number(random), text(random))),
    (int | str, lambda random: random.choice([number(random), text(random)])),
    (Point, point),
    (list[Point], lambda random: several(random, point)),
    (Path, lambda random: Path(name=text(random), points=several(random, point), closed=random.random() < 0.5)),
]


class Asked(NamedTuple):
    """A signature with values that are valid for it."""

    signature: type[Signature]
    outputs: dict[str, Any]


def asked(random: Random) -> Asked:
    """A random signature of one to three outputs."""
    names = random.sample(["answer", "final_answer", "reasoning", "score", "items", "city"], k=random.randrange(1, 4))
    chosen = {name: random.choice(KINDS) for name in names}
    made = Signature({"question": InputField(), **{name: (kind, OutputField()) for name, (kind, _) in chosen.items()}})
    return Asked(made, {name: make(random) for name, (_, make) in chosen.items()})


# How models write JSON that is not quite JSON: text of the value → another text of the same value.
def indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def escaped(value: Any) -> str:
    return json.dumps(value)


def with_trailing_commas(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "{" + "".join(f"{json.dumps(k)}: {with_trailing_commas(v)}, " for k, v in value.items()) + "}"
    if isinstance(value, list) and value:
        return "[" + "".join(f"{with_trailing_commas(v)}, " for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def pythonic(value: Any) -> str:
    """Single quotes, True, False and None."""
    return repr(value)


def in_a_fence(value: Any) -> str:
    return f"```json\n{json.dumps(value)}\n```"


JSON_WAYS = (indented, escaped, with_trailing_commas, pythonic, in_a_fence)


# What models put around a reply.
def as_it_is(reply: str) -> str:
    return reply


def among_words(reply: str) -> str:
    return f"Sure, let me answer that for you:\n\n{reply}\n\nLet me know if you need more!"


def after_thoughts(reply: str) -> str:
    return f"<think>\nThe user wants {{something}} [easy].\n</think>\n\n{reply}"


def with_line_ends(reply: str) -> str:
    return f"\r\n{reply}\r\n"


def fenced(reply: str) -> str:
    return f"```\n{reply}\n```"


AROUND = (as_it_is, among_words, after_thoughts, with_line_ends, fenced)


def written(adapter: FormAdapter, case: Asked, way: Callable[[Any], str]) -> str:
    """A reply in an adapter's form, its JSON written in another way."""
    fields = adapter.form(case.signature).outputs
    if isinstance(adapter, JSONAdapter):
        return way({name: field.plain(case.outputs[name]) for name, field in fields.items()})
    texts = {}
    for name, field in fields.items():
        plain = field.plain(case.outputs[name])
        texts[name] = way(plain) if isinstance(plain, dict | list) else field.write(case.outputs[name])
    return in_tags(texts) if isinstance(adapter, XMLAdapter) else in_sections(texts)


PIECES = (
    *(
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        ",",
        ":",
        "\\",
        "```",
        "```json",
        "<think>",
        "</think>",
        "null",
        "\0",
        "\ud800",
        "\n",
    ),
    *("[[ ## answer ## ]]", "[[ ## completed ## ]]", "<answer>", "</answer>", '{"answer": ', "&lt;", "True", "9" * 50),
)


def cut_off(random: Random, reply: str) -> str:
    return reply[: random.randrange(len(reply) + 1)]


def with_a_hole(random: Random, reply: str) -> str:
    start = random.randrange(len(reply) + 1)
    return reply[:start] + reply[start + random.randrange(1, 9) :]


def with_something_in_it(random: Random, reply: str) -> str:
    place = random.randrange(len(reply) + 1)
    return reply[:place] + random.choice(PIECES) + reply[place:]


def scrambled(random: Random, reply: str) -> str:
    return "".join(random.choices([*PIECES, *reply.split()], k=random.randrange(12)))


def twice(random: Random, reply: str) -> str:
    return reply + random.choice(["", "\n", "\nor:\n"]) + reply


BREAKS = (cut_off, with_a_hole, with_something_in_it, scrambled, twice)
