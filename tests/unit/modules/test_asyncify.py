"""Any program, awaited from any loop."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import burnish
from burnish.errors import ConfigError
from burnish.loop import run_sync
from burnish.testing import ScriptedLM


class Answer(burnish.Module):
    def __init__(self) -> None:
        self.answer = burnish.Predict("question -> answer")

    def forward(self, question: str) -> Any:
        return self.answer(question=question)


def lm(**options: Any) -> ScriptedLM:
    return ScriptedLM(lambda _: {"answer": "Paris"}, **options)


@pytest.mark.parametrize("run", [asyncio.run, run_sync], ids=["their loop", "our loop"])
def test_modules_and_functions_are_awaited(run: Any) -> None:
    program = Answer()

    def function(question: str) -> Any:
        return program(question=question)

    async def coroutine(question: str) -> Any:
        return await program.acall(question=question)

    for one in (program, function, coroutine):
        with burnish.context(lm=lm()):
            assert run(burnish.asyncify(one)(question="?")).answer == "Paris"
    assert burnish.asyncify(function).__name__ == "function"


def test_a_blocking_function_holds_up_nobody_and_settings_travel() -> None:
    def slow() -> int:
        time.sleep(0.2)
        return burnish.settings.num_threads

    async def main() -> tuple[list[int], float]:
        begin = time.monotonic()
        with burnish.context(num_threads=77):
            several = await asyncio.gather(*(burnish.asyncify(slow)() for _ in range(10)))
        return several, time.monotonic() - begin

    several, seconds = asyncio.run(main())
    assert several == [77] * 10
    assert seconds < 1.5


def test_cancelled_it_cancels_the_call_under_way() -> None:
    model = lm(latency=60)
    ended = threading.Event()

    def program() -> Any:
        try:
            return burnish.Predict("question -> answer")(question="?")
        finally:
            ended.set()

    async def main() -> None:
        task = asyncio.ensure_future(burnish.asyncify(program)())
        while not model.requests:  # noqa: ASYNC110  nothing tells of a request but the list
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    with burnish.context(lm=model):
        asyncio.run(asyncio.wait_for(main(), 30))
    assert ended.wait(10)


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ConfigError, match="give a program or a function"):
        burnish.asyncify("program")  # type: ignore[arg-type]
