"""`ReAct`: the steps it makes, what it takes for an observation and what not, and how it ends."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import pytest

import burnish
from burnish import (
    BootstrapFewShot,
    ChainOfThought,
    ChatAdapter,
    Evaluate,
    Example,
    Module,
    Predict,
    ReAct,
    Request,
    Tool,
)
from burnish.engine.events import EventStream
from burnish.errors import BudgetExhausted, ConfigError, LMTransient, PromptTooLong, ReplyError
from burnish.lm.scope import Scope, use_scope
from burnish.loop import run_sync
from burnish.modules.trajectory import Trajectory
from burnish.testing import ScriptedLM


def plain() -> ChatAdapter:
    """An adapter that asks nobody once more."""
    adapter = ChatAdapter()
    adapter.fallback = None
    return adapter


def step(name: str, thought: str = "t", **args: Any) -> dict[str, Any]:
    return {"next_thought": thought, "next_tool_name": name, "next_tool_args": args}


DONE = [step("finish"), {"reasoning": "r", "answer": "a"}]


def search(query: str, k: int = 1) -> list[str]:
    """Finds passages."""
    return [f"about {query}"] * k


def run(replies: Any, tools: Any = (search,), *, max_iters: int = 5, **options: Any) -> tuple[Any, ScriptedLM]:
    lm = ScriptedLM(replies, **options)
    with burnish.context(lm=lm, adapter=plain()):
        return ReAct("question -> answer", tools=tools, max_iters=max_iters)(question="?"), lm


def test_the_steps_are_returned_as_dspy_has_them() -> None:
    prediction, lm = run([step("search", "I look.", query="x", k="2"), *DONE])
    assert prediction.answer == "a"
    assert prediction.trajectory == {
        "thought_0": "I look.",
        "tool_name_0": "search",
        "tool_args_0": {"query": "x", "k": "2"},
        "observation_0": ["about x", "about x"],
        "thought_1": "t",
        "tool_name_1": "finish",
        "tool_args_1": {},
        "observation_1": "Completed.",
    }
    first, second, last = (request.messages[-1]["content"] for request in lm.requests)
    assert "Nothing has been done yet." in first
    assert 'Thought: I look.\nCall: search {"query": "x", "k": "2"}\nResult: ["about x", "about x"]' in second
    assert "Step 2\n" in last


def test_its_predictors_are_those_of_dspy() -> None:
    agent = ReAct("question -> answer: int", tools=[search])
    assert [(name, p.signature.signature) for name, p in agent.named_predictors()] == [
        ("react", "question, trajectory -> next_thought, next_tool_name, next_tool_args"),
        ("extract.predict", "question, trajectory -> reasoning, answer"),
    ]
    assert list(agent.tools) == ["search", "finish"]


def test_the_tools_stay_in_the_prompt_whatever_the_instructions_are() -> None:
    agent = ReAct("question -> answer", tools=[search])
    agent.react.signature = agent.react.signature.with_instructions("Other words.")
    lm = ScriptedLM(DONE)
    with burnish.context(lm=lm):
        agent(question="?")
    assert "Other words." in lm.requests[0].messages[0]["content"]
    assert "search: Finds passages." in lm.requests[0].messages[0]["content"]


@pytest.mark.parametrize(
    ("args", "seen"),
    [
        ({}, "ToolError: Tool 'search': it needs 'query'"),
        ({"query": "x", "limit": 3}, "no argument 'limit'"),
        ({"query": "x", "k": "many"}, "k='many' does not fit"),
    ],
)
def test_arguments_that_do_not_fit_are_an_observation(args: dict[str, Any], seen: str) -> None:
    prediction, lm = run([step("search", **args), *DONE])
    assert seen in prediction.trajectory["observation_0"]
    assert seen in lm.requests[1].messages[-1]["content"]


def test_what_a_tool_raises_is_an_observation_and_a_short_one() -> None:
    def broken() -> None:
        raise RuntimeError("no luck " * 1000)

    async def broken_too() -> None:
        raise KeyError("x")

    async def slow() -> None:
        await asyncio.sleep(30)

    begun = time.monotonic()
    tools = [broken, broken_too, Tool(slow, timeout=0.05)]
    prediction, _ = run([step("broken"), step("broken_too"), step("slow"), *DONE], tools)
    seen = [prediction.trajectory[f"observation_{number}"] for number in range(3)]
    assert seen[0].startswith("RuntimeError: no luck no luck")
    assert len(seen[0]) < 600
    assert seen[1] == "KeyError: 'x'"
    assert "took longer than 0.05 s" in seen[2]
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "outage", [LMTransient("away", model="m"), BudgetExhausted("Budget: no calls left", cap="calls")]
)
def test_an_outage_of_a_model_inside_a_tool_is_raised(outage: Exception) -> None:
    def ask() -> None:
        raise outage

    with pytest.raises(type(outage)):
        run([step("ask"), *DONE], [ask])


def test_a_tool_may_ask_models_and_their_outage_is_not_measured() -> None:
    helper = Predict("topic -> fact")

    def look(topic: str) -> str:
        return helper(topic=topic).fact  # type: ignore[no-any-return]

    def reply(request: Request) -> Any:
        if "## fact ##" in request.messages[0]["content"]:
            return LMTransient("away", model="m")
        return step("look", topic="x")

    agent = ReAct("question -> answer", tools=[look])
    with burnish.context(lm=ScriptedLM(reply)):
        rows = [Example(question="?").with_inputs("question")]
        result = Evaluate(devset=rows, metric=lambda e, p, trace=None: True)(agent)
    assert (result.n, result.not_measured) == (0, 1)


def test_exit_in_a_tool_is_no_observation() -> None:
    def leave() -> None:
        sys.exit(3)

    with pytest.raises(RuntimeError, match="SystemExit"):
        run([step("leave"), *DONE], [leave])


def test_a_reply_that_cannot_be_read_is_an_observation_once() -> None:
    prediction, lm = run([step("search", query="x"), step("look_up", query="y"), *DONE])
    assert prediction.answer == "a"
    assert prediction.trajectory["tool_name_1"] is None
    assert "look_up" in prediction.trajectory["observation_1"]
    assert "cannot be read" in lm.requests[2].messages[-1]["content"]


def test_two_such_replies_in_a_row_end_the_steps() -> None:
    prediction, lm = run([step("search", query="x"), "nonsense", "nonsense", DONE[1]])
    assert prediction.answer == "a"
    assert len(lm.requests) == 4
    with pytest.raises(ReplyError):
        run(["nonsense", "nonsense"])


def test_it_answers_after_the_last_step_it_may_make() -> None:
    lm = ScriptedLM(lambda request: step("search", query="x") if "## next_thought" in prompt(request) else DONE[1])
    agent = ReAct("question -> answer", tools=[search], max_iters=3)
    with burnish.context(lm=lm):
        assert "thought_3" not in agent(question="?").trajectory
        assert len(lm.requests) == 4
        assert "thought_1" not in agent(question="?", max_iters=1).trajectory


def prompt(request: Request) -> str:
    return str(request.messages[0]["content"])


def test_steps_that_outgrow_the_window_are_left_out_from_the_oldest_on() -> None:
    def long(n: int) -> str:
        return f"word{n} " * 400

    replies = [*(step("long", n=n) for n in range(5)), *DONE]
    seen: list[dict[str, Any]] = []
    stream = EventStream([seen.extend])
    lm = ScriptedLM(replies, context_window=1500)

    async def ask() -> Any:
        with use_scope(Scope(watch=stream)), burnish.context(lm=lm, adapter=plain()):
            prediction = await ReAct("question -> answer", tools=[long]).acall(question="?")
        stream.flush()
        return prediction

    with pytest.warns(UserWarning, match="the oldest are left out"):
        prediction = run_sync(ask())
    assert prediction.trajectory["observation_0"].startswith("word0")  # what the caller gets is whole
    last = lm.requests[-1].messages[-1]["content"]
    assert "steps are left out" in last
    assert "word0" not in last
    assert "word4" in last
    assert [event["kind"] for event in seen].count("steps_dropped") >= 2


def test_a_single_step_that_is_too_long_is_an_error() -> None:
    with pytest.raises(PromptTooLong):
        run([step("search", query="x", k=900), *DONE], context_window=900)


def test_async_tools_and_both_faces_give_the_same() -> None:
    async def add(a: int, b: int) -> int:
        """Adds."""
        await asyncio.sleep(0)
        return a + b

    replies = [step("add", a=2, b=3), *DONE]
    sync, _ = run(replies, [add])

    async def ask() -> Any:
        with burnish.context(lm=ScriptedLM(replies)):
            return await ReAct("question -> answer", tools=[add]).acall(question="?")

    assert sync.trajectory == asyncio.run(ask()).trajectory == run_sync(ask()).trajectory
    assert sync.trajectory["observation_0"] == 5


class Look(Module):
    """Looks things up."""

    def __init__(self) -> None:
        self.ask = Predict("topic -> fact")

    def forward(self, topic: str, words: int = 3) -> Any:
        return self.ask(topic=topic * words)


def test_a_program_is_a_tool_and_a_part() -> None:
    agent = ReAct(
        "question -> answer", tools=[Look(), Tool(ChainOfThought("text -> french"), name="translate"), search]
    )
    assert [name for name, _ in agent.named_predictors()] == [
        "react",
        "extract.predict",
        "programs['Look'].ask",
        "programs['translate'].predict",
    ]
    assert agent.tools["Look"].desc == "Looks things up."
    assert agent.tools["Look"].schema()["function"]["parameters"]["required"] == ["topic"]
    assert list(agent.tools["translate"].args) == ["text"]
    assert agent.tools["translate"].desc == agent.programs["translate"].predict.signature.instructions
    assert ReAct("q -> a", tools=[Tool(Look(), "see", "Sees.")]).tools["see"].desc == "Sees."

    def reply(request: Request) -> dict[str, Any]:
        asked = request.messages[-1]["content"]
        if "## fact ##" in prompt(request):
            return {"fact": asked.split("\n")[1]}
        if "## french ##" in prompt(request):
            return {"reasoning": "r", "french": "oui"}
        if "## answer ##" in prompt(request):
            return DONE[1]
        if "Nothing has" in asked:
            return step("Look", topic="x", words="2")
        return step("finish") if "translate" in asked else step("translate", text="yes")

    rows = [Example(question="?").with_inputs("question")]
    with burnish.context(lm=ScriptedLM(reply)):
        prediction = agent(question="?")
        optimizer = BootstrapFewShot(lambda e, p, trace=None: True, max_labeled_demos=0)
        compiled = optimizer.compile(agent, trainset=rows)
        # A copy runs its own copies of the programs.
        compiled.programs["Look"].ask.signature = compiled.programs["Look"].ask.signature.with_instructions("New.")
        seen = ScriptedLM(reply)
        with burnish.context(lm=seen):
            compiled(question="?")
    assert prediction.trajectory["observation_0"] == burnish.Prediction(fact="xx")
    assert "oui" in str(prediction.trajectory["observation_1"])
    assert {name: len(p.demos) for name, p in compiled.named_predictors()} == {
        "react": 1,
        "extract.predict": 1,
        "programs['Look'].ask": 1,
        "programs['translate'].predict": 1,
    }
    assert agent.programs["Look"].ask.demos == []
    assert any("New." in prompt(request) for request in seen.requests)


def test_a_program_that_takes_too_long_is_an_observation() -> None:
    class Sleeps(Module):
        async def aforward(self) -> None:
            await asyncio.sleep(30)

    prediction, _ = run([step("nap"), step("nap", long=True), *DONE], [Tool(Sleeps(), "nap", timeout=0.05)])
    assert "longer than 0.05 s" in prediction.trajectory["observation_0"]
    assert "no argument 'long'" in prediction.trajectory["observation_1"]


def test_names_that_are_taken_are_told() -> None:
    def finish() -> None: ...

    with pytest.raises(ConfigError, match="'finish' is what ends the steps"):
        ReAct("q -> a", tools=[finish])
    with pytest.raises(ConfigError, match="'search' is the name of two tools"):
        ReAct("q -> a", tools=[search, search])
    with pytest.raises(ConfigError, match="max_iters=0"):
        ReAct("q -> a", tools=[search], max_iters=0)
    with pytest.raises(ConfigError, match="trajectory"):
        ReAct("trajectory -> a", tools=[search])


def test_an_argument_called_self_is_an_argument() -> None:
    prediction, _ = run([step("search", self="x"), *DONE])
    assert "no argument 'self'" in prediction.trajectory["observation_0"]


def test_a_copy_shares_the_tools_and_nothing_else() -> None:
    agent = ReAct("question -> answer", tools=[search])
    twin = agent.deepcopy()
    assert twin.tools["search"] is agent.tools["search"]
    assert twin.react is not agent.react


def test_a_trajectory_is_shown_without_its_oldest_steps_but_never_without_its_last() -> None:
    trajectory = Trajectory()
    assert not trajectory.hide_oldest()
    for number in range(3):
        trajectory.add(f"thought {number}", "look", {}, number)
    assert trajectory.hide_oldest()
    assert trajectory.text().startswith("(The first 1 steps are left out.)\n\nStep 2\nThought: thought 1")
    assert trajectory.hide_oldest()
    assert not trajectory.hide_oldest()
    assert len(trajectory) == 3


def test_callbacks_are_told_of_each_tool_that_is_called() -> None:
    told: list[Any] = []

    class Recorder(burnish.BaseCallback):
        def on_tool_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            told.append(("start", instance.name, inputs))

        def on_tool_end(self, call_id: str, outputs: Any, exception: Exception | None = None) -> None:
            told.append(("end", outputs, type(exception).__name__))

    def fails() -> str:
        raise ValueError("no")

    with burnish.context(callbacks=[Recorder()]):
        run([step("search", query="x"), step("fails"), *DONE], tools=(search, fails))
    assert told == [
        ("start", "search", {"query": "x"}),
        ("end", ["about x"], "NoneType"),
        ("start", "fails", {}),
        ("end", None, "ValueError"),
        ("start", "finish", {}),
        ("end", "Completed.", "NoneType"),
    ]


def test_a_loaded_agent_tells_of_the_tools_that_it_has(tmp_path: Any) -> None:
    def other(place: str) -> str:
        """Looks elsewhere."""
        return place

    saved = ReAct("question -> answer", tools=[search])
    saved.react.signature = saved.react.signature.with_instructions("Look twice.")
    saved.react.demos = [Example(question="?", trajectory="", **step("search", query="x")).with_inputs("question")]
    saved.save(tmp_path / "agent.json")
    loaded = ReAct("question -> answer", tools=[other])
    with pytest.warns(
        UserWarning, match=r"'react': demo 0 .* next_tool_name='search', which is none of other \| finish"
    ):
        loaded.load(tmp_path / "agent.json")
    lm = ScriptedLM(DONE)
    with burnish.context(lm=lm, adapter=plain()):
        loaded(question="?")
    told = lm.requests[0].messages[0]["content"]
    assert "Look twice." in told
    assert "Looks elsewhere." in told
    assert "Finds passages." not in told
