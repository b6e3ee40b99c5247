"""Readers of replies that are being written: the same text, wherever it is cut."""

from __future__ import annotations

import json
import random

import pytest

from burnish.adapters.chat import ChatAdapter
from burnish.adapters.reading import FieldReader
from burnish.adapters.reading_objects import ObjectReader
from burnish.adapters.reading_sections import SectionReader
from burnish.adapters.reading_tags import TagReader
from burnish.values.signature import Signature

NAMES = ("reasoning", "answer")


def told(reader: FieldReader, pieces: list[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Each field's text, the fields that ended before the reply did, and all pieces."""
    texts: dict[str, str] = {}
    ended, all_pieces = [], []
    for piece in [one for text in pieces for one in reader.feed(text)]:
        assert piece.field not in ended
        texts[piece.field] = texts.get(piece.field, "") + piece.text
        all_pieces.append(piece.text)
        if piece.last:
            ended.append(piece.field)
    for piece in reader.finish():
        texts[piece.field] = texts.get(piece.field, "") + piece.text
    return texts, ended, all_pieces


def cuts(text: str) -> list[list[str]]:
    """The text letter by letter, whole, in two at every place, and in pieces of random lengths."""
    ways = [list(text), [text], *([text[:at], text[at:]] for at in range(1, len(text)))]
    draw = random.Random(0)
    for _ in range(50):
        places = sorted(draw.sample(range(len(text)), min(len(text), draw.randint(1, 12))))
        ways.append([text[begin:end] for begin, end in zip([0, *places], [*places, len(text)], strict=True)])
    return ways


SECTIONS = {
    "plain": "[[ ## reasoning ## ]]\nBecause.\n\n[[ ## answer ## ]]\nParis\n\n[[ ## completed ## ]]",
    "brackets and markup inside": (
        "[[ ## reasoning ## ]]\n# Why\n\n- a[0][1] is [[ not a header, [[ ##, **bold**\n\n```py\nx = [[1]]\n```\n\n"
        "[[ ## answer ## ]]\n**Paris**\n\n[[ ## completed ## ]]"
    ),
    "markup around": "**[[ ## reasoning ## ]]**\nBecause.\n> [[ ## answer ## ]]\nParis\n### [[ ## completed ## ]]",
    "on one line": "[[ ## reasoning ## ]] Because. [[ ## answer ## ]] Paris [[ ## completed ## ]]",
    "an unknown one": "[[ ## note ## ]]\nx\n[[ ## reasoning ## ]]\nBecause.\n[[ ## more ## ]]\ny\n[[ ## answer ## ]]\nParis",
    "twice": (
        "[[ ## reasoning ## ]]\nBecause.\n[[ ## answer ## ]]\nParis\n[[ ## answer ## ]]\nRome\n[[ ## completed ## ]]\n"
    ),
    "spelt otherwise": "[[##Reasoning##]]\nBecause.\n[[ # ANSWER # ]]\nParis\n[[ ## completed ## ]]",
    "with a lead": "Sure, here it is:\n\n[[ ## reasoning ## ]]\nBecause.\n\n[[ ## answer ## ]]\nParis",
    "with thoughts": (
        "\n<think>\n[[ ## answer ## ]]\nRome?\n</think>\n[[ ## reasoning ## ]]\nBecause <b>.\n[[ ## answer ## ]]\nParis"
    ),
    "no thoughts": "<this> is [[ ## reasoning ## ]] Because. [[ ## answer ## ]] Paris",
    "blank lines": "[[ ## reasoning ## ]]\n\n\n  Be\n\n \n cause. \n\n\n[[ ## answer ## ]]\n\t\nParis  \n\n \n",
}


@pytest.mark.parametrize("reply", SECTIONS.values(), ids=SECTIONS)
def test_sections_are_told_as_they_are_parsed_wherever_the_reply_is_cut(reply: str) -> None:
    adapter, signature = ChatAdapter(), Signature("question -> reasoning, answer")
    parsed = adapter.parse(signature, reply)
    for way in cuts(reply):
        texts, ended, pieces = told(adapter.reader(signature), way)
        assert texts == parsed, way
        assert "reasoning" in ended
        assert not any("answer ##" in piece or "completed" in piece for piece in pieces)


def test_a_section_is_told_as_soon_as_it_is_certain() -> None:
    reader = SectionReader(NAMES)
    assert reader.feed("[[ ## answer ## ]]\nPa") == [("answer", "Pa", False)]
    assert reader.feed("ris ") == [("answer", "ris", False)]
    assert reader.feed("[") == []
    assert reader.feed("x]\n") == [("answer", " [x]", False)]
    assert reader.feed("[[ ## comp") == []
    assert reader.feed("leted ## ]]") == [("answer", "", True)]
    assert reader.finish() == []


OBJECTS = {
    "plain": '{"reasoning": "Because.", "answer": "Paris"}',
    "fenced": 'Here:\n```json\n{\n  "reasoning": "Because.",\n  "answer": "Paris"\n}\n```\n',
    "escapes": '{"reasoning": "a \\"b\\" \\\\ \\n \\u00e9 \\ud83d\\ude00, {x}", "answer": "Paris\\\\"}',
    "another key": '{"note": [1, {"answer": "no"}], "reasoning": "Because.", "answer": "Paris"}',
    "with thoughts": '<thinking>{"answer": "Rome"}</thinking>{"reasoning": "", "answer": "Paris"}',
    "spaces": '{ "reasoning" : "Because.  " , "answer" : "  Paris" }',
}


@pytest.mark.parametrize("reply", OBJECTS.values(), ids=OBJECTS)
def test_texts_of_an_object_are_told_wherever_it_is_cut(reply: str) -> None:
    start = reply.find("{", reply.find("</thinking>") + 1)
    values = json.loads(reply[start : reply.rfind("}") + 1])
    for way in cuts(reply):
        texts, ended, _ = told(ObjectReader(NAMES), way)
        assert texts == {name: values[name] for name in NAMES}, way
        assert ended == list(NAMES)


def test_values_of_other_types_are_told_as_their_json() -> None:
    reply = '{"answer": {"a": [1, "}, \\" ]"], "b": null} , "reasoning": -1.5e3 }'
    for way in cuts(reply):
        texts, ended, _ = told(ObjectReader(NAMES), way)
        assert texts == {"answer": '{"a": [1, "}, \\" ]"], "b": null}', "reasoning": "-1.5e3"}, way
        assert ended == ["answer", "reasoning"]


TAGS = {
    "plain": ("<reasoning>\nBecause.\n</reasoning>\n\n<answer>\nParis\n</answer>", "Because."),
    "other tags inside": (
        "Sure: <reasoning> a < b, <b>x</b> </answer> <reasoning> </reasoning ></reasoning><answer>Paris</answer>",
        "a < b, <b>x</b> </answer> <reasoning> </reasoning >",
    ),
    "entities": (
        "<reasoning>1 &lt; 2 &amp; &amp;lt; &unknown</reasoning><answer>Paris</answer>",
        "1 < 2 & &lt; &unknown",
    ),
}


@pytest.mark.parametrize(("reply", "reasoning"), TAGS.values(), ids=TAGS)
def test_texts_in_tags_are_told_wherever_the_reply_is_cut(reply: str, reasoning: str) -> None:
    for way in cuts(reply):
        texts, ended, _ = told(TagReader(NAMES), way)
        assert texts == {"reasoning": reasoning, "answer": "Paris"}, way
        assert ended == ["reasoning", "answer"]
