"""What was paid for is kept: an append-only SQLite file in the run's directory.

A reply is committed before anyone acts on it, so that a process killed at any point loses only what
was in flight; scores and events follow within a tenth of a second. Where a budget holds, a call is kept before it is
sent, too: of what was in flight when a process was killed nobody knows whether it was answered, so it is on the bill.
JSON values, no pickle. The file names the run that it belongs to, and only one process at a time can hold it.
Cost: 50 to 100 microseconds a reply.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path
from typing import Any

from burnish.errors import ConfigError, RunStopped, StateError
from burnish.lm.request import Response
from burnish.values.usage import Usage

FORMAT = 1
# The loop waits for a checkpoint. At 4,000 pages one takes some 35 ms, and all together half of what those of 17 ms at the default of 1,000 take.
_PAGES_TO_A_CHECKPOINT = 4000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (format INTEGER NOT NULL, identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, reply TEXT NOT NULL, paid INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    dollars REAL NOT NULL, unpriced INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scores (key TEXT PRIMARY KEY, score TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bills (usage TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS flying (one INTEGER PRIMARY KEY, usage TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, event TEXT NOT NULL);
"""


class RunJournal:
    """One run's journal, opened for as long as the run goes on.

    Args:
        run_dir: The run's directory; made if it is not there.
        identity: What the run is: name → value. A directory that holds another run is refused.

    Raises:
        ConfigError: The directory holds another run, cannot be written, or another process has it.
        StateError: The file is not a journal.
    """

    def __init__(self, run_dir: str | os.PathLike[str], identity: Mapping[str, str]) -> None:
        self.path = Path(run_dir) / "journal.sqlite"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=0.5)
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._file.execute("PRAGMA journal_mode = WAL")
            # Survives the death of the process; only the machine's could lose the last commits.
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_TO_A_CHECKPOINT}")
            self._file.executescript(_SCHEMA)
        except OSError as error:
            raise ConfigError(
                f"Cannot use run_dir={str(run_dir)!r}: {error}. Give a directory that can be written."
            ) from error
        except sqlite3.OperationalError as error:
            raise ConfigError(
                f"Cannot use run_dir={str(run_dir)!r}: {error}. Is another process running it?"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StateError(f"{self.path} is not a Burnish journal: {error}.") from error
        self._claim(identity)
        # Whoever waits for the commit that is due; None while none is.
        self._waiting: list[asyncio.Future[None]] | None = None
        # What is in flight where a budget holds, and what the file says of it.
        self._flying = Usage()
        self._told = self._lost()
        self._scores: dict[str, str] = {}
        self._bills = [self._told] if self._told.calls else []
        self.resumed = self._file.execute("SELECT count(*) FROM replies").fetchone()[0] > 0

    def _claim(self, identity: Mapping[str, str]) -> None:
        row = self._file.execute("SELECT format, identity FROM run").fetchone()
        if row is None:
            self._file.execute("INSERT INTO run VALUES (?, ?)", (FORMAT, json.dumps(identity)))
            return
        there = json.loads(row[1])
        differs = sorted(k for k in {*there, *identity} if there.get(k) != identity.get(k))
        if row[0] != FORMAT or differs:
            self._file.close()
            raise ConfigError(
                f"run_dir={str(self.path.parent)!r} holds another run: "
                f"{', '.join(differs) or 'its format'} differ. Give this run a directory of its "
                "own, or delete that one."
            )

    def _lost(self) -> Usage:
        """What was in flight when the process before this one was killed."""
        row = self._file.execute("SELECT usage FROM flying").fetchone()
        return Usage() if row is None else Usage(**json.loads(row[0]))

    def spent(self) -> Usage:
        """What the calls of this run cost so far, those without a reply among them."""
        row = self._file.execute(
            "SELECT count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),"
            " coalesce(sum(dollars), 0.0), coalesce(sum(unpriced), 0) FROM replies WHERE paid"
        ).fetchone()
        bills = self._file.execute("SELECT usage FROM bills")
        kept = sum((Usage(**json.loads(bill)) for (bill,) in bills), Usage(*row))
        return sum(self._bills, kept)

    def reply(self, key: str) -> Response | None:
        """The reply to a request that this run has asked before."""
        row = self._file.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return None if row is None else Response.from_json(row[0])

    def keep_reply(self, key: str, response: Response, *, paid: bool = True) -> Awaitable[None]:
        """Keep a reply; `paid` unless it came from the cache.

        Returns:
            Done once the reply is committed. All that arrive in one turn of the loop share a commit.
        """
        u = response.usage
        used = (u.prompt_tokens, u.completion_tokens, u.dollars, u.unpriced)
        row = (key, response.to_json(), paid, *used)
        try:
            committed = self._begin()
            self._file.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise self._unwritable(error) from error
        return committed

    def keep_sent(self, usage: Usage) -> Awaitable[None]:
        """Keep that a call is about to be sent, and what it is on the bill for where nothing more is heard of it.

        Returns:
            Done once this is committed, and the call may go.
        """
        self._flying += usage
        try:
            return self._begin()
        except sqlite3.Error as error:
            raise self._unwritable(error) from error

    def keep_ended(self, usage: Usage) -> None:
        """Keep that a call which was sent has ended, with the commit of its reply or its bill."""
        f = self._flying
        self._flying = Usage(
            f.calls - usage.calls,
            f.prompt_tokens - usage.prompt_tokens,
            f.completion_tokens - usage.completion_tokens,
            max(0.0, f.dollars - usage.dollars),
            f.unpriced - usage.unpriced,
        )

    def _begin(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        if self._waiting is None:
            self._file.execute("BEGIN")
            self._waiting = []
            loop.call_soon(self._commit)
        # One of its own for each: who stops waiting takes nobody along.
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.append(waiter)
        return waiter

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        waiting = [waiter for waiter in waiting if not waiter.done()]
        try:
            if not self._file.in_transaction:
                # SQLite has rolled back by itself, so that what is written now would be kept at once, and again later.
                raise sqlite3.OperationalError("what was to be committed is lost")
            self._write_rest()
            self._file.execute("COMMIT")
            self._rest_is_kept()
        except sqlite3.Error as error:
            self._roll_back()
            for waiter in waiting:
                waiter.set_exception(self._unwritable(error))
                waiter.exception()  # read once: nobody may be waiting
        else:
            for waiter in waiting:
                waiter.set_result(None)

    def _roll_back(self) -> None:
        # Left open, the transaction would take in whatever is kept later, and never be committed.
        if self._file.in_transaction:
            self._file.execute("ROLLBACK")

    def _unwritable(self, error: sqlite3.Error) -> RunStopped:
        return RunStopped(f"Stopped: the journal {self.path} cannot be written: {error}.")

    def score(self, key: str) -> dict[str, Any] | None:
        """The outcome of a cell that this run has scored before."""
        row = self._file.execute("SELECT score FROM scores WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep_score(self, key: str, score: Mapping[str, Any]) -> None:
        """Keep a cell's outcome, with the next commit: it can be had again from the replies."""
        self._scores[key] = json.dumps(score, default=_plain)

    def keep_bill(self, usage: Usage) -> None:
        """Keep what an attempt used that brought no reply, with the next commit."""
        self._bills.append(usage)

    def _write_rest(self) -> None:
        """Write what waits for the next commit; it goes on waiting until that has come about."""
        self._file.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?)", self._scores.items())
        if self._bills:
            bill = json.dumps(sum(self._bills, Usage()).to_dict())
            self._file.execute("INSERT INTO bills VALUES (?)", (bill,))
        if self._flying != self._told:
            flying = json.dumps(self._flying.to_dict())
            self._file.execute("INSERT OR REPLACE INTO flying VALUES (1, ?)", (flying,))

    def _rest_is_kept(self) -> None:
        self._scores.clear()
        self._bills.clear()
        self._told = self._flying

    def keep_events(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Append events to the run's history."""
        rows = [(json.dumps(event, default=str),) for event in events]
        self._commit()
        self._file.execute("BEGIN")
        try:
            self._write_rest()
            self._file.executemany("INSERT INTO events (event) VALUES (?)", rows)
            self._file.execute("COMMIT")
            self._rest_is_kept()
        finally:
            self._roll_back()

    def events(self) -> list[dict[str, Any]]:
        """The run's history so far."""
        return _events_of(self._file)

    def close(self) -> None:
        """Commit what is left and let go of the file."""
        try:
            self._commit()
            self.keep_events([])
        # Only scores are left, which can be had again; the replies' own commit has told of a full disk.
        except sqlite3.Error:
            pass
        finally:
            self._file.close()


def events_in(run_dir: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The history of the run in a directory: the events of all processes that worked on it, in order.

    Raises:
        ConfigError: There is no run, or a process is working on it.
        StateError: The file is not a journal.
    """
    path = Path(run_dir) / "journal.sqlite"
    if not path.is_file():
        raise ConfigError(
            f"run_dir={str(run_dir)!r} holds no run: there is no {path.name}. Give the run_dir of a compile."
        )
    try:
        file = sqlite3.connect(path, timeout=0.5)
        try:
            return _events_of(file)
        finally:
            file.close()
    except sqlite3.OperationalError as error:
        raise ConfigError(f"Cannot read {path}: {error}. Is a process working on it?") from error
    except sqlite3.DatabaseError as error:
        raise StateError(f"{path} is not a Burnish journal: {error}.") from error


def _events_of(file: sqlite3.Connection) -> list[dict[str, Any]]:
    rows = file.execute("SELECT event FROM events ORDER BY number").fetchall()
    return [json.loads(row[0]) for row in rows]


def _plain(value: Any) -> Any:
    """A part of a score as JSON has it, numpy's numbers among them."""
    return value.item() if hasattr(value, "item") else str(value)
