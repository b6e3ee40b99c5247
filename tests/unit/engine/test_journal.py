"""The journal: what it took is there after a kill, and belongs to one run and one process."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from burnish.engine.journal import RunJournal, events_in
from burnish.errors import ConfigError, RunStopped, StateError
from burnish.lm.request import Output, Response
from burnish.loop import run_sync
from burnish.values.usage import Usage

IDENTITY = {"program": "p", "trainset": "t"}


def reply(text: str, usage: Usage | None = None) -> Response:
    return Response((Output(text),), usage or Usage(1, 10, 2, 0.25), "a/b")


def keep(journal: RunJournal, *pairs: tuple[str, Response], paid: bool = True) -> None:
    async def every() -> None:
        await asyncio.gather(*[journal.keep_reply(key, response, paid=paid) for key, response in pairs])

    run_sync(every())


def test_what_was_kept_is_there_when_the_run_goes_on(tmp_path: Path) -> None:
    first = RunJournal(tmp_path / "deep" / "run", IDENTITY)
    assert not first.resumed
    keep(first, ("k", reply("yes")))
    first.keep_score("cell", {"status": 0, "value": 0.5, "feedback": "é", "parts": None, "reason": None})
    first.keep_events([{"kind": "one"}, {"kind": "two", "path": tmp_path}])
    first.close()
    again = RunJournal(tmp_path / "deep" / "run", IDENTITY)
    assert again.resumed
    assert again.reply("k") == reply("yes")
    assert again.reply("other") is None
    assert again.score("cell") == {"status": 0, "value": 0.5, "feedback": "é", "parts": None, "reason": None}
    assert again.score("other") is None
    assert [event["kind"] for event in again.events()] == ["one", "two"]


def test_a_reply_is_on_disk_once_keeping_it_is_awaited(tmp_path: Path) -> None:
    script = f"""
import asyncio, os
from burnish.engine.journal import RunJournal, events_in
from burnish.lm.request import Output, Response
from burnish.values.usage import Usage
async def main():
    journal = RunJournal({str(tmp_path)!r}, {IDENTITY!r})
    await asyncio.gather(*[journal.keep_reply(str(n), Response((Output(str(n)),), Usage(1), "m")) for n in range(100)])
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr
    journal = RunJournal(tmp_path, IDENTITY)
    assert [journal.reply(str(n)).texts for n in range(100)] == [[str(n)] for n in range(100)]


def test_what_was_sent_and_not_heard_of_again_is_on_the_bill_of_a_killed_run(tmp_path: Path) -> None:
    script = f"""
import asyncio, os
from burnish.engine.journal import RunJournal, events_in
from burnish.lm.request import Output, Response
from burnish.values.usage import Usage
async def main():
    journal = RunJournal({str(tmp_path)!r}, {IDENTITY!r})
    await asyncio.gather(*[journal.keep_sent(Usage(1, 10)) for _ in range(5)])
    journal.keep_ended(Usage(1, 10))
    await journal.keep_reply("k", Response((Output("yes"),), Usage(1, 12, 3), "m"))
    journal.keep_ended(Usage(1, 10))  # its bill would be in the next commit, and so is this
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr
    for _ in range(2):
        journal = RunJournal(tmp_path, IDENTITY)
        assert journal.spent() == Usage(5, 12 + 4 * 10, 3)
        journal.close()


def test_a_call_that_is_cancelled_while_its_reply_is_kept_takes_no_other_along(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path, IDENTITY)

    async def wait_for(key: str) -> str:
        await journal.keep_reply(key, reply(key))
        return key

    async def two() -> list[Any]:
        tasks = [asyncio.ensure_future(wait_for(key)) for key in "ab"]
        await asyncio.sleep(0)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    cancelled, kept = run_sync(two())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert kept == "b"
    assert journal.reply("a") == reply("a")


def test_only_what_was_paid_for_counts_as_spent_and_only_once(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path, IDENTITY)
    keep(journal, ("a", reply("a")), ("b", reply("b", Usage(1, 5, 5, 0.0, 1))))
    keep(journal, ("c", reply("c")), paid=False)
    keep(journal, ("a", reply("again")))
    assert journal.spent() == Usage(2, 15, 7, 0.25, 1)
    assert journal.reply("a") == reply("a")


@pytest.mark.parametrize(
    ("identity", "named"),
    [
        ({"program": "p", "trainset": "other"}, "trainset differ"),
        ({"program": "x", "trainset": "y"}, "program, trainset differ"),
        ({"program": "p"}, "trainset differ"),
        ({**IDENTITY, "metric": "m"}, "metric differ"),
    ],
)
def test_another_runs_directory_is_refused_and_what_differs_named(
    identity: dict[str, str], named: str, tmp_path: Path
) -> None:
    RunJournal(tmp_path, IDENTITY).close()
    with pytest.raises(ConfigError, match=named):
        RunJournal(tmp_path, identity)
    # The refusal lets go of the file.
    RunJournal(tmp_path, IDENTITY).close()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    RunJournal(tmp_path, IDENTITY).close()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as file:
        file.execute("UPDATE run SET format = 99")
    with pytest.raises(ConfigError, match="its format differ"):
        RunJournal(tmp_path, IDENTITY)


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path, IDENTITY)
    script = f"from burnish.engine.journal import RunJournal; RunJournal({str(tmp_path)!r}, {IDENTITY!r})"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "ConfigError" in answer.stderr
    assert "another process" in answer.stderr
    keep(journal, ("k", reply("still mine")))
    journal.close()


def test_a_file_that_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"notes of my own, longer than a header" * 100)
    with pytest.raises(StateError, match="not a Burnish journal"):
        RunJournal(tmp_path, IDENTITY)
    assert (tmp_path / "journal.sqlite").read_bytes().startswith(b"notes")


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="run_dir"):
        RunJournal(tmp_path / "file" / "run", IDENTITY)


def test_events_that_json_cannot_hold_lose_no_replies(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path, IDENTITY)
    circular: dict[str, Any] = {"kind": "bad"}
    circular["self"] = circular
    with pytest.raises(ValueError, match="Circular"):
        journal.keep_events([{"kind": "good"}, circular])
    keep(journal, ("k", reply("yes")))
    journal.close()
    assert RunJournal(tmp_path, IDENTITY).reply("k") == reply("yes")


def test_a_disk_that_is_full_ends_in_an_error_and_leaves_nobody_waiting(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path, IDENTITY)
    journal._file.execute("PRAGMA max_page_count = 1")

    async def keep_much() -> list[Any]:
        results = []
        for number in range(3):
            try:
                await asyncio.wait_for(journal.keep_reply(str(number), reply("x" * 100_000)), 5)
                results.append("kept")
            except Exception as error:
                results.append(type(error).__name__)
        return results

    assert run_sync(keep_much()) == ["RunStopped"] * 3
    journal._file.execute("PRAGMA max_page_count = 10000")
    keep(journal, ("k", reply("room again")))
    journal.close()
    assert RunJournal(tmp_path, IDENTITY).reply("k") == reply("room again")


def test_bills_and_scores_of_a_commit_that_failed_are_in_the_next(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path, IDENTITY)

    async def send() -> None:
        await journal.keep_sent(Usage(1, 10))

    journal.keep_score("cell", {"value": 0.5})
    journal.keep_bill(Usage(2, 7))
    # There is room for these two in the pages that the file has, and none for what comes with them.
    pages = journal._file.execute("PRAGMA page_count").fetchone()[0]
    journal._file.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        journal.keep_events([{"kind": "x" * 100_000}])
    with pytest.raises(RunStopped):
        keep(journal, ("k", reply("x" * 100_000)))
    assert journal.spent() == Usage(2, 7)
    journal._file.execute("PRAGMA max_page_count = 10000")
    run_sync(send())
    journal.close()
    again = RunJournal(tmp_path, IDENTITY)
    assert again.score("cell") == {"value": 0.5}
    # What was in flight when the file was closed is on the bill too.
    assert again.spent() == Usage(3, 17)


def test_numbers_of_numpy_and_odd_feedback_in_a_score(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path, IDENTITY)
    journal.keep_score("cell", {"value": 0.5, "feedback": tmp_path, "parts": {"a": np.float32(0.5), "b": np.int64(2)}})
    journal.close()
    known = RunJournal(tmp_path, IDENTITY).score("cell")
    assert known == {"value": 0.5, "feedback": str(tmp_path), "parts": {"a": 0.5, "b": 2}}


def test_the_journal_is_readable_json(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path, IDENTITY)
    keep(journal, ("k", reply("yes")))
    journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as file:
        assert json.loads(file.execute("SELECT identity FROM run").fetchone()[0]) == IDENTITY
        assert json.loads(file.execute("SELECT reply FROM replies").fetchone()[0])["o"] == [["yes", None, {}]]


def test_the_history_is_read_from_the_folder_of_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no run"):
        events_in(tmp_path)
    journal = RunJournal(tmp_path, {"seed": "0"})
    journal.keep_events([{"kind": "run_started"}, {"kind": "run_finished"}])
    with pytest.raises(ConfigError, match="Is a process working on it"):
        events_in(tmp_path)
    journal.close()
    assert [event["kind"] for event in events_in(str(tmp_path))] == ["run_started", "run_finished"]
    (tmp_path / "journal.sqlite").write_bytes(b"not a journal, and long enough to be taken for something" * 20)
    with pytest.raises(StateError, match="not a Burnish journal"):
        events_in(tmp_path)
