"""Whatever a server does to a call, a run ends as it would have without it: nothing lost, mis-scored or left behind.

Each fault strikes a share of the requests, told by their content and attempt. Where retries are enough, scores and
program are those of an undisturbed run; where they are not, what they did not reach is not measured. The bill is the
server's log in either case.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import burnish
from burnish import BootstrapFewShot, BootstrapRS, Evaluate, context
from burnish.testing import toy
from burnish.testing.server import Server, serving
from tests.support.leftovers import no_connections, no_more_tasks_than, tasks

THREADS = 32
QUIET: dict[str, Any] = {"num_threads": THREADS, "progress": False}
# By fault: what else the server does, and the time-out of a call, which is short where only that ends the call.
FAULTS: dict[str, tuple[dict[str, Any], float]] = {
    "rate_limit": ({}, 60),
    "rate_limit_retry_after": ({"retry_after": 0.1}, 60),
    "unavailable": ({}, 60),
    "error": ({}, 60),
    "hang": ({}, 1),
    "cut": ({}, 60),
    "empty": ({}, 60),
    "wrong_type": ({}, 60),
    "trickle": ({"pace": 0.1}, 1),
    "slow": ({"pace": 0.0003}, 60),
    "disconnect": ({}, 60),
    "torn": ({}, 60),
}
PACED = ("rate_limit", "rate_limit_retry_after")
# Each pause that is asked for is one for everybody, so a few do.
SHARES = {"rate_limit_retry_after": 0.06}


def faulty(fault: str, share: float, **options: Any) -> dict[str, Any]:
    """The options of a server that does so to a share of its requests."""
    return {"faults": {"trickle" if fault == "slow" else fault: share}, **FAULTS[fault][0], **options}


def rows() -> list[burnish.Example]:
    return [*toy.trainset(), *toy.valset()]


def knowing() -> toy.Classifier:
    """A classifier whose demos show every kind but fish, so that it is right about five of six."""
    program = toy.Classifier()
    program.classify.demos = [row for row in toy.trainset() if row.kind != "fish"]
    return program


Found = tuple[str, int]


def evaluate() -> Found:
    """Every score, and the bill."""
    result = Evaluate(devset=rows(), metric=toy.metric, num_threads=THREADS)(knowing())
    return json.dumps([score for _, _, score in result.results]), result.usage.calls


def bootstrap() -> Found:
    """The program's state, and the bill."""
    return _compiled(BootstrapFewShot(toy.metric, max_bootstrapped_demos=16, max_labeled_demos=4, **QUIET))


def random_search() -> Found:
    """The program's state with every candidate's standing, and the bill."""
    return _compiled(BootstrapRS(toy.metric, num_candidate_programs=3, **QUIET), valset=toy.valset())


def _compiled(optimizer: Any, **more: Any) -> Found:
    program = optimizer.compile(toy.Classifier(), trainset=toy.trainset(), **more)
    report = program.report
    found = [program.dump_state(), [repr(standing) for standing in report.candidates], report.winner, report.stopped]
    return json.dumps(found), report.total.calls


JOBS: dict[str, Callable[[], Found]] = {
    "Evaluate": evaluate,
    "BootstrapFewShot": bootstrap,
    "BootstrapFewShotWithRandomSearch": random_search,
}


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, str]:
    """What each job finds where nothing goes wrong."""
    with context(lm=toy.lm()):
        return {name: job()[0] for name, job in JOBS.items()}


def all_at_once(server: Server, **options: Any) -> dict[str, Found]:
    """What each job finds with the server's model, all side by side; whose request is whose, the log says."""

    def do(name: str) -> Found:
        with context(lm=server.lm(user=name, **options)):
            return JOBS[name]()

    with ThreadPoolExecutor() as pool:
        return dict(zip(JOBS, pool.map(do, JOBS), strict=True))


def bills(server: Server) -> Counter[str]:
    """Whose requests the server has seen, by its log."""
    return Counter(entry["body"]["user"] for entry in server.seen())


@pytest.mark.parametrize("fault", FAULTS)
def test_where_retries_are_enough_nothing_changes(fault: str, undisturbed: dict[str, str]) -> None:
    before = tasks()
    with serving(bodies=True, **faulty(fault, SHARES.get(fault, 0.3), faulty_attempts=1)) as server:
        found = all_at_once(server, timeout=FAULTS[fault][1], num_retries=1)
        assert {name: outcome for name, (outcome, _) in found.items()} == undisturbed
        assert {name: bill for name, (_, bill) in found.items()} == bills(server)
        struck = Counter(entry["body"]["user"] for entry in server.seen() if entry["fault"] is not None)
        assert all(struck[name] for name in JOBS), "a job that met no fault shows nothing"
        assert server.lm()._line.limiter.in_flight == 0
    assert no_more_tasks_than(before), tasks() - before


def test_what_retries_do_not_reach_is_not_measured_and_no_score() -> None:
    shares = {fault: 0.09 for fault in FAULTS if fault not in (*PACED, "unavailable", "slow")}
    before = tasks()
    with serving(bodies=True, faults={**shares, "unavailable": 0.05}, pace=0.1) as server:
        with context(lm=server.lm(timeout=1, num_retries=1)):
            result = Evaluate(devset=rows(), metric=toy.metric, num_threads=THREADS)(knowing())
        asked = server.seen()
    assert {entry["fault"] for entry in asked} == {None, "unavailable", *shares}
    answered = {entry["body"]["messages"][-1]["content"] for entry in asked if entry["fault"] is None}
    reached = [any(row.text in question for question in answered) for row in rows()]
    assert 0 < sum(reached) < len(reached)
    expected = [float(row.kind != "fish") if there else None for row, there in zip(rows(), reached, strict=True)]
    assert [score for _, _, score in result.results] == expected
    assert (result.standing.failed, result.not_measured) == (0, reached.count(False))
    assert result.usage.calls == len(asked)
    assert no_more_tasks_than(before), tasks() - before


@pytest.mark.parametrize("fault", PACED)
def test_an_endpoint_that_refuses_everybody_is_given_up_and_is_no_score(fault: str) -> None:
    with serving(**faulty(fault, 1.0)) as server:
        with context(lm=server.lm(timeout=0.2, num_retries=0)):
            result = Evaluate(devset=rows()[:2], metric=toy.metric, num_threads=2)(knowing())
        assert (result.n, result.not_measured) == (0, 2)
        assert result.usage.calls == server.count() >= 2
    assert all("HTTP 429" in reason for reason in result.reasons.values())


@pytest.mark.parametrize("fault", ["hang", "trickle"])
def test_a_call_that_is_given_up_leaves_no_connection(fault: str) -> None:
    with serving(**faulty(fault, 1.0)) as server:
        with context(lm=server.lm(timeout=0.5, num_retries=0)):
            result = Evaluate(devset=rows()[:8], metric=toy.metric, num_threads=THREADS)(knowing())
        assert (result.n, result.not_measured, result.usage.calls, server.count()) == (0, 8, 8, 8)
        assert no_connections(server.port)
