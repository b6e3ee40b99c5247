"""What was paid for is kept: an append-only SQLite file in the run's directory.

Replies and scores are committed before anyone acts on them, so that a process killed at any point
loses only what was in flight. JSON values, no pickle. The file names the run that it belongs to,
and only one process at a time can hold it. Cost: about 20 microseconds a reply.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from burnish.errors import ConfigError, StateError
from burnish.lm.request import Response
from burnish.values.usage import Usage

FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (format INTEGER NOT NULL, identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, reply TEXT NOT NULL, paid INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    dollars REAL NOT NULL, unpriced INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scores (key TEXT PRIMARY KEY, score TEXT NOT NULL) WITHOUT ROWID;
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
            self._file.executescript(_SCHEMA)
        except (OSError, sqlite3.OperationalError) as error:
            raise ConfigError(
                f"Cannot use run_dir={str(run_dir)!r}: {error}. Is another process running it?"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StateError(f"{self.path} is not a Burnish journal: {error}.") from error
        self._claim(identity)
        self.resumed = self._file.execute("SELECT count(*) FROM replies").fetchone()[0] > 0

    def _claim(self, identity: Mapping[str, str]) -> None:
        row = self._file.execute("SELECT format, identity FROM run").fetchone()
        if row is None:
            self._file.execute("INSERT INTO run VALUES (?, ?)", (FORMAT, json.dumps(identity)))
            return
        there = json.loads(row[1])
        differs = sorted(k for k in {*there, *identity} if there.get(k) != identity.get(k))
        if row[0] != FORMAT or differs:
            self.close()
            raise ConfigError(
                f"run_dir={str(self.path.parent)!r} holds another run: "
                f"{', '.join(differs) or 'its format'} differ. Give this run a directory of its "
                "own, or delete that one."
            )

    def spent(self) -> Usage:
        """What the replies kept so far cost."""
        row = self._file.execute(
            "SELECT count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),"
            " coalesce(sum(dollars), 0.0), coalesce(sum(unpriced), 0) FROM replies WHERE paid"
        ).fetchone()
        return Usage(*row)

    def reply(self, key: str) -> Response | None:
        """The reply to a request that this run has asked before."""
        row = self._file.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return None if row is None else Response.from_json(row[0])

    def keep_reply(self, key: str, response: Response, *, paid: bool = True) -> None:
        """Keep a reply; `paid` unless it came from the cache."""
        u = response.usage
        self._file.execute(
            "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                response.to_json(),
                paid,
                u.prompt_tokens,
                u.completion_tokens,
                u.dollars,
                u.unpriced,
            ),
        )

    def score(self, key: str) -> dict[str, Any] | None:
        """The outcome of a cell that this run has scored before."""
        row = self._file.execute("SELECT score FROM scores WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep_score(self, key: str, score: Mapping[str, Any]) -> None:
        """Keep a cell's outcome."""
        self._file.execute("INSERT OR REPLACE INTO scores VALUES (?, ?)", (key, json.dumps(score)))

    def keep_events(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Append events to the run's history."""
        self._file.execute("BEGIN")
        self._file.executemany(
            "INSERT INTO events (event) VALUES (?)",
            [(json.dumps(event, default=str),) for event in events],
        )
        self._file.execute("COMMIT")

    def events(self) -> list[dict[str, Any]]:
        """The run's history so far."""
        rows = self._file.execute("SELECT event FROM events ORDER BY number").fetchall()
        return [json.loads(row[0]) for row in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
