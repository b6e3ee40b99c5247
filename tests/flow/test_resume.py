"""Nothing is lost: a compile killed at any moment goes on with the same command, and asks for no reply twice."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from burnish import BootstrapRS, Cache, ConfigError, context
from burnish.testing import toy
from burnish.testing.server import Server, serving
from tests.support.compile_script import compile_chain
from tests.support.processes import finish, journaled, keys, kill, start_compile, wait_until

THREADS = 8


class Undisturbed(NamedTuple):
    folder: Path
    program: bytes
    keys: list[str]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server") / "log", latency=0.005, bodies=True) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(server: Server, tmp_path_factory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    before = server.count()
    report = compile_chain(server.url, folder, threads=THREADS)
    asked = keys(server)[before:]
    assert report.total.calls == len(asked) == len(set(asked)) > 100
    assert journaled(folder / "run") == set(asked)
    return Undisturbed(folder, (folder / "program.json").read_bytes(), asked)


def run_until(server: Server, folder: Path, requests: int, delay: float = 0.0) -> bool:
    """Start the compile and kill it once the server has seen so many requests; False where it finished before."""
    process = start_compile(server.url, folder, "--threads", THREADS)
    wait_until(lambda: server.count() >= requests, process)
    time.sleep(delay)
    if process.poll() is None:
        kill(process)
        return True
    status, _, err = finish(process)
    assert status == 0, err
    return False


def asked_again(server: Server, before: int, kept: set[str]) -> set[str]:
    """Which replies that the journal held were asked for after request number `before`."""
    return kept & set(keys(server)[before:])


def test_ten_kills_in_one_run_change_nothing(server: Server, undisturbed: Undisturbed, tmp_path: Path) -> None:
    draw = random.Random(5)
    start = server.count()
    moments = sorted(draw.sample(range(1, len(undisturbed.keys)), 10))
    kept: set[str] = set()
    for moment in moments:
        before = server.count()
        # What is re-sent after a kill moves the later moments on, so that each of the ten does kill.
        resent = before - start - len(kept)
        assert run_until(server, tmp_path, start + moment + resent, draw.uniform(0, 0.02))
        assert not asked_again(server, before, kept)
        kept = journaled(tmp_path / "run")
    before = server.count()
    status, _, err = finish(start_compile(server.url, tmp_path, "--threads", THREADS))
    assert status == 0, err
    assert not asked_again(server, before, kept)
    assert (tmp_path / "program.json").read_bytes() == undisturbed.program
    # Nothing was asked but what the undisturbed run asked, and once more at most the calls in flight.
    assert set(keys(server)[start:]) == set(undisturbed.keys)
    assert server.count() - start <= len(undisturbed.keys) + 10 * THREADS


def test_the_bill_after_a_kill_is_for_what_was_not_received(
    server: Server, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    start = server.count()
    assert run_until(server, tmp_path, start + len(undisturbed.keys) // 3)
    kept, before = journaled(tmp_path / "run"), server.count()
    assert kept
    status, out, err = finish(start_compile(server.url, tmp_path, "--threads", THREADS))
    assert status == 0, err
    assert not asked_again(server, before, kept)
    assert (tmp_path / "program.json").read_bytes() == undisturbed.program
    # The bill of the second process is for what the first had not received.
    assert json.loads(out)["calls"] == len(undisturbed.keys) - len(kept)


# 30 calls end while bootstrapping, 150 while scoring.
@pytest.mark.parametrize("calls", [30, 150])
def test_a_larger_budget_goes_on_where_the_smaller_ended(
    server: Server, undisturbed: Undisturbed, tmp_path: Path, calls: int
) -> None:
    start = server.count()
    report = compile_chain(server.url, tmp_path, threads=THREADS, calls=calls)
    assert "Budget" in report.stopped
    assert f"calls={calls}" in report.stopped
    assert report.total.calls == calls == server.count() - start
    assert len(journaled(tmp_path / "run")) == calls

    report = compile_chain(server.url, tmp_path, threads=THREADS, calls=1000)
    assert report.stopped == "finished"
    assert (tmp_path / "program.json").read_bytes() == undisturbed.program
    assert sorted(keys(server)[start:]) == sorted(undisturbed.keys)


def test_a_budget_counts_what_earlier_processes_spent(server: Server, undisturbed: Undisturbed, tmp_path: Path) -> None:
    compile_chain(server.url, tmp_path, threads=THREADS, calls=30)
    before = server.count()
    report = compile_chain(server.url, tmp_path, threads=THREADS, calls=40)
    assert "calls=40" in report.stopped
    assert server.count() - before == 10


def test_a_finished_run_asks_nothing_when_it_is_started_again(server: Server, undisturbed: Undisturbed) -> None:
    before = server.count()
    (undisturbed.folder / "program.json").unlink()
    report = compile_chain(server.url, undisturbed.folder, threads=THREADS)
    assert server.count() == before
    assert (report.total.calls, report.before.calls) == (0, len(undisturbed.keys))
    assert (undisturbed.folder / "program.json").read_bytes() == undisturbed.program


def test_a_run_directory_belongs_to_one_process_at_a_time(server: Server, tmp_path: Path) -> None:
    process = start_compile(server.url, tmp_path, "--threads", 1)
    before = server.count()
    try:
        assert wait_until(lambda: server.count() > before, process)
        with pytest.raises(ConfigError) as caught:
            compile_chain(server.url, tmp_path, threads=1)
        assert "Is another process running it?" in str(caught.value)
        assert process.poll() is None
    finally:
        kill(process)
    assert compile_chain(server.url, tmp_path, threads=THREADS).stopped == "finished"


def test_a_run_that_was_answered_by_the_cache_needs_it_no_more(tmp_path: Path) -> None:
    """The journal alone replays a run: on another machine, or once the cache is gone."""
    lm = toy.lm(cache=True)

    def compile_with(cache: Cache, run_dir: Path) -> tuple[str, int]:
        before = len(lm.requests)
        with context(lm=lm, cache=cache):
            optimizer = BootstrapRS(toy.metric, num_candidate_programs=3, run_dir=run_dir, progress=False)
            program = optimizer.compile(toy.Classifier(), trainset=toy.trainset(), valset=toy.valset())
        assert program.report.total.calls == len(lm.requests) - before
        return json.dumps(program.dump_state()), program.report.total.calls

    warm = Cache(tmp_path / "replies.sqlite")
    first, asked = compile_with(warm, tmp_path / "first")
    assert asked > 50
    assert compile_with(warm, tmp_path / "second") == (first, 0)
    warm.clear()
    assert compile_with(Cache(), tmp_path / "second") == (first, 0)
    assert compile_with(Cache(), tmp_path / "third") == (first, asked)
