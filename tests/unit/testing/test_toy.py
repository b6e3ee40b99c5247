"""The toy task is such that demos, and nothing else, raise the score."""

from __future__ import annotations

from collections import Counter

import pytest

from burnish.lm.settings import context
from burnish.testing import toy
from burnish.values.score import Status


def share(program, examples) -> float:
    with context(lm=toy.lm()):
        return sum(toy.metric(example, program(**example.inputs())) for example in examples) / len(examples)


@pytest.mark.parametrize("program", [toy.Classifier, toy.Chain])
def test_without_demos_only_birds_are_right(program) -> None:
    assert share(program(), toy.valset()) == pytest.approx(1 / 6)


@pytest.mark.parametrize("program", [toy.Classifier, toy.Chain])
def test_each_kind_shown_is_a_kind_learnt(program) -> None:
    student = program()
    one_each = {example.kind: example for example in toy.trainset()}
    shown = [one_each["fish"], one_each["tool"]]
    student.classify.demos = shown
    assert share(student, toy.valset()) == pytest.approx(3 / 6)
    student.classify.demos = list(one_each.values())
    assert share(student, toy.valset()) == 1.0


def test_the_sets_are_balanced_and_share_nothing() -> None:
    train, val = toy.trainset(), toy.valset()
    assert Counter(example.kind for example in train) == dict.fromkeys(toy.THINGS, 4)
    assert Counter(example.kind for example in val) == dict.fromkeys(toy.THINGS, 2)
    assert not {example.text for example in train} & {example.text for example in val}
    assert train == toy.trainset()


def test_rollouts_are_of_every_outcome() -> None:
    rollouts = toy.rollouts()
    assert [rollout.cell.example_id for rollout in rollouts] == [0, 1, 2, 3, 4, 5]
    assert [rollout.status for rollout in rollouts].count(Status.SCORED) == 4
    assert [bool(rollout.score) for rollout in rollouts] == [True, False, False, True, False, True]
    assert rollouts[3].trace[0].inputs == rollouts[5].trace[0].inputs
