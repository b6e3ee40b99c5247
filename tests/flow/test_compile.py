"""The recipes from end to end on toy tasks: what comes out, what it cost, and what the report says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import (
    BootstrapFewShot,
    BootstrapRS,
    Budget,
    Evaluate,
    LabeledFewShot,
    Module,
    Predict,
    Prediction,
    RunStopped,
    context,
)
from burnish.testing import ScriptedLM, toy
from burnish.testing.scripted import rendered
from tests.support.compile_script import teacher
from tests.support.gauge import GaugedLM, by_content


@pytest.fixture
def lm():
    """The toy model, set for the test; its requests are kept."""
    model = toy.lm()
    with context(lm=model):
        yield model


def search(metric: Any = toy.metric, **options: Any) -> BootstrapRS:
    given = {"max_labeled_demos": 5, "max_bootstrapped_demos": 3, "num_candidate_programs": 4, "progress": False}
    return BootstrapRS(metric, **{**given, **options})


def compiled(optimizer: Any, program: Module | None = None, **arguments: Any) -> Any:
    sets = {"trainset": toy.trainset(), "valset": toy.valset(), **arguments}
    return optimizer.compile(program or toy.Classifier(), **sets)


def score(program: Module) -> float:
    return Evaluate(devset=toy.valset(), metric=toy.metric)(program).score


def shown(request: burnish.Request) -> list[str]:
    """The user turns of a prompt that are demos."""
    return [message["content"] for message in request.messages[:-1] if message["role"] == "user"]


def test_labelled_demos_make_it_better_without_a_call(lm: ScriptedLM) -> None:
    program = compiled(LabeledFewShot(k=16), valset=None)
    assert lm.requests == []
    assert [len(predictor.demos) for predictor in program.predictors()] == [16]
    assert all(demo in toy.trainset() for demo in program.classify.demos)
    assert (score(toy.Classifier()), score(program)) == (16.67, 100.0)
    first = compiled(LabeledFewShot(k=3), valset=None, sample=False)
    assert first.classify.demos == toy.trainset()[:3]


def test_bootstrapping_keeps_the_first_runs_that_pass(lm: ScriptedLM) -> None:
    """Without labelled demos the model knows birds alone, so only they become demos, in trainset order."""
    program = compiled(
        BootstrapFewShot(toy.metric, max_bootstrapped_demos=3, max_labeled_demos=0, progress=False), valset=None
    )
    birds = [row for row in toy.trainset() if row.kind == "bird"][:3]
    assert [(demo.text, demo.kind, demo.augmented) for demo in program.classify.demos] == [
        (row.text, "bird", True) for row in birds
    ]
    # No run beyond those that were needed: the last is that of the third bird.
    last = toy.trainset().index(birds[-1])
    assert last < len(lm.requests) <= last + 3
    assert "3 of 24 examples became bootstrapped demos." in str(program.report)


def test_each_predictor_is_shown_its_own_steps(lm: ScriptedLM) -> None:
    program = compiled(
        BootstrapFewShot(toy.metric, max_bootstrapped_demos=6, max_labeled_demos=0, progress=False),
        toy.Chain(),
        teacher=teacher(),
        valset=None,
    )
    assert [sorted(demo.toDict()) for demo in program.find.demos] == [["augmented", "text", "thing"]] * 6
    assert [sorted(demo.toDict()) for demo in program.classify.demos] == [["augmented", "kind", "thing"]] * 6
    for found, classified in zip(program.find.demos, program.classify.demos, strict=True):
        assert found.thing == classified.thing
        assert found.thing in found.text
        assert classified.thing in toy.THINGS[classified.kind]
    assert score(program) > score(toy.Chain())


def test_a_search_finds_the_best_and_says_by_how_much(lm: ScriptedLM, tmp_path: Path) -> None:
    program = compiled(search(run_dir=tmp_path))
    report = program.report
    names = [standing.name for standing in report.candidates]
    assert names == ["zero-shot", "labelled", "bootstrap", "bootstrap 0", "bootstrap 1", "bootstrap 2", "bootstrap 3"]
    assert (report.optimizer, report.stopped) == ("BootstrapFewShotWithRandomSearch", "finished")
    assert all((standing.n, standing.failed, standing.not_measured) == (12, 0, 0) for standing in report.candidates)
    best = max(standing.mean for standing in report.candidates)
    winner = next(standing for standing in report.candidates if standing.mean == best)
    assert (report.winner, report.score) == (winner.name, round(100 * best, 2))
    # The program that comes back is the one that was scored.
    assert score(program) == report.score
    assert report.gain.mean == pytest.approx(best - report.candidates[0].mean)
    assert (report.gain.n, report.gain.among) == (12, 7)
    # Whoever has the best mean over the same examples is beaten by nobody on each of them.
    assert report.winner in report.front
    assert set(report.front) <= {standing.name for standing in report.candidates}
    assert report.gain.significant == (report.gain.low > 0)
    assert report.standing.low < best < report.standing.high
    assert sum(usage.calls for usage in report.usage.values()) == report.total.calls
    assert list(report.usage) == ["bootstrap", "score"]
    assert report.usage["score"].calls == 7 * 12
    text = str(report)
    assert f"winner {report.winner!r}" in text
    assert "on 12 examples, corrected for the choice among 7 possible candidates" in text
    assert f"{report.total.calls} LM calls" in text

    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert (written["winner"], written["score"], len(written["candidates"])) == (report.winner, report.score, 7)
    assert (written["gain"]["among"], written["gain"]["low"]) == (7, report.gain.low)

    ranked = program.candidate_programs
    means = [round(100 * standing.mean, 2) for standing in report.candidates]
    assert [entry["score"] for entry in ranked] == sorted(means, reverse=True)
    assert ranked[0]["seed"] == report.winner
    assert [score(entry["program"]) for entry in ranked] == [entry["score"] for entry in ranked]
    assert report.trial_logs[1]["name"] == "zero-shot"
    assert [log["full_eval_score"] for log in report.trial_logs.values()] == means
    assert {entry["full_eval"] for entry in ranked} == {True}
    assert program.trial_logs[7]["total_eval_calls_so_far"] == 7 * 12
    assert [score(top) for top in report.top(2)] == [entry["score"] for entry in ranked[:2]]


def test_ties_keep_the_earlier_candidate(lm: ScriptedLM) -> None:
    program = compiled(search(max_labeled_demos=24))
    assert [standing.mean for standing in program.report.candidates][1:] == [1.0] * 6
    assert program.report.winner == "labelled"


def test_candidates_that_a_good_score_dropped_and_a_run_that_was_cut_short_make_the_gain_less_certain(
    lm: ScriptedLM,
) -> None:
    whole = compiled(search(race=False)).report
    early = compiled(search(stop_at_score=50)).report
    assert len(early.candidates) < len(whole.candidates) == early.gain.among == whole.gain.among
    # The budget ends the race in its second block, at an example that what the candidates had cost decided.
    cut = compiled(search(budget=Budget(calls=150)), trainset=toy.valset(), valset=toy.trainset()).report
    full = compiled(search(), trainset=toy.valset(), valset=toy.trainset()).report
    assert cut.stopped != full.stopped == "finished"
    assert cut.gain.mean - cut.gain.low > full.gain.mean - full.gain.low


def test_no_gain_is_a_result(lm: ScriptedLM) -> None:
    birds = [row for row in toy.valset() if row.kind == "bird"]
    report = compiled(search(), valset=birds).report
    assert (report.winner, report.score) == ("zero-shot", 100.0)
    assert not report.gain.significant
    assert "no significant gain" in str(report)


def test_without_a_valset_nobody_is_shown_the_example_it_answers(lm: ScriptedLM) -> None:
    program = compiled(search(max_labeled_demos=24, max_bootstrapped_demos=8), valset=None)
    assert all(standing.n == 24 for standing in program.report.candidates)
    texts = [row.text for row in toy.trainset()]
    answered = 0
    for request in lm.requests:
        asked = next(text for text in texts if text in request.messages[-1]["content"])
        assert not any(asked in demo for demo in shown(request))
        answered += bool(shown(request))
    # Every run but those of the zero-shot candidate is shown something.
    assert answered == len(lm.requests) - 24
    # The program that comes back has all its demos.
    assert len(program.classify.demos) == 24


def test_a_valset_that_repeats_the_trainset_is_warned_of(lm: ScriptedLM) -> None:
    with pytest.warns(UserWarning, match="2 of 14 valset examples stand in the trainset too"):
        compiled(search(), valset=[*toy.valset(), *toy.trainset()[:2]])


def test_compiling_a_compiled_program_starts_from_it(lm: ScriptedLM) -> None:
    labelled = compiled(LabeledFewShot(k=16), valset=None)
    before = labelled.dump_state()
    again = compiled(search(), labelled)
    assert labelled.dump_state() == before
    names = [standing.name for standing in again.report.candidates]
    assert names[:2] == ["as given", "zero-shot"]
    # Sixteen demos know every kind, and five do not: the program stays as it was given.
    assert (again.report.winner, again.report.score) == ("as given", 100.0)
    assert again.report.gain.mean == 0.0
    assert again.classify.demos == labelled.classify.demos
    assert score(again) == 100.0


def test_a_saved_program_scores_in_another_object_what_it_scored(lm: ScriptedLM, tmp_path: Path) -> None:
    program = compiled(search())
    program.save(tmp_path / "program.json")
    loaded = toy.Classifier()
    loaded.load(tmp_path / "program.json")
    assert score(loaded) == score(program) == program.report.score


class Pair(Module):
    """A part that is compiled already, and one that is not."""

    def __init__(self, frozen: Module) -> None:
        self.frozen = frozen
        self.free = toy.Classifier()

    async def aforward(self, text: str) -> Prediction:
        first = await self.frozen.acall(text=text)
        return await self.free.acall(text=text) if first.kind == "bird" else first


def test_frozen_parts_stay_as_they_are(lm: ScriptedLM) -> None:
    frozen = compiled(LabeledFewShot(k=4), valset=None)
    student = Pair(frozen)
    assert [name for name, _ in student.named_predictors()] == ["free.classify"]
    for optimizer in (LabeledFewShot(k=7), BootstrapFewShot(toy.metric, progress=False), search()):
        program = compiled(optimizer, student, valset=toy.valset() if "valset" in optimizer.takes else None)
        assert program.frozen.classify.demos == frozen.classify.demos
        assert program.free.classify.demos
    # It is saved with the rest.
    assert set(program.dump_state()) >= {"frozen.classify", "free.classify"}


def test_a_model_set_on_the_program_stays_and_is_asked() -> None:
    own, other = toy.lm(), toy.lm()
    student = toy.Classifier()
    student.set_lm(own)
    with context(lm=other):
        program = compiled(search(), student)
    assert program.get_lm() is own
    assert own.requests
    assert other.requests == []


def test_the_teacher_may_be_another_program_with_a_model_of_its_own(lm: ScriptedLM) -> None:
    knowing = GaugedLM()
    optimizer = BootstrapFewShot(
        toy.metric,
        max_bootstrapped_demos=6,
        max_labeled_demos=0,
        teacher_settings={"lm": knowing},
        progress=False,
    )
    program = compiled(optimizer, toy.Chain(), teacher=teacher(), valset=None)
    assert knowing.calls == 2 * 6
    assert lm.requests == []
    assert len(program.classify.demos) == 6
    assert program.get_lm() is None
    assert {usage.calls for usage in program.report.usage.values()} == {12}


def test_rounds_after_the_first_ask_for_other_draws() -> None:
    def stubborn(request: burnish.Request) -> dict[str, str]:
        return {"kind": "bird"} if request.rollout_id is None else toy._answer(request)

    lm = ScriptedLM(stubborn)
    rows = [row for row in toy.trainset() if row.kind == "fish"]
    options: dict[str, Any] = {"max_bootstrapped_demos": 2, "max_labeled_demos": 24, "progress": False}
    with context(lm=lm):
        once = compiled(BootstrapFewShot(toy.metric, max_rounds=1, **options), trainset=rows, valset=None)
        first = len(lm.requests)
        twice = compiled(BootstrapFewShot(toy.metric, max_rounds=2, **options), trainset=rows, valset=None)
    assert first == 4
    assert not any(demo.get("augmented") for demo in once.classify.demos)
    assert [bool(demo.get("augmented")) for demo in twice.classify.demos].count(True) == 2
    later = [request for request in lm.requests[first:] if request.rollout_id is not None]
    assert [(request.rollout_id, request.params["temperature"]) for request in later] == [(1, 1.0)] * len(later)


def test_a_threshold_of_zero_is_a_threshold(lm: ScriptedLM) -> None:
    """At 0.0 every run passes; without a threshold, only what is true does."""

    def graded(example: Any, prediction: Any, trace: Any = None) -> float:
        return float(example.kind == prediction.kind)

    options: dict[str, Any] = {"max_bootstrapped_demos": 6, "max_labeled_demos": 0, "progress": False}
    demos = {
        threshold: compiled(BootstrapFewShot(graded, metric_threshold=threshold, **options), valset=None).classify.demos
        for threshold in (None, 0.0, 1.0)
    }
    assert [demo.text for demo in demos[0.0]] == [row.text for row in toy.trainset()[:6]]
    assert demos[None] == demos[1.0]
    assert {demo.kind for demo in demos[None]} == {"bird"}


@pytest.mark.parametrize("threads", [1, 8, 64])
def test_a_search_stops_at_a_score_that_is_good_enough(threads: int) -> None:
    with context(lm=GaugedLM(latency=by_content(0.003))):
        optimizer = search(max_labeled_demos=16, stop_at_score=90, num_threads=threads, num_candidate_programs=8)
        report = compiled(optimizer).report
    # The same two candidates at any concurrency, whichever cell ended first.
    assert [standing.name for standing in report.candidates] == ["zero-shot", "labelled"]
    assert report.winner == "labelled"
    assert "'labelled' reached the score asked for; 9 more were dropped." in str(report)


def test_restrict_leaves_only_what_it_names(lm: ScriptedLM) -> None:
    report = compiled(search(), restrict=[-3, 2]).report
    assert [standing.name for standing in report.candidates] == ["zero-shot", "bootstrap 2"]


def test_a_budget_that_runs_out_while_bootstrapping_is_a_normal_end(lm: ScriptedLM, tmp_path: Path) -> None:
    program = compiled(search(budget=Budget(calls=5), run_dir=tmp_path))
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert [candidate["mean"] for candidate in written["candidates"]] == [None] * 7
    assert len(lm.requests) == 5 == program.report.total.calls
    assert "calls=5" in program.report.stopped
    assert program.report.score is None
    assert "score not measured (0/12)" in str(program.report)
    assert "nan" not in str(program.report)
    assert score(program) == 16.67


def test_a_budget_that_runs_out_while_scoring_gives_the_best_so_far(lm: ScriptedLM) -> None:
    report = compiled(search(max_labeled_demos=16, budget=Budget(calls=45), num_threads=4)).report
    assert report.total.calls == 45
    assert "calls=45" in report.stopped
    assert (report.winner, report.score) == ("labelled", 100.0)
    assert [standing.n for standing in report.candidates][:2] == [12, 12]
    assert sum(standing.not_measured for standing in report.candidates) > 0
    # What was not measured lowers nobody's mean.
    assert {standing.mean for standing in report.candidates if standing.n} <= {report.candidates[0].mean, 1.0}


@pytest.mark.parametrize("cap", ["tokens", "dollars", "seconds"])
def test_every_cap_ends_a_run_normally(cap: str) -> None:
    class Priced:
        """A tenth of a cent and 20 milliseconds a call."""

        async def complete(self, request: burnish.Request) -> burnish.Response:
            await asyncio.sleep(0.02)
            text = rendered(toy._answer(request))
            return burnish.Response((burnish.Output(text),), burnish.Usage(1, 100, 20, 0.001), request.model)

    budget = {"tokens": Budget(tokens=4000), "dollars": Budget(dollars=0.03), "seconds": Budget(seconds=0.2)}[cap]
    with context(lm=burnish.LM("priced/toy", backend=Priced(), cache=False)):
        report = compiled(search(budget=budget, num_threads=4)).report
    assert f"{cap}=" in report.stopped
    total = report.total
    assert 0 < total.calls < 90
    if cap != "seconds":
        # What the calls in flight cost is not known until they end: the first of them may pass the cap.
        spent, most = {"tokens": (total.tokens, 4000), "dollars": (total.dollars, 0.03)}[cap]
        assert 0.8 * most <= spent <= most * 1.001 + 4 * spent / total.calls


def test_an_estimate_holds_what_a_compile_costs(lm: ScriptedLM) -> None:
    for optimizer in (
        LabeledFewShot(k=4),
        BootstrapFewShot(toy.metric, max_rounds=2, progress=False),
        search(),
        search(max_rounds=2, num_candidate_programs=2),
    ):
        for program in (toy.Classifier(), toy.Chain()):
            before = len(lm.requests)
            estimate = optimizer.estimate(program, toy.trainset(), toy.valset())
            assert len(lm.requests) == before
            valset = toy.valset() if "valset" in optimizer.takes else None
            calls = compiled(optimizer, program, valset=valset).report.total.calls
            low, high = estimate.calls
            assert low <= calls <= high
            assert f"{high} LM calls" in str(estimate)
    assert LabeledFewShot().estimate(toy.Classifier(), toy.trainset()).dollars == 0.0


def test_metrics_of_every_form_give_the_same(lm: ScriptedLM) -> None:
    def five(gold: Any, pred: Any, trace: Any, pred_name: Any, pred_trace: Any) -> float:
        return float(gold.kind == pred.kind)

    async def late(example: Any, prediction: Any, trace: Any = None) -> burnish.Score:
        return burnish.Score(float(example.kind == prediction.kind), feedback="as it is")

    def two(example: Any, prediction: Any) -> Prediction:
        return Prediction(score=int(example.kind == prediction.kind))

    reports = [compiled(search(metric)).report for metric in (toy.metric, five, late, two)]
    assert len({(report.winner, report.score, report.total.calls) for report in reports}) == 1


def test_the_metric_sees_the_trace_while_bootstrapping_and_none_while_scoring(lm: ScriptedLM) -> None:
    traces: list[Any] = []

    def watching(example: Any, prediction: Any, trace: Any = None) -> bool:
        traces.append(trace)
        return bool(example.kind == prediction.kind)

    student = toy.Chain()
    compiled(search(watching, num_candidate_programs=0), student, restrict=[-1])
    steps = [trace for trace in traces if trace is not None]
    assert len(steps) >= 3
    # The probe, and twelve scores.
    assert traces.count(None) == 13
    for trace in steps:
        assert [predictor for predictor, _, _ in trace] == [student.find, student.classify]
        (_, inputs, outputs), (_, then, _) = trace
        assert then["thing"] == outputs.thing
        assert outputs.thing in inputs["text"]


def test_a_bad_reply_costs_one_example_and_not_the_run() -> None:
    def mangled(request: burnish.Request) -> Any:
        return "<think> I am not" if "granite" in request.messages[-1]["content"] else toy._answer(request)

    with context(lm=ScriptedLM(mangled)):
        result = Evaluate(devset=toy.trainset(), metric=toy.metric)(toy.Classifier())
        report = compiled(search()).report
    assert (result.n, result.standing.failed, len(result.reasons)) == (24, 1, 1)
    assert "ReplyError" in next(iter(result.reasons.values()))
    assert "(24/24, 1 failed)" in str(result)
    assert report.stopped == "finished"


def only_with_demos(request: burnish.Request) -> Any:
    """Answers in the form asked for only where the prompt has a demo to copy it from."""
    return toy._answer(request) if shown(request) else "Sure! It is a bird."


def test_a_candidate_whose_replies_never_parse_does_not_end_the_search() -> None:
    knowing = toy.Classifier()
    knowing.classify.demos = toy.trainset()[:6]
    with context(lm=ScriptedLM(only_with_demos)):
        report = compiled(search(max_labeled_demos=24), teacher=knowing, valset=None, restrict=[-3, -2]).report
    first, second = report.candidates
    assert (first.mean, first.failed) == (0.0, 24)
    assert (second.name, second.mean, second.failed) == ("labelled", 1.0, 0)


def test_a_search_in_which_nothing_succeeds_ends_with_the_cause_however_small() -> None:
    with (
        context(lm=ScriptedLM(only_with_demos)),
        pytest.raises(RunStopped, match=r"not one run succeeded.*8 runs failed"),
    ):
        compiled(search(max_labeled_demos=0), trainset=toy.trainset()[:4], valset=None, restrict=[-3, -2])


def test_a_model_whose_replies_never_parse_ends_the_search_with_the_cause() -> None:
    lm = ScriptedLM(lambda request: "Sure!")
    with context(lm=lm), pytest.raises(RunStopped, match=r"in a row ended alike: ReplyError.*'Sure!'"):
        compiled(search(num_candidate_programs=8), valset=None)
    # Three candidates were enough to know; each reply is asked for once more as JSON.
    assert len(lm.requests) < 2 * (4 * 24 + 24)


def test_dspys_names_do_dspys_work(lm: ScriptedLM) -> None:
    names: dict[str, Any] = {}
    exec("from burnish.teleprompt import *", names)
    assert {"BootstrapFewShot", "BootstrapFewShotWithRandomSearch", "BootstrapRS", "LabeledFewShot"} <= set(names)
    assert names["BootstrapRS"] is names["BootstrapFewShotWithRandomSearch"]

    import burnish as dspy

    class Classify(dspy.Signature):
        """Name the kind of the thing."""

        text: str = dspy.InputField(desc="a sentence")
        kind: str = dspy.OutputField(desc="what kind of thing it mentions")

    class Program(dspy.Module):
        def __init__(self) -> None:
            super().__init__()
            self.classify = dspy.Predict(Classify)

        def forward(self, text: str) -> Any:
            return self.classify(text=text)

    dspy.configure(lm=lm)
    try:
        config = {"max_bootstrapped_demos": 4, "max_labeled_demos": 16, "num_candidate_programs": 3, "num_threads": 4}
        optimizer = dspy.BootstrapFewShotWithRandomSearch(metric=toy.metric, **config)
        program = optimizer.compile(Program(), trainset=toy.trainset(), valset=toy.valset())
        evaluate = dspy.Evaluate(devset=toy.valset(), metric=toy.metric, num_threads=4, display_progress=False)
        assert evaluate(program).score == 100.0 == program.candidate_programs[0]["score"]
        assert isinstance(Predict(Classify)(text="a heron"), dspy.Prediction)
    finally:
        dspy.configure(lm=None)


def test_no_bootstrapped_demos_are_made_where_none_are_wanted(lm: ScriptedLM) -> None:
    report = compiled(search(max_bootstrapped_demos=0, num_candidate_programs=3)).report
    assert "bootstrap" not in report.usage


class Chatty(burnish.Optimizer):
    """Asks a model by itself until a cap stops it."""

    async def search(self, session: burnish.Session) -> burnish.Candidate:
        for number in range(100):
            await burnish.settings.lm.acall(f"[[ ## text ## ]]\na heron by the harbour, number {number}")
        raise AssertionError("nothing stopped it")


def test_a_budget_that_the_recipes_own_calls_use_up_is_a_normal_end(lm: ScriptedLM) -> None:
    program = compiled(Chatty(metric=toy.metric, budget=burnish.Budget(calls=3), progress=False))
    assert len(lm.requests) == 3
    assert "calls=3" in program.report.stopped
    assert program.classify.demos == []


def test_labelled_examples_are_demos_only_where_they_show_something(lm: ScriptedLM) -> None:
    program = compiled(LabeledFewShot(k=6), toy.Chain(), valset=None)
    assert (len(program.find.demos), len(program.classify.demos)) == (6, 6)
    # Without the thing, the data has nothing that `find` puts out, and nothing that `classify` is given.
    ends = [example.without("thing") for example in toy.trainset()]
    program = compiled(LabeledFewShot(k=6), toy.Chain(), trainset=ends, valset=None)
    assert (program.find.demos, program.classify.demos) == ([], [])


def test_a_bare_predictor_is_given_its_own_inputs(lm: ScriptedLM) -> None:
    rows = [burnish.Example(text="a heron", kind="bird").with_inputs("kind")]
    with pytest.raises(burnish.ConfigError, match=r"trainset\[0\] has the inputs kind.*with_inputs"):
        compiled(search(), burnish.Predict("text -> kind"), trainset=rows, valset=None)
    assert lm.requests == []
