"""Code is read out of fences, and belongs to a language."""

from __future__ import annotations

import pickle
import time

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.adapters.chat import ChatAdapter
from burnish.adapters.field_text import FieldText
from burnish.errors import ConfigError, ReplyError
from burnish.values.signature import InputField, OutputField, Signature
from burnish.values.types.code import Code

SQL = Code["sql"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("print(1)", "print(1)"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("```\nprint(1)\n\n```", "print(1)\n"),
        ("Here:\n```python\na\n```\nand\n```\nb\n```", "a"),
        ("````\n```\na\n```\n````", "```\na\n```"),
        ("```python title=x\n  a\n  ```", "  a"),
        ("```\n```", ""),
        ("```select 1```", "select 1"),
        ("a `b` c ```d``` e", "a `b` c ```d``` e"),
        ("", ""),
    ],
)
def test_a_fence_is_taken_away(text, code):
    assert Code.model_validate(text).code == code


def test_a_fence_that_is_never_closed_was_cut_off():
    with pytest.raises(pydantic.ValidationError, match="not closed"):
        Code.model_validate("```python\nprint(")


@given(st.text())
def test_what_format_writes_is_read(code):
    assert SQL.model_validate(SQL(code).format()) == SQL(code)


def test_a_long_reply_of_fences_costs_no_more_than_its_length():
    start = time.perf_counter()
    with pytest.raises(pydantic.ValidationError):
        Code.model_validate("```x\n" * 200_000)
    assert time.perf_counter() - start < 2


def test_each_language_is_one_class():
    assert Code["sql"] is SQL
    assert Code["python"] is Code
    assert Signature({"a": (Code["sql"], OutputField())}) == Signature({"a": (SQL, OutputField())})
    assert pickle.loads(pickle.dumps(SQL)) is SQL
    assert pickle.loads(pickle.dumps(SQL("select 1"))) == SQL("select 1")
    assert pickle.loads(pickle.dumps(Code(code="x"))) == Code("x")
    assert SQL("x") != Code("x")
    assert str(SQL("x")) == "x"
    assert SQL.model_validate(Code("x")) == SQL("x")


@pytest.mark.parametrize("make", [lambda: Code[3], lambda: Code["a b"], lambda: SQL["x"]])
def test_what_is_no_language_is_refused(make):
    with pytest.raises(ConfigError, match="Code\\["):
        make()


ASK = Signature({"before": (Code, InputField()), "after": (SQL, OutputField()), "note": OutputField()})


class TestInPrompts:
    def test_it_is_said_in_words(self):
        system = ChatAdapter().compile(ASK, instructions="", demos=[]).prefix.messages[0]["content"]
        assert "- `before` (Code, python code in a code fence)" in system
        assert "- `after` (Code['sql'], sql code in a code fence)" in system

    @pytest.mark.parametrize("value", ["x = 1", "```\nx = 1\n```", Code("x = 1"), {"code": "x = 1"}])
    def test_an_input_is_shown_in_a_fence(self, value):
        (message,) = ChatAdapter().render(ASK, {"before": value})
        assert message["content"].startswith("[[ ## before ## ]]\n```python\nx = 1\n```\n\n")

    @pytest.mark.parametrize(
        "text", ["```sql\nselect 1\n```", "select 1", "Sure:\n```\nselect 1\n```", '{"code": "select 1"}']
    )
    def test_an_output_is_read_with_and_without_one(self, text):
        reply = f"[[ ## after ## ]]\n{text}\n[[ ## note ## ]]\nn"
        read = ChatAdapter().parse(ASK, reply)["after"]
        # Anything that is text is code, JSON included.
        assert read in (SQL("select 1"), SQL('{"code": "select 1"}'))
        assert type(read) is SQL

    def test_a_lone_output_without_header_counts_in_a_fence_only(self):
        lone = Signature("q -> code: Code")
        assert ChatAdapter().parse(lone, "```python\nx\n```") == {"code": Code("x")}
        with pytest.raises(ReplyError):
            ChatAdapter().parse(lone, "I would write x")

    def test_what_a_file_kept_is_read_as_what_it_was(self):
        field = FieldText("after", ASK.fields["after"])
        for kept in (SQL("x").model_dump(), "x", "```sql\nx\n```", SQL("x")):
            assert field.read_kept(kept) == SQL("x")
        assert field.read_kept('{"code": "x"}') == SQL('{"code": "x"}')
        with pytest.raises(ReplyError, match="`after` is '3'"):
            field.read_kept(3)
        assert FieldText("note", ASK.fields["note"]).read_kept(3) == "3"

    @given(st.text())
    def test_what_is_written_is_read(self, code):
        for kind, value in [
            (SQL, SQL(code)),
            (list[SQL], [SQL(code)]),
            (SQL | None, SQL(code)),
            (SQL | int, SQL(code)),
        ]:
            made = Signature({"q": InputField(), "a": (kind, OutputField()), "b": OutputField()})
            outputs = {"a": value, "b": "x"}
            if "[[" not in code:
                assert ChatAdapter().parse(made, ChatAdapter().format_reply(made, outputs)) == outputs
