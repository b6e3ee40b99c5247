"""Signature to messages and reply to values, in sections."""

from __future__ import annotations

import enum
from typing import Any, Literal

import numpy as np
import pydantic
import pytest

from burnish.adapters.base import Prompt
from burnish.adapters.chat import ChatAdapter
from burnish.errors import ConfigError, ReplyError, SignatureError
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.signature import InputField, OutputField, Signature


class Ticket(pydantic.BaseModel):
    title: str
    tags: list[str] = []


class Triage(Signature):
    """Sort the ticket."""

    ticket: Ticket = InputField(desc="what came in")
    hint: str | None = InputField()
    team: Literal["billing", "login"] = OutputField(desc="who takes it")
    urgency: int = OutputField(ge=1, le=5)


@pytest.fixture
def adapter() -> ChatAdapter:
    return ChatAdapter()


def contents(prompt: Prompt) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in prompt.prefix.messages]


class TestCompile:
    def test_the_system_message_names_fields_types_form_and_task(self, adapter):
        (system,) = contents(adapter.compile(Triage, instructions="Sort it.\nBe quick.", demos=[]))
        assert system == (
            "system",
            """You are given input fields and answer with output fields.

Input fields:
- `ticket` (JSON by the schema {"properties":{"title":{"type":"string"},"tags":{"default":[],"items":{"type":"string"},\
"type":"array"}},"required":["title"],"type":"object"}): what came in
- `hint` (str, or null)

Output fields:
- `team` (one of: billing | login): who takes it
- `urgency` (int, from 1 to 5)

Write the reply in exactly this form, each header on a line of its own, and nothing else:

[[ ## team ## ]]
{team}

[[ ## urgency ## ]]
{urgency}

[[ ## completed ## ]]

Task:
Sort it.
Be quick.""",
        )

    def test_demos_are_pairs_of_turns(self, adapter):
        demo = Example(ticket=Ticket(title="Pay"), hint=None, team="billing", urgency=2, note="not a field")
        _, user, assistant = contents(adapter.compile(Triage, instructions="", demos=[demo]))
        assert user == ("user", '[[ ## ticket ## ]]\n{"title": "Pay", "tags": []}\n\n[[ ## hint ## ]]\nnull')
        assert assistant == (
            "assistant",
            "[[ ## team ## ]]\nbilling\n\n[[ ## urgency ## ]]\n2\n\n[[ ## completed ## ]]",
        )

    @pytest.mark.parametrize("kind", [dict, Example, Prediction])
    def test_incomplete_demos_say_so(self, adapter, kind):
        demo = kind({"ticket": {"title": "Pay"}, "team": "billing", "urgency": None})
        user, assistant = (message["content"] for message in adapter.format_demo(Triage, demo))
        assert user == (
            "(an incomplete example: some inputs and outputs are not shown.)\n\n"
            '[[ ## ticket ## ]]\n{"title": "Pay"}\n\n[[ ## hint ## ]]\nNot shown.'
        )
        assert assistant.startswith("[[ ## team ## ]]\nbilling\n\n[[ ## urgency ## ]]\nNot shown.")
        (user, _) = adapter.format_demo(Triage, {"ticket": "t", "hint": "h", "team": "billing"})
        assert user["content"].startswith("(an incomplete example: some outputs are not shown.)")

    @pytest.mark.parametrize(
        "demo", [{}, {"ticket": "t"}, {"team": "billing", "urgency": 1}, {"team": None, "ticket": 1}]
    )
    def test_demos_that_show_no_inputs_or_no_outputs_are_left_out(self, adapter, demo):
        assert adapter.format_demo(Triage, demo) == []

    def test_a_signature_without_inputs_has_demos_too(self, adapter):
        user, assistant = adapter.format_demo(Signature("-> joke"), {"joke": "Knock."})
        assert user["content"] == "Reply with the sections `joke`, then `completed`."
        assert assistant["content"].startswith("[[ ## joke ## ]]\nKnock.")

    def test_same_arguments_make_the_same_prompt(self, adapter):
        demos = [{"ticket": "t", "hint": "h", "team": "billing", "urgency": 1}]
        first, second = (adapter.compile(Triage, instructions="x", demos=demos) for _ in range(2))
        assert first.prefix.messages == second.prefix.messages
        assert first.prefix.fingerprint.finish("") == second.prefix.fingerprint.finish("")
        assert first.prefix.tokens == second.prefix.tokens > 0

    def test_an_output_that_no_reply_can_be_checked_against_is_refused(self, adapter):
        class Opaque:
            pass

        with pytest.raises(SignatureError, match=r"output `b` has the type .*Opaque"):
            adapter.compile(Signature("a: Opaque -> b: Opaque"), instructions="", demos=[{"a": 1, "b": 2}])


class TestRender:
    def test_the_last_turn_shows_inputs_and_asks_for_sections(self, adapter):
        (message,) = adapter.render(Triage, {"ticket": Ticket(title="Zahl’s"), "hint": "soon", "other": 1})
        assert message == {
            "role": "user",
            "content": '[[ ## ticket ## ]]\n{"title": "Zahl’s", "tags": []}\n\n[[ ## hint ## ]]\nsoon\n\n'
            "Reply with the sections `team`, `urgency`, then `completed`.",
        }

    def test_missing_inputs_are_left_out_and_none_is_shown(self, adapter):
        (message,) = adapter.render(Triage, {"hint": None})
        assert message["content"].startswith("[[ ## hint ## ]]\nnull\n\nReply")

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("as is\n", "as is\n"),
            (3, "3"),
            (True, "true"),
            (["é", 'a"b'], '["é", "a\\"b"]'),
            ({"a": {1}}, '{"a": [1]}'),
            (enum.Enum("Mood", {"GOOD": "good"}).GOOD, "good"),
            (enum.StrEnum("Mood", {"GOOD": "good"}).GOOD, "good"),
            ([Example(a=Ticket(title="t"))], '[{"a": {"title": "t", "tags": []}}]'),
            ({"o": slice(1)}, '{"o": "slice(None, 1, None)"}'),
            (b"plain", "plain"),
            ([b"\xff\xfe"], '["__4="]'),
            (np.arange(3000), str(list(range(3000)))),
            ([np.float32(1.5), np.int64(2)], "[1.5, 2]"),
        ],
    )
    def test_values_are_shown_as_text_or_json(self, adapter, value, text):
        (message,) = adapter.render(Signature("q -> a"), {"q": value})
        assert message["content"] == f"[[ ## q ## ]]\n{text}\n\nReply with the sections `a`, then `completed`."

    def test_a_value_that_holds_itself_is_an_error(self, adapter):
        value: list[Any] = []
        value.append(value)
        with pytest.raises(ConfigError, match=r"type list cannot be shown in a prompt: Circular"):
            adapter.render(Signature("q -> a"), {"q": value})

    def test_a_changed_task_shares_what_was_worked_out_from_the_fields(self, adapter):
        adapter.render(Triage, {})
        assert Triage.with_instructions("Other.").kept[ChatAdapter] is Triage.kept[ChatAdapter]
        changed = Triage.append("why", OutputField())
        assert "`why`" in adapter.render(changed, {})[0]["content"]


class TestFormatReply:
    def test_it_is_what_parse_reads(self, adapter):
        outputs = {"team": "login", "urgency": 5}
        reply = adapter.format_reply(Triage, Prediction(outputs))
        assert reply == "[[ ## team ## ]]\nlogin\n\n[[ ## urgency ## ]]\n5\n\n[[ ## completed ## ]]"
        assert adapter.parse(Triage, reply) == outputs

    def test_a_missing_output_is_an_error(self, adapter):
        with pytest.raises(ConfigError, match="needs the output 'urgency'"):
            adapter.format_reply(Triage, {"team": "login"})


QA = Signature("question -> reasoning, answer")


class TestSections:
    @pytest.mark.parametrize(
        "reply",
        [
            "[[ ## reasoning ## ]]\nr\n\n[[ ## answer ## ]]\na\n\n[[ ## completed ## ]]",
            "[[ ## reasoning ## ]]\nr\n[[ ## answer ## ]]\na",
            "[[ ## answer ## ]]\na\n[[ ## reasoning ## ]]\nr",
            "Sure, here you go:\n\n[[ ## reasoning ## ]] r\n[[ ## answer ## ]] a\n[[ ## completed ## ]] bye",
            "[[## Reasoning ##]]\r\nr\r\n[[ #ANSWER# ]]\r\na\r\n[[##completed##]]",
            "**[[ ## reasoning ## ]]**\nr\n**[[ ## answer ## ]]** a\n**[[ ## completed ## ]]**",
            "> [[ ## reasoning ## ]]\nr\n### [[ ## answer ## ]]\na",
            "[[ ## reasoning ## ]] r [[ ## answer ## ]] a [[ ## completed ## ]]",
            "[[ ## notes ## ]]\nn\n[[ ## reasoning ## ]]\nr\n[[ ## more notes ## ]]\nm\n[[ ## answer ## ]]\na [[ ## completed ## ]]",
            "[[ ## reasoning ## ]]\nr\n[[ ## answer ## ]]\na\n[[ ## completed ## ]]\n[[ ## answer ## ]]\nfrom a next question\n[[ ## completed ## ]]",
            "<think>\n[[ ## answer ## ]]\nno\n</think>\n[[ ## reasoning ## ]]\nr\n[[ ## answer ## ]]\na",
            "it opened before\n[[ ## answer ## ]]\nno\n</think>\n[[ ## reasoning ## ]]\nr\n[[ ## answer ## ]]\na",
            "[[ ## reasoning ## ]]\n<thinking>hm</thinking>\nr\n[[ ## answer ## ]]\na",
        ],
    )
    def test_sections_are_found(self, adapter, reply):
        assert adapter.parse(QA, reply) == {"reasoning": "r", "answer": "a"}

    def test_headers_inside_lines_count_only_where_one_is_missing(self, adapter):
        text = "then I write [[ ## answer ## ]] and so on"
        reply = f"[[ ## reasoning ## ]]\n{text}\n[[ ## answer ## ]]\na\n[[ ## completed ## ]]"
        assert adapter.parse(QA, reply) == {"reasoning": text, "answer": "a"}

    def test_names_with_underscores_are_read_with_spaces_too(self, adapter):
        assert adapter.parse(Signature("q -> final_answer"), "[[ ## Final Answer ## ]]\na") == {"final_answer": "a"}

    def test_a_field_may_be_called_completed(self, adapter):
        done = Signature("q -> completed: bool, note")
        assert adapter.parse(done, adapter.format_reply(done, {"completed": True, "note": "n"})) == {
            "completed": True,
            "note": "n",
        }

    def test_text_keeps_its_markup_and_inner_lines(self, adapter):
        text = '```python\nprint("[[1]]")\n```\n\n- **a**\n  "b"'
        assert adapter.parse(QA, f"[[ ## reasoning ## ]]\n{text}\n\n[[ ## answer ## ]]\na")["reasoning"] == text

    @pytest.mark.parametrize(
        ("reply", "field", "message"),
        [
            ("", "reasoning", "no section `reasoning`, no sections at all"),
            ("no idea", "reasoning", "no sections at all.*'no idea'"),
            (
                "[[ ## reasoning ## ]]\nr\n[[ ## completed ## ]]",
                "answer",
                "no section `answer`, only `reasoning`, `compl",
            ),
            (
                "[[ ## reasoning ## ]]\nr\n[[ ## answer ## ]]\n",
                "answer",
                "`answer` is '', and the reply ends before it",
            ),
            ("[[ ## reasoning ## ]]\nr\n[[ ## answer ## ]]\n{answer}", "answer", "placeholder"),
            ("[[ ## reasoning ## ]]\nr\n[[ ## answer ## ]]\nNot shown.", "answer", "placeholder"),
            ("<think>\n[[ ## reasoning ## ]]\nr\n[[ ## answer ## ]]\na", None, "ends inside its thoughts"),
            ("[[ ## reasoning ## ]]\n<think>r\n[[ ## answer ## ]]\na", "reasoning", "ends inside its thoughts"),
        ],
    )
    def test_what_is_missing_is_named_and_the_reply_kept(self, adapter, reply, field, message):
        with pytest.raises(ReplyError, match=message) as caught:
            adapter.parse(QA, reply)
        assert caught.value.reply == reply
        assert caught.value.field == field

    def test_an_empty_text_counts_where_the_reply_goes_on(self, adapter):
        assert adapter.parse(QA, "[[ ## reasoning ## ]]\n[[ ## answer ## ]]\n\n[[ ## completed ## ]]") == {
            "reasoning": "",
            "answer": "",
        }


class TestLoneOutputWithoutHeader:
    @pytest.mark.parametrize(
        ("signature", "reply", "value"),
        [
            ("q -> a: int", "42", 42),
            ("q -> a: int", " 42.\n", 42),
            ("q -> a: bool", "Yes.", True),
            ("q -> a: Literal['good', 'bad']", "Good", "good"),
            ("q -> a: list[str]", '```json\n["x"]\n```', ["x"]),
            ("q -> a: dict[str, str]", '{"b": "two\nlines"}', {"b": "two\nlines"}),
            ("q -> a: list[str]", '<think>hm</think>["x"]', ["x"]),
            ("q -> a", "Paris\n\n[[ ## completed ## ]]", "Paris"),
            ("q -> a", "Paris [[## Completed ##]]", "Paris"),
            ("q -> a: int", "The answer is 42.\n[[ ## completed ## ]]", 42),
        ],
    )
    def test_it_is_taken_where_it_can_be_nothing_else(self, adapter, signature, reply, value):
        assert adapter.parse(Signature(signature), reply) == {"a": value}

    @pytest.mark.parametrize(
        ("signature", "reply"),
        [
            ("q -> a", "Paris"),
            ("q -> a", "Let me think about"),
            ("q -> a: str | None", "Paris"),
            ("q -> a: int | str", "Paris"),
            ("q -> a: Any", "Paris"),
            ("q -> a: int", "The answer is 42"),
            ("q -> a: int", "First, step 1"),
            ("q -> a: bool", "Yes, because"),
            ("q -> a: bool", "no one knows"),
            ("q -> a: list[int]", "See [1]"),
            ("q -> a: list[int]", "[1, 2"),
            ("q -> a: list[str]", "- first"),
            ("q -> a: Literal['good', 'bad']", "good\n\nor bad"),
            ("q -> a: int", "[[ ## b ## ]]\n42"),
            ("q -> a: int", "42\n[[ ## b ## ]]\n43"),
            ("q -> a", "[[ ## completed ## ]]"),
            ("q -> a", "[[ ## b ## ]]\nx\n[[ ## completed ## ]]"),
            ("q -> a, b: int", "42"),
        ],
    )
    def test_it_is_refused_where_it_might_be_something_cut_off(self, adapter, signature, reply):
        with pytest.raises(ReplyError) as caught:
            adapter.parse(Signature(signature), reply)
        assert caught.value.reply == reply
        assert caught.value.field == "a"
