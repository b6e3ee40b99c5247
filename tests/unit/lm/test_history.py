"""The last LM calls, to be looked at."""

from __future__ import annotations

import gc
import io
import pickle
import threading
import weakref
from typing import Any

import pytest

import burnish
from burnish.errors import ConfigError
from burnish.testing import ScriptedLM

KEY = "sk-marker-4711-0815"


def lm(**options: Any) -> ScriptedLM:
    return ScriptedLM(lambda request: {"answer": request.messages[-1]["content"].split("\n")[-1][:40]}, **options)


def shown(look: Any, n: int = 1) -> str:
    file = io.StringIO()
    look(n, file=file)
    return file.getvalue()


def test_a_call_is_shown_with_every_message_and_the_reply() -> None:
    model = lm()
    predict = burnish.Predict("question -> answer")
    predict.demos = [{"question": "2 + 2?", "answer": "4"}]
    with burnish.context(lm=model):
        predict(question="What bird is it?")
    for look in (burnish.inspect_history, model.inspect_history, predict.inspect_history):
        text = shown(look)
        for part in (
            "scripted/model",
            "System message:",
            "2 + 2?",
            "What bird is it?",
            "Response:",
            "[[ ## answer ## ]]",
        ):
            assert part in text
        assert text.index("System message:") < text.index("2 + 2?") < text.index("What bird is it?")


def test_what_is_kept_of_a_call() -> None:
    model = ScriptedLM([["red", "blue"]], api_key=KEY, temperature=0.5, prices=(1.0, 2.0))
    model("Which colour?", n=2)
    (entry,) = model.history
    assert entry["messages"] == [{"role": "user", "content": "Which colour?"}]
    assert entry["kwargs"] == {"temperature": 0.5, "n": 2}
    assert entry["outputs"] == ["red", "blue"]
    assert entry["usage"]["total_tokens"] == entry["usage"]["prompt_tokens"] + entry["usage"]["completion_tokens"] > 0
    assert entry["cost"] > 0
    assert entry["model"] == "scripted/model"
    assert entry["timestamp"][:2] == "20"
    assert KEY not in str(entry) + shown(burnish.inspect_history)
    assert "Response 2 of 2:" in shown(model.inspect_history)


def test_standard_output_is_where_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    model = lm()
    model("Which [colour]?")
    burnish.inspect_history()
    assert "Which [colour]?" in capsys.readouterr().out


def test_it_is_bounded() -> None:
    model, other = lm(), lm()
    with burnish.context(max_history_size=3):
        for number in range(10):
            model(f"Number {number}?")
        other("Who?")
    assert [entry["messages"][0]["content"] for entry in model.history] == ["Number 7?", "Number 8?", "Number 9?"]
    assert len(burnish.settings.history.entries()) == 3
    assert [text in shown(burnish.inspect_history, 99) for text in ("Number 7?", "Number 8?", "Who?")] == [
        False,
        True,
        True,
    ]
    assert shown(model.inspect_history, 0) == ""
    assert shown(lm().inspect_history, 5) == ""


def test_it_can_be_switched_off() -> None:
    model = lm()
    before = burnish.settings.history.entries()
    with burnish.context(disable_history=True):
        model("Who?")
    with burnish.context(max_history_size=0):
        lm()("Who?")
    assert model.history == []
    assert not set(map(id, burnish.settings.history.entries())) - set(map(id, before))
    for wrong in (-1, None, True):
        with pytest.raises(ConfigError, match="max_history_size"):
            burnish.configure(max_history_size=wrong)
    with pytest.raises(ConfigError, match="disable_history"):
        burnish.configure(disable_history="yes")


def test_a_program_shows_the_calls_of_its_own_predictors() -> None:
    class Answer(burnish.Module):
        def __init__(self) -> None:
            self.steps = [burnish.Predict("question -> answer"), burnish.ChainOfThought("question -> answer")]

        def forward(self, question: str) -> Any:
            return self.steps[0](question=question)

    first, second = Answer(), Answer()
    with burnish.context(lm=lm()):
        first(question="Mine?")
        second(question="Yours?")
        burnish.Predict("question -> answer")(question="Whose?")
    text = shown(first.inspect_history, 9)
    assert "Mine?" in text
    assert "Yours?" not in text
    assert "Whose?" not in text


def test_a_program_that_is_gone_is_not_kept_alive() -> None:
    predict = burnish.Predict("question -> answer")
    with burnish.context(lm=lm()):
        predict(question="Who?")
    alive = weakref.ref(predict)
    del predict
    gc.collect()
    assert alive() is None


def test_pictures_are_named_and_not_written_out() -> None:
    model = ScriptedLM(["a heron"])
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5000}}
    model(messages=[{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}])
    text = shown(model.inspect_history)
    assert "What is it?" in text
    assert "image_url" in text
    assert len(text) < 600


def test_it_does_not_travel_with_the_model() -> None:
    model = burnish.LM("offline/icl")
    model("Who?")
    assert len(model.history) == 1
    assert pickle.loads(pickle.dumps(model)).history == []


def test_threads_may_write_and_look_at_once() -> None:
    model = lm()
    errors = []

    def look() -> None:
        try:
            for _ in range(50):
                shown(burnish.inspect_history, 100)
        except RuntimeError as error:
            errors.append(error)

    looking = threading.Thread(target=look)
    looking.start()
    for number in range(200):
        model(f"Number {number}?")
    looking.join()
    assert errors == []
    assert len(model.history) == 100
