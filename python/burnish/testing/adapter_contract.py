"""The contract suite of adapters, as tests to subclass; the other suites are in `contracts`."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

import pytest
from pydantic import BaseModel

from burnish.adapters.base import Adapter
from burnish.errors import ConfigError, ReplyError
from burnish.lm.capabilities import UNKNOWN, Capabilities
from burnish.lm.settings import context
from burnish.modules.predict import Predict
from burnish.testing.scripted import ScriptedLM
from burnish.values.signature import InputField, OutputField, Signature


class Place(BaseModel):
    """A type with parts."""

    name: str
    people: int | None = None


class Describe(Signature):
    """Describe the picture of a place."""

    caption: str = InputField(desc="what is written below it")
    places: list[Place] = InputField()
    summary: str = OutputField(desc="one sentence")
    kind: Literal["town", "village"] = OutputField()
    size: int = OutputField(ge=1, le=5)
    found: list[Place] = OutputField()
    sure: bool | None = OutputField()


INPUTS: dict[str, Any] = {"caption": "Bergen, 1903", "places": [Place(name="Bergen", people=75_000)]}
OUTPUTS: list[dict[str, Any]] = [
    {"summary": "A town.", "kind": "town", "size": 4, "found": [Place(name="Bergen")], "sure": True},
    {
        "summary": "It's a “village” {of} 3 < 4 houses\nby the sea",
        "kind": "village",
        "size": 1,
        "found": [],
        "sure": None,
    },
    {
        "summary": 'Ünïcode — 日本語 🙂, "quoted"',
        "kind": "town",
        "size": 5,
        "found": [Place(name="a, b", people=1), Place(name="}]")],
        "sure": False,
    },
]
# None of them is a reply to the signature above, in any form.
NO_REPLIES = (
    "",
    " ",
    "I would rather not say.",
    "{",
    "[[",
    "<summary",
    "null",
    "\0",
    "[" * 5000,
    '{"a":' * 5000,
    "`" * 99,
)


class AdapterContract:
    """What holds for every adapter.

    Give it `make_adapter`; set `reads_what_it_writes` to False for one whose replies another model has to read, and in
    `reply` what a model says to it then.

    Example:
        >>> class TestMine(AdapterContract):
        ...     def make_adapter(self):
        ...         return Mine()
    """

    reads_what_it_writes: ClassVar[bool] = True
    capabilities: ClassVar[Capabilities] = UNKNOWN

    def make_adapter(self) -> Adapter:
        """The adapter."""
        raise NotImplementedError("Define make_adapter(self) in your subclass.")

    def read(self, adapter: Adapter, reply: str) -> dict[str, Any]:
        """The outputs in a reply."""
        return adapter.parse(Describe, reply)

    def test_it_has_the_name_that_it_is_registered_under(self) -> None:
        adapter = self.make_adapter()
        assert isinstance(adapter, Adapter)
        assert isinstance(adapter.name, str)
        assert adapter.name

    @pytest.mark.parametrize("outputs", OUTPUTS)
    def test_what_it_writes_is_read_back_the_same(self, outputs: dict[str, Any]) -> None:
        if not self.reads_what_it_writes:
            pytest.skip("another model reads its replies")
        adapter = self.make_adapter()
        assert self.read(adapter, adapter.format_reply(Describe, outputs)) == outputs

    @pytest.mark.parametrize("reply", NO_REPLIES, ids=lambda reply: repr(reply[:10]))
    def test_what_is_no_reply_is_a_reply_error_that_carries_it(self, reply: str) -> None:
        adapter = self.make_adapter()
        with pytest.raises(ReplyError) as caught:
            self.read(adapter, reply)
        assert caught.value.reply == reply

    @pytest.mark.parametrize("outputs", OUTPUTS)
    def test_a_reply_that_is_cut_off_anywhere_is_read_right_or_refused(self, outputs: dict[str, Any]) -> None:
        if not self.reads_what_it_writes:
            pytest.skip("another model reads its replies")
        adapter = self.make_adapter()
        reply = adapter.format_reply(Describe, outputs)
        for length in range(len(reply)):
            try:
                values, carried = self.read(adapter, reply[:length]), reply[:length]
            except ReplyError as error:
                values, carried = outputs, error.reply
            assert carried == reply[:length]
            assert values == outputs

    def test_values_of_the_wrong_type_are_refused(self) -> None:
        if not self.reads_what_it_writes:
            pytest.skip("another model reads its replies")
        adapter = self.make_adapter()
        for wrong in (
            {"kind": "planet"},
            {"size": 9},
            {"size": "many"},
            {"found": [{"people": 1}]},
            {"sure": "perhaps"},
        ):
            reply = adapter.format_reply(Describe, {**OUTPUTS[0], **wrong})
            with pytest.raises(ReplyError) as caught:
                self.read(adapter, reply)
            assert caught.value.field == next(iter(wrong))

    def test_a_reply_needs_every_output(self) -> None:
        with pytest.raises(ConfigError, match="sure"):
            self.make_adapter().format_reply(Describe, {name: OUTPUTS[0][name] for name in list(OUTPUTS[0])[:-1]})

    def test_a_demo_is_a_pair_of_turns(self) -> None:
        messages = self.make_adapter().format_demo(Describe, {**INPUTS, **OUTPUTS[0]})
        assert [message["role"] for message in messages] == ["user", "assistant"]
        assert "Bergen, 1903" in messages[0]["content"]
        assert "A town." in messages[1]["content"]
        assert "A town." not in messages[0]["content"]

    def test_an_incomplete_demo_says_so_and_an_empty_one_is_left_out(self) -> None:
        adapter = self.make_adapter()
        whole = adapter.format_demo(Describe, {**INPUTS, **OUTPUTS[0]})
        user, _ = adapter.format_demo(Describe, {"caption": "Bergen, 1903", "summary": "A town."})
        assert "incomplete" in user["content"]
        assert "incomplete" not in whole[0]["content"]
        for empty in ({}, INPUTS, OUTPUTS[0]):
            assert adapter.format_demo(Describe, empty) == []

    def test_the_prompt_names_the_outputs_and_states_the_task(self) -> None:
        messages = self.make_adapter().compile(Describe, instructions="Be brief.", demos=[]).prefix.messages
        text = json.dumps(messages)
        assert all(name in text for name in (*Describe.output_fields, "one sentence", "Be brief."))

    def test_the_last_turn_shows_the_inputs_of_the_call(self) -> None:
        messages = self.make_adapter().render(Describe, INPUTS)
        assert messages[-1]["role"] == "user"
        assert all(part in messages[-1]["content"] for part in ("Bergen, 1903", "75000"))

    def test_format_is_what_compile_and_render_give(self) -> None:
        adapter = self.make_adapter()
        demo = {**INPUTS, **OUTPUTS[0]}
        prefix = adapter.compile(Describe, instructions=Describe.instructions, demos=[demo]).prefix
        assert adapter.format(Describe, [demo], INPUTS) == [*prefix.messages, *adapter.render(Describe, INPUTS)]

    def test_the_same_arguments_make_the_same_prompt(self) -> None:
        demo = {**INPUTS, **OUTPUTS[0]}
        one, two = (self.make_adapter().format(Describe, [demo], INPUTS) for _ in range(2))
        assert one == two

    def test_a_prompt_is_compiled_once_and_a_call_renders_its_own_inputs_alone(self) -> None:
        adapter = self.make_adapter()
        counts = {"compile": 0, "render": 0, "format_demo": 0}
        for name in counts:
            setattr(adapter, name, _counted(counts, name, getattr(adapter, name)))
        reply = adapter.format_reply(Describe, OUTPUTS[0])
        with context(lm=ScriptedLM(lambda request: reply), adapter=adapter):
            predict = Predict(Describe)
            predict.demos = [{**INPUTS, **OUTPUTS[0]}] * 2
            for number in range(3):
                self.call(predict, caption=f"Bergen, {number}")
        assert counts["compile"] == 1
        assert counts["render"] == 3
        assert counts["format_demo"] <= 2

    def call(self, predict: Predict, **inputs: Any) -> None:
        """One call of a predictor whose model gives a right reply."""
        prediction = predict(**{**INPUTS, **inputs})
        assert {name: prediction[name] for name in Describe.output_fields} == OUTPUTS[0]

    def test_its_state_tells_its_settings_as_json(self) -> None:
        assert json.dumps(self.make_adapter().dump_state()) == json.dumps(self.make_adapter().dump_state())


def _counted(counts: dict[str, int], name: str, method: Any) -> Any:
    def counted(*args: Any, **options: Any) -> Any:
        counts[name] += 1
        return method(*args, **options)

    return counted
