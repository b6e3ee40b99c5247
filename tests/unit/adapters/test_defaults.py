"""Outputs with a default may be left out of a reply, and fields with one out of a demo."""

from __future__ import annotations

import pytest

from burnish.adapters.chat import ChatAdapter
from burnish.errors import ReplyError
from burnish.values.signature import InputField, OutputField, Signature


class Review(Signature):
    """Judge it."""

    text: str = InputField()
    language: str = InputField(default="English")
    stars: int = OutputField()
    note: str | None = OutputField(default=None)
    tags: list[str] = OutputField(default_factory=list)


class Lone(Signature):
    text: str = InputField()
    note: str = OutputField(default="nothing")


CHAT = ChatAdapter()


def test_what_the_reply_leaves_out_is_its_default():
    assert CHAT.parse(Review, '[[ ## stars ## ]]\n3\n[[ ## tags ## ]]\n["a"]') == {
        "stars": 3,
        "note": None,
        "tags": ["a"],
    }
    first, second = (CHAT.parse(Review, "[[ ## stars ## ]]\n3\n[[ ## completed ## ]]") for _ in range(2))
    assert first == {"stars": 3, "note": None, "tags": []}
    assert first["tags"] is not second["tags"]


def test_what_it_gives_is_taken_and_still_checked():
    assert CHAT.parse(Review, "[[ ## stars ## ]]\n3\n[[ ## note ## ]]\nnull")["note"] is None
    assert CHAT.parse(Review, "[[ ## stars ## ]]\n3\n[[ ## note ## ]]\nn")["note"] == "n"
    with pytest.raises(ReplyError, match="`tags` is 'none'"):
        CHAT.parse(Review, "[[ ## stars ## ]]\n3\n[[ ## tags ## ]]\nnone")


def test_an_output_without_default_is_missed():
    with pytest.raises(ReplyError, match="no section `stars`"):
        CHAT.parse(Review, "[[ ## note ## ]]\nn")


def test_optional_alone_is_no_default():
    made = Signature({"q": InputField(), "a": OutputField(), "b": (str | None, OutputField())})
    with pytest.raises(ReplyError, match="no section `b`"):
        CHAT.parse(made, "[[ ## a ## ]]\nx")


@pytest.mark.parametrize("reply", ["", "I cannot help with that.", "[[ ## remark ## ]]\nnone"])
def test_a_reply_that_follows_no_form_is_no_reply_of_defaults(reply):
    for made in (Lone, Review.with_updated_fields("stars").delete("stars")):
        with pytest.raises(ReplyError):
            CHAT.parse(made, reply)


def test_a_lone_output():
    assert CHAT.parse(Lone, "[[ ## completed ## ]]") == {"note": "nothing"}
    assert CHAT.parse(Lone, "a note\n[[ ## completed ## ]]") == {"note": "a note"}


def test_the_prompt_says_what_may_be_left_out():
    system = CHAT.compile(Review, instructions="", demos=[]).prefix.messages[0]["content"]
    assert "- `language` (str)\n" in system
    assert "- `stars` (int)\n" in system
    assert "- `note` (str, or null; null where left out)\n" in system
    assert "- `tags` (list[str] as JSON; may be left out)\n" in system


def test_a_demo_has_the_defaults_of_what_it_lacks():
    user, assistant = (message["content"] for message in CHAT.format_demo(Review, {"text": "t", "stars": 2}))
    assert user == "[[ ## text ## ]]\nt\n\n[[ ## language ## ]]\nEnglish"
    assert assistant.startswith("[[ ## stars ## ]]\n2\n\n[[ ## note ## ]]\nnull\n\n[[ ## tags ## ]]\n[]")
    # A row with nothing but defaults to show teaches nothing.
    assert CHAT.format_demo(Review, {"text": "t"}) == []
    assert CHAT.format_reply(Review, {"stars": 2}) == assistant
