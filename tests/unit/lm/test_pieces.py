"""Replies in pieces: what a listener hears of one call, whatever becomes of it on its way."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from burnish.engine.journal import RunJournal
from burnish.engine.meter import BudgetMeter
from burnish.errors import BudgetExhausted, LMTransient
from burnish.lm.backends.openai_stream import ChunkReader
from burnish.lm.lm import LM
from burnish.lm.pieces import Pieces, current_pieces, heard_by
from burnish.lm.request import Output, Request, Response
from burnish.lm.scope import Scope, use_scope
from burnish.loop import run_sync
from burnish.testing import ScriptedLM
from burnish.values.budget import Budget
from burnish.values.usage import Ledger, Usage


class Heard:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.pieces: list[tuple[int, str | None]] = []

    def hear(self, number: int, text: str) -> None:
        self.pieces.append((number, text))

    def restart(self, number: int) -> None:
        self.pieces.append((number, None))


def ask(lm: LM, *, scope: Scope | None = None, **config: Any) -> tuple[Heard, Response]:
    """One call that is heard, in a run where there is a scope."""
    heard = Heard()
    pieces = Pieces(heard)

    async def call() -> Response:
        with heard_by(pieces):
            return await lm.complete(lm.request([{"role": "user", "content": "?"}], config=config))

    if scope is None:
        response = run_sync(call())
    else:
        with use_scope(scope):
            response = run_sync(call())
    pieces.settle(response)
    return heard, response


def test_each_completion_is_heard_by_its_number() -> None:
    heard, _ = ask(ScriptedLM([["red", "blue"]], pieces=2))
    assert heard.pieces == [(0, "re"), (0, "d"), (1, "bl"), (1, "ue")]


def test_what_the_journal_has_is_heard_whole_and_costs_nothing(tmp_path: Path) -> None:
    lm = ScriptedLM(["It is Paris."], pieces=3)
    journal = RunJournal(tmp_path / "run", {"program": "1"})
    try:
        ledger = Ledger()
        first, _ = ask(lm, scope=Scope(journal=journal, ledger=ledger))
        again, _ = ask(lm, scope=Scope(journal=journal, ledger=ledger))
    finally:
        run_sync(_closed(journal))
    assert "".join(str(text) for _, text in first.pieces) == "It is Paris."
    assert len(first.pieces) == 4
    assert again.pieces == [(0, "It is Paris.")]
    assert ledger.total().calls == len(lm.requests) == 1


async def _closed(journal: RunJournal) -> None:
    journal.close()


def test_a_budget_holds_for_what_is_heard() -> None:
    lm = ScriptedLM(["one", "two"])
    meter = BudgetMeter(Budget(calls=1))
    heard, _ = ask(lm, scope=Scope(meter=meter))
    assert heard.pieces == [(0, "one")]
    with pytest.raises(BudgetExhausted):
        ask(lm, scope=Scope(meter=meter))
    assert len(lm.requests) == 1


def test_a_straggler_that_is_sent_once_more_is_heard_once() -> None:
    class Slow:
        calls = 0

        async def complete(self, request: Request) -> Response:
            return Response((Output("the second"),), Usage(calls=1), "m")

        async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
            deliver(0, "the fir")
            await asyncio.sleep(60)
            raise AssertionError("not cancelled")

    heard, response = ask(LM("slow/model", backend=Slow(), cache=False, resend_after=0.05))
    assert response.texts == ["the second"]
    assert heard.pieces == [(0, "the fir"), (0, None), (0, "the second")]


def test_what_a_backend_asks_others_is_not_heard() -> None:
    inner = ScriptedLM(["a secret"])

    class Outer:
        async def complete(self, request: Request) -> Response:
            assert current_pieces() is None
            await inner.acall("?")
            return Response((Output("said"),), Usage(calls=1), "outer")

    heard, _ = ask(LM("outer/model", backend=Outer(), cache=False))
    assert heard.pieces == [(0, "said")]


def test_what_had_come_of_a_reply_that_broke_off_is_on_the_bill() -> None:
    class Breaks:
        calls = 0

        async def complete(self, request: Request) -> Response:
            raise NotImplementedError

        async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
            self.calls += 1
            if self.calls == 2:
                raise LMTransient("busy", model="m", status=503)
            deliver(0, "x" * 400)
            if self.calls == 1:
                raise LMTransient("gone", model="m")
            return Response((Output("x" * 400),), Usage(1, 10, 100), "m")

    ledger = Ledger()
    lm = LM("breaks/model", backend=Breaks(), cache=False, num_retries=2)
    heard, _ = ask(lm, scope=Scope(ledger=ledger))
    asked = lm.request([{"role": "user", "content": "?"}], config={}).tokens
    used = ledger.total()
    assert (used.calls, used.prompt_tokens, used.completion_tokens) == (3, asked + 10, 201)
    assert heard.pieces == [(0, "x" * 400)]


def test_no_attempt_is_heard_twice() -> None:
    lm = ScriptedLM([LMTransient("gone", model="m"), LMTransient("gone", model="m"), "Paris"], num_retries=2, pieces=2)
    heard, _ = ask(lm)
    assert heard.pieces == [(0, "Pa"), (0, "ri"), (0, "s")]


def test_of_the_same_request_at_once_one_is_asked_and_both_are_heard(tmp_path: Path) -> None:
    from burnish.lm.cache import Cache
    from burnish.lm.settings import context

    lm = ScriptedLM(["It is Paris."], cache=True, latency=0.05, pieces=4)

    async def call(heard: Heard) -> None:
        pieces = Pieces(heard)
        with heard_by(pieces):
            pieces.settle(await lm.complete(lm.request([{"role": "user", "content": "?"}], config={})))

    async def both(*heard: Heard) -> None:
        await asyncio.gather(*map(call, heard))

    first, second = Heard(), Heard()
    with context(cache=Cache(tmp_path / "cache.db")):
        run_sync(both(first, second))
    assert len(lm.requests) == 1
    assert first.pieces == [(0, "It i"), (0, "s Pa"), (0, "ris.")]
    assert second.pieces == [(0, "It is Paris.")]


def seconds_for(pieces: int) -> float:
    """What a streamed reply takes to be read and told."""
    event = f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': 'word '}}]})}\n\n".encode()
    heard = Heard()
    chunks = ChunkReader(Pieces(heard)._deliver)
    begin = time.process_time()
    for _ in range(pieces):
        chunks.feed(event)
    chunks.feed(b"data: [DONE]\n\n")
    text = chunks.reply()["choices"][0]["message"]["content"]
    took = time.process_time() - begin
    assert text == "word " * pieces == "".join(piece or "" for _, piece in heard.pieces)
    return took


def test_a_piece_costs_the_same_however_long_the_reply_is() -> None:
    # Where each piece looked at all before it, this is over 100 times as much.
    assert seconds_for(64_000) < 30 * seconds_for(8_000)
