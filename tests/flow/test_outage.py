"""An outage is not a score: what was not measured enters no mean, and a dead server ends loudly and can be resumed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import burnish
from burnish import BootstrapRS, Evaluate, LMTransient, Module, Prediction, RunStopped, context
from burnish.testing import toy
from burnish.testing.server import Server, serving
from tests.support.compile_script import compile_chain
from tests.support.processes import finish, journaled, keys, start_compile, wait_until


@pytest.fixture(scope="module")
def failing():
    """A server that fails three requests of ten and answers the others rightly."""
    with serving(faults={"error": 0.3}) as running:
        yield running


def rows() -> list[burnish.Example]:
    return [*toy.trainset(), *toy.valset()]


def knowing() -> toy.Classifier:
    """A classifier whose demos show every kind but fish, so that it is right about five of six."""
    program = toy.Classifier()
    program.classify.demos = [row for row in toy.trainset() if row.kind != "fish"]
    return program


def test_the_score_is_that_of_the_measured_examples(failing: Server) -> None:
    with context(lm=failing.lm(num_retries=0)):
        result = Evaluate(devset=rows(), metric=toy.metric)(knowing())
    measured = [(example, score) for example, _, score in result.results if score is not None]
    # Every answer that arrived is right but for fish, so the score can be known beforehand.
    assert all(score == (example.kind != "fish") for example, score in measured)
    right = sum(score for _, score in measured)
    assert result.score == round(100 * right / len(measured), 2)
    assert 4 <= result.not_measured <= 20
    assert (result.n, result.n + result.not_measured) == (len(measured), 36)
    assert f"({result.n}/36)" in str(result)
    assert len(result.reasons) == result.not_measured
    assert all("HTTP 500" in reason for reason in result.reasons.values())
    low, high = result.interval
    assert low <= result.score <= high


def test_every_standing_of_a_search_is_over_what_was_measured(failing: Server) -> None:
    with context(lm=failing.lm(num_retries=0)):
        optimizer = BootstrapRS(
            metric=toy.metric, max_labeled_demos=24, max_bootstrapped_demos=4, num_candidate_programs=4, progress=False
        )
        report = optimizer.compile(toy.Classifier(), trainset=toy.trainset(), valset=rows()[24:]).report
    # The demos of all but the first candidate show every kind, and so every reply to them is right.
    first, *others = report.candidates
    assert first.name == "zero-shot"
    assert [standing.mean for standing in others] == [1.0] * len(others)
    assert all(standing.n + standing.not_measured == 12 for standing in report.candidates)
    assert sum(standing.not_measured for standing in report.candidates) > 5
    assert all(standing.failed == 0 for standing in report.candidates)
    assert report.score == 100.0
    assert report.gain.n <= min(first.n, report.standing.n)


def test_with_retries_everything_is_measured(failing: Server) -> None:
    before = failing.count()
    with context(lm=failing.lm(num_retries=8)):
        result = Evaluate(devset=rows(), metric=toy.metric, num_threads=32)(knowing())
    assert (result.n, result.not_measured) == (36, 0)
    assert result.score == round(100 * 5 / 6, 2)
    assert failing.count() - before > 36


def test_rate_limits_are_waited_out_and_never_a_score() -> None:
    with (
        serving(faults={"rate_limit_retry_after": 0.5}, retry_after=0.01) as server,
        context(lm=server.lm(num_retries=0)),
    ):
        result = Evaluate(devset=rows(), metric=toy.metric, num_threads=32)(knowing())
    assert (result.score, result.n) == (round(100 * 5 / 6, 2), 36)


def test_a_refused_request_counts_as_failed() -> None:
    with serving(faults={"refused": 0.5}) as server, context(lm=server.lm(num_retries=0)):
        result = Evaluate(devset=rows(), metric=toy.metric)(knowing())
    assert (result.n, result.not_measured) == (36, 0)
    assert result.standing.failed > 5
    assert len(server.seen()) == 36


class Swallowing(Module):
    """Answers whatever happens."""

    def __init__(self, guess: str) -> None:
        self.inner = knowing()
        self.guess = guess

    def forward(self, text: str) -> Prediction:
        try:
            return self.inner(text=text)
        except LMTransient:
            return Prediction(kind=self.guess)


@pytest.mark.parametrize("guess", ["bird", "nothing"])
def test_a_program_that_swallows_an_outage_was_not_measured(failing: Server, guess: str) -> None:
    with context(lm=failing.lm(num_retries=0)):
        swallowed = Evaluate(devset=rows(), metric=toy.metric)(Swallowing(guess))
    assert swallowed.not_measured > 0
    assert all(score == (row.kind != "fish") for row, _, score in swallowed.results if score is not None)


def test_a_dead_server_is_no_zero() -> None:
    server = Server(port=9)  # nobody serves there
    with context(lm=server.lm(num_retries=0)), pytest.raises(RunStopped) as stopped:
        Evaluate(devset=rows(), metric=toy.metric, num_threads=2)(knowing())
    said = str(stopped.value)
    assert "LMTransient: No connection" in said
    assert "None of them counts as a score" in said


def test_a_small_evaluation_without_a_server_has_no_score() -> None:
    server = Server(port=9)
    with context(lm=server.lm(num_retries=0)):
        result = Evaluate(devset=rows()[:5], metric=toy.metric)(knowing())
    assert math.isnan(result.score)
    assert (result.n, result.not_measured) == (0, 5)


def test_a_server_that_dies_leaves_a_run_to_resume(tmp_path: Path) -> None:
    with serving(tmp_path / "log", latency=0.002, bodies=True) as server:
        compile_chain(server.url, tmp_path / "undisturbed")
        reference = keys(server)

        folder = tmp_path / "interrupted"
        process = start_compile(server.url, folder)
        assert wait_until(lambda: server.count() >= len(reference) + 100, process)
        server.stop()
        status, out, err = finish(process)
        assert status == 1
        assert not out
        assert "Stopped: " in err
        assert "in a row ended alike: LMTransient" in err
        assert "Run again to go on; with run_dir= set, nothing that was received is asked for again." in err
        assert not (folder / "program.json").exists()

        kept, before = journaled(folder / "run"), server.count()
        assert len(kept) > 50
        server.start()
        status, out, err = finish(start_compile(server.url, folder))
        assert status == 0, err
        assert not kept & set(keys(server)[before:])
        assert (folder / "program.json").read_bytes() == (tmp_path / "undisturbed" / "program.json").read_bytes()
