"""Calls in flight over time, from events that are written by hand."""

from __future__ import annotations

import math

import pytest

from burnish.report.flight import averages, busy, idle, in_flight


def started(time, limit=2):
    return {"kind": "run_started", "time": time, "limit": limit}


def work(time, cells, stage="score"):
    return {"kind": "stage_started", "time": time, "stage": stage, "cells": cells}


def done(time, stage="score", kind="rollout_done"):
    return {"kind": kind, "time": time, "stage": stage}


def call(sent, seconds, stage="score", kind="lm_called"):
    return {"kind": kind, "time": sent + seconds, "stage": stage, "sent": sent, "seconds": seconds}


def kept(time, stage="score"):
    return {"kind": "lm_called", "source": "kept", "time": time, "stage": stage}


def finished(time):
    return {"kind": "run_finished", "time": time}


def told(events):
    return [(one.begin, one.end, dict(one.flying), dict(one.work)) for one in in_flight(events)]


def test_calls_that_overlap_are_counted_together():
    events = [started(10.0), work(10.0, 2), call(10.0, 2.0), done(12.0), call(11.0, 3.0), done(14.0), finished(15.0)]
    assert told(events) == [
        (0.0, 1.0, {"score": 1}, {"score": 2}),
        (1.0, 2.0, {"score": 2}, {"score": 2}),
        (2.0, 4.0, {"score": 1}, {"score": 1}),
        (4.0, 5.0, {}, {}),
    ]
    assert idle(events) == 1.0
    (score,) = busy(events).values()
    assert (score.calls, score.seconds) == (2, 4.0)
    # 5 of 6 seconds of calls that could have been in flight; the limit would have let 8 be.
    assert score.busy == pytest.approx(5 / 6)
    assert score.of_limit == pytest.approx(5 / 8)


def test_the_tail_of_a_stage_lacks_work_and_not_concurrency():
    events = [started(0.0, limit=4), work(0.0, 1), call(0.0, 5.0), done(5.0)]
    (score,) = busy(events).values()
    assert (score.busy, score.of_limit) == (1.0, 0.25)


def test_work_that_waits_for_no_call_lowers_what_is_busy():
    events = [started(0.0, limit=2), work(0.0, 9), call(4.0, 4.0), finished(8.0)]
    (score,) = busy(events).values()
    assert score.busy == score.of_limit == pytest.approx(4 / 16)


def test_stages_side_by_side_share_the_limit():
    events = [
        started(0.0, limit=3),
        work(0.0, 5, "propose"),
        work(0.0, 5, "bootstrap"),
        call(0.0, 2.0, "propose"),
        call(0.0, 2.0, "bootstrap"),
        call(0.0, 2.0, "bootstrap"),
        finished(2.0),
    ]
    found = busy(events)
    assert list(found) == ["propose", "bootstrap"]
    # Each had all the room that the other left.
    assert found["propose"].busy == found["bootstrap"].busy == 1.0
    assert found["bootstrap"].of_limit == pytest.approx(2 / 3)


def test_a_retry_and_what_was_cut_off_flew_too():
    events = [
        started(0.0, limit=1),
        work(0.0, 1),
        call(0.0, 1.0, kind="lm_failed"),
        call(2.0, 1.0, kind="lm_cut_off"),
        call(3.0, 1.0),
        done(4.0),
    ]
    (score,) = busy(events).values()
    assert score.calls == 3
    assert score.busy == pytest.approx(3 / 4)


def test_a_reply_that_was_known_never_flew():
    events = [started(0.0), work(0.0, 1), kept(1.0), done(1.0), finished(1.0)]
    assert told(events) == [(0.0, 1.0, {}, {"score": 1})]
    (score,) = busy(events).values()
    assert (score.calls, score.busy) == (0, 0.0)


def test_between_two_processes_no_time_passes_and_no_work_is_left():
    """The first was killed with two runs under way, whose events were lost."""
    events = [
        started(0.0),
        work(0.0, 3),
        call(0.0, 1.0),
        done(1.0),
        started(500.0, limit=4),
        work(501.0, 2),
        call(501.0, 2.0),
        done(503.0),
        done(503.0),
        finished(503.0),
    ]
    assert told(events) == [
        (0.0, 1.0, {"score": 1}, {"score": 3}),
        (1.0, 2.0, {}, {}),
        (2.0, 4.0, {"score": 1}, {"score": 2}),
    ]
    assert [one.limit for one in in_flight(events)] == [2, 4, 4]


def test_what_is_no_longer_needed_is_no_work():
    events = [started(0.0), work(0.0, 9), call(0.0, 1.0), done(1.0)]
    events += [{"kind": "cells_dropped", "time": 1.0, "stage": "score", "cells": 8}, finished(3.0)]
    assert told(events)[-1] == (1.0, 3.0, {}, {})


def test_texts_are_work_that_ends_when_they_are_written():
    events = [
        started(0.0),
        work(0.0, 1, "propose"),
        call(0.0, 1.0, "propose"),
        done(1.0, "propose", "text_written"),
        finished(2.0),
    ]
    assert told(events)[-1] == (1.0, 2.0, {}, {})


def test_more_calls_than_pieces_of_work_are_no_more_than_busy():
    """A program that asks in parallel, and calls of a recipe that tells of no work."""
    events = [started(0.0, limit=4), work(0.0, 1), call(0.0, 1.0), call(0.0, 1.0), call(0.0, 1.0, "search"), done(1.0)]
    assert {stage: one.busy for stage, one in busy(events).items()} == {"score": 1.0, "search": 1.0}
    assert busy([started(0.0), call(0.0, 1.0, "")])[""].busy == 1.0


def test_a_log_that_names_no_limit_has_none():
    events = [{"kind": "run_started", "time": 0.0}, work(0.0, 3), call(0.0, 1.0), finished(1.0)]
    (stretch,) = in_flight(events)
    assert stretch.limit == math.inf
    assert busy(events)["score"].of_limit == 0.0


def test_no_events_are_no_stretches():
    assert in_flight([]) == []
    assert busy([]) == {}
    assert idle([]) == 0.0


def test_averages_keep_what_flew():
    events = [started(0.0), work(0.0, 2), call(0.0, 3.0), call(1.0, 3.0), done(3.0), done(4.0), finished(5.0)]
    edges, flying, could = averages(in_flight(events), 7)
    assert (len(edges), edges[0], edges[-1]) == (8, 0.0, 5.0)
    assert math.fsum(flying["score"]) * 5.0 / 7 == pytest.approx(6.0)
    assert math.fsum(could) * 5.0 / 7 == pytest.approx(2 * 3.0 + 1.0)
