"""`BootstrapFewShotWithOptuna`: the contract of optimizers, DSPy's signature, and what it chooses from."""

from __future__ import annotations

import inspect
import re

import pytest
from burnish_optuna import BootstrapFewShotWithOptuna

import burnish
from burnish import Budget, ConfigError, Example, Prediction
from burnish.testing import OptimizerContract, ScriptedLM, toy

pytest.importorskip("optuna", reason="pip install -e . brings it")


class TestBootstrapFewShotWithOptuna(OptimizerContract):
    compile_options = {"max_demos": 6}  # noqa: RUF012

    def make_optimizer(self, metric, **options):
        return BootstrapFewShotWithOptuna(metric, num_candidate_programs=4, **options)


def compiled(student, *, valset=None, metric=toy.metric, lm=None, **options):
    ours = {"max_demos": options.pop("max_demos", 8)}
    optimizer = BootstrapFewShotWithOptuna(metric, **{"max_labeled_demos": 4, "progress": False, **options})
    with burnish.context(lm=lm or toy.lm()):
        return optimizer.compile(student, trainset=toy.trainset(), valset=valset or toy.valset(), **ours)


def test_names_and_defaults_are_dspys():
    init = inspect.signature(BootstrapFewShotWithOptuna).parameters
    positional = {name: p.default for name, p in init.items() if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert positional == {
        "metric": inspect.Parameter.empty,
        "teacher_settings": None,
        "max_bootstrapped_demos": 4,
        "max_labeled_demos": 16,
        "max_rounds": 1,
        "num_candidate_programs": 16,
        "num_threads": None,
    }


def test_dspys_own_signature_has_not_moved_on():
    dspy = pytest.importorskip("dspy", reason="make peers brings it")
    theirs = inspect.signature(dspy.teleprompt.BootstrapFewShotWithOptuna).parameters
    ours = inspect.signature(BootstrapFewShotWithOptuna).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert [ours[name].default for name in theirs] == [p.default for p in theirs.values()]


@pytest.mark.parametrize("home", ["burnish", "burnish.teleprompt", "burnish_optuna"])
def test_it_is_found_where_dspys_users_look(home):
    scope = {}
    exec(f"from {home} import BootstrapFewShotWithOptuna", scope)
    assert scope["BootstrapFewShotWithOptuna"] is BootstrapFewShotWithOptuna


def test_it_is_no_worse_than_labelled_demos_the_first_bootstrap_and_the_program_as_it_is():
    program = compiled(toy.Chain(), max_bootstrapped_demos=3)
    report = program.report
    means = {standing.name: standing.mean for standing in report.candidates}
    assert list(means) == ["as given", *(f"demos {number}" for number in range(1, 17))]
    assert report.standing.mean == max(means.values())
    assert report.standing.mean > max(means["as given"], means["demos 1"], means["demos 2"])
    assert report.gain.mean == pytest.approx(report.standing.mean - means["as given"])
    assert "8 of 24 examples became bootstrapped demos to choose from" in report.decisions[0]


TICKETS = {
    "refund": ("give my money back", "return the payment", "I want a refund", "reverse the charge", "pay me back"),
    "password": ("I cannot log in", "reset my password", "the login is locked", "forgot the password", "sign in fails"),
    "delivery": (
        "where is my parcel",
        "the parcel is late",
        "track the delivery",
        "it was never delivered",
        "no parcel",
    ),
    "cancel": ("end my subscription", "cancel the contract", "stop the plan", "I want to cancel", "close the contract"),
    "address": ("I moved house", "change my address", "new street and city", "update the address", "another street"),
}


def tickets(first, last):
    return [
        Example(ticket=f"{text}, {tail}", intent=intent).with_inputs("ticket")
        for tail in ("please", "and soon")
        for place in range(first, last)
        for intent, texts in TICKETS.items()
        for text in [texts[place]]
    ]


def test_offline_it_does_not_lose_to_labelled_demos():
    def right(example, prediction, trace=None):
        return example.intent == prediction.intent

    train, val = tickets(0, 3), tickets(3, 5)
    student = burnish.Predict(f"ticket -> intent: Literal{list(TICKETS)}")
    with burnish.context(lm=burnish.LM("offline/icl")):
        tuned = BootstrapFewShotWithOptuna(right, max_labeled_demos=6, progress=False).compile(
            student, trainset=train, valset=val, max_demos=12
        )
        labelled = burnish.LabeledFewShot(k=6).compile(student, trainset=train)
        evaluate = burnish.Evaluate(devset=val, metric=right)
        scores = [evaluate(program).score for program in (student, labelled, tuned)]
    assert scores[2] == tuned.report.score
    assert scores[0] < scores[1] < scores[2]


def test_what_is_shown():
    program = compiled(toy.Chain(), max_bootstrapped_demos=2, max_labeled_demos=5, seed=1)
    for candidate in program.report.top(17):
        for predictor in candidate.predictors():
            bootstrapped = [demo for demo in predictor.demos if demo.get("augmented")]
            inputs = [[demo[name] for name in predictor.signature.input_fields] for demo in predictor.demos]
            assert len(bootstrapped) <= 2
            assert list(predictor.demos[len(predictor.demos) - len(bootstrapped) :]) == bootstrapped
            assert len(predictor.demos) in (0, 5)
            assert all(one not in inputs[:place] for place, one in enumerate(inputs))


def test_the_search_begins_with_what_others_show():
    program = compiled(toy.Chain(), max_bootstrapped_demos=2, num_candidate_programs=2)
    shown = [[p.demos for p in one.predictors()] for one in program.report.top(3)]
    augmented = [sorted(sum(bool(demo.get("augmented")) for demo in demos) for demos in each) for each in shown]
    assert sorted(augmented) == [[0, 0], [0, 0], [2, 2]]
    labelled = next(each for each, count in zip(shown, augmented, strict=True) if each[0] and count == [0, 0])
    assert [len(demos) for demos in labelled] == [4, 4]
    assert labelled[0] != labelled[1]


def test_no_two_candidates_are_the_same_and_a_small_space_ends():
    program = compiled(toy.Classifier(), max_bootstrapped_demos=1, max_demos=3, num_candidate_programs=50)
    assert len(program.report.candidates) == 1 + 4
    assert "in 4 ways" in program.report.decisions[0]
    shown = [str(one.dump_state()) for one in program.report.top(5)]
    assert len(set(shown)) == 5


def test_the_gain_is_corrected_for_no_more_candidates_than_there_can_be():
    # 8 demos dealt out to two places, each with none besides, and the program as it is.
    assert compiled(toy.Classifier(), max_bootstrapped_demos=2).report.gain.among == 1 + 5 * 5


def test_where_nothing_passes_labelled_demos_are_left():
    def strict(example, prediction, trace=None):
        return trace is None and toy.metric(example, prediction)

    program = compiled(toy.Chain(), metric=strict)
    assert [standing.name for standing in program.report.candidates] == ["as given", "demos 1"]
    assert program.report.winner == "demos 1"
    assert [len(predictor.demos) for predictor in program.predictors()] == [4, 4]
    assert program.report.decisions[0].startswith("0 of 24 examples became bootstrapped demos")


def test_candidates_show_no_example_its_own_answer_where_the_trainset_chooses():
    seen = []

    def metric(example, prediction, trace=None):
        return toy.metric(example, prediction)

    lm = toy.lm()
    with burnish.context(lm=lm):
        BootstrapFewShotWithOptuna(metric, progress=False, max_labeled_demos=24, num_candidate_programs=3).compile(
            toy.Classifier(), trainset=toy.trainset(), max_demos=4
        )
    for request in lm.requests:
        *before, question = [str(message["content"]) for message in request.messages]
        text = re.search(r"There was something like .*?\.", question)[0]
        seen.append(text)
        assert not any(text in one for one in before)
    assert len(set(seen)) == 24


def test_the_same_seed_gives_the_same_program_and_another_one_another_search():
    states = [compiled(toy.Chain(), seed=seed).report for seed in (3, 3, 4)]
    tables = [[(one.name, one.mean) for one in report.candidates] for report in states]
    assert tables[0] == tables[1]
    assert tables[0] != tables[2]


def test_a_compile_that_was_stopped_goes_on_without_asking_again(tmp_path):
    first, second, whole = toy.lm(cache=False), toy.lm(cache=False), toy.lm(cache=False)
    compiled(toy.Chain(), lm=first, run_dir=tmp_path / "stopped", budget=Budget(calls=150))
    resumed = compiled(toy.Chain(), lm=second, run_dir=tmp_path / "stopped")
    once = compiled(toy.Chain(), lm=whole, run_dir=tmp_path / "whole")
    assert resumed.dump_state() == once.dump_state()
    assert len(first.requests) + len(second.requests) == len(whole.requests)


def test_what_it_costs_is_said_before():
    with burnish.context(lm=toy.lm()):
        optimizer = BootstrapFewShotWithOptuna(toy.metric, num_candidate_programs=5)
        estimate = optimizer.estimate(toy.Classifier(), toy.trainset(), toy.valset())
    lm = toy.lm(cache=False)
    compiled(toy.Classifier(), lm=lm, num_candidate_programs=5)
    assert estimate.calls == (4 + 12, 24 + 6 * 12)
    assert estimate.calls[0] <= len(lm.requests) <= estimate.calls[1]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"metric": None}, "needs a metric to choose by"),
        ({"num_candidate_programs": 0}, "num_candidate_programs=0: give a whole number of at least 1"),
        ({"num_candidate_programs": True}, "num_candidate_programs=True"),
        ({"max_bootstrapped_demos": 0}, "max_bootstrapped_demos=0: give a whole number of at least 1"),
        ({"max_demos": 0}, "max_demos=0: give a whole number of at least 1"),
        ({"max_demos": "eight"}, "max_demos='eight'"),
        ({"max_labeled_demos": -1}, "max_labeled_demos=-1"),
        ({"traces": "log.jsonl"}, "makes no use of traces"),
        ({"stop_at_score": 90}, "stop_at_score"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_the_first_call(settings, says):
    lm = toy.lm()
    with pytest.raises(ConfigError, match=says):
        compiled(toy.Classifier(), lm=lm, **settings)
    assert lm.requests == []


def test_a_program_with_a_teacher_of_its_own_is_shown_what_the_teacher_did():
    teacher = ScriptedLM(lambda request: {"answer": "from the teacher"}, model="scripted/teacher")
    student = ScriptedLM(lambda request: {"answer": "from the student"}, model="scripted/student")
    trainset = [Example(question=f"Number {n}?", answer="?").with_inputs("question") for n in range(8)]
    optimizer = BootstrapFewShotWithOptuna(
        lambda example, prediction, trace=None: bool(prediction.answer),
        teacher_settings={"lm": teacher},
        max_labeled_demos=0,
        num_candidate_programs=4,
        progress=False,
    )
    with burnish.context(lm=student):
        program = optimizer.compile(burnish.Predict("question -> answer"), trainset=trainset, max_demos=4)
        assert isinstance(program(question="And now?"), Prediction)
    shown = [demo.answer for one in program.report.top(5) for demo in one.predictors()[0].demos]
    assert set(shown) == {"from the teacher"}
