"""`Predict`: what is asked of whom, with which demos and settings, and what comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import burnish
from burnish import (
    ChainOfThought,
    ChatAdapter,
    Choice,
    Example,
    InputField,
    OutputField,
    Predict,
    Prediction,
    Signature,
)
from burnish.adapters.base import Prompt
from burnish.errors import ConfigError, ReplyError
from burnish.lm.request import Request
from burnish.loop import run_sync
from burnish.modules.binding import Binding, bound
from burnish.testing import ScriptedLM


def roles(request: Request) -> list[str]:
    return [message["role"] for message in request.messages]


class Counting(ChatAdapter):
    """Counts the prompts that it compiles."""

    def __init__(self) -> None:
        self.compiled = 0

    def compile(self, signature: Any, **parts: Any) -> Prompt:
        self.compiled += 1
        return super().compile(signature, **parts)


def test_outputs_come_typed() -> None:
    lm = ScriptedLM([{"answer": "42", "sure": "yes"}])
    with burnish.context(lm=lm):
        prediction = Predict("question -> answer: int, sure: bool")(question="6 × 7?")
    assert isinstance(prediction, Prediction)
    assert (prediction.answer, prediction.sure) == (42, True)


def test_the_same_from_async_code() -> None:
    async def ask() -> Any:
        with burnish.context(lm=ScriptedLM([{"answer": "yes"}])):
            return await Predict("question -> answer").acall(question="?")

    assert asyncio.run(ask()).answer == "yes"


def test_which_model_is_asked() -> None:
    models = {
        name: ScriptedLM(lambda request, name=name: {"b": name}) for name in ("settings", "own", "call", "choice")
    }
    predict = Predict("a -> b")
    with burnish.context(lm=models["settings"]):
        assert predict(a="x").b == "settings"
        predict.lm = models["own"]
        assert predict(a="x").b == "own"
        with bound(Binding({id(predict): "p"}, {"p": Choice(lm=models["choice"])})):
            assert predict(a="x").b == "choice"
            assert predict(a="x", lm=models["call"]).b == "call"
        assert predict(a="x", lm=models["call"]).b == "call"


def test_no_model_says_how_to_set_one() -> None:
    with burnish.context(lm=None), pytest.raises(ConfigError, match=r"burnish\.configure\(lm=burnish\.LM\("):
        Predict("a -> b")(a="x")


def test_settings_of_the_call_go_over_the_candidates_over_the_predictors() -> None:
    lm = ScriptedLM(lambda request: {"b": "x"}, temperature=0.1, top_p=0.9)
    predict = Predict("a -> b", temperature=0.2, max_tokens=5)
    with burnish.context(lm=lm):
        predict(a="x")
        with bound(Binding({id(predict): "p"}, {"p": Choice(config={"temperature": 0.3, "rollout_id": 1})})):
            predict(a="x")
            predict(a="x", config={"temperature": 0.4})
    assert [request.params["temperature"] for request in lm.requests] == [0.2, 0.3, 0.4]
    assert [request.rollout_id for request in lm.requests] == [None, 1, 1]
    assert dict(lm.requests[0].params) == {"temperature": 0.2, "max_tokens": 5, "top_p": 0.9}


def test_several_completions() -> None:
    with burnish.context(lm=ScriptedLM([[{"b": "one"}, {"b": "two"}]])):
        prediction = Predict("a -> b", n=2)(a="x")
    assert prediction.b == "one"
    assert prediction.completions.b == ["one", "two"]


def test_demos_of_the_call_stand_in_for_the_predictors() -> None:
    lm = ScriptedLM(lambda request: {"b": "x"})
    predict = Predict("a -> b")
    predict.demos = [Example(a="1", b="2")]
    with burnish.context(lm=lm):
        predict(a="x")
        predict(a="x", demos=[])
        predict(a="x", demos=[{"a": "3", "b": "4"}, {"a": "5", "b": "6"}])
    assert [len(roles(request)) for request in lm.requests] == [4, 2, 6]
    assert len(predict.demos) == 1


def test_a_signature_of_the_call() -> None:
    lm = ScriptedLM(lambda request: {"b": "x", "c": "3"})
    predict = Predict("a -> b")
    with burnish.context(lm=lm):
        assert predict(a="x", signature="a -> c: int").c == 3
        assert predict(a="x").b == "x"


def test_inputs_that_are_missing_or_unknown_are_named() -> None:
    with burnish.context(lm=ScriptedLM(lambda request: {"c": "x"})):
        with pytest.warns(UserWarning, match=r"missing b; unknown z"):
            Predict("a, b -> c")(a="1", z="2")
        Predict("a, b -> c")(a="1", b="2")


@pytest.mark.parametrize(("signature", "named"), [("question -> b", "question="), ("-> b", "Predict")])
def test_an_input_by_position_is_told_its_name(signature: str, named: str) -> None:
    with burnish.context(lm=ScriptedLM([])), pytest.raises(ConfigError, match=named):
        Predict(signature)("x")


def test_a_reply_that_does_not_parse_carries_itself() -> None:
    lm = ScriptedLM(["[[ ## b ## ]]\nperhaps", '{"b": "perhaps not"}'])
    with burnish.context(lm=lm), pytest.raises(ReplyError) as caught:
        Predict("a -> b: int")(a="x")
    assert caught.value.reply == '{"b": "perhaps not"}'
    assert caught.value.field == "b"


def test_a_call_inside_a_rollout_leaves_a_step_and_one_outside_none() -> None:
    predict = Predict("a -> b")
    binding = Binding({id(predict): "p"}, {})
    with burnish.context(lm=ScriptedLM(lambda request: {"b": "y"})):
        with bound(binding):
            prediction = predict(a="x")
        predict(a="x")
    ((predictor, inputs, outputs),) = binding.trace
    assert predictor is predict
    assert inputs == {"a": "x"}
    assert outputs is prediction


def test_steps_stand_in_the_order_in_which_the_calls_began() -> None:
    predict = Predict("a -> b")
    binding = Binding({id(predict): "p"}, {})
    lm = ScriptedLM(
        lambda request: "no reply" if "number 2" in request.messages[-1]["content"] else {"b": "y"},
        latency=lambda request: 0.001 * (5 - len(lm.requests)),
    )

    async def at_once() -> None:
        with bound(binding):
            await asyncio.gather(*(predict.acall(a=f"number {n}") for n in range(5)), return_exceptions=True)

    with burnish.context(lm=lm):
        run_sync(at_once())
    assert [step.inputs["a"] for step in binding.trace] == ["number 0", "number 1", "number 3", "number 4"]


def test_a_choice_sets_instructions_and_demos_and_leaves_the_predictor() -> None:
    lm = ScriptedLM(lambda request: {"b": "y"})
    predict = Predict("a -> b")
    predict.demos = [Example(a="1", b="2")]
    choice = Choice(instructions="Another task.", demos=(Example(a="3", b="4"), Example(a="5", b="6")))
    with burnish.context(lm=lm):
        with bound(Binding({id(predict): "p"}, {"p": choice})):
            predict(a="x")
        with bound(Binding({id(predict): "p"}, {"other": choice})):
            predict(a="x")
    first, second = lm.requests
    assert "Another task." in first.messages[0]["content"]
    assert [len(roles(first)), len(roles(second))] == [6, 4]
    assert "Another task." not in second.messages[0]["content"]


def test_what_a_call_does_not_set_comes_from_the_candidate() -> None:
    lm = ScriptedLM(lambda request: {"b": "y", "c": "z"})
    predict = Predict("a -> b")
    choice = Choice(instructions="Another task.", demos=(Example(a="3", b="4", c="5"),))
    with burnish.context(lm=lm), bound(Binding({id(predict): "p"}, {"p": choice})):
        predict(a="x", demos=[])
        predict(a="x", signature=Signature("a -> c", "A task of the call."))
    assert "Another task." in lm.requests[0].messages[0]["content"]
    assert len(roles(lm.requests[0])) == 2
    assert "A task of the call." in lm.requests[1].messages[0]["content"]
    assert len(roles(lm.requests[1])) == 4


def test_empty_instructions_of_a_choice_are_instructions() -> None:
    lm = ScriptedLM(lambda request: {"b": "y"})
    predict = Predict(Signature("a -> b", "Say the marker word."))
    with burnish.context(lm=lm), bound(Binding({id(predict): "p"}, {"p": Choice(instructions="")})):
        predict(a="x")
    assert "marker" not in lm.requests[0].messages[0]["content"]


# Prompts are compiled once


def test_a_prompt_is_compiled_once_until_something_changes() -> None:
    adapter = Counting()
    predict = Predict("a -> b")
    predict.demos = [Example(a="1", b="2"), Example(a="3", b="4")]
    lm = ScriptedLM(lambda request: {"b": "y", "c": "z"})

    def shown() -> str:
        predict(a="x")
        return repr(lm.requests[-1].messages)

    with burnish.context(lm=lm, adapter=adapter):
        before = [shown() for _ in range(5)]
        assert adapter.compiled == 1
        changes = [
            lambda: predict.demos.append(Example(a="5", b="six")),
            lambda: predict.demos.pop(0),
            lambda: predict.demos[0].__setitem__("b", "changed in place"),
            lambda: setattr(predict, "demos", [Example(a="7", b="8")]),
            lambda: setattr(predict, "signature", predict.signature.with_instructions("Other.")),
            lambda: setattr(predict, "signature", predict.signature.with_updated_fields("b", desc="described")),
        ]
        seen = {before[0]}
        for number, change in enumerate(changes, start=2):
            change()
            seen |= {shown(), shown()}
            assert adapter.compiled == number
            assert len(seen) == number
    with burnish.context(lm=lm):
        shown()
    assert adapter.compiled == 7


def test_a_candidates_prompt_is_compiled_once_for_all_its_calls() -> None:
    adapter = Counting()
    predict = Predict("a -> b")
    choices = [Choice(demos=(Example(a="1", b="2"),)), Choice(instructions="Other.")]
    with burnish.context(lm=ScriptedLM(lambda request: {"b": "y"}), adapter=adapter):
        for _ in range(5):
            for choice in choices:
                with bound(Binding({id(predict): "p"}, {"p": choice})):
                    predict(a="x")
    assert adapter.compiled == 2


def test_many_calls_at_once_on_one_predictor() -> None:
    predict = Predict("a -> b")
    lm = ScriptedLM(lambda request: {"b": request.messages[-1]["content"].split("\n")[1]}, latency=0.001)

    async def many() -> list[Any]:
        return await asyncio.gather(*(predict.acall(a=f"number {n}") for n in range(50)))

    with burnish.context(lm=lm):
        assert [p.b for p in run_sync(many())] == [f"number {n}" for n in range(50)]


# ChainOfThought


def test_reasoning_comes_before_the_outputs() -> None:
    lm = ScriptedLM([{"reasoning": "because", "answer": "7"}])
    with burnish.context(lm=lm):
        prediction = ChainOfThought("question -> answer: int", temperature=0.5)(question="?")
    assert (prediction.reasoning, prediction.answer) == ("because", 7)
    assert lm.requests[0].params["temperature"] == 0.5
    assert list(ChainOfThought("question -> answer").predict.signature.output_fields) == ["reasoning", "answer"]


def test_a_reasoning_field_of_ones_own() -> None:
    class Judge(Signature):
        """Judge the text."""

        text: str = InputField()
        good: bool = OutputField()

    thinking = ChainOfThought(Judge, rationale_field=OutputField(desc="three steps"), rationale_field_type=list[str])
    field = thinking.predict.signature.output_fields["reasoning"]
    assert field.annotation == list[str]
    assert thinking.predict.signature.instructions == "Judge the text."
    with burnish.context(lm=ScriptedLM([{"reasoning": ["a", "b"], "good": True}])):
        assert thinking(text="x").reasoning == ["a", "b"]


def test_options_of_the_call_reach_the_predictor() -> None:
    lm = ScriptedLM([{"reasoning": "r", "answer": "a"}])
    thinking = ChainOfThought("question -> answer")
    thinking(
        question="?", lm=lm, config={"temperature": 0.1}, demos=[{"question": "1", "reasoning": "2", "answer": "3"}]
    )
    assert lm.requests[0].params["temperature"] == 0.1
    assert roles(lm.requests[0]) == ["system", "user", "assistant", "user"]


def test_a_prediction_tells_what_its_call_used() -> None:
    with burnish.context(lm=ScriptedLM([{"answer": "yes"}])):
        usage = Predict("question -> answer")(question="?").get_lm_usage()
    (used,) = usage.values()
    assert used["calls"] == 1
    assert used["completion_tokens"] > 0
