"""An endpoint that serves 20 calls at once and refuses the others is driven with 256 in flight, without one lost example.

What share of its capacity is used, `benches/python/capacity.py` measures; here a wide bound tells a limiter that works
from calls that go one by one.
"""

from __future__ import annotations

import burnish
from burnish import Evaluate, context
from burnish.testing import toy
from burnish.testing.server import serving
from tests.support.capped_script import many

CAPACITY = 20


def test_refusals_for_lack_of_room_are_waited_out_and_never_an_example() -> None:
    rows = many(1500)
    with serving(capacity=CAPACITY, latency=0.02, answer={"kind": "bird"}) as server:
        with context(lm=server.lm(num_retries=0)):
            result = Evaluate(devset=rows, metric=toy.metric, num_threads=256)(toy.Classifier())
        seen = server.seen()
    assert (result.n, result.not_measured, result.score) == (len(rows), 0, 100.0)
    assert result.usage.calls == len(seen)
    refused = [entry for entry in seen if entry["status"] == 429]
    # Each refusal is a call that is paid for: those of the beginning, when 256 start, and few more.
    assert 0 < len(refused) < 0.5 * len(rows)
    answered = [entry["time"] for entry in seen if entry["status"] == 200]
    assert len(answered) == len(rows)
    # One by one they would take 30 seconds.
    assert max(answered) - min(answered) < 15


def test_every_phase_of_a_compile_is_paced_by_one_limiter() -> None:
    optimizer = burnish.BootstrapRS(toy.metric, num_candidate_programs=3, num_threads=256, progress=False)
    with serving(capacity=CAPACITY, latency=0.02) as server:
        with context(lm=server.lm(num_retries=0)):
            report = optimizer.compile(toy.Classifier(), trainset=toy.trainset(), valset=many(100)).report
        seen = server.seen()
    assert report.total.calls == len(seen)
    assert {entry["status"] for entry in seen} == {200, 429}
    assert all((standing.n, standing.failed) == (100, 0) for standing in report.candidates)
    assert report.stopped == "finished"
