"""What a run is: the parts of which another value makes another run, and those that may change."""

from __future__ import annotations

import functools
from typing import Any

import pytest

import burnish
from burnish import BootstrapRS, Budget, ChatAdapter, Example, KNNFewShot
from burnish.engine.identity import run_identity
from burnish.testing import ScriptedLM, toy


def other_metric(example: Any, prediction: Any, trace: Any = None) -> bool:
    return False


def identity(**changes: Any) -> dict[str, str]:
    settings: dict[str, Any] = {"metric": toy.metric, "seed": 1, "num_candidate_programs": 3}
    settings |= changes.pop("settings", {})
    run: dict[str, Any] = {
        "student": toy.Classifier(),
        "teacher": None,
        "trainset": toy.trainset(),
        "valset": None,
        "options": {},
        **changes,
    }
    return run_identity(BootstrapRS(**settings), *run.values())


def with_demos(count: int = 1) -> toy.Classifier:
    program = toy.Classifier()
    program.classify.demos = toy.trainset()[:count]
    return program


def test_the_same_run_is_the_same() -> None:
    assert identity() == identity()


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("optimizer", {"settings": {"seed": 2}}),
        ("optimizer", {"settings": {"num_candidate_programs": 4}}),
        ("optimizer", {"settings": {"teacher_settings": {"lm": ScriptedLM([], temperature=0.5)}}}),
        ("metric", {"settings": {"metric": other_metric}}),
        ("program", {"student": with_demos()}),
        ("program", {"student": toy.Chain()}),
        ("teacher", {"teacher": with_demos()}),
        ("trainset", {"trainset": toy.trainset()[1:]}),
        ("trainset", {"trainset": [row.with_inputs("text", "kind") for row in toy.trainset()]}),
        ("valset", {"valset": toy.valset()}),
        ("options", {"options": {"restrict": [1]}}),
    ],
)
def test_what_makes_another_run_is_named(part: str, changes: dict[str, Any]) -> None:
    plain, changed = identity(), identity(**changes)
    assert [name for name in plain if plain[name] != changed[name]] == [part]


def test_what_a_program_keeps_beside_its_predictors_is_part_of_it() -> None:
    def around(count: int) -> dict[str, str]:
        maker = KNNFewShot(2, toy.trainset()[:count], max_bootstrapped_demos=0, progress=False)
        return identity(student=maker.compile(toy.Classifier()))

    assert around(5) == around(5)
    assert [name for name, part in around(5).items() if part != around(6)[name]] == ["program"]


@pytest.mark.parametrize(
    "settings",
    [{"budget": Budget(calls=1)}, {"num_threads": 3}, {"max_errors": 3}, {"progress": False}, {"run_dir": "elsewhere"}],
)
def test_what_may_change_between_two_attempts(settings: dict[str, Any]) -> None:
    assert identity(settings=settings) == identity()


def test_the_model_and_the_adapter_are_part_of_it_and_the_key_is_not() -> None:
    class Other(ChatAdapter):
        name = "other"

    def named(**settings: Any) -> dict[str, str]:
        with burnish.context(**settings):
            return identity()

    plain = named(lm=ScriptedLM([], api_key="one"))
    assert named(lm=ScriptedLM([], api_key="two")) == plain
    assert named(lm=ScriptedLM([], temperature=0.5)) != plain
    assert named(lm=ScriptedLM([], api_key="one"), adapter=Other()) != plain
    assert named(lm=ScriptedLM([], api_key="one"), adapter=ChatAdapter()) == plain


def test_another_teaching_model_makes_another_run() -> None:
    def taught_by(**options: Any) -> dict[str, str]:
        return identity(settings={"teacher_settings": {"lm": ScriptedLM([], **options)}})

    assert taught_by(model="a/b") == taught_by(model="a/b", api_key="secret")
    assert taught_by(model="a/b") != taught_by(model="a/c")


def test_examples_with_odd_keys_have_an_identity() -> None:
    odd = [Example(text={1: "a", "b": 2, (3, 4): 5}, kind="bird").with_inputs("text")]
    assert identity(trainset=odd) == identity(trainset=list(odd))


def test_a_partial_metric_is_what_it_calls_with_what() -> None:
    def about(*arguments: Any, **named: Any) -> dict[str, str]:
        return identity(settings={"metric": functools.partial(*arguments, **named)})

    assert about(other_metric) == about(other_metric)
    assert about(other_metric) != about(toy.metric)
    assert about(other_metric, trace=1) != about(other_metric, trace=2)


def test_a_program_that_judges_is_its_prompts_and_what_it_is_set_to() -> None:
    def judged(**changes: Any) -> dict[str, str]:
        metric = burnish.SemanticF1(threshold=changes.get("threshold", 0.66))
        metric.judge.predict.demos = changes.get("demos", [])
        metric.set_lm(ScriptedLM([], model=changes.get("model", "a/b")))
        return identity(settings={"metric": metric})

    assert judged() == judged()
    for changes in ({"threshold": 0.7}, {"demos": [{"question": "?"}]}, {"model": "a/c"}):
        assert [name for name, part in judged().items() if part != judged(**changes)[name]] == ["metric"]
