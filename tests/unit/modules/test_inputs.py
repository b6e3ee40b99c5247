"""Inputs of a call: defaults are filled in, and what does not fit is said once."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from typing import Any, Literal

import pydantic
import pytest

import burnish
from burnish.engine.check import check_inputs
from burnish.errors import ConfigError
from burnish.modules.binding import Binding, bound
from burnish.modules.inputs import completed
from burnish.testing import ScriptedLM
from burnish.values.signature import InputField, OutputField, Signature
from burnish.values.types.base import Type


class Page(pydantic.BaseModel):
    number: int


class Opaque:
    pass


class Ask(Signature):
    """Answer."""

    question: str = InputField()
    style: str = InputField(default="brief")
    sources: list[str] = InputField(default_factory=list)
    answer: str = OutputField()


class TestDefaults:
    def test_inputs_that_are_not_given_have_their_default_and_nobody_is_warned(self):
        binding = Binding({id(ask := burnish.Predict(Ask)): "ask"}, {})
        lm = ScriptedLM(lambda request: {"answer": "x"})
        with burnish.context(lm=lm), bound(binding):
            ask(question="q")
            ask(question="q", style="long")
        first, second = (request.messages[-1]["content"] for request in lm.requests)
        assert "[[ ## style ## ]]\nbrief\n\n[[ ## sources ## ]]\n[]" in first
        assert "[[ ## style ## ]]\nlong" in second
        assert binding.trace[0].inputs == {"question": "q", "style": "brief", "sources": []}

    def test_a_default_that_can_be_changed_is_made_anew(self):
        first, second = (completed(Ask, {"question": "q"}) for _ in range(2))
        assert first["sources"] is not second["sources"]

    def test_what_is_missing_still_is_named(self):
        with pytest.warns(UserWarning, match=r"Predict\(.*\): missing question\.$"):
            assert completed(Ask, {}) == {"style": "brief", "sources": []}

    def test_examples_may_lack_what_has_a_default(self):
        check_inputs(burnish.Predict(Ask), [burnish.Example(question="q").with_inputs("question")], "trainset")
        with pytest.raises(ConfigError, match="question"):
            check_inputs(burnish.Predict(Ask), [burnish.Example(style="s").with_inputs("style")], "trainset")


def check(kind: Any, value: Any, **options: Any) -> list[str]:
    made = Signature({"a": (kind, InputField(**options)), "b": OutputField()})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert completed(made, {"a": value}) == {"a": value}
    return [str(warning.message) for warning in caught]


class TestTypes:
    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (str, ["anything", 3]),
            (int, 3),
            (int, "3"),
            (float, 3),
            (list[str], ("a",)),
            (Literal["a", "b"], "a"),
            (Page, {"number": 3}),
            (Page, Page(number=3)),
            (dt.date, "2024-02-29"),
            (int | None, None),
            (Any, Opaque()),
            (Opaque, "anything"),
        ],
    )
    def test_what_fits_or_can_be_read_is_fine(self, kind, value):
        assert check(kind, value) == []

    @pytest.mark.parametrize(
        ("kind", "value", "options", "message"),
        [
            (int, "three", {}, "'a' is to be int, and got a str: Input should be a valid integer"),
            (int, 7, {"le": 5}, "'a' is to be int, at most 5, and got a int: Input should be less than or equal to 5"),
            (Literal["a", "b"], "c", {}, r"one of: a \| b, and got a str"),
            (list[str], "a", {}, r"list\[str\] as JSON, and got a str"),
            (Page, {}, {}, "got a dict: Field required"),
            (str, "abc", {"max_length": 2}, "str, at most 2 characters, and got a str"),
        ],
    )
    def test_what_does_not_is_said_without_the_value(self, kind, value, options, message):
        (said,) = check(kind, value, **options)
        assert re.search(message, said), said
        assert "three" not in said

    def test_generators_are_not_used_up(self):
        given = (word for word in "ab")
        assert check(list[str], given) == []
        assert list(given) == ["a", "b"]

    def test_a_validator_that_crashes_is_a_warning(self):
        class Fussy(pydantic.BaseModel):
            @pydantic.model_validator(mode="before")
            @classmethod
            def fail(cls, _: Any) -> Any:
                raise RuntimeError("no")

        (said,) = check(Fussy, {})
        assert said.endswith("got a dict: RuntimeError.")

    def test_a_value_that_the_prompt_cannot_be_made_of_is_an_error(self):
        class Picture(Type):
            url: str

        made = Signature({"a": (list[Picture], InputField()), "b": OutputField()})
        with burnish.context(lm=ScriptedLM([{"b": "x"}])), pytest.raises(ConfigError, match="`a` is 'no picture'"):
            burnish.Predict(made)(a="no picture")
