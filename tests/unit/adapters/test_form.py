"""What every adapter does: exactly the messages of a call, rows for fine-tuning, prompts compiled once, its own state."""

from __future__ import annotations

from typing import Any

import pytest

import burnish
from burnish import ChatAdapter, JSONAdapter, Predict, TwoStepAdapter, XMLAdapter
from burnish.adapters.base import Adapter
from burnish.errors import ConfigError
from burnish.testing import ScriptedLM
from burnish.values.signature import InputField, OutputField, Signature
from burnish.values.types.history import History


class Talk(Signature):
    """Answer."""

    history: History = InputField()
    question: str = InputField()
    answer: int = OutputField()


DEMOS = [{"question": "1 + 1?", "answer": 2}, {"question": "2 + 2?"}, {"answer": 7}]
INPUTS = {"history": [{"question": "3 + 3?", "answer": 6}], "question": "6 × 7?"}
REPLIES = {"chat": {"answer": 42}, "json": '{"answer": 42}', "xml": "<answer>42</answer>", "two_step": "It is 42."}
ADAPTERS: list[Any] = [ChatAdapter(), JSONAdapter(), XMLAdapter(), TwoStepAdapter(ScriptedLM(lambda _: {"answer": 42}))]
each_adapter = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)


@each_adapter
def test_format_gives_exactly_the_messages_of_a_call(adapter: Adapter) -> None:
    lm = ScriptedLM([REPLIES[adapter.name]])
    with burnish.context(lm=lm, adapter=adapter):
        predict = Predict(Talk)
        predict.demos = DEMOS
        assert predict(**INPUTS).answer == 42
    assert adapter.format(Talk, DEMOS, INPUTS) == lm.requests[0].messages
    roles = [message["role"] for message in lm.requests[0].messages]
    # A demo, a turn of the conversation and the question; demos that show nothing to learn from are left out.
    assert roles == ["system", *["user", "assistant"] * 2, "user"]


@each_adapter
def test_a_row_for_fine_tuning_is_the_call_with_a_right_reply(adapter: Adapter) -> None:
    row = adapter.format_finetune_data(Talk, DEMOS, INPUTS, burnish.Prediction(answer=42))
    *messages, last = row["messages"]
    assert list(row) == ["messages"]
    assert messages == adapter.format(Talk, DEMOS, INPUTS)
    assert last == {"role": "assistant", "content": adapter.format_reply(Talk, {"answer": 42})}
    with pytest.raises(ConfigError, match="'answer'"):
        adapter.format_finetune_data(Talk, [], INPUTS, {})


@each_adapter
def test_the_prompt_is_compiled_once_for_a_candidate(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[int] = []
    compile_ = type(adapter).compile

    def counted(self: Any, signature: Any, **options: Any) -> Any:
        compiled.append(len(options["demos"]))
        return compile_(self, signature, **options)

    monkeypatch.setattr(type(adapter), "compile", counted)
    with burnish.context(lm=ScriptedLM(lambda _: REPLIES[adapter.name]), adapter=adapter):
        predict = Predict(Talk)
        for number in range(4):
            predict(question=f"{number}?", history=[])
        assert compiled == [0]
        predict.demos = DEMOS[:1]
        for number in range(4):
            predict(question=f"{number}?", history=[])
        assert compiled == [0, 1]


@each_adapter
def test_a_signature_without_inputs_has_demos_and_a_last_turn(adapter: Adapter) -> None:
    made = Signature("-> joke")
    user, assistant = (message["content"] for message in adapter.format_demo(made, {"joke": "Knock."}))
    assert "joke" in user
    assert "Knock." in assistant
    assert adapter.render(made, {})[0]["content"] == user


def test_its_settings_are_part_of_what_a_run_is() -> None:
    assert ChatAdapter().dump_state() == {
        "adapter": "ChatAdapter",
        "use_native_function_calling": False,
        "fallback": {"adapter": "JSONAdapter", "use_native_function_calling": False},
    }
    states = [
        adapter.dump_state() for adapter in (ChatAdapter(), ChatAdapter(use_json_adapter_fallback=False), *ADAPTERS[1:])
    ]
    assert all(one not in states[:number] for number, one in enumerate(states))
    assert ADAPTERS[3].dump_state()["extraction_model"]["model"] == "scripted/model"


def test_a_text_for_the_extraction_model_is_told_how_to_become_one() -> None:
    with pytest.raises(ConfigError, match=r"burnish\.LM\('provider/name'\)"):
        TwoStepAdapter("openai/gpt-4o-mini")  # type: ignore[arg-type]
