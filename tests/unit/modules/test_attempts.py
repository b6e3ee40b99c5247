"""`BestOfN` and `Refine`: which attempt counts, what the others leave behind, and what each attempt is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import burnish
from burnish import (
    BestOfN,
    BootstrapFewShot,
    ChainOfThought,
    Choice,
    Example,
    Module,
    Predict,
    Prediction,
    Refine,
    Request,
)
from burnish.errors import ConfigError, LMTransient, MetricError, ReplyError
from burnish.loop import run_sync
from burnish.modules.binding import Binding, bound, names_of
from burnish.testing import ScriptedLM, toy


def brief(inputs: dict[str, Any], prediction: Prediction) -> float:
    """Short answers are wanted."""
    return -len(prediction.answer)


def asked(request: Request) -> tuple[int | None, Any]:
    return request.rollout_id, request.params.get("temperature")


def traced(program: Module, choices: dict[str, Choice] | None = None, **inputs: Any) -> tuple[Any, list[Any]]:
    binding = Binding(names_of(program), choices or {})

    async def run() -> Any:
        with bound(binding):
            return await program.acall(**inputs)

    return run_sync(run()), binding.trace


@pytest.mark.parametrize("kind", [BestOfN, Refine])
def test_the_best_attempt_is_returned(kind: Any) -> None:
    texts = ["middling", "short", "the longest"]

    def reply(request: Request) -> dict[str, Any]:
        if "advice" in request.messages[0]["content"]:
            return {"advice": {}}
        return {"answer": texts[request.rollout_id or 0]}

    lm = ScriptedLM(reply)
    with burnish.context(lm=lm):
        best = kind(Predict("question -> answer"), N=3, reward_fn=brief, threshold=0)
        assert best(question="?").answer == "short"
        assert run_sync(best.acall(question="?")).answer == "short"


def test_the_first_attempt_is_the_module_as_it_is_and_the_others_are_other_draws() -> None:
    lm = ScriptedLM(lambda request: {"answer": "long"})
    with burnish.context(lm=lm):
        BestOfN(Predict("question -> answer", temperature=0.2), N=3, reward_fn=brief, threshold=0)(question="?")
    assert [asked(request) for request in lm.requests] == [(None, 0.2), (1, 1.0), (2, 1.0)]


def test_a_model_without_temperature_is_asked_for_other_draws_all_the_same() -> None:
    lm = ScriptedLM(lambda request: {"answer": "long"}, model="openai/o3")
    with burnish.context(lm=lm):
        BestOfN(Predict("question -> answer"), N=2, reward_fn=brief, threshold=0)(question="?")
    assert [asked(request) for request in lm.requests] == [(None, None), (1, None)]


def test_what_is_good_enough_ends_the_attempts() -> None:
    lm = ScriptedLM([{"answer": "too long"}, {"answer": "ok"}])
    with burnish.context(lm=lm):
        assert BestOfN(Predict("q -> answer"), N=9, reward_fn=brief, threshold=-2)(q="?").answer == "ok"


def test_attempts_within_attempts_are_all_different_draws() -> None:
    lm = ScriptedLM(lambda request: {"answer": "long"})
    inner = BestOfN(Predict("q -> answer"), N=3, reward_fn=brief, threshold=0)
    with burnish.context(lm=lm):
        BestOfN(inner, N=3, reward_fn=brief, threshold=0)(q="?")
        first = [request.key for request in lm.requests]
        BestOfN(inner, N=3, reward_fn=brief, threshold=0)(q="?")
    assert len(first) == len(set(first)) == 9
    assert [request.key for request in lm.requests[9:]] == first


def test_a_draw_of_the_run_around_leads_to_other_draws() -> None:
    lm = ScriptedLM(lambda request: {"answer": "long"})
    program = BestOfN(Predict("q -> answer"), N=3, reward_fn=brief, threshold=0)
    with burnish.context(lm=lm):
        traced(program, q="?")
        traced(program, {"module": Choice(config={"rollout_id": 1})}, q="?")
    assert len({request.rollout_id for request in lm.requests}) == 5  # the second draw of one is the first of the other
    assert [request.rollout_id for request in lm.requests[:4]] == [None, 1, 2, 1]


def test_with_a_cache_nothing_is_asked_twice(tmp_path: Any) -> None:
    lm = ScriptedLM(lambda request: {"answer": f"draw {request.rollout_id}"}, cache=True)
    program = BestOfN(Predict("q -> answer"), N=3, reward_fn=brief, threshold=0)
    with burnish.context(lm=lm, cache=burnish.Cache(tmp_path / "cache")):
        first, second = program(q="?"), program(q="?")
    assert len(lm.requests) == 3
    assert first.answer == second.answer == "draw 1"


class Around(Module):
    """A step before, an attempted part, and a step after."""

    def __init__(self) -> None:
        self.before = Predict("q -> hint")
        self.best = BestOfN(ChainOfThought("hint -> answer"), N=3, reward_fn=brief, threshold=0)
        self.after = Predict("answer -> verdict")

    async def aforward(self, q: str) -> Any:
        hint = (await self.before.acall(q=q)).hint
        answer = (await self.best.acall(hint=hint)).answer
        return await self.after.acall(answer=answer)


def play(request: Request) -> dict[str, Any]:
    texts = {None: "middling", 1: "short", 2: "the longest"}
    question = request.messages[-1]["content"]
    if "## verdict" in request.messages[0]["content"]:
        return {"verdict": "fine"}
    number = next(letter for letter in question if letter in "?012")
    if "## q ##" in question:
        return {"hint": f"look {number}"}
    return {"reasoning": "so", "answer": f"{texts[request.rollout_id]}{number}"}


def test_the_trace_has_the_steps_of_the_chosen_attempt_in_their_place() -> None:
    program = Around()
    with burnish.context(lm=ScriptedLM(play)):
        _, trace = traced(program, q="?")
    assert [step.predictor for step in trace] == [program.before, program.best.module.predict, program.after]
    assert trace[1].outputs.answer == "short?"
    assert trace[2].inputs == {"answer": "short?"}


def test_bootstrapping_makes_demos_of_the_chosen_attempts_alone() -> None:
    rows = [Example(q=f"{n}?").with_inputs("q") for n in range(3)]
    with burnish.context(lm=ScriptedLM(play)):
        optimizer = BootstrapFewShot(lambda e, p, trace=None: True, max_bootstrapped_demos=2, max_labeled_demos=0)
        compiled = optimizer.compile(Around(), trainset=rows)
    assert [name for name, _ in compiled.named_predictors()] == ["before", "best.module.predict", "after"]
    assert [len(p.demos) for p in compiled.predictors()] == [2, 2, 2]
    assert {demo["answer"] for demo in compiled.best.module.predict.demos} == {"short0", "short1"}
    # Every attempt is on the bill: before, three attempts, after.
    assert compiled.report.total.calls == len(rows[:2]) * 5


def test_an_attempt_that_raises_has_lost() -> None:
    lm = ScriptedLM(["no sections", {"answer": "fine", "more": 1}, "again none"])
    with burnish.context(lm=lm, adapter=plain()):
        best = BestOfN(Predict("q -> answer, more: int"), N=3, reward_fn=lambda i, p: 1, threshold=2)
        assert best(q="?").answer == "fine"


def plain() -> burnish.ChatAdapter:
    """An adapter that asks nobody once more."""
    adapter = burnish.ChatAdapter()
    adapter.fallback = None
    return adapter


@pytest.mark.parametrize(("fail_count", "calls"), [(None, 3), (0, 1), (1, 2)])
def test_the_error_comes_out_where_too_many_attempts_raise(fail_count: int | None, calls: int) -> None:
    lm = ScriptedLM(lambda request: "no sections")
    best = BestOfN(Predict("q -> answer, more"), N=3, reward_fn=brief, threshold=0, fail_count=fail_count)
    with burnish.context(lm=lm, adapter=plain()), pytest.raises(ReplyError):
        best(q="?")
    assert len(lm.requests) == calls


def test_an_outage_is_no_attempt() -> None:
    lm = ScriptedLM([LMTransient("away", model="m")])
    with burnish.context(lm=lm), pytest.raises(LMTransient):
        BestOfN(Predict("q -> answer"), N=3, reward_fn=brief, threshold=0)(q="?")


@pytest.mark.parametrize("reward", [lambda i, p: "good", lambda i, p: float("nan"), lambda i, p: None])
def test_a_reward_that_is_no_number_is_told_at_once(reward: Any) -> None:
    with burnish.context(lm=ScriptedLM([{"answer": "a"}])), pytest.raises(MetricError, match="reward_fn returned"):
        BestOfN(Predict("q -> answer"), N=3, reward_fn=reward, threshold=0)(q="?")


def test_rewards_may_be_async_or_ask_models_and_leave_no_step() -> None:
    judge = Predict("answer -> good: bool")

    async def judged(inputs: dict[str, Any], prediction: Any) -> bool:
        return (await judge.acall(answer=prediction.answer)).good  # type: ignore[no-any-return]

    def judged_in_a_thread(inputs: dict[str, Any], prediction: Any) -> bool:
        return judge(answer=prediction.answer).good  # type: ignore[no-any-return]

    for reward in (judged, judged_in_a_thread):
        program = BestOfN(Predict("q -> answer"), N=2, reward_fn=reward, threshold=1)
        lm = ScriptedLM([{"answer": "a"}, {"good": False}, {"answer": "b"}, {"good": True}])
        with burnish.context(lm=lm):
            prediction, trace = traced(program, q="?")
        assert (prediction.answer, len(trace)) == ("b", 1)


@pytest.mark.parametrize(
    "wrong", [{"N": 0}, {"N": "3"}, {"fail_count": -1}, {"module": "question -> answer"}, {"reward_fn": 1}]
)
def test_wrong_settings_are_told_before_any_call(wrong: dict[str, Any]) -> None:
    given = {"module": Predict("q -> answer"), "N": 2, "reward_fn": brief, "threshold": 1}
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        BestOfN(**{**given, **wrong})


class Two(Module):
    def __init__(self) -> None:
        self.find = Predict("q -> fact")
        self.say = Predict("fact -> answer")

    async def aforward(self, q: str) -> Any:
        return await self.say.acall(fact=(await self.find.acall(q=q)).fact)


def test_advice_reaches_the_part_that_it_is_for_and_changes_nothing_else() -> None:
    program = Two()
    program.say.demos = [{"fact": "a", "answer": "b"}]
    before = program.dump_state()
    lm = ScriptedLM(
        [
            {"fact": "f"},
            {"answer": "long one"},
            {"advice": {"say": "Be brief.", "nobody": "x", "find": " "}},
            {"fact": "f"},
            {"answer": "ok"},
        ]
    )
    refined = Refine(program, N=2, reward_fn=brief, threshold=-2)
    with burnish.context(lm=lm):
        prediction, trace = traced(refined, q="?")
    assert prediction.answer == "ok"
    systems = [request.messages[0]["content"] for request in lm.requests]
    assert ["Be brief." in text for text in systems] == [False, False, False, False, True]
    assert "long one" in lm.requests[2].messages[-1]["content"]
    assert "Short answers are wanted." in lm.requests[2].messages[-1]["content"]
    # Demos and questions look as they always do, and so do the steps that demos are made of.
    assert lm.requests[4].messages[1:] == lm.requests[1].messages[1:]
    assert [(step.predictor, set(step.inputs)) for step in trace] == [(program.find, {"q"}), (program.say, {"fact"})]
    assert program.dump_state() == before
    assert [name for name, _ in refined.named_predictors()] == ["module.find", "module.say"]


def test_advice_that_cannot_be_read_is_done_without() -> None:
    lm = ScriptedLM([{"answer": "long one"}, "nothing to read", {"answer": "ok"}])
    with burnish.context(lm=lm, adapter=plain()):
        assert Refine(Predict("q -> answer"), N=2, reward_fn=brief, threshold=-2)(q="?").answer == "ok"


def test_advice_is_asked_of_the_programs_own_model() -> None:
    lm = ScriptedLM([{"answer": "long one"}, {"advice": {"self": "Brief!"}}, {"answer": "ok"}])
    program = Refine(Predict("q -> answer"), N=2, reward_fn=brief, threshold=-2)
    program.set_lm(lm)
    assert program(q="?").answer == "ok"
    assert len(lm.requests) == 3


def test_programs_that_run_at_once_keep_their_attempts_apart() -> None:
    program = BestOfN(Predict("q -> answer"), N=3, reward_fn=brief, threshold=0)

    async def several() -> list[Any]:
        return await asyncio.gather(*(program.acall(q=str(n)) for n in range(20)))

    def reply(request: Request) -> dict[str, str]:
        number = request.messages[-1]["content"].split("\n")[1]
        return {"answer": number if request.rollout_id == 1 else f"{number} and more"}

    with burnish.context(lm=ScriptedLM(reply, latency=0.001)):
        answers = run_sync(several())
    assert [prediction.answer for prediction in answers] == [str(n) for n in range(20)]


def test_a_killed_run_asks_for_no_attempt_twice(tmp_path: Any) -> None:
    class Best(Module):
        def __init__(self) -> None:
            self.best = BestOfN(toy.Classifier(), N=3, reward_fn=lambda i, p: p.kind != "bird", threshold=1)

        async def aforward(self, text: str) -> Any:
            return await self.best.acall(text=text)

    options: dict[str, Any] = {"max_bootstrapped_demos": 3, "max_labeled_demos": 4, "progress": False}
    first, again = toy.lm(), toy.lm()
    for lm, folder in ((first, "one"), (again, "one")):
        with burnish.context(lm=lm):
            optimizer = BootstrapFewShot(toy.metric, run_dir=tmp_path / folder, **options)
            optimizer.compile(Best(), trainset=toy.trainset())
    assert len(first.requests) == len({request.key for request in first.requests}) > 5
    assert again.requests == []
