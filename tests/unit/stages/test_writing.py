"""Texts that a model writes: all at once, in their order, and told of as work."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from burnish.lm.scope import new_run, use_scope
from burnish.loop import run_sync
from burnish.stages.writing import written


class Seen:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def emit(self, kind: str, **fields: Any) -> None:
        self.events.append({"kind": kind, **fields})


async def doubled(number: int) -> int:
    await asyncio.sleep(0.001 * (3 - number))
    if number == 13:
        raise ValueError("of no use")
    return 2 * number


def inside(seen: Seen, wanted: list[int]) -> list[int]:
    async def run() -> list[int]:
        with use_scope(new_run(limit=2, watch=seen), stage="propose"):
            return await written(doubled, wanted)

    return run_sync(run())


def test_results_stand_in_the_order_of_what_was_wanted() -> None:
    seen = Seen()
    assert inside(seen, [0, 1, 2]) == [0, 2, 4]
    done = {"kind": "text_written", "stage": "propose"}
    assert seen.events == [{"kind": "stage_started", "stage": "propose", "cells": 3}, done, done, done]


def test_what_failed_or_was_given_up_has_ended_too() -> None:
    seen = Seen()
    with pytest.raises(ValueError, match="of no use"):
        inside(seen, [0, 13, 1])
    assert [event["kind"] for event in seen.events] == ["stage_started"] + ["text_written"] * 3


def test_nothing_wanted_is_no_work_and_without_a_run_nobody_is_told() -> None:
    seen = Seen()
    assert inside(seen, []) == []
    assert seen.events == []
    assert run_sync(written(doubled, [1, 2])) == [2, 4]
