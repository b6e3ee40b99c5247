"""A test set that no optimizer reaches, by any door; and what a compile and an evaluation say of rows that leak."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import burnish
from burnish import BootstrapFewShot, BootstrapRS, Evaluate, Example, KNNFewShot, LabeledFewShot, RunStopped
from burnish.datasets import TestSet, leaks, split
from burnish.errors import ConfigError
from burnish.testing import toy

PARTS = split([*toy.trainset(), *toy.valset()], test=10)
OPTIMIZERS = [
    LabeledFewShot(k=4),
    BootstrapFewShot(metric=toy.metric),
    BootstrapRS(metric=toy.metric, num_candidate_programs=1),
]
SMUGGLED = {
    "the test set": lambda: PARTS.test,
    "a slice": lambda: PARTS.test[2:5],
    "a list": lambda: list(PARTS.test),
    "among others": lambda: [*PARTS.train, PARTS.test[3]],
    "marked anew": lambda: [row.with_inputs("text") for row in PARTS.test],
    "copied": lambda: [row.copy() for row in PARTS.test],
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
@pytest.mark.parametrize("way", SMUGGLED)
def test_no_optimizer_takes_it(way: str, optimizer: Any) -> None:
    with burnish.context(lm=toy.lm()):
        with pytest.raises(ConfigError, match="trainset.*test set|trainset is a TestSet"):
            optimizer.compile(toy.Classifier(), trainset=SMUGGLED[way]())
        if "valset" in optimizer.takes:
            with pytest.raises(ConfigError, match="valset.*test set|valset is a TestSet"):
                optimizer.compile(toy.Classifier(), trainset=PARTS.train, valset=SMUGGLED[way]())


def test_nor_do_estimates_and_constructors() -> None:
    with pytest.raises(ConfigError, match="TestSet"):
        KNNFewShot(3, PARTS.test)
    with pytest.raises(ConfigError, match="TestSet"):
        BootstrapFewShot(metric=toy.metric).estimate(toy.Classifier(), PARTS.test)


def test_evaluate_takes_it() -> None:
    with burnish.context(lm=toy.lm()):
        result = Evaluate(devset=PARTS.test, metric=toy.metric)(toy.Classifier())
    assert result.n == 10
    assert [row for row, _, _ in result.results] == list(PARTS.test)


def test_a_metric_that_looks_at_it_ends_the_compile_with_the_reason() -> None:
    seen: list[Any] = []

    def looks(example: Example, prediction: Any, trace: Any = None) -> bool:
        seen.extend(PARTS.test)
        return True

    with burnish.context(lm=toy.lm()), pytest.raises(RunStopped, match="A test set was read inside a running compile"):
        BootstrapFewShot(metric=looks).compile(toy.Classifier(), trainset=PARTS.train)
    assert not seen


def test_nor_can_an_evaluation_inside_a_compile() -> None:
    evaluate = Evaluate(devset=PARTS.test, metric=toy.metric)

    class Peeks(LabeledFewShot):
        async def search(self, session: Any) -> Any:
            await evaluate.acall(session.student)

    with burnish.context(lm=toy.lm()), pytest.raises(ConfigError, match="inside a running compile"):
        Peeks(k=2).compile(toy.Classifier(), trainset=PARTS.train)
    with burnish.context(lm=toy.lm()):
        assert evaluate(toy.Classifier()).n == 10  # and once it is over, the seal is off again


def compiled(trainset: list[Example], valset: list[Example] | None) -> Any:
    with burnish.context(lm=toy.lm()):
        return BootstrapRS(metric=toy.metric, num_candidate_programs=1).compile(
            toy.Classifier(), trainset=trainset, valset=valset
        )


def test_a_valset_that_shares_rows_with_the_trainset_is_told() -> None:
    rows = PARTS.val
    shouted = rows[0].copy(text=rows[0].text.upper())
    with pytest.warns(
        UserWarning,
        match=r"2 of 7 valset examples stand in the trainset too, 1 of them nearly \(val\[0\] is train\[1\], val\[6\] is nearly train\[0\]\)",
    ):
        compiled(rows[:6], [rows[1], *rows[10:15], shouted])


@pytest.mark.parametrize("valset", [None, PARTS.train, PARTS.val])
def test_a_valset_of_its_own_and_the_trainset_itself_are_not(valset: list[Example] | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program = compiled(PARTS.train, valset)
    assert program.report.candidates


def test_the_trainset_given_as_valset_is_what_it_is_by_default() -> None:
    assert compiled(PARTS.train, PARTS.train).dump_state() == compiled(PARTS.train, None).dump_state()


def test_a_program_that_was_tuned_on_what_it_is_scored_on_is_told() -> None:
    """Whoever makes new examples of a test set's values gets past the seal, and not past this."""
    copies = [Example(row.toDict()).with_inputs("text") for row in PARTS.test]
    with burnish.context(lm=toy.lm()):
        program = LabeledFewShot(k=3).compile(toy.Classifier(), trainset=copies)
        with pytest.warns(UserWarning, match=r"Demos of the program show 3 of 10 devset examples"):
            Evaluate(devset=PARTS.test, metric=toy.metric)(program)
        honest = LabeledFewShot(k=3).compile(toy.Classifier(), trainset=PARTS.train)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Evaluate(devset=PARTS.test, metric=toy.metric)(honest)
    assert len(leaks(test=PARTS.test, demos=program)) == 3
    assert len(leaks(train=copies, test=TestSet(PARTS.test))) == 10
