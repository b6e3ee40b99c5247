"""Which examples and rollouts become demos, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from burnish import Candidate, Choice, Example, Prediction
from burnish.stages.select import Demo, bootstrapped, labelled, leaving_out, showing, traced_back
from burnish.testing import toy
from burnish.values.rollout import Cell, Rollout, Step
from burnish.values.score import Score, Status

ROWS = toy.trainset()


def sources(demos: list[Demo]) -> list[int]:
    return [demo.source for demo in demos]


# Labelled


def test_a_draw_has_no_repeats_and_says_where_each_comes_from() -> None:
    drawn = labelled(ROWS, k=10, seed=0, purpose="x")
    assert len(set(sources(drawn))) == 10
    assert all(demo.example is ROWS[demo.source] for demo in drawn)


def test_the_draw_depends_on_seed_and_purpose_alone() -> None:
    draws = {
        (seed, purpose): tuple(sources(labelled(ROWS, k=8, seed=seed, purpose=purpose)))
        for seed in (0, 1)
        for purpose in ("find", "classify")
    }
    assert len(set(draws.values())) == 4
    again = labelled(list(ROWS), k=8, seed=1, purpose="find")
    assert tuple(sources(again)) == draws[1, "find"]


def test_a_larger_draw_than_there_are_takes_all_but_those_left_out() -> None:
    skip = frozenset({0, 5})
    assert set(sources(labelled(ROWS, k=99, seed=0, purpose="x", skip=skip))) == set(range(24)) - skip
    assert labelled(ROWS, k=0, seed=0, purpose="x") == []


# Bootstrapped

PREDICTORS = {name: object() for name in ("find", "classify")}
NAMES = {id(predictor): name for name, predictor in PREDICTORS.items()}


def step(name: str, number: Any, **outputs: Any) -> Step:
    return Step(PREDICTORS.get(name, name), {"x": number}, Prediction(**(outputs or {"y": f"{name} {number}"})))


def rollout(place: int, *steps: Step) -> Rollout:
    return Rollout(Cell(Candidate("teacher"), None, place), Status.SCORED, Score(1.0), None, tuple(steps))


def test_each_predictor_is_shown_its_own_steps_in_the_order_of_the_rollouts() -> None:
    rollouts = [rollout(place, step("find", place), step("classify", place)) for place in (7, 3, 5)]
    demos = bootstrapped(rollouts, NAMES, per_predictor=2, seed=0)
    assert {name: sources(shown) for name, shown in demos.items()} == {"find": [7, 3], "classify": [7, 3]}
    first = demos["find"][0].example
    assert first.toDict() == {"augmented": True, "x": 7, "y": "find 7"}
    assert first.input_keys == {"x"}


def test_steps_of_strangers_are_passed_over() -> None:
    assert bootstrapped([rollout(0, step("other", 1))], NAMES, per_predictor=4, seed=0) == {}
    assert bootstrapped([], NAMES, per_predictor=4, seed=0) == {}


def test_of_several_calls_one_is_shown_half_the_time_the_last() -> None:
    rollouts = [rollout(place, *(step("find", (place, n)) for n in range(4))) for place in range(200)]
    demos = bootstrapped(rollouts, NAMES, per_predictor=200, seed=3)["find"]
    shown = [demo.example.x[1] for demo in demos]
    assert len(shown) == 200
    assert 80 <= shown.count(3) <= 120
    assert set(shown) == {0, 1, 2, 3}
    again = bootstrapped(rollouts, NAMES, per_predictor=200, seed=3)["find"]
    assert [demo.example for demo in again] == [demo.example for demo in demos]
    other = bootstrapped(rollouts, NAMES, per_predictor=200, seed=4)["find"]
    assert [demo.example for demo in other] != [demo.example for demo in demos]


@pytest.mark.parametrize("seed", [-(2**63), 2**63, 10**30])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    assert sources(bootstrapped([rollout(0, step("find", 1))], NAMES, per_predictor=1, seed=seed)["find"]) == [0]


def test_exact_copies_are_shown_once() -> None:
    rollouts = [rollout(place, step("find", 1)) for place in range(3)]
    assert sources(bootstrapped(rollouts, NAMES, per_predictor=3, seed=0)["find"]) == [0]


def test_what_does_not_fit_is_passed_over() -> None:
    long = rollout(0, step("find", 0, y="x" * 4000))
    short = rollout(1, step("find", 1))
    assert sources(bootstrapped([long, short], NAMES, per_predictor=3, seed=0, max_tokens=100)["find"]) == [1]


def test_fields_of_any_name_can_be_shown() -> None:
    odd = Step(PREDICTORS["find"], {"base": 1, "self": 2}, Prediction({"augmented": "no", "items": [3]}))
    (demo,) = bootstrapped([rollout(0, odd)], NAMES, per_predictor=1, seed=0)["find"]
    assert demo.example.toDict() == {"augmented": "no", "base": 1, "self": 2, "items": [3]}


# Leave one out


def test_a_candidate_is_never_shown_the_example_that_it_answers() -> None:
    candidate = showing("c", {"find": [Demo(ROWS[0], 0), Demo(ROWS[1], 1)], "classify": [Demo(ROWS[1], 1)]})
    without = leaving_out(candidate, 1)
    assert without.name == "c"
    assert without.choices["find"].demos == (ROWS[0],)
    assert without.choices["find"].sources == (0,)
    assert without.choices["classify"].demos == ()
    assert candidate.choices["classify"].demos == (ROWS[1],)


def test_without_a_demo_of_it_the_candidate_is_the_same_object_and_keeps_its_prompts() -> None:
    candidate = showing("c", {"find": [Demo(ROWS[0], 0)], "classify": [Demo(ROWS[1], 1)]})
    for choice in candidate.choices.values():
        choice.prompts["compiled"] = "prompt with both demos"
    assert leaving_out(candidate, 7) is candidate
    without = leaving_out(candidate, 0)
    assert without.choices["classify"] is candidate.choices["classify"]
    assert without.choices["find"].prompts == {}


@pytest.mark.parametrize("choice", [Choice(), Choice(demos=(Example(a=1),)), Choice(instructions="x")])
def test_demos_of_unknown_origin_stay(choice: Choice) -> None:
    candidate = Candidate("c", {"find": choice})
    assert leaving_out(candidate, 0) is candidate


def test_settings_of_a_choice_stay_when_a_demo_goes() -> None:
    candidate = showing("c", {"find": [Demo(ROWS[0], 0)]}, config={"temperature": 1.0})
    assert leaving_out(candidate, 0).choices["find"].config == {"temperature": 1.0}


def test_a_programs_own_demos_are_traced_back_by_their_inputs() -> None:
    trainset = [Example(text=f"text {n}", kind="a").with_inputs("text") for n in range(3)]
    demos = [Example(augmented=True, text="text 2", kind="b"), {"text": "text 0"}, Example(text="elsewhere", kind="a")]
    assert [demo.source for demo in traced_back(demos, trainset)] == [2, 0, -1]
    assert [demo.example.text for demo in traced_back(demos, trainset)] == ["text 2", "text 0", "elsewhere"]


def test_examples_with_the_same_inputs_are_traced_to_the_first() -> None:
    trainset = [Example(text="twice", kind=kind).with_inputs("text") for kind in "ab"]
    assert [demo.source for demo in traced_back([Example(text="twice")], trainset)] == [0]
