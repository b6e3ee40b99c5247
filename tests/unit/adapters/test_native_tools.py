"""Tools that a model is handed natively: out of the prompt, into the call, and the calls back into the outputs."""

from __future__ import annotations

import json
from typing import Any

import pytest

import burnish
from burnish import ChatAdapter, JSONAdapter, Output, Predict, ReplyError, Tool, ToolCalls
from burnish.adapters.native_tools import tool_fields, without_tools
from burnish.lm.capabilities import UNKNOWN, Capabilities
from burnish.testing import ScriptedLM, serving
from burnish.values.signature import InputField, OutputField, Signature

CALLS_TOOLS = Capabilities(tools=True, structured_output=True)


def weather(city: str, days: int = 1) -> str:
    """Tells the weather."""
    return f"{city}: sun for {days} days"


class Act(Signature):
    """Decide what to do."""

    question: str = InputField()
    tools: list[Tool] = InputField()
    thought: str = OutputField()
    calls: ToolCalls = OutputField()


ONLY = Act.delete("thought")
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Oslo", "days": 2}'},
}


def called(*calls: Any, text: str = "", **options: Any) -> Output:
    return Output(text, "tool_calls", {"tool_calls": list(calls)}, **options)


def act(reply: Any, *, adapter: Any = None, signature: Any = Act, capabilities: Any = CALLS_TOOLS) -> Any:
    lm = ScriptedLM([reply] if not isinstance(reply, list) else reply, capabilities=capabilities)
    with burnish.context(lm=lm, adapter=adapter or ChatAdapter(use_native_function_calling=True)):
        return Predict(signature)(question="Weather?", tools=[Tool(weather)]), lm


def test_the_fields_are_found():
    assert tool_fields(Act) == (tool_fields(Act.with_instructions("other")))
    assert (tool_fields(Act).inputs, tool_fields(Act).calls) == (("tools",), "calls")
    other = Signature({"tool": (Tool | None, InputField()), "calls": (ToolCalls | None, OutputField())})
    assert (tool_fields(other).inputs, tool_fields(other).calls) == (("tool",), "calls")
    assert tool_fields(Signature("a -> b")).calls == ""
    assert without_tools(Act) is without_tools(Act)
    assert list(without_tools(Act).fields) == ["question", "thought"]


def test_the_call_has_the_tools_and_the_prompt_has_not():
    prediction, lm = act(called(CALL, text="[[ ## thought ## ]]\nLook it up.\n\n[[ ## completed ## ]]"))
    assert prediction.thought == "Look it up."
    (made,) = prediction.calls.tool_calls
    assert (made.name, made.args, made.id) == ("weather", {"city": "Oslo", "days": 2}, "call_1")
    assert made.execute([weather]) == "Oslo: sun for 2 days"
    (request,) = lm.requests
    assert request.params["tools"] == [Tool(weather).schema()]
    assert "response_format" not in request.params
    prompt = json.dumps(request.messages)
    assert "`tools`" not in prompt.partition("Task:")[0]
    assert "Tells the weather" not in prompt
    assert "`calls`" not in request.messages[-1]["content"]


@pytest.mark.parametrize(
    ("adapter", "capabilities", "native"),
    [
        (ChatAdapter(), CALLS_TOOLS, False),
        (ChatAdapter(use_native_function_calling=True), UNKNOWN, False),
        (JSONAdapter(), CALLS_TOOLS, True),
        (JSONAdapter(), UNKNOWN, False),
        (JSONAdapter(use_native_function_calling=False), CALLS_TOOLS, False),
    ],
)
def test_where_it_is_not_wanted_or_not_known_tools_are_text(adapter, capabilities, native):
    options = adapter.options(Act, {"question": "?", "tools": [weather]}, capabilities)
    assert ("tools" in options) == native
    assert (adapter.asked(Act, capabilities) is not Act) == native
    messages = adapter.format(Act, [], {"question": "?", "tools": [Tool(weather)]}, capabilities=capabilities)
    assert ("Tells the weather" in messages[-1]["content"]) == (not native)


def test_calls_as_text_are_read_as_well():
    prediction, _ = act(
        {"thought": "t", "calls": '[{"name": "weather", "args": {"city": "Oslo"}}]'}, capabilities=UNKNOWN
    )
    assert prediction.calls.tool_calls[0].args == {"city": "Oslo"}


def test_a_model_that_calls_a_tool_need_not_say_anything():
    prediction, _ = act(called(CALL))
    assert (prediction.thought, len(prediction.calls)) == (None, 1)
    prediction, _ = act(called(CALL, text="I will look that up."))
    assert (prediction.thought, len(prediction.calls)) == (None, 1)
    defaults = Act.with_updated_fields("thought").delete("thought").append("thought", OutputField(default="none"))
    prediction, _ = act(called(CALL), signature=defaults)
    assert prediction.thought == "none"


def test_a_model_that_calls_none_has_called_none():
    prediction, _ = act({"thought": "I know it."})
    assert (prediction.thought, len(prediction.calls)) == ("I know it.", 0)
    with pytest.raises(ReplyError):
        act(["no idea", "no idea"])


def test_a_signature_with_nothing_but_calls():
    prediction, lm = act(called(CALL), signature=ONLY)
    assert len(prediction.calls) == 1
    assert lm.requests[0].messages[-1]["content"].endswith("Call the tools that the task needs.")
    prediction, _ = act(Output("There is nothing to do.", "stop"), signature=ONLY)
    assert len(prediction.calls) == 0


@pytest.mark.parametrize(
    ("arguments", "args"),
    [
        ('{"city": "Oslo"}', {"city": "Oslo"}),
        ({"city": "Oslo"}, {"city": "Oslo"}),
        ("{'city': 'Oslo',}", {"city": "Oslo"}),
        ('```json\n{"city": "Oslo"}\n```', {"city": "Oslo"}),
        ("", {}),
        (None, {}),
        ("{}", {}),
    ],
)
def test_arguments_are_read_tolerantly(arguments, args):
    prediction, _ = act(called({"function": {"name": "weather", "arguments": arguments}}), signature=ONLY)
    assert prediction.calls.tool_calls[0].args == args


@pytest.mark.parametrize(
    "call",
    [
        {"function": {"name": "weather", "arguments": '{"city": "Os'}},
        {"function": {"name": "weather", "arguments": "Oslo"}},
        {"function": {"name": "weather", "arguments": 3}},
        {"function": {"name": 3, "arguments": "{}"}},
        {"function": {"arguments": "{}"}},
        {"function": None},
        "weather",
        None,
    ],
)
def test_a_call_that_cannot_be_read_is_a_reply_error_that_shows_it(call):
    adapter = JSONAdapter()
    with pytest.raises(ReplyError, match="calls of tools cannot be read") as caught:
        act(called(call), adapter=adapter, signature=ONLY)
    assert caught.value.reply == json.dumps([call])
    assert caught.value.field == "calls"


def test_an_endpoint_that_refuses_tools_is_told_of_them_in_the_prompt():
    def reply(request: burnish.Request) -> Any:
        if "tools" in request.params:
            return burnish.LMRejected("HTTP 400: tools are not supported by this model", model="m", status=400)
        return {"thought": "t", "calls": []}

    lm = ScriptedLM(reply, capabilities=CALLS_TOOLS)
    with burnish.context(lm=lm, adapter=ChatAdapter(use_native_function_calling=True)):
        for _ in range(2):
            assert len(Predict(Act)(question="?", tools=[Tool(weather)]).calls) == 0
    assert ["tools" in request.params for request in lm.requests] == [True, False, False]
    assert "Tells the weather" in lm.requests[1].messages[-1]["content"]


def answer(request: burnish.Request) -> Output:
    """What the server below says: it calls the first tool that it is handed."""
    name = request.params["tools"][0]["function"]["name"]
    return called({"id": "1", "type": "function", "function": {"name": name, "arguments": '{"city": "Oslo"}'}})


def test_over_a_real_connection():
    with serving(answer="tests.unit.adapters.test_native_tools:answer", bodies=True) as server:
        # A model that LiteLLM's table says to call tools.
        lm = burnish.LM("openai/gpt-4o-mini", api_base=server.url, api_key="none", cache=False)
        with burnish.context(lm=lm, adapter="json"):
            prediction = Predict(Act)(question="Weather?", tools=[Tool(weather)])
        (seen,) = server.seen()
    assert prediction.calls.tool_calls[0].args == {"city": "Oslo"}
    body = json.loads(seen["body"]) if isinstance(seen["body"], str) else seen["body"]
    assert body["tools"] == [Tool(weather).schema()]


def test_functions_among_tools_are_told_of_as_tools_where_they_are_text():
    def weather(place: str) -> str:
        """Tells the weather."""
        return place

    lm = ScriptedLM([{"calls": {"tool_calls": []}}])
    with burnish.context(lm=lm):
        burnish.Predict("tools: list[Tool], question -> calls: ToolCalls")(tools=[weather], question="?")
    asked = lm.requests[0].messages[-1]["content"]
    assert "Tells the weather." in asked
    assert "<function" not in asked
