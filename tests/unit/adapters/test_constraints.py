"""Constraints stand in the prompt, and a reply is held to them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import annotated_types
import pydantic
import pytest

from burnish.adapters.chat import ChatAdapter
from burnish.errors import ReplyError
from burnish.values.signature import InputField, OutputField, Signature


def even(number: int) -> int:
    if number % 2:
        raise ValueError("odd numbers will not do")
    return number


class Span(pydantic.BaseModel):
    start: int = pydantic.Field(ge=0)
    end: int

    @pydantic.model_validator(mode="after")
    def ordered(self) -> Span:
        if self.end < self.start:
            raise ValueError("it ends before it starts")
        return self


@dataclasses.dataclass
class Share:
    part: Annotated[float, annotated_types.Interval(ge=0, le=1)]


@pytest.mark.parametrize(
    ("kind", "options", "good", "bad", "said"),
    [
        (int, {"ge": 1, "le": 5}, "5", "6", "int, from 1 to 5: Input should be less than or equal to 5"),
        (int, {"gt": 1, "lt": 5}, "2", "1", "int, above 1, below 5: Input should be greater than 1"),
        (int, {"multiple_of": 5}, "10", "11", "int, a multiple of 5: Input should be a multiple of 5"),
        (str, {"min_length": 2}, "ab", "a", "str, at least 2 characters: String should have at least 2 characters"),
        (str, {"max_length": 2}, "ab", "abc", "str, at most 2 characters"),
        (str, {"pattern": "^[a-z]+$"}, "ab", "A", r"str, matching \^\[a-z\]"),
        (list[int], {"min_length": 2}, "[1, 2]", "[1]", "at least 2 items"),
        (int | None, {"ge": 1}, "null", "0", "int, at least 1, or null"),
        (Annotated[int, annotated_types.Ge(1)], {"le": 5}, "5", "0", "int, from 1 to 5"),
        (list[Annotated[int, annotated_types.Ge(1)]], {}, "[1]", "[0]", "greater than or equal to 1 .at 0."),
        (Annotated[int, pydantic.AfterValidator(even)], {}, "2", "3", "odd numbers will not do"),
        (Span, {}, '{"start": 1, "end": 2}', '{"start": 2, "end": 1}', "it ends before it starts"),
        (Span, {}, '{"start": 1, "end": 2}', '{"start": -1, "end": 1}', "no Span: .* 0 .at start."),
        (list[Span], {}, "[]", '[{"start": 2, "end": 1}]', "it ends before it starts"),
        (Share, {}, '{"part": 1}', '{"part": 1.5}', "no Share: .* 1 .at part."),
    ],
)
def test_a_reply_is_held_to_them(kind: Any, options: dict[str, Any], good: str, bad: str, said: str) -> None:
    made = Signature({"q": (kind, InputField(**options)), "a": (kind, OutputField(**options))})
    adapter = ChatAdapter()
    adapter.parse(made, f"[[ ## a ## ]]\n{good}\n[[ ## completed ## ]]")
    with pytest.raises(ReplyError, match=said) as caught:
        adapter.parse(made, f"[[ ## a ## ]]\n{bad}\n[[ ## completed ## ]]")
    assert repr(bad) in str(caught.value)
    # Inputs are described by theirs as well.
    system = adapter.compile(made, instructions="", demos=[]).prefix.messages[0]["content"]
    asked, given = (system.partition(f"- `{name}` (")[2].partition("\n")[0] for name in "aq")
    assert asked == given
