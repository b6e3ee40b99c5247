"""Embedding through the line: what is known is not asked, what is asked twice at once is asked once, and all is booked."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import burnish
from burnish.engine.journal import RunJournal
from burnish.engine.meter import BudgetMeter
from burnish.errors import BudgetExhausted, ConfigError, LMAccessDenied, LMRejected, LMTransient, PromptTooLong
from burnish.lm.backends.base import Embedded
from burnish.lm.cache import Cache
from burnish.lm.request import Output, Response
from burnish.lm.scope import RolloutState, Scope, current_scope, use_scope
from burnish.loop import run_sync
from burnish.retrieve.embedder import Embedder
from burnish.testing import EmbedderContract
from burnish.values.budget import Budget
from burnish.values.usage import Ledger, Usage


@pytest.fixture(autouse=True)
def cache():
    with burnish.context(cache=Cache()) as _:
        yield burnish.settings.cache


def row(text: str) -> list[float]:
    """What a text is embedded as: of use to tell texts apart, and exact."""
    return [float(len(text)), float(sum(text.encode()) % 997), 0.5]


class Endpoint:
    """An embedding backend that keeps what it was asked, and refuses what it is told to."""

    def __init__(self, *, room: int = 1_000_000, longest: int = 1_000_000, failures: list[Exception] | None = None):
        self.batches: list[list[str]] = []
        self.params: list[dict[str, object]] = []
        self.most_at_once = 0
        self._under_way = 0
        self._room, self._longest = room, longest
        self.asked, self.open = asyncio.Event(), asyncio.Event()
        self.open.set()
        self._failures = failures or []

    async def embed(self, texts, params):
        self.batches.append(list(texts))
        self.asked.set()
        self.params.append(dict(params))
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await asyncio.sleep(0.002)
            await self.open.wait()
        finally:
            self._under_way -= 1
        if self._failures:
            raise self._failures.pop(0)
        if max(map(len, texts)) > self._longest:
            raise PromptTooLong("maximum context length is 8192 tokens", model="x/y", status=400)
        if sum(map(len, texts)) > self._room:
            raise LMRejected("Payload Too Large", model="x/y", status=413)
        rows = np.array([row(text) for text in texts], np.float32)
        return Embedded(rows, Usage(1, 10 * len(texts), 0, 0.001 * len(texts)))

    @property
    def sent(self) -> list[str]:
        return [text for batch in self.batches for text in batch]


def embedder(endpoint: Endpoint, batch_size: int = 200, caching: bool = True, **params) -> Embedder:
    return Embedder("x/y", batch_size, caching, backend=endpoint, **params)


class TestContract(EmbedderContract):
    def make_backend(self):
        return Endpoint()

    def make_failures(self):
        return [
            (Endpoint(longest=3), ["long text"], PromptTooLong),
            (Endpoint(failures=[LMTransient("busy", model="x/y")]), ["a"], LMTransient),
        ]


# What is asked


def test_each_text_is_sent_once_in_batches_and_rows_come_in_order() -> None:
    endpoint = Endpoint()
    texts = [f"{n}" * (n + 1) for n in range(7)]
    rows = embedder(endpoint, 3)([*texts, texts[2], texts[0]])
    assert rows.tolist() == [row(text) for text in [*texts, texts[2], texts[0]]]
    assert sorted(map(len, endpoint.batches)) == [1, 3, 3]
    assert sorted(endpoint.sent) == sorted(texts)


def test_batches_go_out_at_once_but_no_more_than_a_run_would_send() -> None:
    endpoint = Endpoint()
    with burnish.context(num_threads=4):
        embedder(endpoint, 1)([f"{n}" for n in range(20)])
    assert endpoint.most_at_once == 4


def test_in_a_run_batches_have_the_runs_slots() -> None:
    endpoint = Endpoint()

    async def in_a_run():
        with use_scope(Scope(slots=asyncio.Semaphore(3))):
            await embedder(endpoint, 1).acall([f"{n}" for n in range(12)])

    run_sync(in_a_run())
    assert endpoint.most_at_once == 3


def test_parameters_are_sent_and_those_of_a_call_go_over_them() -> None:
    endpoint = Endpoint()
    hosted = embedder(endpoint, dimensions=3, user="a", api_key="MARKER")
    hosted("a")
    hosted("a", user="b")
    assert endpoint.params == [{"dimensions": 3, "user": "a"}, {"dimensions": 3, "user": "b"}]


# What is known


def test_a_text_that_is_known_is_not_asked_again_whichever_batch_it_came_in() -> None:
    endpoint = Endpoint()
    embedder(endpoint, 2)(["a", "b", "c"])
    rows = embedder(endpoint, 200)(["c", "d", "a"])
    assert rows.tolist() == [row("c"), row("d"), row("a")]
    assert endpoint.batches[2:] == [["d"]]


def test_model_address_and_parameters_make_another_text_of_it() -> None:
    endpoint = Endpoint()
    embedder(endpoint)("a")
    Embedder("x/z", backend=endpoint)("a")
    embedder(endpoint, api_base="http://127.0.0.1:1/v1")("a")
    embedder(endpoint, dimensions=3)("a")
    assert len(endpoint.sent) == 4
    embedder(endpoint, batch_size=7, num_retries=0, timeout=9.0, api_key="another")("a")
    assert len(endpoint.sent) == 4


def test_calls_with_and_without_the_cache_are_held_to_one_limit() -> None:
    endpoint = Endpoint()
    hosted = embedder(endpoint, rpm=1)

    async def main() -> None:
        await hosted.acall("a")
        second = asyncio.ensure_future(hosted.acall("b", caching=False))
        # It is a minute's wait; without the limit it is one of milliseconds.
        await asyncio.wait([second], timeout=0.2)
        second.cancel()
        await asyncio.wait([second])

    asyncio.run(main())
    assert endpoint.sent == ["a"]


def test_caching_can_be_off_for_the_embedder_or_for_a_call() -> None:
    endpoint = Endpoint()
    for _ in range(2):
        embedder(endpoint, caching=False)("a")
        embedder(endpoint)("b", caching=False)
    assert endpoint.sent == ["a", "b"] * 2


def test_a_kept_row_that_is_none_is_asked_for_again(cache) -> None:
    endpoint = Endpoint()
    hosted = embedder(endpoint)
    keys = []
    put = cache.put

    def spoil(key, response):
        keys.append(key)
        put(key, Response((Output("no row"),), Usage(), "x/y"))

    cache.put = spoil
    hosted("a")
    cache.put = put
    assert hosted("a").tolist() == row("a")
    assert hosted("a").tolist() == row("a")
    assert len(endpoint.sent) == 2
    assert cache.get(keys[0]).texts != ["no row"]


def test_rows_that_are_kept_and_rows_that_come_must_be_of_one_length() -> None:
    class Shorter(Endpoint):
        async def embed(self, texts, params):
            embedded = await super().embed(texts, params)
            return Embedded(embedded.rows[:, :2], embedded.usage)

    embedder(Endpoint())("a")
    with pytest.raises(LMRejected, match=r"differ in length: 2 numbers for the text at place 1.*caching=False"):
        embedder(Shorter())(["a", "b"])


def test_the_journal_alone_replays_a_run(tmp_path) -> None:
    endpoint = Endpoint()

    def spent_after(texts: list[str]) -> Usage:
        journal = RunJournal(tmp_path, {})

        async def run():
            with use_scope(Scope(journal=journal)):
                rows = await embedder(endpoint, 2, caching=False).acall(texts)
                assert rows.tolist() == [row(text) for text in texts]

        run_sync(run())
        spent = journal.spent()
        journal.close()
        return spent

    first = spent_after(["a", "b", "c"])
    assert (first.calls, first.prompt_tokens) == (2, 30)
    assert spent_after(["c", "b", "a"]) == first
    assert len(endpoint.batches) == 2
    assert spent_after(["a", "d"]).calls == 3


def test_what_the_cache_knew_is_in_the_journal_and_costs_nothing(tmp_path) -> None:
    endpoint = Endpoint()
    embedder(endpoint)(["a", "b"])
    journal = RunJournal(tmp_path, {})

    async def run(caching: bool):
        with use_scope(Scope(journal=journal, meter=BudgetMeter(Budget(calls=1), Usage(calls=1)))):
            return await embedder(endpoint).acall(["a", "b"], caching=caching)

    run_sync(run(True))
    with burnish.context(cache=Cache()):
        assert run_sync(run(False)).tolist() == [row("a"), row("b")]
    assert journal.spent() == Usage()
    assert len(endpoint.batches) == 1
    journal.close()


def test_rows_that_have_come_are_kept_by_a_call_that_is_cancelled_in_this_moment(tmp_path) -> None:
    journal = RunJournal(tmp_path, {})

    class AsLast(Endpoint):
        async def embed(self, texts, params):
            embedded = await super().embed(texts, params)
            calls.pop().cancel()  # arrives where the call waits next
            return embedded

    endpoint, calls = AsLast(), []

    async def in_a_run():
        with use_scope(Scope(journal=journal)):
            return await embedder(endpoint, caching=False).acall(["a", "b", "c"])

    async def cancelled():
        calls.append(asyncio.create_task(in_a_run()))
        with pytest.raises(asyncio.CancelledError):
            await calls[0]

    run_sync(cancelled())
    assert run_sync(in_a_run()).tolist() == [row("a"), row("b"), row("c")]
    assert len(endpoint.batches) == 1
    assert journal.spent().calls == 1
    journal.close()


# What is asked for twice at once


def test_texts_that_are_asked_for_twice_at_once_are_sent_once() -> None:
    endpoint = Endpoint()
    hosted = embedder(endpoint, 2)

    async def at_once():
        return await asyncio.gather(*(hosted.acall(["a", "b", f"{n}"]) for n in range(5)))

    for n, rows in enumerate(run_sync(at_once())):
        assert rows.tolist() == [row("a"), row("b"), row(f"{n}")]
    assert sorted(endpoint.sent) == ["0", "1", "2", "3", "4", "a", "b"]


def test_whoever_joined_a_call_that_is_cancelled_asks_by_himself() -> None:
    endpoint = Endpoint()
    hosted = embedder(endpoint)

    async def cancelled():
        endpoint.open.clear()
        first = asyncio.create_task(hosted.acall(["a", "b"]))
        await endpoint.asked.wait()
        second = asyncio.create_task(hosted.acall(["b", "a"]))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        endpoint.open.set()
        return await second

    assert run_sync(cancelled()).tolist() == [row("b"), row("a")]
    assert endpoint.batches == [["a", "b"], ["b", "a"]]


def test_whoever_joined_a_call_out_of_budget_asks_on_his_own() -> None:
    endpoint = Endpoint()
    hosted = embedder(endpoint, 1)

    async def poor():
        with use_scope(Scope(meter=BudgetMeter(Budget(calls=1)), slots=asyncio.Semaphore(1))):
            await hosted.acall(["a", "b"])

    async def both():
        endpoint.open.clear()
        first = asyncio.create_task(poor())
        await endpoint.asked.wait()
        second = asyncio.create_task(hosted.acall(["b"]))
        await asyncio.sleep(0)
        endpoint.open.set()
        with pytest.raises(BudgetExhausted):
            await first
        return await second

    assert run_sync(both()).tolist() == [row("b")]
    assert endpoint.sent == ["a", "b"]


def test_whoever_joined_has_the_row_in_his_own_journal(tmp_path) -> None:
    endpoint = Endpoint()
    hosted = embedder(endpoint)
    journal = RunJournal(tmp_path, {})

    async def in_a_run():
        with use_scope(Scope(journal=journal)):
            return await hosted.acall("a")

    async def both():
        endpoint.open.clear()
        first = asyncio.create_task(hosted.acall("a"))
        await endpoint.asked.wait()
        second = asyncio.create_task(in_a_run())
        await asyncio.sleep(0)
        endpoint.open.set()
        await asyncio.gather(first, second)

    run_sync(both())
    with burnish.context(cache=Cache()):
        assert run_sync(in_a_run()).tolist() == row("a")
    assert endpoint.sent == ["a"]
    assert journal.spent() == Usage()
    journal.close()


def test_an_error_reaches_everybody_who_wants_the_text_and_is_forgotten() -> None:
    endpoint = Endpoint(failures=[LMAccessDenied("no", model="x/y", status=401)])
    hosted = embedder(endpoint)

    async def at_once():
        return await asyncio.gather(hosted.acall("a"), hosted.acall(["a"]), return_exceptions=True)

    assert [type(error) for error in run_sync(at_once())] == [LMAccessDenied] * 2
    assert hosted("a").tolist() == row("a")


# What is refused and what fails


def test_a_batch_too_long_for_a_request_goes_in_parts() -> None:
    endpoint = Endpoint(room=5)
    assert embedder(endpoint)(["aa", "bb", "cc", "dd"]).tolist() == [row(t) for t in ("aa", "bb", "cc", "dd")]
    assert endpoint.batches == [["aa", "bb", "cc", "dd"], ["aa", "bb"], ["cc", "dd"]]


def test_a_text_too_long_for_the_model_is_named_and_never_cut_and_the_others_are_kept() -> None:
    endpoint = Endpoint(longest=5)
    hosted = embedder(endpoint)
    with pytest.raises(PromptTooLong, match=r"text at place 3, of 9 characters.*cut it into passages") as caught:
        hosted(["a", "b", "a", "too long!", "c", "too long!"])
    assert (caught.value.model, caught.value.status) == ("x/y", 400)
    before = len(endpoint.batches)
    assert hosted(["b", "a"]).tolist() == [row("b"), row("a")]
    assert len(endpoint.batches) == before


def test_whoever_joined_for_a_text_too_long_gets_the_place_in_his_own_list() -> None:
    hosted = embedder(Endpoint(longest=5))

    async def at_once():
        return await asyncio.gather(
            hosted.acall(["too long!"]), hosted.acall(["a", "too long!"]), return_exceptions=True
        )

    first, second = run_sync(at_once())
    assert "place 0" in str(first)
    assert "place 1" in str(second)


def test_what_is_worth_another_try_gets_one_and_each_is_booked() -> None:
    endpoint = Endpoint(failures=[LMTransient("busy", model="x/y", retry_after=0.001)])
    ledger = Ledger()
    with use_scope(Scope(ledger=ledger, stage="index")):
        assert embedder(endpoint)("a").tolist() == row("a")
    assert ledger.total(stage="index").calls == 2
    assert ledger.total(model="x/y").prompt_tokens == 10


def test_no_reply_after_every_try_makes_the_rollout_not_measured() -> None:
    endpoint = Endpoint(failures=[LMTransient("down", model="x/y")])
    rollout = RolloutState()
    with use_scope(Scope(rollout=rollout)), pytest.raises(LMTransient):
        embedder(endpoint, num_retries=0)("a")
    assert isinstance(rollout.outage, LMTransient)


def test_the_budget_holds_and_what_was_paid_for_is_kept() -> None:
    endpoint = Endpoint()
    hosted = embedder(endpoint, 1)
    scope = Scope(meter=BudgetMeter(Budget(calls=3)), rollout=RolloutState())
    with use_scope(scope), pytest.raises(BudgetExhausted):
        hosted([f"{n}" for n in range(8)])
    assert len(endpoint.batches) <= 3
    assert isinstance(scope.rollout.outage, BudgetExhausted)
    hosted([f"{n}" for n in range(8)])
    assert len(endpoint.batches) == 8


def test_usage_is_booked_once_a_batch() -> None:
    ledger, rollout = Ledger(), RolloutState()
    with use_scope(Scope(ledger=ledger, rollout=rollout)):
        hosted = embedder(Endpoint(), 2)
        hosted(["a", "b", "c"])
        hosted(["a", "b", "c"])
    assert ledger.total().calls == rollout.usage.calls == 2
    assert ledger.total().prompt_tokens == 30
    assert ledger.total().price == "$0.0030"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.zeros((1, 3), np.float32), r"brought the shape \(1, 3\), where 2 texts need"),
        (np.array([[1.0], [np.nan]], np.float32), "not finite in float32, for the text at place 4"),
        ([["a"], ["b"]], "array of numbers"),
    ],
)
def test_a_backend_that_brings_no_row_a_text_is_told_of_with_the_users_place(rows, says) -> None:
    class Wrong:
        async def embed(self, texts, params):
            return Embedded(rows, Usage(1)) if "b" in texts else Embedded(np.ones((len(texts), 3)), Usage(1))

    with pytest.raises(LMRejected, match=says):
        Embedder("x/y", 2, backend=Wrong())(["x", "y", "x", "a", "b"])


def test_a_provider_that_nobody_offers_is_named() -> None:
    with pytest.raises(ConfigError, match="no embedder 'nobody'"):
        Embedder("x/y", backend="nobody")("a")


def test_the_embedders_own_run_is_none() -> None:
    seen = []

    class Looks(Endpoint):
        async def embed(self, texts, params):
            seen.append(current_scope())
            return await super().embed(texts, params)

    async def in_a_run():
        with use_scope(Scope(slots=asyncio.Semaphore(1))):
            await embedder(Looks()).acall("a")

    run_sync(in_a_run())
    assert seen == [None]
