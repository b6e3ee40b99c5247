"""Modules: predictors are found wherever they are kept, and copies share nothing that can be copied."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import burnish
from burnish import ChainOfThought, Example, Module, Predict, Prediction
from burnish.errors import ConfigError
from burnish.testing import ScriptedLM, toy


def paths(program: Module, **options: Any) -> list[str]:
    return [name for name, _ in program.named_predictors(**options)]


class Everywhere(Module):
    """Keeps predictors in every place there is, without `super().__init__()`."""

    def __init__(self) -> None:
        self.one = Predict("a -> b")
        self.thinking = ChainOfThought("a -> b")
        self.several = [Predict("a -> b"), {"deep": (Predict("a -> b"),)}]
        self.named = {"x": Predict("a -> b"), 3: toy.Chain()}
        self.again = self.one
        self.parts = [self.thinking]
        self.nothing = None
        self.text = "Predict"


def test_predictors_are_found_by_attribute_list_and_dict_each_once() -> None:
    assert paths(Everywhere()) == [
        "one",
        "thinking.predict",
        "several[0]",
        "several[1]['deep'][0]",
        "named['x']",
        "named[3].find",
        "named[3].classify",
    ]
    assert len(Everywhere().predictors()) == 7


def test_modules_are_found_with_their_parts_each_once() -> None:
    program = Everywhere()
    program.thinking._compiled = True
    found = program.named_modules()
    assert found[0] == ("self", program)
    assert [path for path, _ in found if "several" not in path] == [
        "self",
        "one",
        "thinking",
        "thinking.predict",
        "named['x']",
        "named[3]",
        "named[3].find",
        "named[3].classify",
    ]


def test_parts_are_found_under_dspys_names() -> None:
    program = Everywhere()
    program.thinking._compiled = True
    assert program.named_parameters() == program.named_predictors()
    assert program.parameters() == program.predictors()
    assert [path for path, _ in program.named_sub_modules()] == [path for path, _ in program.named_modules()]
    assert [path for path, _ in program.named_sub_modules(ChainOfThought)] == ["thinking"]
    assert "thinking.predict" not in dict(program.named_sub_modules(skip_compiled=True))


def test_a_predictor_is_its_own_program() -> None:
    predict = Predict("a -> b")
    assert predict.named_predictors() == [("self", predict)]


def test_a_compiled_part_is_passed_over_unless_asked_for() -> None:
    program = Everywhere()
    program.thinking._compiled = True
    assert "thinking.predict" not in paths(program)
    assert "thinking.predict" in paths(program, frozen=True)
    program._compiled = True
    assert "one" in paths(program)


def test_modules_that_hold_each_other_end() -> None:
    parent, child = toy.Chain(), toy.Chain()
    parent.child, child.parent = child, parent
    assert paths(parent) == ["find", "classify", "child.find", "child.classify"]


def test_predictors_of_a_report_are_not_the_programs() -> None:
    program = toy.Classifier()
    program.report = [Predict("a -> b")]
    assert paths(program) == ["classify"]


# Running


def test_forward_and_aforward() -> None:
    class Sync(Module):
        def forward(self, x: int) -> int:
            return x + 1

    class Async(Module):
        async def aforward(self, x: int) -> int:
            return x + 2

    class Both(Sync, Async):
        pass

    for program, called, awaited in ((Sync(), 2, 2), (Async(), 3, 3), (Both(), 2, 3)):
        assert program(x=1) == called
        assert asyncio.run(program.acall(x=1)) == awaited


def test_a_program_without_either_says_what_to_define() -> None:
    class Empty(Module):
        pass

    with pytest.raises(ConfigError, match=r"Empty has neither forward nor aforward.*def forward"):
        Empty()(x=1)


def test_a_sync_call_inside_async_code_names_the_async_face() -> None:
    class Mixed(Module):
        def __init__(self) -> None:
            self.ask = Predict("a -> b")

        async def aforward(self, a: str) -> Any:
            return self.ask(a=a)

    with burnish.context(lm=ScriptedLM([{"b": "x"}])), pytest.raises(ConfigError, match="acall"):
        Mixed()(a="x")


def test_batch_keeps_the_order_and_the_limit() -> None:
    running, most = [0], [0]

    class Slow(Module):
        async def aforward(self, number: int) -> int:
            running[0] += 1
            most[0] = max(most[0], running[0])
            await asyncio.sleep(0.001 * (10 - number))
            running[0] -= 1
            return number

    examples = [Example(number=n).with_inputs("number") for n in range(10)]
    assert Slow().batch(examples, num_threads=3) == list(range(10))
    assert most == [3]
    with burnish.context(num_threads=2):
        most[0] = 0
        Slow().batch(examples)
    assert most == [2]


def test_an_error_in_a_batch_comes_out_and_leaves_nothing_running() -> None:
    ended: list[int] = []

    class Fails(Module):
        async def aforward(self, number: int) -> int:
            if number == 1:
                raise LookupError("number 1")
            try:
                await asyncio.sleep(30)
            finally:
                ended.append(number)
            return number

    with pytest.raises(LookupError, match="number 1"):
        Fails().batch([Example(number=n).with_inputs("number") for n in range(3)])
    assert sorted(ended) == [0, 2]


def test_a_batch_of_a_sync_program_runs_at_once() -> None:
    meet = threading.Barrier(3, timeout=5)

    class Meets(Module):
        def forward(self, number: int) -> int:
            meet.wait()
            return number

    assert Meets().batch([Example(number=n).with_inputs("number") for n in range(3)], num_threads=3) == [0, 1, 2]


# Models


def test_setting_and_reading_the_model_of_all_predictors() -> None:
    program = Everywhere()
    assert program.get_lm() is None
    lm = ScriptedLM([])
    program.thinking._compiled = True
    program.set_lm(lm)
    assert program.get_lm() is lm
    assert program.thinking.predict.lm is lm
    program.one.lm = ScriptedLM([])
    with pytest.raises(ConfigError, match="different LMs"):
        program.get_lm()


# Copies


class Holds(Module):
    """Keeps what cannot be copied beside what can."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.deep = {"clients": [threading.RLock(), Predict("a -> b")]}
        self.ask = self.deep["clients"][1]
        self.rows = [[1, 2], {"x": {3}}]


def test_a_copy_shares_locks_and_nothing_else() -> None:
    program = Holds()
    twin = program.deepcopy()
    assert twin.lock is program.lock
    assert twin.deep["clients"][0] is program.deep["clients"][0]
    assert twin.deep is not program.deep
    assert twin.rows == program.rows
    assert twin.rows[1]["x"] is not program.rows[1]["x"]
    assert twin.ask is not program.ask
    assert twin.ask is twin.deep["clients"][1]
    assert paths(twin) == paths(program) == ["deep['clients'][1]"]


def test_changing_a_copy_leaves_the_original() -> None:
    program = toy.Classifier()
    program.classify.demos = [Example(text="x", kind="bird")]
    twin = program.deepcopy()
    twin.classify.demos.append(Example(text="y", kind="fish"))
    twin.classify.demos[0]["kind"] = "fish"
    twin.classify.signature = twin.classify.signature.with_instructions("other")
    assert program.classify.demos == [Example(text="x", kind="bird")]
    assert program.classify.signature.instructions != "other"


def test_modules_that_hold_each_other_are_copied_together() -> None:
    parent, child = toy.Chain(), toy.Chain()
    parent.child, child.parent = child, parent
    twin = parent.deepcopy()
    assert twin.child.parent is twin
    assert twin.child is not child
    assert twin.child.find is not child.find


def test_a_reset_copy_has_neither_demos_nor_model() -> None:
    program = toy.Classifier()
    program.set_lm(ScriptedLM([]))
    program.classify.demos = [Example(text="x", kind="bird")]
    twin = program.reset_copy()
    assert (twin.classify.demos, twin.classify.lm) == ([], None)
    assert len(program.classify.demos) == 1
    assert program.classify.lm is not None


def test_programs_not_made_by_an_optimizer_have_no_candidates() -> None:
    with pytest.raises(AttributeError, match="not made by an optimizer"):
        _ = toy.Classifier().candidate_programs
    assert not hasattr(toy.Classifier(), "candidate_programs")


def test_a_program_may_return_anything() -> None:
    class Plain(Module):
        def forward(self, x: int) -> str:
            return f"{x}"

    assert Plain().batch([Example(x=1).with_inputs("x")]) == ["1"]
    assert isinstance(toy.Classifier().batch([]), list)
    assert Prediction() == Example()
