"""KNNFewShot from the compile to the thousandth call: each example is bootstrapped once, and nothing is asked twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import burnish
from burnish import (
    BootstrapFewShot,
    BootstrapRS,
    Budget,
    Cache,
    ConfigError,
    Embedded,
    Embedder,
    Evaluate,
    Example,
    KNNFewShot,
    LabeledFewShot,
    LMTransient,
    NearestDemos,
    Predict,
    Request,
    RunStopped,
    Usage,
    context,
)
from burnish.optimizers import knn_few_shot
from burnish.testing import ScriptedLM, toy
from burnish.testing.server import serving
from tests.support.knn_script import compile_nearest, predictions
from tests.support.processes import finish, journaled, keys, kill, start_compile, wait_until


def compiled(student: Any = None, *, k: int = 6, trainset: Any = None, lm: Any = None, **options: Any) -> Any:
    optimizer = KNNFewShot(
        k, toy.trainset() if trainset is None else trainset, metric=toy.metric, progress=False, **options
    )
    with context(lm=toy.lm() if lm is None else lm):
        return optimizer.compile(toy.Chain() if student is None else student)


def questions(lm: ScriptedLM) -> Counter[str]:
    """How often each text was asked about by the first predictor."""
    asked = [str(request.messages[-1]["content"]) for request in lm.requests]
    return Counter(text for text in asked if "[[ ## text ## ]]" in text)


def test_each_example_is_bootstrapped_once_and_a_call_costs_its_own() -> None:
    lm = toy.lm()
    program = compiled(lm=lm)
    assert program.report.total.calls == len(lm.requests) == 2 * 24
    assert set(questions(lm).values()) == {1}
    assert len(questions(lm)) == 24
    others = [
        f"There was something like {thing} {n}."
        for n in range(42)
        for things in toy.THINGS.values()
        for thing in things[:4]
    ]
    with context(lm=lm):
        answers = program.batch([Example(text=text).with_inputs("text") for text in others[:900]])
        answers += [program(text=text) for text in others[900:1000]]
    assert len(answers) == 1000
    assert len(lm.requests) == 2 * 24 + 2 * 1000


def test_the_nearest_examples_beat_none() -> None:
    program = compiled()
    with context(lm=toy.lm()):
        evaluate = Evaluate(devset=toy.valset(), metric=toy.metric)
        before, after = evaluate(toy.Chain()), evaluate(program)
    assert after.score > before.score + 30


def test_a_batch_gives_what_single_calls_give() -> None:
    program = compiled()
    rows = [*toy.valset(), *toy.trainset()]
    with context(lm=toy.lm()):
        one_by_one = [program(text=row.text).toDict() for row in rows]
        assert [made.toDict() for made in program.batch(rows)] == one_by_one
        result = Evaluate(devset=rows, metric=toy.metric)(program)
    assert [made.toDict() for _, made, _ in result.results] == one_by_one


def test_the_teacher_is_shown_others_that_are_near_never_the_example_or_its_copy() -> None:
    words = {"red": "colour", "blue": "colour", "two": "number", "ten": "number"}
    rows = [
        Example(text=f"it is {word} {word}", kind=f"{kind} {word}").with_inputs("text") for word, kind in words.items()
    ]
    lm = ScriptedLM(lambda request: {"kind": "any"})
    compiled(Predict("text -> kind"), k=2, trainset=[*rows, rows[0]], lm=lm, max_labeled_demos=3)
    assert len(lm.requests) == 5
    for request in lm.requests:
        *shown, question = [str(message["content"]) for message in request.messages[1:]]
        word = next(word for word in words if f"{word} {word}" in question)
        assert shown
        assert not any(word in text for text in shown)


def test_a_teachers_prompts_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    demos_of = knn_few_shot.made_by_teacher

    def noted(rollouts: Any, *args: Any, **options: Any) -> Any:
        found.extend(rollouts)
        return demos_of(rollouts, *args, **options)

    monkeypatch.setattr(knn_few_shot, "made_by_teacher", noted)
    compiled()
    choices = [choice for rollout in found for choice in rollout.cell.candidate.choices.values()]
    assert any(choice.demos for choice in choices)
    assert not any(choice.prompts for choice in choices)


def test_what_did_not_pass_is_shown_as_it_is_labelled() -> None:
    def answer(request: Request) -> dict[str, str]:
        return {"kind": "wrong" if "1" in str(request.messages[-1]) else "right"}

    rows = [Example(text=f"text {n}", kind="labelled").with_inputs("text") for n in range(4)]
    lm = ScriptedLM(answer)
    program = KNNFewShot(4, rows, metric=lambda example, made, trace=None: made.kind == "right", progress=False)
    with context(lm=lm):
        tuned = program.compile(Predict("text -> kind"))
        tuned(text="text 7")
    assert tuned.report.decisions == ("The teacher passed on 3 of 4 examples.",)
    shown = [m["content"] for m in lm.requests[-1].messages if m["role"] == "assistant"]
    assert sorted("right" in text for text in shown) == [False, True, True, True]


def test_without_bootstrapping_no_model_is_needed_to_compile() -> None:
    optimizer = KNNFewShot(3, toy.trainset(), max_bootstrapped_demos=0, progress=False)
    with context(lm=None):
        assert optimizer.estimate(toy.Chain()).calls == (0, 0)
        assert optimizer.compile(toy.Chain()).report.total.calls == 0


def test_the_estimate_is_each_example_once_up_to_each_round() -> None:
    optimizer = KNNFewShot(3, toy.trainset(), metric=toy.metric, max_rounds=3, progress=False)
    assert optimizer.estimate(toy.Chain()).calls == (48, 144)
    lm = toy.lm()
    assert compiled(lm=lm, max_rounds=3).report.total.calls <= 144


def test_a_budget_that_runs_out_leaves_the_rest_labelled() -> None:
    program = compiled(budget=Budget(calls=11), num_threads=1)
    assert isinstance(program, NearestDemos)
    assert program.report.stopped.startswith("Budget")
    assert program.report.decisions[-1] == "The teacher passed on 5 of 24 examples."
    with context(lm=toy.lm()):
        assert program(text=toy.valset()[0].text).kind


@pytest.mark.parametrize(
    ("settings", "trainset", "said"),
    [
        ({"k": 0}, None, "k=0: give a whole number of at least 1"),
        ({"k": 25}, None, "k=25 is more than the 24 examples"),
        ({"k": 3}, "none", "has no trainset"),
        ({"k": 3}, "other", "given one trainset, and compile another"),
        ({"k": 3, "vectorizer": 3}, None, "give 'provider/name', or a function"),
        ({"k": 3, "vectorizer": "nowhere"}, None, "lacks its provider"),
        ({"k": 3, "kk": 3}, None, "Did you mean k?"),
        ({"k": 3, "max_rounds": 0}, None, "max_rounds=0"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_call(settings: Any, trainset: Any, said: str) -> None:
    lm = toy.lm()
    given = None if trainset == "none" else toy.trainset()
    other = toy.valset() if trainset == "other" else None

    def compile_it() -> None:
        optimizer = KNNFewShot(trainset=given, metric=toy.metric, progress=False, **settings)
        optimizer.compile(toy.Chain(), trainset=other)

    with context(lm=lm), pytest.raises(ConfigError) as caught:
        compile_it()
    assert said in str(caught.value)
    assert lm.requests == []


def test_the_trainset_may_be_given_to_either_or_the_same_to_both() -> None:
    both = KNNFewShot(3, toy.trainset(), max_bootstrapped_demos=0).compile(toy.Chain(), trainset=toy.trainset())
    later = KNNFewShot(3, max_bootstrapped_demos=0).compile(toy.Chain(), trainset=toy.trainset())
    assert both.dump_state() == later.dump_state()


def test_it_is_compiled_around_a_compiled_program_and_compiled_around() -> None:
    lm = toy.lm()
    with context(lm=lm):
        few_shot = BootstrapFewShot(toy.metric, progress=False).compile(toy.Chain(), trainset=toy.trainset())
        before = json.dumps(few_shot.dump_state())
        program = compiled(few_shot, lm=lm)
        assert json.dumps(few_shot.dump_state()) == before
        assert program.classify.demos == []
        search = BootstrapRS(toy.metric, num_candidate_programs=2, progress=False)
        # What a search tried is what it returns, whether its demos are fixed or the nearest.
        for winner in (-3, -2, 0):
            found = search.compile(program, trainset=toy.trainset(), valset=toy.valset(), restrict=[winner])
            assert isinstance(found, NearestDemos)
            assert Evaluate(devset=toy.valset(), metric=toy.metric)(found).score == found.report.score
        assert Evaluate(devset=toy.valset(), metric=toy.metric)(program).score > 60
        again = compiled(program, lm=lm)
        assert isinstance(again.program, toy.Chain)
        fixed = LabeledFewShot(k=2, seed=1).compile(program, trainset=toy.trainset())
        assert len(fixed.classify.demos) == 2 or len(fixed.find.demos) == 2


class Counting:
    """An embedding backend that counts the texts that it was sent, and can be away."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.away = False

    async def embed(self, texts: list[str], params: Any) -> Embedded:
        if self.away:
            raise LMTransient("the embedder is away", model="x/y")
        self.sent += texts
        return Embedded(
            np.array([[len(text), text.count("e"), 1.0] for text in texts], np.float32), Usage(1, len(texts))
        )


def test_a_hosted_embedder_is_on_the_bill_and_in_the_journal(tmp_path: Path) -> None:
    backend, lm = Counting(), toy.lm()
    embedder = Embedder("x/y", caching=False, backend=backend, num_retries=0)
    with context(cache=Cache()):
        first = compiled(lm=lm, vectorizer=embedder, run_dir=tmp_path)
        assert first.report.usage["embed"].calls == 1
        assert (len(backend.sent), len(lm.requests)) == (24, 48)
        again = compiled(lm=lm, vectorizer=embedder, run_dir=tmp_path)
        assert (len(backend.sent), len(lm.requests)) == (24, 48)
    assert again.dump_state() == first.dump_state()


def test_an_embedder_that_is_away_leaves_a_rollout_unmeasured() -> None:
    backend = Counting()
    with context(cache=Cache(), lm=toy.lm()):
        program = compiled(vectorizer=Embedder("x/y", backend=backend, num_retries=0))
        backend.away = True
        with pytest.raises(LMTransient, match="away"):
            program(text=toy.valset()[0].text)
        result = Evaluate(devset=toy.valset()[:5], metric=toy.metric)(program)
        assert (result.n, result.not_measured) == (0, 5)
        with pytest.raises(RunStopped, match="the embedder is away"):
            Evaluate(devset=toy.valset() * 3, metric=toy.metric)(program)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("server") / "log", latency=0.005, bodies=True) as running:
        yield running


def test_a_killed_compile_asks_nothing_twice_and_a_new_process_predicts_the_same(server: Any, tmp_path: Path) -> None:
    undisturbed = tmp_path / "undisturbed"
    report = compile_nearest(server.url, undisturbed)
    asked = keys(server)
    assert report.total.calls == len(asked) == len(set(asked)) >= 48
    start = server.count()
    kept: set[str] = set()
    for moment in (5, 35):
        before = server.count()
        process = start_compile(server.url, tmp_path, script="knn_script")
        wanted = before + moment - len(kept)
        assert wait_until(lambda wanted=wanted: server.count() >= wanted, process)
        kill(process)
        assert not kept & set(keys(server)[before:])
        kept = journaled(tmp_path / "run")
    before = server.count()
    status, _, err = finish(start_compile(server.url, tmp_path, script="knn_script"))
    assert status == 0, err
    assert not kept & set(keys(server)[before:])
    assert set(keys(server)[start:]) == set(asked)
    for name in ("program.json", "program.knn"):
        assert (tmp_path / name).read_bytes() == (undisturbed / name).read_bytes()
    status, out, err = finish(start_compile(server.url, tmp_path, "--load", script="knn_script"))
    assert status == 0, err
    assert json.loads(out) == predictions(server.url, undisturbed)


def test_another_embedder_is_another_run(tmp_path: Path) -> None:
    def compiled(vectorizer: Any) -> Any:
        optimizer = burnish.KNNFewShot(3, toy.trainset(), vectorizer, metric=toy.metric, run_dir=tmp_path / "run")
        with burnish.context(lm=toy.lm()):
            return optimizer.compile(toy.Classifier())

    compiled("offline/hashing")
    with pytest.raises(burnish.ConfigError, match="optimizer differ"):
        compiled(lambda texts: [[len(text), 1] for text in texts])


def test_a_teacher_that_is_compiled_already_is_shown_no_answer_either() -> None:
    asked: list[tuple[str, list[str]]] = []

    def answer(request: Any) -> dict[str, str]:
        shown = [message["content"] for message in request.messages[:-1]]
        asked.append((request.messages[-1]["content"], shown))
        return {"kind": "bird"}

    rows = toy.trainset()
    with burnish.context(lm=ScriptedLM(answer)):
        student = burnish.LabeledFewShot(k=24).compile(toy.Classifier(), trainset=rows)
        burnish.KNNFewShot(3, rows, metric=toy.metric).compile(student)
    assert len(asked) == len(rows)
    for question, shown in asked:
        (row,) = [row for row in rows if row.text in question]
        assert not any(row.text in turn for turn in shown)
