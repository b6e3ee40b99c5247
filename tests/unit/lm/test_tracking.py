"""What a block of code, or one call of a program, used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

import burnish
from burnish.errors import LMTransient
from burnish.lm.request import Output, Request, Response
from burnish.testing import ScriptedLM
from burnish.values.usage import Usage


class Two(burnish.Module):
    """Asks two models."""

    def __init__(self, small: Any, large: Any) -> None:
        self.first = burnish.Predict("question -> answer")
        self.second = burnish.Predict("question -> answer")
        self.first.lm, self.second.lm = small, large

    def forward(self, question: str) -> Any:
        self.first(question=question)
        self.first(question=question)
        return self.second(question=question)


def model(name: str, **options: Any) -> ScriptedLM:
    return ScriptedLM(lambda _: {"answer": "Paris"}, model=f"scripted/{name}", **options)


def two() -> Two:
    return Two(model("small"), model("large"))


def calls(usage: Any) -> dict[str, int]:
    return {name: used.calls for name, used in usage.totals.items()}


def test_a_block_is_added_up_by_model_and_blocks_stand_in_each_other() -> None:
    program = two()
    with burnish.track_usage() as outer:
        program(question="?")
        with burnish.track_usage() as inner:
            program(question="?")
        program(question="?")
    program(question="?")
    assert calls(inner) == {"scripted/small": 2, "scripted/large": 1}
    assert calls(outer) == {"scripted/small": 6, "scripted/large": 3}
    assert outer.total == inner.total + inner.total + inner.total
    tokens = outer.get_total_tokens()["scripted/small"]
    assert tokens["total_tokens"] == tokens["prompt_tokens"] + tokens["completion_tokens"] > 0


def test_tasks_and_threads_are_part_of_their_block_and_of_no_other() -> None:
    def of_own(_: int) -> int:
        with burnish.track_usage() as usage:
            two()(question="?")
        return usage.total.calls

    with burnish.track_usage() as usage, ThreadPoolExecutor(8) as pool:
        contexts = [copy_context() for _ in range(40)]
        own = list(pool.map(lambda context: context.run(of_own, 0), contexts))

        async def many() -> None:
            await asyncio.gather(*(two().acall(question="?") for _ in range(40)))

        asyncio.run(many())
    assert own == [3] * 40
    assert usage.total.calls == 240


def test_failed_attempts_count_and_kept_replies_do_not(tmp_path: Any) -> None:
    lm = ScriptedLM([LMTransient("gone", model="m"), {"answer": "Paris"}], num_retries=1, cache=True)
    predict = burnish.Predict("question -> answer")
    with burnish.context(lm=lm, cache=burnish.Cache(tmp_path / "cache.db")), burnish.track_usage() as usage:
        predict(question="?")
        assert usage.total.calls == 2
        predict(question="?")
        assert usage.total.calls == 2


def test_what_a_backend_asks_others_is_on_its_own_bill_only() -> None:
    inner = model("inner")

    class Outer:
        async def complete(self, request: Request) -> Response:
            (text,) = await inner.acall("?")
            return Response((Output(text),), Usage(1, 100, 10), "outer")

    with burnish.track_usage() as usage:
        burnish.LM("outer/model", backend=Outer(), cache=False)("?")
    assert usage.totals == {"outer/model": Usage(1, 100, 10)}


@pytest.fixture
def tracked() -> Iterator[None]:
    with burnish.context(track_usage=True):
        yield


@pytest.mark.usefixtures("tracked")
@pytest.mark.parametrize("is_async", [False, True])
def test_a_program_s_prediction_tells_what_all_of_it_used(is_async: bool) -> None:
    program = two()
    prediction = asyncio.run(program.acall(question="?")) if is_async else program(question="?")
    used = prediction.get_lm_usage()
    assert {name: one["calls"] for name, one in used.items()} == {"scripted/small": 2, "scripted/large": 1}
    assert used["scripted/large"]["total_tokens"] > 0


@pytest.mark.usefixtures("tracked")
def test_programs_in_a_block_tell_of_themselves_and_the_block_of_all() -> None:
    program = two()
    with burnish.track_usage() as usage:
        first = program(question="?")
        program(question="?")
    assert first.get_lm_usage()["scripted/small"]["calls"] == 2
    assert usage.total.calls == 6


def test_untracked_a_prediction_tells_of_its_own_call() -> None:
    used = two()(question="?").get_lm_usage()
    assert {name: one["calls"] for name, one in used.items()} == {"scripted/large": 1}
