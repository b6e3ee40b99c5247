"""A budget holds while 256 calls are in flight: the server's log says what was really asked, and what it was worth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import BootstrapRS, Budget, Evaluate, context
from burnish.testing import toy
from burnish.testing.server import Server, serving
from tests.support.capped_script import many
from tests.support.processes import ROOT, environment, finish, journaled, kill, wait_until

THREADS = 256
SIZED = "tests.support.sized_answers:answer"
# Dollars per million tokens, of prompts and of replies.
PRICES = (2.0, 10.0)
FAULTY: dict[str, Any] = {"faults": {"error": 0.15, "rate_limit_retry_after": 0.15}, "retry_after": 0.02}
FAULTY["faulty_attempts"] = 2


def evaluate(server: Server, budget: Budget, **options: Any) -> burnish.EvaluationResult:
    """Evaluate on far more examples than the budget allows, with 256 in flight."""
    with context(lm=server.lm(num_retries=8, **options)):
        return Evaluate(devset=many(300), metric=toy.metric, num_threads=THREADS, budget=budget)(toy.Classifier())


def tokens(entry: dict[str, Any]) -> float:
    return entry["prompt_tokens"] + entry["completion_tokens"]


def dollars(entry: dict[str, Any]) -> float:
    return (PRICES[0] * entry["prompt_tokens"] + PRICES[1] * entry["completion_tokens"]) / 1e6


@pytest.mark.parametrize("server_options", [{}, FAULTY], ids=["well", "faulty"])
def test_a_cap_on_calls_is_what_the_server_sees(server_options: dict[str, Any]) -> None:
    with serving(answer=SIZED, latency=0.01, **server_options) as server:
        result = evaluate(server, Budget(calls=100))
        assert server.count() == result.usage.calls == 100
        assert result.n == sum(entry["fault"] is None for entry in server.seen())
        assert result.n + result.not_measured == 300


def test_a_cap_on_calls_holds_over_all_phases_of_a_compile() -> None:
    optimizer = BootstrapRS(
        toy.metric, num_candidate_programs=4, num_threads=THREADS, budget=Budget(calls=100), progress=False
    )
    with serving(latency=0.005) as server, context(lm=server.lm()):
        report = optimizer.compile(toy.Classifier(), trainset=toy.trainset(), valset=many(300)).report
        assert server.count() == report.total.calls == 100
    assert "calls=100" in report.stopped
    assert {"bootstrap", "score"} <= report.usage.keys()


@pytest.mark.parametrize(
    ("options", "server_options"),
    [({}, {}), ({"max_tokens": 500}, {}), ({}, FAULTY)],
    ids=["open", "bounded", "faulty"],
)
@pytest.mark.parametrize(
    ("budget", "size", "cap"),
    [(Budget(tokens=20_000), tokens, 20_000), (Budget(dollars=0.07), dollars, 0.07)],
    ids=["tokens", "dollars"],
)
def test_a_cap_on_size_holds_within_one_call(
    budget: Budget, size: Any, cap: float, options: dict[str, Any], server_options: dict[str, Any]
) -> None:
    with serving(answer=SIZED, latency=0.01, **server_options) as server:
        result = evaluate(server, budget, prices=PRICES, **options)
        sizes = [size(entry) for entry in server.seen()]
        assert len(sizes) == result.usage.calls
    used = result.usage.tokens if size is tokens else result.usage.dollars
    assert used == pytest.approx(sum(sizes))
    # Neither more than one call over the cap, nor much of it left where there was work.
    assert cap - 2 * max(sizes) < used <= cap + max(sizes)
    assert result.n > 10


def test_a_cap_on_tokens_holds_where_prompts_are_longer_than_estimated() -> None:
    # This answer is the same for all, and its server counts what JSON adds to a prompt too.
    with serving(answer={"kind": "bird"}, latency=0.01) as server:
        result = evaluate(server, Budget(tokens=20_000), max_tokens=500)
        sizes = [tokens(entry) for entry in server.seen()]
    assert 20_000 - 2 * max(sizes) < result.usage.tokens == sum(sizes) <= 20_000 + max(sizes)


def start(server: Server, folder: Path, calls: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.capped_script", server.url, str(folder), str(calls)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    )


def test_a_cap_on_calls_holds_over_processes_that_are_killed(tmp_path: Path) -> None:
    # Slow enough that some call is in flight when the process is killed, however late this process sees it.
    with serving(latency=0.1) as server:
        process = start(server, tmp_path, 400)
        assert wait_until(lambda: 40 < len(journaled(tmp_path / "run")) < server.count(), process)
        kill(process)
        kept = len(journaled(tmp_path / "run"))
        assert kept < 400
        status, out, err = finish(start(server, tmp_path, 400))
        assert status == 0, err
        bill = json.loads(out)
        # Nobody knows of a call that was in flight when the process was killed whether it was answered: it is on the bill.
        assert "calls=400" in bill["stopped"]
        assert bill["before"] + bill["here"] == 400
        assert kept < bill["before"]
        assert bill["here"] < server.count() <= 400
