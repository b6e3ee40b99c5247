"""Steps with native calls of tools: what the model is sent, what becomes of its calls, and that demos stay the same."""

from __future__ import annotations

import json
from typing import Any

import burnish
from burnish import LM, BootstrapFewShot, ChatAdapter, Example, Output, ReAct, Request, Response, Usage
from burnish.lm.capabilities import Capabilities


def native() -> ChatAdapter:
    """An adapter that is for native calls, and asks nobody once more."""
    adapter: Any = ChatAdapter()
    adapter.fallback = None
    adapter.use_native_function_calling = True
    return adapter  # type: ignore[no-any-return]


class Calls:
    """A backend whose model calls tools by itself."""

    def __init__(self, replies: list[Any], *, tools: bool = True) -> None:
        self.capabilities = Capabilities(tools=tools)
        self.replies = replies
        self.requests: list[Request] = []

    async def complete(self, request: Request) -> Response:
        text, calls = self.replies[len(self.requests) % len(self.replies)]
        self.requests.append(request)
        extra = {"tool_calls": [called(name, args) for name, args in calls]} if calls else {}
        return Response((Output(text, "stop", extra),), Usage(1, 10, 10), request.model)


def called(name: str, args: Any) -> dict[str, Any]:
    arguments = args if isinstance(args, str) else json.dumps(args)
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}


def search(query: str) -> str:
    """Finds passages."""
    return f"about {query}"


ANSWER = ("[[ ## reasoning ## ]]\nr\n\n[[ ## answer ## ]]\na\n\n[[ ## completed ## ]]", [])
EPISODE = [("I look.", [("search", {"query": "x"})]), ("", [("finish", {})]), ANSWER]


def run(replies: list[Any], *, adapter: Any = None, tools: bool = True) -> tuple[Any, list[Request]]:
    backend = Calls(replies, tools=tools)
    lm = LM("test/native", backend=backend, cache=False, num_retries=0)
    with burnish.context(lm=lm, adapter=adapter or native()):
        return ReAct("question -> answer", tools=[search])(question="?"), backend.requests


def test_the_tools_go_with_the_call_and_its_calls_become_the_steps() -> None:
    prediction, requests = run(EPISODE)
    assert [one["function"]["name"] for one in requests[0].params["tools"]] == ["search", "finish"]
    assert "tools" not in requests[2].params
    assert "next_tool_name" not in requests[0].messages[0]["content"]
    assert (prediction.answer, prediction.trajectory["thought_0"]) == ("a", "I look.")
    assert prediction.trajectory["tool_args_0"] == {"query": "x"}
    assert prediction.trajectory["observation_0"] == "about x"
    assert "Call: search" in requests[1].messages[-1]["content"]


def test_a_thought_in_the_form_is_read_and_the_first_of_several_calls_counts() -> None:
    form = "[[ ## next_thought ## ]]\nI look.\n\n[[ ## completed ## ]]"
    prediction, _ = run([(form, [("search", {"query": "x"}), ("search", {"query": "y"})]), *EPISODE[1:]])
    assert prediction.trajectory["thought_0"] == "I look."
    assert prediction.trajectory["tool_args_0"] == {"query": "x"}


def test_a_call_of_no_tool_or_without_json_is_an_unreadable_reply() -> None:
    for name, args in (("look_up", {}), ("search", "{query")):
        prediction, _ = run([("", [(name, args)]), *EPISODE])
        assert "cannot be read" in prediction.trajectory["observation_0"]
        assert prediction.trajectory["tool_name_1"] == "search"


def test_a_step_in_text_is_read_as_ever() -> None:
    text = "\n\n".join(
        f"[[ ## {name} ## ]]\n{value}"
        for name, value in (("next_thought", "t"), ("next_tool_name", "finish"), ("next_tool_args", "{}"))
    )
    prediction, _ = run([(text, []), ANSWER])
    assert prediction.trajectory["tool_name_0"] == "finish"
    for how in ({"tools": False}, {"adapter": ChatAdapter()}):
        prediction, requests = run([(text, []), ANSWER], **how)
        assert prediction.trajectory["tool_name_0"] == "finish"
        assert "tools" not in requests[0].params
        assert "next_tool_name" in requests[0].messages[0]["content"]


def test_demos_are_the_same_as_those_of_text_and_are_shown_as_native_calls() -> None:
    rows = [Example(question=f"{n}?").with_inputs("question") for n in range(2)]
    backend = Calls(EPISODE)
    lm = LM("test/native", backend=backend, cache=False, num_retries=0)
    with burnish.context(lm=lm, adapter=native()):
        optimizer = BootstrapFewShot(lambda e, p, trace=None: True, max_labeled_demos=0, num_threads=1)
        compiled = optimizer.compile(ReAct("question -> answer", tools=[search]), trainset=rows)
        backend.requests.clear()
        compiled(question="new?")
    demos = compiled.react.demos
    assert [len(demos), len(compiled.extract.predict.demos)] == [2, 2]
    assert {"next_thought", "next_tool_name", "next_tool_args"} <= set(demos[0].keys())
    messages = backend.requests[0].messages
    assert [message["role"] for message in messages] == ["system", *["user", "assistant", "tool"] * 2, "user"]
    shown = [message["tool_calls"][0] for message in messages if "tool_calls" in message]
    assert [call["function"]["name"] for call in shown] == [demo["next_tool_name"] for demo in demos]
    assert len({call["id"] for call in shown}) == 2
    text = burnish.testing.ScriptedLM(
        [{"next_thought": "t", "next_tool_name": "finish", "next_tool_args": {}}, ANSWER[0]]
    )
    with burnish.context(lm=text, adapter=ChatAdapter()):
        compiled(question="new?")
    assert "[[ ## next_tool_name ## ]]" in text.requests[0].messages[2]["content"]
