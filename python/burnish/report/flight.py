"""Calls in flight over time, from a run's events: how busy the limit was kept, and where there was nothing to do.

An attempt at a call flies from when it is sent to its end; it may be a retry or one that failed. Of what was there to do, a stage
has as many pieces as were begun by ``stage_started`` and not ended yet: runs of the program, each with one call at a time as a
rule, and texts that are being written. A call that the journal or the cache answered never flew. The time is that of the run:
it stands still between two processes that worked on the same one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Events = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which no call begins or ends, and no work.

    Attributes:
        begin: Seconds since the run began.
        end: Likewise.
        flying: Stage → calls in flight, where there are any.
        work: Stage → pieces of work that are there to be done or under way, where there are any.
        limit: Calls that may be in flight; infinite where the events do not say it.
    """

    begin: float
    end: float
    flying: Mapping[str, int]
    work: Mapping[str, int]
    limit: float = math.inf

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.begin

    def could(self, stage: str) -> float:
        """Calls of a stage that could have been in flight: one for each piece of its work, in the room that others leave."""
        flying = self.flying.get(stage, 0)
        room = self.limit - sum(self.flying.values()) + flying
        return min(max(self.work.get(stage, 0), flying), max(room, flying))


@dataclass(frozen=True, slots=True)
class Busy:
    """How busy a stage kept the limit.

    Attributes:
        stage: Its name.
        calls: Attempts at calls.
        seconds: The time in which there was work of this stage.
        busy: Calls in flight over those that could have been: the lesser of the limit and the work at each time. What is
            lacking to 1 is time that calls waited for Python.
        of_limit: Calls in flight over the limit, in those seconds. What is lacking from `busy` is work that was not there yet,
            since it depends on what was in flight, or not there any more.
    """

    stage: str
    calls: int
    seconds: float
    busy: float
    of_limit: float


def in_flight(events: Events) -> list[Stretch]:
    """The stretches of a run, in order; between two there is no gap.

    Args:
        events: Those of one run, in order: what `burnish.engine.journal.events_in` reads from its directory, or a plugin watched.

    Example:
        >>> began = {"kind": "run_started", "time": 5.0, "limit": 2}
        >>> work = {"kind": "stage_started", "time": 5.0, "stage": "score", "cells": 1}
        >>> call = {"kind": "lm_called", "time": 7.5, "stage": "score", "sent": 6.0, "seconds": 1.5}
        >>> for stretch in in_flight([began, work, call]):
        ...     print(stretch.begin, stretch.end, stretch.flying, stretch.work)
        0.0 1.0 {} {'score': 1}
        1.0 2.5 {'score': 1} {'score': 1}
    """
    found: list[Stretch] = []
    for process in _processes(events):
        found += _stretches(process, after=found[-1].end if found else 0.0)
    return found


def busy(events: Events) -> dict[str, Busy]:
    """How busy each stage kept the limit: stage → figures, in the order in which they began."""
    stretches = in_flight(events)
    calls = Counter(event["stage"] for event in events if "sent" in event)
    stages = dict.fromkeys(stage for stretch in stretches for stage in (*stretch.work, *stretch.flying))
    return {stage: _busy(stage, stretches, calls[stage]) for stage in stages}


def idle(events: Events) -> float:
    """Seconds in which no call was in flight and there was no work: a run that computes what to do next."""
    return math.fsum(one.seconds for one in in_flight(events) if not one.work and not one.flying)


def averages(stretches: Sequence[Stretch], points: int) -> tuple[list[float], dict[str, list[float]], list[float]]:
    """A run in equal parts of its time, for a chart.

    Returns:
        The edges of the parts, one more than there are; stage → calls in flight, on average of each part; and the calls that
        could have been in flight, likewise.
    """
    width = stretches[-1].end / points
    stages = dict.fromkeys(stage for stretch in stretches for stage in (*stretch.work, *stretch.flying))
    flying = {stage: [0.0] * points for stage in stages}
    work = [0.0] * points
    for one in stretches:
        could = min(one.limit, sum(max(one.work.get(stage, 0), one.flying.get(stage, 0)) for stage in stages))
        for part in range(int(one.begin / width), min(int(one.end / width), points - 1) + 1):
            share = max(0.0, min(one.end, (part + 1) * width) - max(one.begin, part * width)) / width
            work[part] += share * could
            for stage, calls in one.flying.items():
                flying[stage][part] += share * calls
    return [part * width for part in range(points + 1)], flying, work


def _busy(stage: str, stretches: Sequence[Stretch], calls: int) -> Busy:
    own = [one for one in stretches if one.work.get(stage, 0) or one.flying.get(stage, 0)]
    seconds = math.fsum(one.seconds for one in own)
    flown = math.fsum(one.flying.get(stage, 0) * one.seconds for one in own)
    could = math.fsum(one.could(stage) * one.seconds for one in own)
    limit = math.fsum(one.limit * one.seconds for one in own)
    return Busy(stage, calls, seconds, flown / could if could else 0.0, flown / limit if limit else 0.0)


def _processes(events: Events) -> Iterator[list[Mapping[str, Any]]]:
    """The events of each process that worked on the run."""
    process: list[Mapping[str, Any]] = []
    for event in events:
        if event["kind"] == "run_started" and process:
            yield process
            process = []
        process.append(event)
    if process:
        yield process


def _stretches(process: Sequence[Mapping[str, Any]], *, after: float) -> list[Stretch]:
    """The stretches of one process, the first of which begins at `after`."""
    changes = sorted(_changes(process), key=lambda change: change[0])
    limit = next((event["limit"] for event in process if "limit" in event), math.inf)
    flying: Counter[str] = Counter()
    work: Counter[str] = Counter()
    origin = changes[0][0]
    now, found = origin, []
    for moment, counts, stage, change in changes:
        if moment > now:
            found.append(Stretch(after + now - origin, after + moment - origin, dict(+flying), dict(+work), limit))
            now = moment
        if counts:
            {"flying": flying, "work": work}[counts][stage] += change
    return found


def _changes(process: Sequence[Mapping[str, Any]]) -> Iterator[tuple[float, str, str, int]]:
    """When what changes: (time, calls or work, stage, by how many)."""
    for event in process:
        kind, moment, stage = event["kind"], event["time"], event.get("stage", "")
        yield moment, "", "", 0
        if "sent" in event:
            yield event["sent"], "flying", stage, 1
            yield event["sent"] + event["seconds"], "flying", stage, -1
        elif kind in ("stage_started", "cells_dropped"):
            yield moment, "work", stage, event["cells"] if kind == "stage_started" else -event["cells"]
        elif kind in ("rollout_done", "text_written"):
            yield moment, "work", stage, -1
