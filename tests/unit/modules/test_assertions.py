"""`Assert` and `Suggest`: who is told what, what is asked again and what is not, and what comes out in the end."""

from __future__ import annotations

import functools
from typing import Any

import pytest

import burnish
from burnish import (
    Assert,
    AssertionFailed,
    BestOfN,
    BootstrapFewShot,
    Evaluate,
    Example,
    Module,
    Predict,
    Suggest,
    assert_transform_module,
    backtrack_handler,
)
from burnish.errors import ConfigError
from burnish.loop import run_sync
from burnish.modules.binding import Binding, bound, names_of
from burnish.testing import ScriptedLM


class Chain(Module):
    """Two steps, of which the second must be brief."""

    def __init__(self, check: Any = Assert, target: str | None = None) -> None:
        self.find = Predict("q -> fact")
        self.say = Predict("fact -> answer")
        self.check = check
        self.target = target

    def forward(self, q: str) -> Any:
        fact = self.find(q=q).fact
        prediction = self.say(fact=fact)
        target = None if self.target is None else getattr(self, self.target)
        self.check(len(prediction.answer) < 5, "Fewer than 5 letters.", target_module=target)
        return prediction


class AsyncChain(Chain):
    """The same as a coroutine."""

    forward = None  # type: ignore[assignment]

    async def aforward(self, q: str) -> Any:
        prediction = await self.say.acall(fact=(await self.find.acall(q=q)).fact)
        self.check(len(prediction.answer) < 5, "Fewer than 5 letters.")
        return prediction


def systems(lm: ScriptedLM) -> list[str]:
    return [request.messages[0]["content"] for request in lm.requests]


@pytest.mark.parametrize("kind", [Chain, AsyncChain])
def test_the_call_to_blame_is_asked_again_and_no_other(kind: type[Chain]) -> None:
    lm = ScriptedLM([{"fact": "f"}, {"answer": "too long"}, {"answer": "ok"}])  # without a cache
    with burnish.context(lm=lm):
        assert kind().activate_assertions()(q="?").answer == "ok"
    asked = systems(lm)[2]
    assert "answer: too long" in asked
    assert "Fewer than 5 letters." in asked
    assert lm.requests[2].messages[-1] == lm.requests[1].messages[-1]


def test_without_activation_a_failed_assert_is_an_error_at_once() -> None:
    lm = ScriptedLM([{"fact": "f"}, {"answer": "too long"}])
    with burnish.context(lm=lm), pytest.raises(AssertionFailed, match="Fewer than 5"):
        Chain()(q="?")


def test_after_the_last_run_assert_raises_and_suggest_goes_on() -> None:
    replies = [{"fact": "f"}, {"answer": "too long"}, {"answer": "too long still"}, {"answer": "too long at last"}]
    with burnish.context(lm=ScriptedLM(replies)), pytest.raises(AssertionFailed, match="Fewer than 5"):
        Chain().activate_assertions()(q="?")
    lm = ScriptedLM(replies)
    with burnish.context(lm=lm), pytest.warns(UserWarning, match="Fewer than 5"):
        assert Chain(Suggest).activate_assertions()(q="?").answer == "too long at last"
    assert len(lm.requests) == 4
    # Each run is told of all that failed before.
    assert ["too long still" in text for text in systems(lm)] == [False, False, False, True]


def test_a_suggestion_without_activation_is_a_warning() -> None:
    with (
        burnish.context(lm=ScriptedLM([{"fact": "f"}, {"answer": "too long"}])),
        pytest.warns(UserWarning, match="Fewer than 5"),
    ):
        assert Chain(Suggest)(q="?").answer == "too long"


def test_the_same_reply_twice_is_another_draw() -> None:
    lm = ScriptedLM([{"fact": "f"}, {"answer": "too long"}, {"answer": "too long"}, {"answer": "ok"}])
    with burnish.context(lm=lm):
        Chain().activate_assertions()(q="?")
    assert len({request.key for request in lm.requests}) == 4
    assert lm.requests[0].rollout_id is None


def test_with_a_cache_a_second_call_asks_nothing(tmp_path: Any) -> None:
    def reply(request: Any) -> dict[str, str]:
        if "## q ##" in request.messages[-1]["content"]:
            return {"fact": "f"}
        return {"answer": "ok" if request.rollout_id else "too long"}

    lm = ScriptedLM(reply, cache=True)
    program = Chain().activate_assertions()
    with burnish.context(lm=lm, cache=burnish.Cache(tmp_path / "c")):
        assert program(q="?").answer == program(q="?").answer == "ok"
    assert len(lm.requests) == 3


def test_an_earlier_part_may_be_to_blame_and_what_follows_it_is_asked_anew() -> None:
    lm = ScriptedLM([{"fact": "f"}, {"answer": "too long"}, {"fact": "g"}, {"answer": "ok"}])
    with burnish.context(lm=lm):
        assert Chain(target="find").activate_assertions()(q="?").answer == "ok"
    assert "Fewer than 5" in systems(lm)[2]
    assert "Fewer than 5" not in systems(lm)[3]


class Hops(Module):
    """Asks one predictor in a loop; each question must differ from those before."""

    def __init__(self) -> None:
        self.ask = Predict("hop: int -> query")

    def forward(self) -> Any:
        queries: list[str] = []
        for hop in range(3):
            query = self.ask(hop=hop).query
            Suggest(query not in queries, f"Not {query} again.", target_module=self.ask)
            queries.append(query)
        return burnish.Prediction(queries=queries)


def test_in_a_loop_only_the_call_that_failed_is_told() -> None:
    lm = ScriptedLM([{"query": "a"}, {"query": "a"}, {"query": "b"}, {"query": "c"}])
    with burnish.context(lm=lm):
        assert Hops().activate_assertions()().queries == ["a", "b", "c"]
    assert ["Not a again." in text for text in systems(lm)] == [False, False, True, False]


def test_a_program_that_changes_what_it_gets_gets_it_unchanged_again() -> None:
    class Strips(Chain):
        def forward(self, q: str) -> Any:
            found = self.find(q=q)
            assert found.fact == " f "
            found.fact = "f"
            prediction = self.say(fact=found.fact)
            Assert(len(prediction.answer) < 5, "Brief.")
            return prediction

    lm = ScriptedLM([{"fact": [" f "]}, {"answer": "too long"}, {"answer": "ok"}])
    program = Strips().activate_assertions()
    program.find = Predict("q -> fact: Any")
    lm = ScriptedLM([{"fact": '" f "'}, {"answer": "too long"}, {"answer": "ok"}])
    with burnish.context(lm=lm):
        assert program(q="?").answer == "ok"


def test_attempts_inside_are_not_made_again() -> None:
    class Tries(Module):
        def __init__(self) -> None:
            reward = lambda inputs, prediction: -len(prediction.fact)  # noqa: E731
            self.find = BestOfN(Predict("q -> fact"), N=3, reward_fn=reward, threshold=0)
            self.say = Predict("fact -> answer")

        def forward(self, q: str) -> Any:
            prediction = self.say(fact=self.find(q=q).fact)
            Assert(len(prediction.answer) < 5, "Brief.")
            return prediction

    replies = [{"fact": "fff"}, {"fact": "f"}, {"fact": "ff"}, {"answer": "too long"}, {"answer": "ok"}]
    lm = ScriptedLM(replies)
    with burnish.context(lm=lm):
        assert Tries().activate_assertions()(q="?").answer == "ok"
    assert "\nf\n" in lm.requests[4].messages[-1]["content"]


def test_what_an_earlier_run_brought_is_kept_over_one_that_ended_before_it() -> None:
    class Flips(Module):
        def __init__(self) -> None:
            self.find = Predict("q -> fact")
            self.say = Predict("fact -> answer")
            self.runs = 0

        def forward(self, q: str) -> Any:
            self.runs += 1
            fact = self.find(q=q).fact
            Assert(self.runs != 2, "Not in the second run.", target_module=self.find)
            prediction = self.say(fact=fact)
            Assert(self.runs != 1, "Not in the first run.", target_module=self.find)
            return prediction

    lm = ScriptedLM([{"fact": "f"}, {"answer": "ok"}, {"fact": "g"}, {"fact": "f"}])
    with burnish.context(lm=lm):
        assert Flips().activate_assertions()(q="?").answer == "ok"


def test_a_part_retries_for_itself() -> None:
    class Outer(Module):
        def __init__(self) -> None:
            self.part = Chain().activate_assertions()
            self.last = Predict("answer -> verdict")

        def forward(self, q: str) -> Any:
            verdict = self.last(answer=self.part(q=q).answer)
            Assert(verdict.verdict == "good", "It must be good.")
            return verdict

    lm = ScriptedLM([{"fact": "f"}, {"answer": "too long"}, {"answer": "ok"}, {"verdict": "bad"}, {"verdict": "good"}])
    with burnish.context(lm=lm):
        assert Outer().activate_assertions()(q="?").verdict == "good"


def test_the_trace_has_the_steps_of_the_last_run() -> None:
    program = Chain().activate_assertions()
    binding = Binding(names_of(program), {})

    async def run() -> Any:
        with bound(binding):
            return await program.acall(q="?")

    with burnish.context(lm=ScriptedLM([{"fact": "f"}, {"answer": "too long"}, {"answer": "ok"}])):
        run_sync(run())
    assert [(step.predictor, dict(step.outputs.items())) for step in binding.trace] == [
        (program.find, {"fact": "f"}),
        (program.say, {"answer": "ok"}),
    ]


def play(request: Any) -> dict[str, str]:
    question = request.messages[-1]["content"]
    if "## q ##" in question:
        return {"fact": question.split("\n")[1]}
    return {"answer": "ok" if "not accepted" in request.messages[0]["content"] else "too long"}


ROWS = [Example(q=f"{n}?").with_inputs("q") for n in range(3)]


def test_optimizers_keep_the_constraints_and_make_demos_of_what_was_accepted() -> None:
    optimizer = BootstrapFewShot(lambda e, p, trace=None: True, max_bootstrapped_demos=2, max_labeled_demos=0)
    with burnish.context(lm=ScriptedLM(play)):
        compiled = optimizer.compile(Chain().activate_assertions(), trainset=ROWS)
    assert [demo["answer"] for demo in compiled.say.demos] == ["ok", "ok"]
    with burnish.context(lm=ScriptedLM(play)):
        assert compiled(q="new").answer == "ok"


def test_a_constraint_that_is_not_kept_fails_the_example_with_its_message() -> None:
    lm = ScriptedLM(lambda request: {"fact": "f", "answer": "too long"})
    with burnish.context(lm=lm):
        result = Evaluate(devset=ROWS, metric=lambda e, p, trace=None: True, num_threads=2)(Chain())
    assert (result.score, result.n) == (0.0, 3)
    assert set(result.reasons.values()) == {"AssertionFailed: Fewer than 5 letters."}


def test_events_tell_of_each_constraint(tmp_path: Any) -> None:
    seen: list[dict[str, Any]] = []
    from burnish.engine.events import EventStream
    from burnish.lm.scope import Scope, use_scope

    stream = EventStream([seen.extend])

    async def run() -> None:
        with use_scope(Scope(watch=stream)):
            await Chain(Suggest).activate_assertions(max_backtracks=1).acall(q="?")
        stream.flush()

    replies = [{"fact": "f"}, {"answer": "too long"}, {"answer": "too long"}]
    with burnish.context(lm=ScriptedLM(replies)), pytest.warns(UserWarning, match="Fewer than 5"):
        run_sync(run())
    told = [(event["kind"], event["message"]) for event in seen if "failed" in event["kind"]]
    assert told == [("assertion_failed", "Fewer than 5 letters."), ("suggestion_failed", "Fewer than 5 letters.")]


def test_the_names_of_dspy_2_5() -> None:
    lm = ScriptedLM([{"fact": "f"}, {"answer": "too long"}, {"answer": "ok"}])
    program = assert_transform_module(Chain(), functools.partial(backtrack_handler, max_backtracks=1))
    assert program._backtracks == 1
    assert program.deepcopy()._backtracks == 1
    with burnish.context(lm=lm):
        assert program(q="?").answer == "ok"
    with pytest.raises(ConfigError, match="max_backtracks=-1"):
        Chain().activate_assertions(max_backtracks=-1)
