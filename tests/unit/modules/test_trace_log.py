"""What programs do is logged, inside of runs and outside, and can be scanned for demos."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import TraceLog, TraceTable
from burnish.errors import ConfigError
from burnish.testing import ScriptedLM, toy


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_outermost_run_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "made" / "log.jsonl"
    program = toy.Chain()
    with burnish.context(lm=toy.lm(), trace_log=TraceLog(path)):
        row = toy.trainset()[0]
        program(text=row.text)
        asyncio.run(program.acall(text=row.text))
        program.batch([row])
    program.set_lm(toy.lm())
    program(text=row.text)
    told = lines(path)
    assert [[step["predictor"] for step in line["trace"]] for line in told] == [["find", "classify"]] * 3
    assert told[0]["trace"][0]["inputs"] == {"text": row.text}
    assert told[0]["score"] is None
    assert len(TraceTable.scan(path)) == 6


def test_a_sync_program_and_a_lone_predictor_are_logged_too(tmp_path: Path) -> None:
    class Sync(burnish.Module):
        def __init__(self) -> None:
            self.inner = burnish.Predict("x -> y: list[int]")

        def forward(self, x: str) -> Any:
            return self.inner(x=x)

    path = tmp_path / "log.jsonl"
    with burnish.context(lm=ScriptedLM(lambda _: {"y": "[1, 2]"}), trace_log=TraceLog(path)):
        Sync()(x="a")
        burnish.Predict("x -> y: list[int]")(x="b")
    assert [line["trace"][0]["predictor"] for line in lines(path)] == ["inner", "self"]
    assert [call.outputs for call in TraceTable.scan(path).pick()] == [{"y": [1, 2]}] * 2


def test_runs_of_an_evaluation_have_their_scores_and_a_metrics_own_questions_are_none(tmp_path: Path) -> None:
    judge = burnish.Predict("kind -> good: bool")

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        with burnish.context(lm=ScriptedLM(lambda _: {"good": "true"})):
            return bool(judge(kind=prediction.kind).good) and example.kind == prediction.kind

    path = tmp_path / "log.jsonl"
    with burnish.context(lm=toy.lm(), trace_log=TraceLog(path)):
        result = burnish.Evaluate(devset=toy.trainset(), metric=metric)(toy.Classifier())
    told = lines(path)
    assert len(told) == len(toy.trainset())
    assert sum(line["score"] for line in told) / len(told) == pytest.approx(result.score / 100, abs=1e-3)
    assert {line["stage"] for line in told} == {"evaluate"}


def test_what_failed_is_logged_as_that_and_is_no_demo(tmp_path: Path) -> None:
    class Half(burnish.Module):
        def __init__(self) -> None:
            self.inner = burnish.Predict("x -> y")

        async def aforward(self, x: str) -> Any:
            await self.inner.acall(x=x)
            raise LookupError("half-way")

    path = tmp_path / "log.jsonl"
    with burnish.context(lm=ScriptedLM(lambda _: {"y": "z"}), trace_log=TraceLog(path)), pytest.raises(LookupError):
        Half()(x="a")
    (line,) = lines(path)
    assert (line["status"], len(line["trace"])) == ("failed", 1)
    assert len(TraceTable.scan(path)) == 0


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    rows = toy.trainset()
    log = TraceLog(path)

    def work() -> None:
        with burnish.context(lm=toy.lm(), trace_log=log):
            for row in rows:
                toy.Classifier()(text=row.text)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(path)) == 4 * len(rows)


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot write the trace log"):
        TraceLog(tmp_path)
    with pytest.raises(ConfigError, match="trace_log="):
        burnish.configure(trace_log=str(tmp_path / "log.jsonl"))
    with (tmp_path / "plain.txt").open("a") as file, pytest.raises(ConfigError, match="trace_log="):
        burnish.configure(trace_log=file)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_full_disk_costs_the_log_and_not_the_run() -> None:
    log = TraceLog("/dev/full")
    with burnish.context(lm=toy.lm(), trace_log=log):
        with pytest.warns(UserWarning, match="Runs go on without it"):
            assert toy.Classifier()(text=toy.trainset()[0].text).kind
        with pytest.warns(UserWarning, match="Runs go on without it"):
            result = burnish.Evaluate(devset=toy.trainset(), metric=toy.metric)(toy.Classifier())
    assert result.n == len(toy.trainset())
