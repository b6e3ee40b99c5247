"""Callbacks: who is told what, in which order, and that they only watch."""

from __future__ import annotations

import asyncio
import pickle
import warnings
from typing import Any

import pytest

import burnish
from burnish.errors import ConfigError, LMTransient
from burnish.lm.callbacks import BaseCallback, active_call_id, watched
from burnish.testing import ScriptedLM


class Recorder(BaseCallback):
    """Keeps what it is told: kind, "start" or "end", call id, the id around, and what is told beside."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, str | None, dict[str, Any]]] = []

    def kinds(self) -> list[str]:
        return [f"{kind} {when}" for kind, when, *_ in self.told]


def _recording(kind: str, when: str) -> Any:
    def told(self: Recorder, call_id: str, **more: Any) -> None:
        self.told.append((kind, when, call_id, active_call_id(), more))

    return told


for _kind in ("module", "lm", "adapter_format", "adapter_parse", "tool", "evaluate", "compile"):
    for _when in ("start", "end"):
        setattr(Recorder, f"on_{_kind}_{_when}", _recording(_kind, _when))


class Answer(burnish.Module):
    def __init__(self) -> None:
        self.think = burnish.ChainOfThought("question -> answer")

    def forward(self, question: str) -> Any:
        return self.think(question=question)


def lm(**options: Any) -> ScriptedLM:
    return ScriptedLM(lambda _: {"reasoning": "so", "answer": "Paris"}, **options)


ORDER = [
    "module start",  # Answer
    "module start",  # ChainOfThought
    "module start",  # Predict
    "adapter_format start",
    "adapter_format end",
    "lm start",
    "lm end",
    "adapter_parse start",
    "adapter_parse end",
    "module end",
    "module end",
    "module end",
]


@pytest.mark.parametrize("is_async", [False, True])
def test_everything_is_told_in_order_and_nested(is_async: bool) -> None:
    recorder, program = Recorder(), Answer()
    with burnish.context(lm=lm(), callbacks=[recorder]):
        if is_async:
            prediction = asyncio.run(program.acall(question="?"))
        else:
            prediction = program(question="?")
    assert recorder.kinds() == ORDER
    open_calls: list[str] = []
    instances = []
    for _, when, call_id, around, told in recorder.told:
        if when == "start":
            assert around == (open_calls[-1] if open_calls else None)
            open_calls.append(call_id)
            instances.append(told["instance"])
        else:
            assert call_id == open_calls.pop()
            assert around == (open_calls[-1] if open_calls else None)
            assert told["exception"] is None
    assert instances[:3] == [program, program.think, program.think.predict]
    assert recorder.told[0][4]["inputs"] == {"args": (), "kwargs": {"question": "?"}}
    assert recorder.told[-1][4]["outputs"] is prediction
    by_kind = {f"{kind} {when}": told for kind, when, _, _, told in recorder.told}
    messages = by_kind["lm start"]["inputs"]["messages"]
    assert messages == by_kind["adapter_format end"]["outputs"]
    assert by_kind["adapter_format start"]["inputs"]["inputs"] == {"question": "?"}
    assert by_kind["lm end"]["outputs"] == [by_kind["adapter_parse start"]["inputs"]["completion"]]
    assert by_kind["adapter_parse end"]["outputs"] == {"reasoning": "so", "answer": "Paris"}


def test_callbacks_of_one_model_and_of_one_module() -> None:
    of_lm, of_module, of_predict, of_all = (Recorder() for _ in range(4))
    program = Answer()
    program.callbacks = [of_module]
    program.think.predict = burnish.Predict(program.think.predict.signature, callbacks=[of_predict])
    with burnish.context(lm=lm(callbacks=[of_lm]), callbacks=[of_all]):
        program(question="?")
    assert of_lm.kinds() == ["lm start", "lm end"]
    assert of_module.kinds() == of_predict.kinds() == ["module start", "module end"]
    assert of_module.told[0][4]["instance"] is program
    assert of_predict.told[0][4]["instance"] is program.think.predict
    assert of_all.kinds() == ORDER
    # All are told of the same call.
    assert of_lm.told[0][2] in {call_id for _, _, call_id, _, _ in of_all.told}
    copied = program.deepcopy()
    assert copied.callbacks == [of_module]
    assert "callbacks" not in str(program.dump_state())


def test_an_error_is_told_and_goes_on() -> None:
    recorder = Recorder()
    error = LMTransient("gone", model="m")
    with burnish.context(lm=ScriptedLM([error]), callbacks=[recorder]), pytest.raises(LMTransient):
        Answer()(question="?")
    ends = {kind: told for kind, when, _, _, told in recorder.told if when == "end"}
    assert ends["lm"] == {"outputs": None, "exception": error}
    assert ends["module"]["exception"] is error
    assert active_call_id() is None


def test_one_that_raises_is_warned_of_once_and_left_out() -> None:
    class Broken(BaseCallback):
        calls = 0

        def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            self.calls += 1
            raise RuntimeError("no disk")

    broken, recorder = Broken(), Recorder()
    with burnish.context(lm=lm(), callbacks=[broken, recorder]), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(3):
            assert Answer()(question="?").answer == "Paris"
    assert broken.calls == 1
    assert [str(warning.message) for warning in warned] == [
        "Broken.on_lm_start raised RuntimeError: no disk; it is not called any more."
    ]
    assert recorder.kinds() == ORDER * 3
    broken.left_out = None
    with burnish.context(lm=lm(), callbacks=[broken]), pytest.warns(UserWarning, match="no disk"):
        Answer()(question="?")
    assert broken.calls == 2


class Rigid:
    """A callback that takes no attributes."""

    __slots__ = ()

    def on_lm_start(self, **told: Any) -> None:
        raise ValueError("odd")


class Named(Answer):
    """A program that means something else by the name."""

    def callbacks(self) -> None:
        """No list."""


def test_nothing_that_stands_as_a_callback_touches_a_call() -> None:
    with burnish.context(lm=lm(), callbacks=[Rigid()]), pytest.warns(UserWarning, match="Rigid.on_lm_start raised"):
        assert Named()(question="?").answer == "Paris"


def test_what_is_watched_by_hand_is_told_too() -> None:
    class Tool:
        name = "search"

    recorder, tool = Recorder(), Tool()
    with burnish.context(callbacks=[recorder]):
        with watched("tool", tool, {"query": "heron"}) as call:
            call.outputs = "a bird"
        with pytest.raises(ValueError, match="no"), watched("tool", tool, {}):
            raise ValueError("no")
    (_, _, first, _, started), (_, _, also, _, ended), _, (_, _, _, _, failed) = recorder.told
    assert first == also
    assert started == {"instance": tool, "inputs": {"query": "heron"}}
    assert ended == {"outputs": "a bird", "exception": None}
    assert isinstance(failed["exception"], ValueError)


def test_an_evaluation_is_told_with_all_that_is_in_it() -> None:
    recorder = Recorder()
    rows = [burnish.Example(question=str(number), answer="Paris").with_inputs("question") for number in range(5)]
    with burnish.context(lm=lm(), callbacks=[recorder]):
        evaluate = burnish.Evaluate(devset=rows, metric=burnish.answer_exact_match)
        result = evaluate(Answer())
    kinds = recorder.kinds()
    assert (kinds[0], kinds[-1]) == ("evaluate start", "evaluate end")
    assert kinds.count("lm end") == 5
    started, ended = recorder.told[0][4], recorder.told[-1][4]
    assert started["instance"] is evaluate
    assert started["inputs"]["devset"] == rows
    assert ended["outputs"] is result
    outermost = [around for kind, when, _, around, told in recorder.told if when == "start" and kind == "module"]
    assert outermost.count(recorder.told[0][2]) == 5


def test_a_compile_is_told_with_all_that_is_in_it() -> None:
    recorder, student = Recorder(), Answer()
    rows = [burnish.Example(question=str(number), answer="Paris").with_inputs("question") for number in range(4)]
    with burnish.context(lm=lm(), callbacks=[recorder]):
        optimizer = burnish.BootstrapFewShot(metric=burnish.answer_exact_match)
        compiled = optimizer.compile(student, trainset=rows)
    kinds = recorder.kinds()
    assert (kinds[0], kinds[-1]) == ("compile start", "compile end")
    assert "lm end" in kinds
    assert recorder.told[0][4]["instance"] is optimizer
    assert recorder.told[0][4]["inputs"]["student"] is student
    assert recorder.told[-1][4]["outputs"] is compiled


def test_a_model_that_travels_leaves_its_watchers_behind() -> None:
    model = burnish.LM("offline/icl", callbacks=[Recorder()])
    assert pickle.loads(pickle.dumps(model)).callbacks == []


def test_a_module_takes_callbacks_as_dspy_s_does() -> None:
    class Mine(burnish.Module):
        def __init__(self, recorder: Recorder) -> None:
            super().__init__(callbacks=[recorder])

        def forward(self) -> int:
            return 42

    recorder = Recorder()
    assert Mine(recorder)() == 42
    assert recorder.kinds() == ["module start", "module end"]
    assert recorder.told[-1][4]["outputs"] == 42


def test_a_module_s_constructor_passes_on_to_its_other_bases() -> None:
    class Other:
        def __init__(self) -> None:
            self.made = True

    class Mine(burnish.Module, Other):
        def __init__(self) -> None:
            super().__init__()

    assert Mine().made


def test_callbacks_in_a_predictor_are_no_call_settings() -> None:
    assert burnish.Predict("question -> answer", callbacks=[Recorder()]).config == {}


@pytest.mark.parametrize("wrong", [Recorder, [Recorder], "log", 3])
def test_what_is_no_list_of_objects_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="BaseCallback"):
        burnish.configure(callbacks=wrong)
