"""The event stream: batches, in order, and a watcher at fault touches nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from burnish.engine.events import VERSION, EventStream
from burnish.loop import run_sync


def test_events_come_in_batches_in_order_with_version_and_time() -> None:
    batches: list[list[dict[str, Any]]] = []

    async def emit() -> None:
        stream = EventStream([batches.append])
        for number in range(3):
            stream.emit("lm_called", number=number)
        assert batches == []
        stream.flush()
        stream.emit("run_finished")
        stream.flush()
        stream.flush()

    run_sync(emit())
    assert [[event["kind"] for event in batch] for batch in batches] == [["lm_called"] * 3, ["run_finished"]]
    assert [event["number"] for event in batches[0]] == [0, 1, 2]
    assert {event["v"] for event in batches[0]} == {VERSION}
    assert all(isinstance(event["time"], float) for event in batches[0])


def test_a_batch_comes_by_itself_after_a_while() -> None:
    seen: list[Any] = []

    async def emit() -> None:
        stream = EventStream([seen.extend])
        stream.emit("one")
        for _ in range(100):
            await asyncio.sleep(0.02)
            if seen:
                return

    run_sync(emit())
    assert [event["kind"] for event in seen] == ["one"]


def test_a_watcher_that_raises_is_named_once_and_left_out() -> None:
    seen: list[Any] = []
    calls: list[int] = []

    def broken(events: Any) -> None:
        calls.append(len(events))
        raise KeyError("oops")

    async def emit() -> None:
        stream = EventStream([broken, seen.extend])
        for kind in ("one", "two"):
            stream.emit(kind)
            stream.flush()

    with pytest.warns(UserWarning, match=r"broken.*KeyError.*no more events"):
        run_sync(emit())
    assert [event["kind"] for event in seen] == ["one", "two"]
    assert calls == [1]


def test_nobody_watching_costs_nothing_and_needs_no_loop() -> None:
    stream = EventStream()
    stream.emit("one")
    stream.flush()
    assert stream._batch == []
