"""Contract suites: what every optimizer, metric and backend must do, as tests to subclass.

A subclass says how to make the thing, and pytest runs the checks. All of them run offline, on
the toy programs.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from burnish.engine.batch import Batch
from burnish.engine.judge import Judge
from burnish.errors import ConfigError
from burnish.lm.lm import LM
from burnish.lm.request import Request
from burnish.lm.settings import context
from burnish.loop import run_sync
from burnish.modules.module import Module
from burnish.optimizers.base import Optimizer
from burnish.plugins.manager import PluginInfo, listing, lookup
from burnish.testing import toy
from burnish.testing.scripted import ScriptedLM
from burnish.values.budget import Budget
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.score import Score


class PluginContract:
    """What holds for every plugin: it loads, and what it says it provides is there.

    Give it in `plugin` the name of the entry point.
    """

    plugin: ClassVar[str] = ""

    def info(self) -> PluginInfo:
        """The plugin as Burnish found it."""
        found = [info for info in listing() if info.name == self.plugin]
        assert found, f"No plugin {self.plugin!r} is installed; install yours first: pip install -e ."
        return found[0]

    def test_it_loads_without_a_problem(self) -> None:
        assert self.info().problem is None

    def test_it_provides_something(self) -> None:
        assert self.info().provides or self.info().watches

    def test_everything_that_it_provides_can_be_called(self) -> None:
        for kind, provided in self.info().provides.items():
            for name in provided:
                assert callable(lookup(kind, name)), f"{kind}: {name}"

    def test_its_optimizers_are_optimizers(self) -> None:
        for name in self.info().provides.get("optimizers", ()):
            assert issubclass(lookup("optimizers", name), Optimizer)  # type: ignore[arg-type]


class OptimizerContract:
    """What holds for every optimizer.

    Give it `make_optimizer`; set `asks_models` to False for one whose compile calls no model, and
    `compile_options` to what its compile needs beyond student and trainset. Where compile returns
    another kind of program than the student, say which in `empty`.

    Example:
        >>> class TestMine(OptimizerContract):
        ...     def make_optimizer(self, metric, **options):
        ...         return Mine(metric=metric, **options)
    """

    asks_models: ClassVar[bool] = True
    compile_options: ClassVar[Mapping[str, Any]] = {}

    def make_optimizer(self, metric: Callable[..., Any], **options: Any) -> Any:
        """The optimizer; `options` are those that every constructor takes, such as ``seed``."""
        raise NotImplementedError("Define make_optimizer(self, metric, **options) in your subclass.")

    def empty(self, student: Module) -> Module:
        """A program of the kind that compile makes of this student, for a saved one to be loaded into."""
        return student

    def compiled(
        self,
        student: Module,
        *,
        lm: LM | None = None,
        trainset: Sequence[Example] | None = None,
        **options: Any,
    ) -> Any:
        """What a new optimizer makes of the student."""
        optimizer = self.make_optimizer(toy.metric, **{"progress": False, **options})
        with context(lm=toy.lm() if lm is None else lm):
            return optimizer.compile(
                student, trainset=toy.trainset() if trainset is None else trainset, **self.compile_options
            )

    def test_the_result_is_a_new_program_of_the_same_shape(self) -> None:
        student = toy.Chain()
        program = self.compiled(student)
        assert program is not student
        assert type(program) is type(self.empty(student))
        assert names(program) == names(student)
        assert not {id(p) for p in program.predictors()} & {id(p) for p in student.predictors()}

    def test_the_student_is_byte_for_byte_what_it_was(self) -> None:
        student = toy.Chain()
        before = state(student)
        predictors = student.predictors()
        self.compiled(student)
        assert state(student) == before
        assert [id(p) for p in student.predictors()] == [id(p) for p in predictors]
        assert student.report is None

    def test_the_same_seed_gives_the_same_program(self) -> None:
        for seed in (0, 7):
            assert state(self.compiled(toy.Chain(), seed=seed)) == state(self.compiled(toy.Chain(), seed=seed))

    def test_the_number_of_threads_changes_nothing(self) -> None:
        # Calls end in another order than they begin, which only matters where several are under way.
        one, eight = (self.compiled(toy.Chain(), lm=toy.lm(latency=uneven), num_threads=threads) for threads in (1, 8))
        assert state(one) == state(eight)

    def test_compiling_writes_nothing_on_the_optimizer(self) -> None:
        optimizer = self.make_optimizer(toy.metric, progress=False)
        before = {name: id(value) for name, value in vars(optimizer).items()}
        with context(lm=toy.lm()):
            optimizer.compile(toy.Classifier(), trainset=toy.trainset(), **self.compile_options)
        assert {name: id(value) for name, value in vars(optimizer).items()} == before

    def test_an_empty_trainset_is_refused(self) -> None:
        lm = toy.lm()
        with pytest.raises(ConfigError):
            self.compiled(toy.Classifier(), lm=lm, trainset=[])
        assert lm.requests == []

    def test_examples_without_inputs_are_refused(self) -> None:
        lm = toy.lm()
        forgotten = [Example(**example.toDict()) for example in toy.trainset()]
        with pytest.raises(ConfigError, match="with_inputs"):
            self.compiled(toy.Classifier(), lm=lm, trainset=forgotten)
        assert lm.requests == []

    def test_no_lm_is_refused(self) -> None:
        if not self.asks_models:
            pytest.skip("asks no model")
        optimizer = self.make_optimizer(toy.metric, progress=False)
        with context(lm=None), pytest.raises(ConfigError, match="LM"):
            optimizer.compile(toy.Classifier(), trainset=toy.trainset(), **self.compile_options)

    def test_the_budget_is_kept_and_running_out_is_no_error(self) -> None:
        lm = toy.lm()
        program = self.compiled(toy.Classifier(), lm=lm, budget=Budget(calls=5))
        assert len(lm.requests) <= 5
        assert names(program) == names(toy.Classifier())

    def test_the_program_carries_a_report(self) -> None:
        assert self.compiled(toy.Classifier()).report is not None

    def test_a_compiled_program_can_be_compiled_again(self) -> None:
        first = self.compiled(toy.Chain())
        before = state(first)
        second = self.compiled(first)
        assert names(second) == names(first)
        assert state(first) == before

    def test_a_frozen_part_is_left_alone(self) -> None:
        frozen = self.compiled(toy.Classifier())
        frozen.classify.demos = toy.trainset()[:2]
        student = _Pair(frozen)
        before = state(frozen)
        program = self.compiled(student)
        assert state(program.frozen) == before
        assert names(program) == ["free.classify"]

    def test_the_program_keeps_the_lm_that_it_was_given(self) -> None:
        lm = toy.lm()
        student = toy.Classifier()
        student.set_lm(lm)
        assert self.compiled(student, lm=ScriptedLM([])).get_lm() is lm

    def test_the_program_can_be_saved_and_loaded(self, tmp_path: Path) -> None:
        program = self.compiled(toy.Chain())
        program.save(tmp_path / "program.json")
        loaded = self.empty(toy.Chain())
        loaded.load(tmp_path / "program.json")
        assert state(loaded) == state(program)


class MetricContract:
    """What holds for every metric.

    Give it `make_metric`, and in `good` and `bad` pairs of example and prediction: each of the
    good must score higher than each of the bad.
    """

    good: ClassVar[Sequence[tuple[Example, Prediction]]] = ()
    bad: ClassVar[Sequence[tuple[Example, Prediction]]] = ()

    def make_metric(self) -> Callable[..., Any]:
        """The metric."""
        raise NotImplementedError("Define make_metric(self) in your subclass.")

    def score(self, example: Example, prediction: Prediction, trace: Any = None) -> float:
        """The metric's score, called as the engine calls it; what is no score raises."""
        return run_sync(Judge(self.make_metric()).score(example, prediction, trace)).value

    def pairs(self) -> list[tuple[Example, Prediction]]:
        """Good and bad pairs together."""
        assert self.good, "Set good = [(example, prediction), ...] in your subclass."
        assert self.bad, "Set bad = [(example, prediction), ...] in your subclass."
        return [*self.good, *self.bad]

    def test_every_pair_gets_a_score(self) -> None:
        for example, prediction in self.pairs():
            assert isinstance(self.score(example, prediction), float)

    def test_good_predictions_score_higher_than_bad_ones(self) -> None:
        self.pairs()
        assert min(self.score(*pair) for pair in self.good) > max(self.score(*pair) for pair in self.bad)

    def test_a_trace_is_accepted_and_good_predictions_pass(self) -> None:
        self.pairs()
        assert all(self.score(example, prediction, []) for example, prediction in self.good)
        assert all(isinstance(self.score(example, prediction, []), float) for example, prediction in self.bad)

    def test_the_same_pair_scores_the_same_again(self) -> None:
        assert [self.score(*pair) for pair in self.pairs()] == [self.score(*pair) for pair in self.pairs()]

    def test_scoring_changes_neither_example_nor_prediction(self) -> None:
        for example, prediction in self.pairs():
            before = copy.deepcopy((example.toDict(), prediction.toDict()))
            self.score(example, prediction)
            assert (example.toDict(), prediction.toDict()) == before

    def test_many_at_once_score_as_one_by_one(self) -> None:
        metric = self.make_metric()
        batch = Batch.of(metric, "metric")
        if batch is None:
            pytest.skip("offers no batch")
        pairs = self.pairs() * 2

        async def at_once() -> list[Score | None]:
            return list(await asyncio.gather(*(batch.score(*pair) for pair in pairs)))

        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            together = run_sync(at_once())
        assert not warned, warned[0].message
        # Wrapped like this it offers no batch.
        judge = Judge(functools.partial(metric))
        alone = [run_sync(judge.score(*pair)) for pair in pairs]
        # What a batch leaves out is asked alone; one that leaves out everything is none.
        assert any(score is not None for score in together)
        assert [one if score is None else score for score, one in zip(together, alone, strict=True)] == alone


class _Pair(Module):
    """A part that is compiled already, and one that is not."""

    def __init__(self, frozen: Module) -> None:
        self.frozen = frozen
        self.free = toy.Classifier()

    async def aforward(self, text: str) -> Any:
        await self.frozen.acall(text=text)
        return await self.free.acall(text=text)


def state(program: Module) -> str:
    """All of a program's state as text."""
    return json.dumps(program.dump_state(save_field_meta=True), sort_keys=True)


def names(program: Module) -> list[str]:
    """The names of the predictors that may be tuned."""
    return [name for name, _ in program.named_predictors()]


def uneven(request: Request) -> float:
    """Seconds that depend on the request alone, from 0 to 10 milliseconds."""
    return int(request.key[:2], 16) / 25_500
