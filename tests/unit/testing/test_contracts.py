"""The suites pass what keeps the contract, and each check fails what breaks it."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from burnish.errors import LMRejected, LMTransient
from burnish.lm.request import Output, Request, Response
from burnish.optimizers.base import Optimizer
from burnish.testing import BackendContract, MetricContract, OptimizerContract, toy
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.score import Score
from burnish.values.seed import draw
from burnish.values.space import Candidate, Choice
from burnish.values.usage import Usage

FAILS = (AssertionError, pytest.fail.Exception)


class Sound(Optimizer):
    """Shows four drawn examples, after having scored that."""

    async def search(self, session):
        places = draw(session.seed, "sound").sample(range(len(session.trainset)), 4)
        choice = Choice(demos=tuple(session.trainset[place] for place in places), sources=tuple(places))
        candidate = Candidate("four", dict.fromkeys(session.predictors, choice))
        await session.score([session.baseline(), candidate])
        return candidate


class TestSoundOptimizer(OptimizerContract):
    def make_optimizer(self, metric, **options):
        return Sound(metric=metric, **options)


class ReturnsTheStudent(Sound):
    def compile(self, student, **options):
        super().compile(student, **options)
        return student


class ChangesTheStudent(Sound):
    def compile(self, student, **options):
        program = super().compile(student, **options)
        student.predictors()[0].demos = [toy.trainset()[0]]
        return program


class DrawsFromNowhere(Sound):
    # Stands for the clock, or for the global generator: something that differs from compile to compile.
    nowhere = itertools.count()

    def compile(self, student, **options):
        program = super().compile(student, **options)
        program.predictors()[0].demos = [toy.trainset()[next(self.nowhere) % 24]]
        return program


class DependsOnThreads(Sound):
    def compile(self, student, **options):
        program = super().compile(student, **options)
        program.predictors()[0].demos = toy.trainset()[: self.num_threads]
        return program


class WritesOnItself(Sound):
    def compile(self, student, **options):
        self.best = super().compile(student, **options)
        return self.best


class TakesAnything(Sound):
    """No check before the search."""

    def compile(self, student, **options):
        return student.deepcopy()


class HasNoReport(Sound):
    def compile(self, student, **options):
        program = super().compile(student, **options)
        program.report = None
        return program


class ChangesFrozenParts(Sound):
    def compile(self, student, **options):
        program = super().compile(student, **options)
        for _, predictor in program.named_predictors(frozen=True):
            predictor.demos = []
        return program


class ForgetsTheLM(Sound):
    def compile(self, student, **options):
        program = super().compile(student, **options)
        program.set_lm(None)
        return program


class IgnoresTheBudget(Sound):
    def __init__(self, **options):
        super().__init__(**{**options, "budget": None})


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (ReturnsTheStudent, "test_the_result_is_a_new_program_of_the_same_shape"),
        (ChangesTheStudent, "test_the_student_is_byte_for_byte_what_it_was"),
        (DrawsFromNowhere, "test_the_same_seed_gives_the_same_program"),
        (DependsOnThreads, "test_the_number_of_threads_changes_nothing"),
        (WritesOnItself, "test_compiling_writes_nothing_on_the_optimizer"),
        (TakesAnything, "test_an_empty_trainset_is_refused"),
        (TakesAnything, "test_examples_without_inputs_are_refused"),
        (TakesAnything, "test_no_lm_is_refused"),
        (IgnoresTheBudget, "test_the_budget_is_kept_and_running_out_is_no_error"),
        (HasNoReport, "test_the_program_carries_a_report"),
        (ChangesTheStudent, "test_a_compiled_program_can_be_compiled_again"),
        (ChangesFrozenParts, "test_a_frozen_part_is_left_alone"),
        (ForgetsTheLM, "test_the_program_keeps_the_lm_that_it_was_given"),
    ],
)
def test_an_optimizer_that_breaks_the_contract_fails(fault, check) -> None:
    class Suite(OptimizerContract):
        def make_optimizer(self, metric, **options):
            return fault(metric=metric, **options)

    with pytest.raises(FAILS):
        getattr(Suite(), check)()


GOOD = ((Example(question="2 + 2", answer="4").with_inputs("question"), Prediction(answer="4")),)
BAD = ((Example(question="2 + 2", answer="4").with_inputs("question"), Prediction(answer="5")),)


def right(example, prediction, trace=None):
    return Score(float(example.answer == prediction.answer))


class TestSoundMetric(MetricContract):
    good = GOOD
    bad = BAD

    def make_metric(self):
        return right


class TestAsyncMetric(TestSoundMetric):
    def make_metric(self):
        async def later(example, prediction, trace=None):
            await asyncio.sleep(0)
            return right(example, prediction)

        return later


class TestMetricWithBatch(TestSoundMetric):
    def make_metric(self):
        return with_batch(lambda examples, predictions: [*map(right, examples, predictions)])


def with_batch(batch):
    def metric(example, prediction, trace=None):
        return right(example, prediction)

    metric.batch = batch
    return metric


def changing(example, prediction, trace=None):
    prediction.answer = prediction.answer.strip("4")
    return True


counter = itertools.count()


@pytest.mark.parametrize(
    ("metric", "check"),
    [
        (lambda example, prediction, trace=None: 0.5, "test_good_predictions_score_higher_than_bad_ones"),
        (lambda example, prediction, trace=None: trace is None, "test_a_trace_is_accepted_and_good_predictions_pass"),
        (lambda example, prediction, trace=None: next(counter), "test_the_same_pair_scores_the_same_again"),
        (changing, "test_scoring_changes_neither_example_nor_prediction"),
        (with_batch(lambda rows, said: [True] * len(rows)), "test_many_at_once_score_as_one_by_one"),
        (with_batch(lambda rows, said: [None] * len(rows)), "test_many_at_once_score_as_one_by_one"),
        (with_batch(lambda rows, said: [True]), "test_many_at_once_score_as_one_by_one"),
    ],
)
def test_a_metric_that_breaks_the_contract_fails(metric, check) -> None:
    class Suite(TestSoundMetric):
        def make_metric(self):
            return metric

    with pytest.raises(FAILS):
        getattr(Suite(), check)()


def test_a_metric_suite_without_pairs_says_what_to_give() -> None:
    class Suite(MetricContract):
        def make_metric(self):
            return right

    with pytest.raises(AssertionError, match="Set good ="):
        Suite().test_good_predictions_score_higher_than_bad_ones()


class Sane:
    """Answers with the last message, and refuses what is no text."""

    def __init__(self) -> None:
        self.closed = False

    async def complete(self, request: Request) -> Response:
        text = request.messages[-1]["content"]
        if not isinstance(text, str):
            raise LMRejected("text only", model=request.model)
        await asyncio.sleep(0)
        return Response((Output(text, "stop"),), Usage(1, 5, 5), request.model)

    async def close(self) -> None:
        self.closed = True


class TestSoundBackend(BackendContract):
    def make_backend(self):
        return Sane()

    def make_failures(self):
        return [(Sane(), Request.build("contract/model", [{"role": "user", "content": []}], params={}), LMRejected)]


class ReturnsText(Sane):
    async def complete(self, request):
        return "hello"


class CountsNoCall(Sane):
    async def complete(self, request):
        return Response((Output("hello"),), Usage(), "m")


class CannotBeKept(Sane):
    async def complete(self, request):
        return Response((Output("hello", extra={1: 2}),), Usage(1), "m")


class ChangesTheRequest(Sane):
    async def complete(self, request):
        response = await super().complete(request)
        request.messages.append({"role": "assistant", "content": "hello"})
        return response


class OneAtATime(Sane):
    """Mixes replies up when calls overlap."""

    async def complete(self, request):
        assert not getattr(self, "busy", False), "called while busy"
        self.busy = True
        try:
            return await super().complete(request)
        finally:
            self.busy = False


class ClosesOnce(Sane):
    async def close(self):
        assert not self.closed
        self.closed = True


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (ReturnsText, "test_the_reply_is_well_formed"),
        (CountsNoCall, "test_the_reply_is_well_formed"),
        (CannotBeKept, "test_the_reply_can_be_kept_as_json"),
        (ChangesTheRequest, "test_a_request_is_not_changed"),
        (OneAtATime, "test_many_calls_at_once_each_get_their_reply"),
        (ClosesOnce, "test_closing_may_be_asked_for_twice"),
    ],
)
def test_a_backend_that_breaks_the_contract_fails(fault, check) -> None:
    class Suite(BackendContract):
        def make_backend(self):
            return fault()

    with pytest.raises(FAILS):
        getattr(Suite(), check)()


def test_a_failure_of_the_wrong_kind_fails() -> None:
    class Suite(TestSoundBackend):
        def make_failures(self):
            (backend, request, _) = super().make_failures()[0]
            return [(backend, request, LMTransient)]

    with pytest.raises((*FAILS, LMRejected)):
        Suite().test_failures_say_whether_another_try_helps()
