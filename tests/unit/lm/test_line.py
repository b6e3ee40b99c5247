"""The way of a call beyond its happy path: pace, bills of what brought no reply, second sendings, windows and prices."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import warnings
from typing import Any

import pytest

import burnish
from burnish.engine.events import EventStream
from burnish.engine.meter import BudgetMeter
from burnish.errors import BudgetExhausted, ConfigError, LMRejected, LMTransient, PromptTooLong, RunStopped
from burnish.lm.lm import LM
from burnish.lm.request import Output, Request, Response
from burnish.lm.scope import RolloutState, Scope, use_scope
from burnish.loop import run_sync
from burnish.testing import ScriptedLM, serving
from burnish.values.budget import Budget
from burnish.values.usage import Ledger, Usage


def busy(retry_after: float | None = 0.01) -> LMTransient:
    return LMTransient("busy", model="m", status=429, retry_after=retry_after)


class Seen:
    """Takes the events of a run."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def scope(self, **parts: Any) -> Scope:
        return Scope(watch=EventStream([self.events.extend]), rollout=RolloutState(), **parts)

    def kinds(self, scope: Scope) -> list[str]:
        run_sync(self._flushed(scope))
        return [event["kind"] for event in self.events]

    async def _flushed(self, scope: Scope) -> None:
        scope.watch.flush()


# Pace


def test_a_rate_limit_is_no_failed_try() -> None:
    lm = ScriptedLM([busy()] * 6 + ["yes"], num_retries=0)
    assert lm("hi") == ["yes"]
    assert len(lm.requests) == 7


def test_an_endpoint_that_only_refuses_is_given_up_in_time() -> None:
    lm = ScriptedLM(lambda request: busy(0.05), num_retries=1, timeout=0.2)
    with pytest.raises(LMTransient) as caught:
        lm("hi")
    assert caught.value.status == 429
    assert 3 <= len(lm.requests) <= 20


def test_what_else_goes_wrong_between_two_refusals_counts_as_ever() -> None:
    gone = LMTransient("gone", model="m", retry_after=0.001)
    lm = ScriptedLM([busy(), gone, busy(), gone, busy(), "never"], num_retries=1)
    with pytest.raises(LMTransient, match="gone"):
        lm("hi")
    assert len(lm.requests) == 4


def test_lms_of_one_endpoint_and_model_share_their_pace_and_backend_objects_have_their_own() -> None:
    one, same, elsewhere = (LM("anthropic/a", api_base=base) for base in ("http://a", "http://a", "http://b"))
    assert one._line.limiter is same._line.limiter
    assert one._line.limiter is not elsewhere._line.limiter
    assert ScriptedLM([])._line.limiter is not ScriptedLM([])._line.limiter


def test_requests_a_minute_are_held_to() -> None:
    lm = ScriptedLM(lambda request: "yes", rpm=3)

    async def five() -> int:
        tasks = [asyncio.ensure_future(lm.acall(str(number))) for number in range(5)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(lm.requests)

    assert run_sync(five()) == 3


def test_a_wait_at_the_endpoint_ends_with_the_time_of_the_run() -> None:
    lm = ScriptedLM(lambda request: busy(60.0))
    meter = BudgetMeter(Budget(seconds=0.1))
    with use_scope(Scope(meter=meter)), pytest.raises(BudgetExhausted, match="seconds"):
        lm("hi")
    assert (meter.spent.calls, meter._held) == (1, Usage())


def test_a_request_that_is_refused_while_others_are_answered_is_itself_at_fault() -> None:
    def reply(request: Request) -> Any:
        return busy(0.001) if "large" in request.messages[-1]["content"] else "yes"

    lm = ScriptedLM(reply, num_retries=1, latency=0.001)

    async def among_others() -> Any:
        ended = asyncio.Event()

        async def others() -> None:
            number = 0
            while not ended.is_set():
                number += 1
                await lm.acall(f"small {number}")

        task = asyncio.ensure_future(others())
        with pytest.raises(LMTransient) as caught:
            await lm.acall("large")
        ended.set()
        await task
        return caught.value.status

    async def soon() -> Any:
        async with asyncio.timeout(60):
            return await among_others()

    assert run_sync(soon()) == 429
    assert sum("large" in request.messages[-1]["content"] for request in lm.requests) <= 20


def test_a_refusal_that_is_no_matter_of_pace_leaves_the_pace_alone() -> None:
    lm = ScriptedLM([PromptTooLong("too large", model="m", status=429)], num_retries=3)
    with pytest.raises(PromptTooLong):
        lm("hi")
    assert lm._line.limiter.refused_since is None
    assert lm._line.limiter.in_flight == 0


def test_a_model_that_cannot_be_asked_leaves_no_coroutine_behind() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConfigError, match="offline"):
            LM("offline/icll")("hi")
        gc.collect()


def test_a_model_that_only_computes_has_no_pace() -> None:
    class Computes:
        waits = False
        calls = 0

        async def complete(self, request: Request) -> Response:
            self.calls += 1
            raise busy(0.0)

    backend = Computes()
    with pytest.raises(LMTransient):
        LM("a/b", backend=backend, cache=False, num_retries=0)("hi")
    assert backend.calls == 1


def test_who_waits_for_one_endpoint_keeps_nobody_from_another() -> None:
    slow, fast = ScriptedLM(lambda request: "slow", rpm=1), ScriptedLM(lambda request: "fast")

    async def both() -> int:
        with use_scope(Scope(slots=asyncio.Semaphore(2))):
            waiting = [asyncio.ensure_future(slow.acall(str(number))) for number in range(6)]
            await asyncio.sleep(0.01)
            async with asyncio.timeout(10):
                await asyncio.gather(*(fast.acall(str(number)) for number in range(20)))
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        return len(slow.requests)

    assert run_sync(both()) == 1
    assert len(fast.requests) == 20
    assert slow._line.limiter.in_flight == 0


def test_a_wait_for_another_try_ends_with_the_time_of_the_run() -> None:
    lm = ScriptedLM([LMTransient("down", model="m", status=503, retry_after=60.0)] * 2, num_retries=1)
    with use_scope(Scope(meter=BudgetMeter(Budget(seconds=0.1)))), pytest.raises(BudgetExhausted, match="seconds"):
        lm("hi")


def test_a_limiter_of_its_own_begins_anew_in_a_forked_child(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ScriptedLM([])._line
    here = line.traffic
    assert line.traffic is here
    monkeypatch.setattr(os, "getpid", lambda: -1)
    there = line.traffic
    assert there is not here
    assert line.traffic is there


# The same request in flight


def test_lms_of_the_same_name_and_address_send_the_same_request_once(tmp_path: Any) -> None:
    with serving(latency=0.1, answer="yes") as server, burnish.context(cache=burnish.Cache()):
        twins = [server.lm(cache=True) for _ in range(2)]

        async def both() -> list[list[str]]:
            return await asyncio.gather(*(twin.acall("hi") for twin in twins))

        assert run_sync(both()) == [["yes"]] * 2
        assert server.count() == 1


def test_what_stops_one_run_does_not_stop_another_that_waits_for_the_same() -> None:
    class Unwritable:
        def reply(self, key: str) -> None:
            return None

        def keep_reply(self, key: str, response: Response, *, paid: bool = True) -> Any:
            raise RunStopped("the disk is full")

    lm = ScriptedLM(lambda request: "yes", latency=0.02, cache=True)

    async def ask(scope: Scope) -> Any:
        with use_scope(scope):
            return await lm.acall("hi")

    async def both() -> list[Any]:
        slots = asyncio.Semaphore(2)
        scopes = [Scope(slots=slots, journal=Unwritable()), Scope(slots=slots)]
        return await asyncio.gather(*map(ask, scopes), return_exceptions=True)

    with burnish.context(cache=burnish.Cache()):
        stopped, answered = run_sync(both())
    assert isinstance(stopped, RunStopped)
    assert answered == ["yes"]


def test_a_backend_that_asks_another_model_never_waits_for_its_own_slot() -> None:
    inner = ScriptedLM(lambda request: "inner", cache=True)

    class Asking:
        async def complete(self, request: Request) -> Response:
            await asyncio.sleep(0.02)
            (text,) = await inner.acall("shared")
            return Response((Output(text),), Usage(1), "m")

    outer = LM("asking/m", backend=Asking(), cache=False)

    async def both() -> list[Any]:
        with use_scope(Scope(slots=asyncio.Semaphore(1))):
            async with asyncio.timeout(10):
                first = asyncio.ensure_future(outer.acall("hi"))
                await asyncio.sleep(0.01)
                return await asyncio.gather(first, inner.acall("shared"))

    with burnish.context(cache=burnish.Cache()):
        assert run_sync(both()) == [["inner"], ["inner"]]


# Bills


def test_an_attempt_without_a_reply_is_on_the_bill_of_everybody_who_keeps_one() -> None:
    seen, meter = Seen(), BudgetMeter(Budget(calls=9))
    scope = seen.scope(meter=meter, ledger=Ledger(), stage="score")
    error = LMTransient("out of order", model="m", status=500, retry_after=0.001)
    lm = ScriptedLM([error, busy(0.001), "yes"], num_retries=1)
    with use_scope(scope):
        lm("hi")
    assert scope.ledger.total(stage="score").calls == meter.spent.calls == scope.rollout.usage.calls == 3
    assert seen.kinds(scope) == ["lm_failed", "lm_failed", "lm_called"]
    assert [event.get("status") for event in seen.events] == [500, 429, None]


def test_a_call_that_was_cut_off_is_billed_for_its_prompt_at_its_price() -> None:
    meter = BudgetMeter(Budget(dollars=1.0))
    lm = ScriptedLM(["late"], latency=5, timeout=0.02, prices=(1000.0, 1000.0))
    with use_scope(Scope(meter=meter)), pytest.raises(LMTransient, match=r"0\.02 s"):
        lm("hi")
    tokens = lm.requests[0].tokens
    assert meter.spent == Usage(1, tokens, 0, pytest.approx(tokens * 0.001))
    unknown = ScriptedLM(["late"], latency=5, timeout=0.02)
    ledger = Ledger()
    with use_scope(Scope(ledger=ledger)), pytest.raises(LMTransient):
        unknown("hi")
    assert ledger.total().unpriced == 1


def test_what_was_refused_before_it_was_sent_is_on_no_bill() -> None:
    ledger = Ledger()
    lm = ScriptedLM(["never"])
    with (
        use_scope(Scope(ledger=ledger, meter=BudgetMeter(Budget(calls=1), Usage(calls=1)))),
        pytest.raises(BudgetExhausted),
    ):
        lm("hi")
    assert ledger.total() == Usage()
    assert lm.requests == []


# A second sending


class Slow:
    """Answers the first call late and the others at once; knows what was cancelled."""

    def __init__(self, *, first: float, others: float = 0.0) -> None:
        self.first, self.others = first, others
        self.calls = 0
        self.cancelled: list[int] = []

    async def complete(self, request: Request) -> Response:
        self.calls += 1
        number = self.calls
        try:
            await asyncio.sleep(self.first if number == 1 else self.others)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        return Response((Output(f"from call {number}"),), Usage(1, 10, 5, 0.5), "m")


def resending(backend: Slow, **options: Any) -> LM:
    return LM("slow/m", backend=backend, cache=False, resend_after=0.03, num_retries=0, **options)


def test_a_straggler_is_sent_once_more_and_both_are_on_the_bill() -> None:
    seen = Seen()
    scope = seen.scope(ledger=Ledger(), slots=asyncio.Semaphore(2))
    backend = Slow(first=5)
    with use_scope(scope):
        assert resending(backend, prices=(1e6, 1e6))("hi") == ["from call 2"]
    assert backend.cancelled == [1]
    total = scope.ledger.total()
    assert (total.calls, total.unpriced) == (2, 0)
    assert total.dollars > 0.5
    assert seen.kinds(scope) == ["lm_resent", "lm_called", "lm_cut_off"]


def test_the_first_reply_counts_whichever_call_it_answers() -> None:
    backend = Slow(first=0.08, others=5)
    assert resending(backend)("hi") == ["from call 1"]
    assert (backend.calls, backend.cancelled) == (2, [2])


def test_a_call_in_time_is_sent_once() -> None:
    backend = Slow(first=0.0)
    assert resending(backend)("hi") == ["from call 1"]
    assert backend.calls == 1


def test_a_call_is_never_sent_a_third_time() -> None:
    backend = Slow(first=5, others=5)
    with pytest.raises(LMTransient, match=r"0\.2 s"):
        resending(backend, timeout=0.2)("hi")
    assert backend.calls == 2
    assert sorted(backend.cancelled) == [1, 2]


def test_cancelling_a_call_that_was_sent_twice_leaves_nothing_running() -> None:
    backend = Slow(first=5, others=5)

    async def cancelled() -> int:
        task = asyncio.ensure_future(resending(backend).acall("hi"))
        await asyncio.sleep(0.08)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return len(asyncio.all_tasks()) - 1

    assert run_sync(cancelled()) == 0
    assert sorted(backend.cancelled) == [1, 2]


# Windows, prices and what a model takes


def test_a_prompt_that_does_not_fit_is_not_sent() -> None:
    lm = ScriptedLM(["never"], context_window=50)
    with pytest.raises(PromptTooLong, match="not sent"):
        lm("word " * 100)
    assert lm.requests == []


def test_the_reply_needs_room_in_the_window_too() -> None:
    text = "word " * 30
    assert ScriptedLM(["yes"], context_window=60)(text) == ["yes"]
    with pytest.raises(PromptTooLong):
        ScriptedLM(["never"], context_window=60, max_tokens=30)(text)


def test_the_table_tells_how_long_a_prompt_may_be_and_the_user_how_long_prompt_and_reply() -> None:
    lms = [ScriptedLM([], model="openai/gpt-4o-mini", context_window=window) for window in (None, 128_000)]
    message = [{"role": "user", "content": "word " * 120_000}]
    excess = [lm.excess(lm.request(message, config={"max_tokens": 16_000})) for lm in lms]
    assert excess[0] == 0
    assert excess[1] > 0


def demos(count: int) -> list[burnish.Example]:
    return [burnish.Example(a=f"question {n} " + "word " * 20, b=f"reply {n}").with_inputs("a") for n in range(count)]


def test_demos_that_do_not_fit_are_left_out_from_the_last_on_and_it_is_said() -> None:
    lm = ScriptedLM(lambda request: {"b": "x"}, context_window=400)
    predict = burnish.Predict("a -> b")
    predict.demos = demos(16)
    seen = Seen()
    scope = seen.scope()
    with burnish.context(lm=lm), use_scope(scope), pytest.warns(UserWarning, match="it shows the first"):
        predict(a="short")
    (request,) = lm.requests
    shown = [m["content"] for m in request.messages if m["role"] == "user"]
    kept = len(shown) - 1
    assert 0 < kept < 16
    assert all(f"question {n} " in shown[n] for n in range(kept))
    assert lm.excess(request) == 0
    assert "demos_dropped" in seen.kinds(scope)
    (told,) = (event for event in seen.events if event["kind"] == "demos_dropped")
    assert (told["kept"], told["dropped"]) == (kept, 16 - kept)
    # One more would not have fitted.
    predict.demos = predict.demos[: kept + 1]
    with burnish.context(lm=lm), pytest.warns(UserWarning, match="it shows the first"):
        predict(a="short")
    assert len(predict.demos) == kept + 1


def test_inputs_that_do_not_fit_alone_are_refused() -> None:
    lm = ScriptedLM(["never"], context_window=300)
    predict = burnish.Predict("a -> b")
    predict.demos = demos(2)
    with (
        burnish.context(lm=lm),
        pytest.warns(UserWarning, match="it shows the first"),
        pytest.raises(PromptTooLong),
    ):
        predict(a="word " * 500)
    assert lm.requests == []


def test_a_model_that_takes_no_temperature_is_sent_none_and_still_draws_anew() -> None:
    lm = ScriptedLM(["one", "two"], model="openai/o3-mini", cache=True, temperature=0.5)
    with burnish.context(cache=burnish.Cache()):
        assert [lm("hi", temperature=1.0, rollout_id=1), lm("hi", temperature=1.0, rollout_id=2)] == [["one"], ["two"]]
    assert [dict(request.params) for request in lm.requests] == [{}, {}]


@pytest.mark.parametrize("prices", [(1,), "free", 3, (None, 1)])
def test_prices_are_two_numbers(prices: Any) -> None:
    with pytest.raises(ConfigError, match="per million"):
        LM("a/b", prices=prices)


@pytest.mark.parametrize("name", ["rpm", "tpm", "resend_after", "context_window", "timeout"])
def test_limits_are_above_zero(name: str) -> None:
    for number in (0, -1, True, "3"):
        with pytest.raises(ConfigError, match=name):
            LM("a/b", **{name: number})


def test_a_cap_on_dollars_needs_known_prices_before_the_first_call() -> None:
    lm = LM("local/model", api_base="http://127.0.0.1:9")
    predict = burnish.Predict("a -> b")
    predict.set_lm(lm)
    rows = [burnish.Example(a="x", b="y").with_inputs("a")]
    with pytest.raises(ConfigError, match="price of 'local/model' is unknown"):
        burnish.Evaluate(devset=rows, metric=lambda e, p, t=None: True, budget=Budget(dollars=1))(predict)
    with pytest.raises(ConfigError, match="price of 'local/model' is unknown"):
        burnish.BootstrapFewShot(lambda e, p, t=None: True, budget=Budget(dollars=1)).compile(predict, trainset=rows)


def test_what_a_plugin_raises_is_cleared_of_keys() -> None:
    class Chatty:
        async def complete(self, request: Request) -> Response:
            raise RuntimeError("could not log in with marker-4711")

    lm = LM("chatty/m", backend=Chatty(), cache=False, num_retries=0, api_key="marker-4711")
    with pytest.raises(LMTransient) as caught:
        lm("hi")
    shown: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        shown.append(str(error))
        error = None if error.__suppress_context__ else error.__cause__ or error.__context__
    assert "marker" not in "".join(shown)
    assert "***" in shown[0]


def test_a_pickled_lm_works_and_holds_no_key() -> None:
    lm = ScriptedLM(["one"], rpm=100, prices=(1, 2), context_window=1000)
    twin = pickle.loads(pickle.dumps(LM("a/b", api_key="marker-key", rpm=5, prices=(1, 2), context_window=1000)))
    assert twin._line._limits == (5, None)
    assert twin._line.endpoint.secrets == {}
    assert lm("hi") == ["one"]


def test_a_refused_request_is_one_call() -> None:
    ledger = Ledger()
    with use_scope(Scope(ledger=ledger)), pytest.raises(LMRejected):
        ScriptedLM([LMRejected("no", model="m", status=400)])("hi")
    assert ledger.total() == Usage(calls=1)
