"""Prompts that are too long for the window: what they cost and how often it is said."""

from __future__ import annotations

import warnings
from typing import Any

import burnish
from burnish import ChatAdapter, Choice, Example, Predict
from burnish.adapters.base import Prompt
from burnish.loop import run_sync
from burnish.modules.binding import Binding, bound
from burnish.testing import ScriptedLM


class Counting(ChatAdapter):
    """Tells with how many demos it compiled prompts."""

    def __init__(self) -> None:
        self.compiled: list[int] = []

    def compile(self, signature: Any, **parts: Any) -> Prompt:
        self.compiled.append(len(parts["demos"]))
        return super().compile(signature, **parts)


def demos(count: int) -> list[Example]:
    return [Example(a=f"question {n} " + "word " * 20, b=f"reply {n}").with_inputs("a") for n in range(count)]


def model(name: str = "scripted/small") -> ScriptedLM:
    return ScriptedLM(lambda request: {"b": "x"}, model=name, context_window=400)


def asked_each_length(predict: Predict) -> None:
    for words in (1, 1, 30, 60, 1, 30, 60):
        predict(a="word " * words)


def test_each_shorter_prompt_is_compiled_once_for_a_predictor() -> None:
    adapter, predict = Counting(), Predict("a -> b")
    predict.demos = demos(16)
    with burnish.context(lm=model(), adapter=adapter), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked_each_length(predict)
        assert len(adapter.compiled) > 3
        assert len(adapter.compiled) == len(set(adapter.compiled))
        # Changed in place, the demos make other prompts.
        predict.demos[0]["b"] = "another reply"
        predict(a="word")
    assert adapter.compiled.count(16) == 2
    assert adapter.compiled.count(8) == 2


def test_each_shorter_prompt_is_compiled_once_for_a_candidate() -> None:
    adapter, predict = Counting(), Predict("a -> b")
    predict.demos = demos(2)
    choice = Choice(demos=tuple(demos(16)))

    async def main() -> None:
        for words in (1, 1, 30, 60, 1, 30, 60):
            with bound(Binding({id(predict): "p"}, {"p": choice})):
                await predict.acall(a="word " * words)

    with burnish.context(lm=model(), adapter=adapter), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_sync(main())
    assert 16 in adapter.compiled
    assert len(adapter.compiled) == len(set(adapter.compiled))


def test_it_is_said_once_for_a_model_whatever_the_numbers() -> None:
    predict = Predict("a -> b")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        for count in (12, 16):
            predict.demos = demos(count)
            for name in ("scripted/small", "scripted/other"):
                with burnish.context(lm=model(name)):
                    asked_each_length(predict)
    said = [str(warning.message) for warning in warned]
    assert len(said) == 2
    assert "'scripted/small', 400 tokens" in said[0]
