"""Replies kept from run to run: bounded memory over one SQLite file.

JSON values, successes only. Many processes may share the file (WAL). A file that is corrupt or
not ours is moved aside with a warning, a corrupt entry is a miss, and nothing touches the disk
before the first call. Pickle is never used.

Cost: a memory hit about 1 microsecond, a disk hit or a write some 20 to 50. A cache is meant to
be shared by everything in the process; the default one is `default_cache()`.
"""

from __future__ import annotations

import functools
import itertools
import os
import sqlite3
import threading
import time
import warnings
from collections import OrderedDict
from pathlib import Path

from burnish.lm.request import Response

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID;
"""
# SQLite's application_id tells our files from anybody else's: "brns".
_APPLICATION = 0x62726E73


class Cache:
    """Replies by the fingerprint of their request.

    Args:
        path: The SQLite file; None keeps replies in memory only.
        memory: How many replies to keep in memory at most.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, memory: int = 10_000) -> None:
        self.path = None if path is None else Path(path)
        self._limit = memory
        self._memory: OrderedDict[str, Response] = OrderedDict()
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._usable = path is not None

    def get(self, key: str) -> Response | None:
        """The reply kept under this key, or None."""
        with self._lock:
            response = self._memory.get(key)
            if response is not None:
                self._memory.move_to_end(key)
                return response
            response = self._read(key)
            if response is not None:
                self._remember(key, response)
            return response

    def put(self, key: str, response: Response) -> None:
        """Keep a reply. A disk that cannot be written is a warning, once, not an error."""
        with self._lock:
            self._remember(key, response)
            self._write(key, response)

    def clear(self) -> None:
        """Forget everything, on disk too."""
        with self._lock:
            self._memory.clear()
            file = self._open()
            if file is None:
                return
            try:
                file.execute("DELETE FROM replies")
            except sqlite3.Error as error:
                self._give_up(f"cannot be emptied ({error})")

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _remember(self, key: str, response: Response) -> None:
        self._memory[key] = response
        if len(self._memory) > self._limit:
            self._memory.popitem(last=False)

    def _read(self, key: str) -> Response | None:
        file = self._open()
        if file is None:
            return None
        try:
            row = file.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            return None if row is None else Response.from_json(row[0])
        except (sqlite3.Error, ValueError, TypeError):
            return None

    def _write(self, key: str, response: Response) -> None:
        file = self._open()
        if file is None:
            return
        try:
            file.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, response.to_json()))
        except sqlite3.Error as error:
            self._give_up(f"cannot be written ({error})")

    def _open(self) -> sqlite3.Connection | None:
        if self._file is None and self._usable and self.path is not None:
            try:
                self._file = _connect(self.path)
            except sqlite3.OperationalError as error:
                self._give_up(f"cannot be opened ({error})")
            except sqlite3.DatabaseError as error:
                self._begin_anew(self.path, error)
        return self._file

    def _begin_anew(self, path: Path, problem: sqlite3.DatabaseError) -> None:
        try:
            aside = _move_aside(path)
            self._file = _connect(path)
        except (OSError, sqlite3.Error) as error:
            self._give_up(f"is not a Burnish cache ({problem}) and cannot be replaced ({error})")
            return
        warnings.warn(
            f"The cache {path} is not a Burnish cache ({problem}); it was moved to {aside} and a new one begun.",
            stacklevel=5,
        )

    def _give_up(self, problem: str) -> None:
        self._usable = False
        self._file = None
        warnings.warn(
            f"The cache {self.path} {problem}; replies are kept in memory only. Set "
            "BURNISH_CACHE_DIR to a folder that can be written.",
            stacklevel=5,
        )


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise sqlite3.OperationalError(str(error)) from error
    file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    try:
        owner = file.execute("PRAGMA application_id").fetchone()[0]
        tables = file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if owner != _APPLICATION and tables:
            raise sqlite3.DatabaseError("another program's database")
        file.execute(f"PRAGMA application_id = {_APPLICATION}")
        file.execute("PRAGMA journal_mode = WAL")
        # A cache may lose its last entries with the machine's power; never with the process.
        file.execute("PRAGMA synchronous = OFF")
        file.executescript(_SCHEMA)
    except sqlite3.Error:
        file.close()
        raise
    return file


def _move_aside(path: Path) -> Path:
    """Give a file that is not ours another name, with what SQLite keeps beside it."""
    name = f"{path.name}.foreign-{int(time.time())}"
    taken = {there.name for there in path.parent.iterdir()}
    number = next(n for n in itertools.count() if f"{name}-{n}" not in taken)
    aside = path.with_name(f"{name}-{number}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def cache_directory() -> Path:
    """Where Burnish keeps its files: `BURNISH_CACHE_DIR`, else `~/.cache/burnish`."""
    given = os.environ.get("BURNISH_CACHE_DIR")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "burnish"


@functools.cache
def default_cache() -> Cache:
    """The cache that every LM uses unless the settings name another."""
    return Cache(cache_directory() / "replies.sqlite")
