"""`ScriptedLM` answers what it is told to, and everything else about it is a real `LM`."""

from __future__ import annotations

import asyncio

import pytest

import burnish
from burnish.errors import ConfigError, LMRejected, LMTransient
from burnish.loop import run_sync
from burnish.testing import ScriptedLM
from burnish.testing.scripted import rendered


def test_replies_come_in_order_and_requests_are_kept() -> None:
    lm = ScriptedLM(["one", "two"])
    assert [lm("first"), lm("second")] == [["one"], ["two"]]
    assert [request.messages[-1]["content"] for request in lm.requests] == ["first", "second"]


def test_the_same_question_is_asked_again_since_there_is_no_cache() -> None:
    lm = ScriptedLM(["one", "two"])
    assert [lm("same"), lm("same")] == [["one"], ["two"]]


def test_a_dict_becomes_sections_of_the_chat_format() -> None:
    assert ScriptedLM([{"answer": "Rome", "sure": True}])("?") == [
        "[[ ## answer ## ]]\nRome\n\n[[ ## sure ## ]]\ntrue\n\n[[ ## completed ## ]]"
    ]


def test_a_function_sees_the_request() -> None:
    lm = ScriptedLM(lambda request: f"{request.model}: {request.messages[0]['content']}", model="scripted/x")
    assert lm("hi") == ["scripted/x: hi"]


def test_a_list_is_several_completions() -> None:
    assert ScriptedLM([["one", {"answer": "two"}]])("?", n=2) == ["one", rendered({"answer": "two"})]


def test_exceptions_are_raised() -> None:
    lm = ScriptedLM([LMRejected("too rude", model="scripted/model"), "better"])
    with pytest.raises(LMRejected, match="too rude"):
        lm("?")
    assert lm("?") == ["better"]


def test_retries_happen_only_where_asked_for() -> None:
    failing = [LMTransient("busy", model="m", retry_after=0.001), "there"]
    with pytest.raises(LMTransient):
        ScriptedLM(failing)("?")
    assert ScriptedLM(failing, num_retries=1)("?") == ["there"]


def test_a_script_that_runs_out_says_so_with_the_question() -> None:
    lm = ScriptedLM(["only"])
    lm("first")
    with pytest.raises(ConfigError, match=r"has 1 replies, and this is call 2\. It asks: 'second'"):
        lm("second")


def test_usage_is_one_call_with_tokens_and_no_price() -> None:
    lm = ScriptedLM(["four letters"])
    usage = run_sync(lm.complete(lm.request([{"role": "user", "content": "hello"}], config={}))).usage
    assert (usage.calls, usage.dollars, usage.unpriced) == (1, 0.0, 0)
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0


def test_latency_may_depend_on_the_request_and_calls_overlap() -> None:
    ended: list[str] = []

    def wait(request) -> float:
        return 0.05 if request.messages[0]["content"] == "slow" else 0.0

    lm = ScriptedLM(lambda request: request.messages[0]["content"], latency=wait)

    async def ask(text: str) -> None:
        ended.extend(await lm.acall(text))

    async def both() -> None:
        await asyncio.gather(ask("slow"), ask("fast"))

    run_sync(both())
    assert ended == ["fast", "slow"]
    assert [request.messages[0]["content"] for request in lm.requests] == ["slow", "fast"]


def test_a_dict_is_written_in_the_form_that_is_asked_for() -> None:
    lm = ScriptedLM([{"answer": 3}, {"answer": "three"}, {"answer": "three"}])
    with burnish.context(lm=lm, adapter="json"):
        assert burnish.Predict("question -> answer: int")(question="?").answer == 3
        with pytest.raises(burnish.ReplyError, match="`answer` is 'three', and that is no int") as caught:
            burnish.Predict("question -> answer: int")(question="?")
    assert caught.value.reply == '{"answer": "three"}'
