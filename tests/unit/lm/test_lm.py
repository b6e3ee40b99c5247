"""`LM`: how it is called, what it refuses, when it tries again, and what it asks only once."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from typing import Any

import pytest

import burnish
from burnish.engine.meter import BudgetMeter
from burnish.errors import BudgetExhausted, ConfigError, LMRejected, LMTransient
from burnish.lm.cache import Cache
from burnish.lm.lm import LM
from burnish.lm.request import Output, Request, Response
from burnish.lm.scope import RolloutState, Scope, use_scope
from burnish.loop import run_sync
from burnish.testing import ScriptedLM
from burnish.values.budget import Budget
from burnish.values.usage import Ledger, Usage


@pytest.fixture(autouse=True)
def _memory_cache():
    with burnish.context(cache=Cache()):
        yield


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be waited between attempts; nothing really waits longer than a turn of the loop."""
    asked: list[float] = []
    sleep = asyncio.sleep

    async def at_once(seconds: float, result: Any = None) -> Any:
        if seconds:
            asked.append(seconds)
        return await sleep(0, result)

    monkeypatch.setattr(asyncio, "sleep", at_once)
    return asked


def counted(request: Request) -> str:
    """What was asked, for a script that does not depend on the order of the calls."""
    return f"reply to {request.messages[-1]['content']}"


# How it is called


def test_a_text_and_messages_are_the_same_question() -> None:
    lm = ScriptedLM(counted)
    assert lm("hi") == lm(messages=[{"role": "user", "content": "hi"}]) == ["reply to hi"]
    assert lm.requests[0].key == lm.requests[1].key


def test_asking_from_async_code_in_another_loop() -> None:
    assert asyncio.run(ScriptedLM(["yes"]).acall("hi")) == ["yes"]


@pytest.mark.parametrize("call", [{}, {"prompt": "a", "messages": [{"role": "user", "content": "b"}]}])
def test_a_call_has_a_prompt_or_messages(call: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="one of the two"):
        ScriptedLM(["unused"])(**call)


def test_call_settings_go_over_those_of_the_lm() -> None:
    lm = ScriptedLM(counted, temperature=0.2, max_tokens=50, top_p=0.9)
    lm("hi", temperature=0.7)
    assert dict(lm.requests[0].params) == {"temperature": 0.7, "max_tokens": 50, "top_p": 0.9}
    assert lm.params == {"temperature": 0.2, "max_tokens": 50, "top_p": 0.9}


def test_settings_that_were_not_given_are_left_to_the_model() -> None:
    lm = ScriptedLM(counted)
    lm("hi")
    assert dict(lm.requests[0].params) == {}
    assert "temperature" in ScriptedLM(counted, temperature=0).params


def test_several_completions_come_as_several_texts() -> None:
    assert ScriptedLM([["one", "two"]])("hi", n=2) == ["one", "two"]


# What it refuses


@pytest.mark.parametrize("model", ["", None, 3])
def test_a_model_needs_a_name(model: Any) -> None:
    with pytest.raises(ConfigError, match="provider/name"):
        LM(model)


@pytest.mark.parametrize("options", [{"num_retries": -1}, {"timeout": 0}, {"timeout": -1}])
def test_settings_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        LM("a/b", **options)


def test_what_json_has_not_cannot_be_sent() -> None:
    lm = ScriptedLM(counted)
    with pytest.raises(ConfigError, match="JSON"):
        lm("hi", stop={1, 2})
    with pytest.raises(ConfigError, match="JSON"):
        lm("hi", temperature=float("nan"))
    assert lm.requests == []


def test_a_backend_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        LM("a/b", backend="nowhere")("hi")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("num_retry", "num_retries"),
        ("context_windw", "context_window"),
        ("apibase", "api_base"),
        ("base_url", "api_base"),
    ],
)
def test_a_misspelt_parameter_is_an_error_and_says_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"Did you mean {meant}"):
        LM("a/b", **{name: 1})
    lm = ScriptedLM(counted)
    with pytest.raises(ConfigError, match=f"Did you mean {meant}"):
        lm("hi", **{name: 1})
    assert lm.requests == []


@pytest.mark.parametrize("name", ["top_a", "max_new_tokens", "xtc_threshold", "dry_multiplier", "guided_choice"])
def test_a_parameter_of_a_providers_own_is_let_through(name: str) -> None:
    lm = ScriptedLM(counted)
    lm("hi", **{name: 1})
    assert dict(lm.requests[0].params) == {name: 1}


# Credentials


SECRETS = {
    "api_key": "marker-1",
    "aws_secret_access_key": "marker-2",
    "hf_token": "marker-3",
    "extra_headers": {"Authorization": "marker-4"},
    "vertex_credentials": "marker-5",
    "password": "marker-6",
}


def test_credentials_reach_the_backend_and_nothing_else() -> None:
    lm = ScriptedLM(counted, temperature=0.5, **SECRETS)
    lm("hi")
    request = lm.requests[0]
    shown = [repr(lm), repr(lm._line.endpoint), repr(request), json.dumps(lm.dump_state()), repr(lm.params)]
    assert not any("marker" in text for text in shown)
    assert lm._line.endpoint.secrets == SECRETS


def test_the_key_of_a_request_does_not_depend_on_credentials() -> None:
    one, other = ScriptedLM(counted, api_key="marker-1"), ScriptedLM(counted, api_key="marker-2")
    one("hi")
    other("hi")
    assert one.requests[0].key == other.requests[0].key


def test_the_number_of_tokens_is_no_credential() -> None:
    assert ScriptedLM(counted, max_tokens=5, max_completion_tokens=6).params == {
        "max_tokens": 5,
        "max_completion_tokens": 6,
    }


@pytest.mark.parametrize("name", SECRETS)
def test_a_credential_given_to_a_call_is_refused_without_being_shown(name: str) -> None:
    lm = ScriptedLM(counted)
    with pytest.raises(ConfigError, match=name) as caught:
        lm("hi", **{name: SECRETS[name]})
    assert "marker" not in str(caught.value)
    assert lm.requests == []


def test_a_dumped_lm_makes_the_same_requests() -> None:
    lm = LM("a/b", temperature=0.5, top_p=0.9, api_base="http://here", api_key="marker", num_retries=7, cache=False)
    again = LM(**lm.dump_state())
    message = [{"role": "user", "content": "hi"}]
    assert again.request(message, config={}).key == lm.request(message, config={}).key
    assert (again.num_retries, again.cache) == (7, False)


def test_a_copied_program_shares_its_lm() -> None:
    lm = ScriptedLM(counted)
    assert copy.deepcopy([lm])[0] is lm


# Draws


def test_the_rollout_id_tells_draws_apart_and_is_not_sent() -> None:
    lm = ScriptedLM(["one", "two", "three"], cache=True)
    assert [lm("hi"), lm("hi", rollout_id=1), lm("hi", rollout_id=2)] == [["one"], ["two"], ["three"]]
    assert [lm("hi", rollout_id=1), lm("hi")] == [["two"], ["one"]]
    assert all("rollout_id" not in request.params for request in lm.requests)


def test_another_key_to_the_same_address_is_the_same_request() -> None:
    message = [{"role": "user", "content": "hi"}]
    bases = ["http://one/v1?api-key=marker-1", "http://one/v1?api-key=marker-2", "http://user:marker-3@one/v1"]
    assert len({LM("a/b", api_base=base).request(message, config={}).key for base in bases}) == 1


def test_endpoints_do_not_share_replies() -> None:
    message = [{"role": "user", "content": "hi"}]
    keys = {LM("a/b", api_base=base).request(message, config={}).key for base in (None, "http://one", "http://two")}
    assert len(keys) == 3


class _Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.replies: dict[str, Response] = {}
        self.paid: list[bool] = []

    def reply(self, key: str) -> Response | None:
        return self.replies.get(key)

    def keep_reply(self, key: str, response: Response, *, paid: bool = True) -> asyncio.Future[None]:
        if key not in self.replies:
            self.replies[key] = response
            self.paid.append(paid)
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        committed.set_result(None)
        return committed


def test_without_a_cache_a_rollout_that_asks_twice_gets_two_draws_and_a_resumed_one_the_same_two() -> None:
    journal = _Kept()
    lm = ScriptedLM([f"draw {number}" for number in range(4)])

    def rollout() -> list[str]:
        with use_scope(Scope(journal=journal, rollout=RolloutState())):
            return [lm("hi")[0] for _ in range(3)]

    assert rollout() == ["draw 0", "draw 1", "draw 2"]
    assert rollout() == ["draw 0", "draw 1", "draw 2"]
    assert len(lm.requests) == 3


# What is known already


def test_the_journal_comes_before_the_cache_and_a_cached_reply_enters_it_unpaid() -> None:
    lm = ScriptedLM(["paid"], cache=True)
    assert lm("hi") == ["paid"]
    journal = _Kept()
    ledger = Ledger()
    with use_scope(Scope(journal=journal, ledger=ledger)):
        assert lm("hi") == ["paid"]
        burnish.settings.cache.clear()
        assert lm("hi") == ["paid"]
    assert journal.paid == [False]
    assert ledger.total() == Usage()
    assert len(lm.requests) == 1


def test_errors_are_not_kept() -> None:
    lm = ScriptedLM([LMRejected("no", model="m"), "yes"], cache=True)
    with pytest.raises(LMRejected):
        lm("hi")
    assert lm("hi") == ["yes"]


def test_the_embedded_model_is_never_cached() -> None:
    assert LM("offline/icl").cache is False


# Another try


def transient(**fields: Any) -> LMTransient:
    return LMTransient("busy", model="m", **fields)


def test_what_is_worth_another_try_is_tried_so_often(waits: list[float]) -> None:
    lm = ScriptedLM([transient(), transient(), transient(), "yes"], num_retries=3)
    assert lm("hi") == ["yes"]
    assert len(waits) == 3
    assert all(0 <= seconds <= 30 for seconds in waits)


def test_the_last_error_comes_out_once_the_tries_are_used_up(waits: list[float]) -> None:
    lm = ScriptedLM([transient(), transient(), transient(status=503)], num_retries=2)
    with pytest.raises(LMTransient) as caught:
        lm("hi")
    assert caught.value.status == 503
    assert len(lm.requests) == 3


def test_the_endpoint_says_how_long_to_wait(waits: list[float]) -> None:
    lm = ScriptedLM([transient(retry_after=7.0), transient(retry_after=9.0), "yes"], num_retries=2)
    assert lm("hi") == ["yes"]
    assert waits == [7.0, 9.0]


def test_a_refused_request_is_not_sent_again(waits: list[float]) -> None:
    lm = ScriptedLM([LMRejected("no", model="m"), "yes"], num_retries=3)
    with pytest.raises(LMRejected):
        lm("hi")
    assert len(lm.requests) == 1
    assert waits == []


def test_no_retries_means_none(waits: list[float]) -> None:
    lm = ScriptedLM([transient(), "yes"], num_retries=0)
    with pytest.raises(LMTransient):
        lm("hi")
    assert len(lm.requests) == 1


def test_a_reply_that_takes_too_long_is_worth_another_try() -> None:
    lm = ScriptedLM(["late"], latency=5, timeout=0.02)
    with pytest.raises(LMTransient, match=r"0\.02 s"):
        lm("hi")


def test_a_broken_connection_is_worth_another_try(waits: list[float]) -> None:
    lm = ScriptedLM([ConnectionResetError("gone"), "yes"], num_retries=1)
    assert lm("hi") == ["yes"]


def test_a_wait_for_another_try_holds_no_slot() -> None:
    async def both() -> list[list[str]]:
        lm = ScriptedLM([transient(retry_after=0.05), "second", "first"], num_retries=1)
        with use_scope(Scope(slots=asyncio.Semaphore(1))):
            slow = asyncio.create_task(lm.acall("slow"))
            await asyncio.sleep(0)
            return [await lm.acall("quick"), await slow]

    assert run_sync(both()) == [["second"], ["first"]]


# The same request in flight


def test_identical_requests_in_flight_are_sent_once() -> None:
    lm = ScriptedLM(counted, latency=0.01, cache=True)

    async def many() -> list[list[str]]:
        return await asyncio.gather(*(lm.acall("hi") for _ in range(50)), lm.acall("other"))

    assert run_sync(many()) == [["reply to hi"]] * 50 + [["reply to other"]]
    assert len(lm.requests) == 2


def test_threads_that_ask_the_same_at_the_same_time_send_it_once() -> None:
    lm = ScriptedLM(lambda request: {"b": "x"}, cache=True)
    predict = burnish.Predict("a -> b")
    cache = Cache()

    def ask(question: str, meet: threading.Barrier) -> None:
        with burnish.context(lm=lm, cache=cache):
            meet.wait(5)
            predict(a=question)

    for number in range(30):
        meet = threading.Barrier(8)
        threads = [threading.Thread(target=ask, args=(f"question {number}", meet)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(lm.requests) == 30


def test_without_a_cache_each_of_them_is_a_draw() -> None:
    lm = ScriptedLM([str(number) for number in range(5)], latency=0.01)

    async def many() -> list[list[str]]:
        return await asyncio.gather(*(lm.acall("hi") for _ in range(5)))

    assert sorted(run_sync(many())) == [["0"], ["1"], ["2"], ["3"], ["4"]]


def test_an_error_reaches_everybody_who_waits_for_the_same() -> None:
    lm = ScriptedLM([LMRejected("no", model="m"), "yes"], latency=0.01, cache=True)

    async def many() -> list[Any]:
        return await asyncio.gather(*(lm.acall("hi") for _ in range(5)), return_exceptions=True)

    assert [str(error) for error in run_sync(many())] == ["no"] * 5
    assert lm("hi") == ["yes"]


def test_a_budget_that_is_used_up_is_that_of_the_one_who_asked() -> None:
    lm = ScriptedLM(lambda request: "x", cache=True)

    async def ask(scope: Scope) -> Any:
        with use_scope(scope):
            return await lm.acall("same")

    async def both() -> list[Any]:
        slots = asyncio.Semaphore(1)
        await slots.acquire()
        meter = BudgetMeter(Budget(calls=1), Usage(calls=1))
        tasks = [asyncio.create_task(ask(scope)) for scope in (Scope(slots=slots, meter=meter), Scope())]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        slots.release()
        return await asyncio.gather(*tasks, return_exceptions=True)

    poor, rich = run_sync(both())
    assert isinstance(poor, BudgetExhausted)
    assert rich == ["x"]


def test_when_the_one_who_asked_is_cancelled_another_asks() -> None:
    lm = ScriptedLM(counted, latency=0.02, cache=True)

    async def many() -> list[Any]:
        first = asyncio.create_task(lm.acall("hi"))
        await asyncio.sleep(0.001)
        others = [asyncio.create_task(lm.acall("hi")) for _ in range(3)]
        await asyncio.sleep(0.001)
        first.cancel()
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, *others = run_sync(many())
    assert isinstance(first, asyncio.CancelledError)
    assert others == [["reply to hi"]] * 3
    assert len(lm.requests) == 2


def test_cancelling_everybody_leaves_nobody_asking() -> None:
    lm = ScriptedLM(counted, latency=0.02, cache=True)

    async def many() -> list[Any]:
        tasks = [asyncio.create_task(lm.acall("hi")) for _ in range(4)]
        await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(result, asyncio.CancelledError) for result in run_sync(many()))
    assert len(lm.requests) == 1


def test_one_who_waits_may_be_cancelled_alone() -> None:
    lm = ScriptedLM(counted, latency=0.02, cache=True)

    async def both() -> list[Any]:
        tasks = [asyncio.create_task(lm.acall("hi")) for _ in range(2)]
        await asyncio.sleep(0.001)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second = run_sync(both())
    assert first == ["reply to hi"]
    assert isinstance(second, asyncio.CancelledError)


def test_a_reply_that_another_run_was_waiting_for_enters_both_journals() -> None:
    lm = ScriptedLM(counted, latency=0.01, cache=True)
    journals = [_Kept(), _Kept()]

    async def ask(journal: _Kept) -> list[str]:
        with use_scope(Scope(journal=journal)):
            return await lm.acall("hi")

    async def both() -> list[list[str]]:
        return await asyncio.gather(*map(ask, journals))

    assert run_sync(both()) == [["reply to hi"]] * 2
    assert len(lm.requests) == 1
    assert [journal.paid for journal in journals] == [[True], [False]]


# Usage


def test_usage_is_booked_under_stage_predictor_and_model() -> None:
    ledger = Ledger()
    lm = ScriptedLM(["four words are here", "x"])
    with use_scope(Scope(ledger=ledger, stage="score", rollout=RolloutState())) as scope:
        run_sync(lm.complete(lm.request([{"role": "user", "content": "hi"}], config={}), predictor="find"))
    assert list(ledger._entries) == [("score", "find", "scripted/model")]
    assert ledger.total() == scope.rollout.usage
    assert ledger.total().calls == 1


def test_a_backend_that_counts_nothing_is_still_asked() -> None:
    class Bare:
        async def complete(self, request: Request) -> Response:
            return Response((Output("yes"),), Usage(calls=1), request.model)

    assert LM("a/b", backend=Bare(), cache=False)("hi") == ["yes"]


def test_a_pickled_model_holds_no_key() -> None:
    nested = LM("openai/x", api_key="marker-key", extra_body={"api_key": "marker-key", "kept": 1})
    assert b"marker-key" not in pickle.dumps(nested)
    assert pickle.loads(pickle.dumps(nested)).params == {"extra_body": {"kept": 1}}
    lm = LM("openai/x", api_key="marker-key", temperature=0.5)
    pickled = pickle.dumps(lm)
    assert b"marker-key" not in pickled
    twin = pickle.loads(pickled)
    assert (twin.model, twin.params) == (lm.model, lm.params)


def test_what_belongs_to_the_model_is_not_sent_with_a_call() -> None:
    with pytest.raises(ConfigError, match=r"Give cache to LM\(...\)"):
        LM("offline/icl")("hi", cache=False)
