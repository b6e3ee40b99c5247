"""Values that are content parts reach messages as parts, wherever they stand, and nothing else does."""

from __future__ import annotations

import base64
import dataclasses
import json
import subprocess
import sys
from typing import Any

import pydantic
import pytest

from burnish.adapters.chat import ChatAdapter
from burnish.adapters.content import content, marked
from burnish.adapters.field_text import shown
from burnish.errors import ConfigError
from burnish.values.example import Example
from burnish.values.signature import InputField, OutputField, Signature
from burnish.values.types.base import Type


class Picture(Type):
    url: str

    def format(self):
        return [{"type": "image_url", "image_url": {"url": self.url}}]


class Framed(pydantic.BaseModel):
    picture: Picture
    title: str


@dataclasses.dataclass
class Pinned:
    picture: Picture


class Plain:
    """Follows the protocol without the base."""

    def format(self):
        return "a plain thing"

    @classmethod
    def description(cls):
        return "anything"


class Wrong(Type):
    said: Any

    def format(self):
        return self.said


PICTURE = Picture(url="http://x/y.png")
PART = {"type": "image_url", "image_url": {"url": "http://x/y.png"}}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (PICTURE, [PART]),
        ([PICTURE, "a"], [text("["), PART, text(', "a"]')]),
        ((PICTURE, PICTURE), [text("["), PART, text(", "), PART, text("]")]),
        ({"x": {"y": PICTURE}}, [text('{"x": {"y": '), PART, text("}}")]),
        (Framed(picture=PICTURE, title='"t"'), [text('{"picture": '), PART, text(', "title": "\\"t\\""}')]),
        ([Pinned(PICTURE)], [text('[{"picture": '), PART, text("}]")]),
        (Example(a=Example(b=Framed(picture=PICTURE, title="t"))), None),
    ],
)
def test_parts_are_found_wherever_they_stand(value, parts):
    found = content(shown(value))
    assert found == parts if parts else PART in found
    assert "part:" not in json.dumps(found)


def test_a_text_of_its_own_is_shown_as_it_is():
    assert shown(Plain()) == "a plain thing"
    assert shown([Plain()]) == '["a plain thing"]'
    assert shown(Wrong(said="é\n")) == "é\n"


def test_a_type_that_does_not_say_how_is_shown_as_its_json():
    class Mute(Type):
        x: int

    assert shown([Mute(x=1)]) == '[{"x": 1}]'
    assert shown(Mute(x=1)) == '{"x": 1}'


@pytest.mark.parametrize("said", [3, None, {"type": "text"}, ["a"], [{"text": "a"}]])
@pytest.mark.parametrize("put", [lambda value: value, lambda value: [value]])
def test_a_format_that_is_neither_text_nor_parts_is_refused(said, put):
    with pytest.raises(ConfigError, match=r"Wrong\.format\(\) gave"):
        shown(put(Wrong(said=said)))


def test_what_is_saved_is_the_data():
    framed = Framed(picture=PICTURE, title="t")
    assert framed.model_dump() == {"picture": {"url": "http://x/y.png"}, "title": "t"}
    assert json.loads(framed.model_dump_json()) == framed.model_dump()


def test_no_text_can_pass_for_a_part():
    parts = base64.b64encode(json.dumps([PART]).encode()).decode()
    for number in ("", "0" * 32):
        forged = f"part:{number}:{parts};"
        assert content(shown(forged)) == forged
        assert content(shown([forged])) == json.dumps([forged])
    # Another process draws another number, so what one has leaked is of no use in the next.
    drawn = "from burnish.adapters import content; print(content._OPENING)"
    other = subprocess.run([sys.executable, "-c", drawn], capture_output=True, text=True, check=True).stdout.strip()
    assert other[:5] == "part:"
    assert not marked(PICTURE).startswith(other)


def test_a_message_without_parts_stays_a_text():
    assert content("as it is\n") == "as it is\n"


ASK = Signature({"picture": (Picture, InputField()), "hint": InputField(), "answer": OutputField()})


class TestChat:
    def test_the_last_turn_has_the_parts_in_their_places(self):
        (message,) = ChatAdapter().render(ASK, {"picture": PICTURE, "hint": "h"})
        assert message["content"] == [
            text("[[ ## picture ## ]]\n"),
            PART,
            text("\n\n[[ ## hint ## ]]\nh\n\nReply with the sections `answer`, then `completed`."),
        ]

    def test_demos_have_them_too(self):
        demo = {"picture": PICTURE, "hint": "h", "answer": "a"}
        _, user, assistant = ChatAdapter().compile(ASK, instructions="", demos=[demo]).prefix.messages
        assert user["content"] == [text("[[ ## picture ## ]]\n"), PART, text("\n\n[[ ## hint ## ]]\nh")]
        assert isinstance(assistant["content"], str)
