"""The cache's file as it lies on the disk: its tables, how it is opened, checked, brought up to date and replaced.

One SQLite file in WAL mode. Whoever opens or replaces it holds `alone`, so that nobody opens a file
that is half renamed, and two processes that find the same damage replace it once.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from burnish.lm.request import Response

# SQLite's application_id tells our files from anybody else's: "brns".
APPLICATION = 0x62726E73
FORMAT = 2
# What eviction, `stat` and `clear` look at stands in the index, since the replies fill the table's pages.
_SCHEMA = f"""
CREATE TABLE replies (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, used INTEGER NOT NULL, bytes INTEGER NOT NULL,
    model TEXT NOT NULL, digest BLOB NOT NULL, reply BLOB NOT NULL
);
CREATE INDEX replies_used ON replies (used, bytes, model);
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
"""
_COLUMNS = "key, used, bytes, model, digest, reply"
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
# The statements are fixed, so that one which does not fit tells of the file as well.
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT})

Row = tuple[str, int, int, str, bytes, bytes]


def packed(key: str, response: Response) -> Row:
    """A reply as a row.

    Raises:
        TypeError: The reply holds what JSON does not.
    """
    text = response.to_json().encode()
    model = str(response.model).encode(errors="replace").decode()
    return key, int(time.time()), len(text), model, _digest(key, text), text


def unpacked(key: str, digest: object, text: object) -> Response | None:
    """The reply of a row, or None where it is not, to the byte, what was kept under this key."""
    if not isinstance(text, bytes) or digest != _digest(key, text):
        return None
    try:
        return Response.from_json(text.decode())
    except (ValueError, TypeError):
        return None


def _digest(key: str, text: bytes) -> bytes:
    return hashlib.blake2b(b"\0".join((key.encode(), text)), digest_size=8).digest()


def insert(file: sqlite3.Connection, rows: list[Row]) -> None:
    """Write rows by one statement: one commit, and the interpreter is let go of once."""
    values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(rows))
    file.execute(f"INSERT OR REPLACE INTO replies ({_COLUMNS}) VALUES {values}", [*itertools.chain(*rows)])  # noqa: S608 (no value is part of the statement)


def trouble(error: sqlite3.Error) -> Literal["busy", "damaged", "unusable"]:
    """What an error says of the file: somebody holds it, it is not (or no longer) ours, or the disk does not serve."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return "damaged" if type(error) is sqlite3.DatabaseError else "unusable"
    if code & 0xFF in _BUSY:
        return "busy"
    return "damaged" if code & 0xFF in _DAMAGED else "unusable"


@contextlib.contextmanager
def alone(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold the right to open or replace the file, against other threads and processes.

    The lock is SQLite's own, on an empty file beside: it works wherever the cache does, and ends with its process.

    Raises:
        sqlite3.OperationalError: Somebody else holds it for longer than `timeout` seconds, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise sqlite3.OperationalError(str(error)) from error
    with contextlib.closing(sqlite3.connect(f"{path}.lock", isolation_level=None, timeout=timeout)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


def connect(path: Path, *, timeout: float) -> sqlite3.Connection:
    """Open the file, new or there already; to be called while `alone`.

    Raises:
        sqlite3.Error: As `trouble` tells.
    """
    file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=timeout)
    try:
        # Damaged bytes are a fault of the reply, to be found by its digest.
        file.text_factory = bytes
        _bring_up_to_date(file)
        # Survives the death of the process; only the machine's could lose the last commits.
        file.execute("PRAGMA synchronous = NORMAL")
        file.execute("PRAGMA cell_size_check = ON")
        file.execute(f"PRAGMA journal_size_limit = {16 << 20}")
    except sqlite3.Error:
        file.close()
        raise
    return file


def _bring_up_to_date(file: sqlite3.Connection) -> None:
    version = version_of(file)
    if version > FORMAT:
        raise sqlite3.OperationalError("written by a newer Burnish")
    if version == FORMAT:
        return
    # Pages that are no longer needed can be given back to the disk; to be said before there is any.
    file.execute("PRAGMA auto_vacuum = INCREMENTAL")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("BEGIN IMMEDIATE")
    if version == 0:
        _create(file)
        file.execute("COMMIT")
        return
    file.execute("ALTER TABLE replies RENAME TO older")
    _create(file)
    file.executemany(
        f"INSERT INTO replies ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 (no value is part of the statement)
        _rows_of(file.execute("SELECT key, reply FROM older")),
    )
    file.execute("DROP TABLE older")
    file.execute("COMMIT")
    file.execute("VACUUM")


def _create(file: sqlite3.Connection) -> None:
    for statement in _SCHEMA.split(";"):
        file.execute(statement)


def _rows_of(pairs: Iterable[tuple[bytes, bytes]]) -> Iterator[Row]:
    """The readable replies of a file of format 1, which kept the key and the reply's text only."""
    for key, text in pairs:
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            yield packed(key.decode(), Response.from_json(json.dumps(json.loads(text))))


def version_of(file: sqlite3.Connection) -> int:
    """The format of a cache's file, 0 where it is empty.

    Raises:
        sqlite3.DatabaseError: It is no cache of Burnish's.
    """
    tables = file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not tables:
        return 0
    if file.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise sqlite3.DatabaseError("another program's database")
    return max(1, int(file.execute("PRAGMA user_version").fetchone()[0]))


def identity(path: Path) -> tuple[int, int] | None:
    """Which file lies at a path, whatever it is called later; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def move_aside(path: Path, why: str) -> Path:
    """Give a file another name, which says why, with what SQLite keeps beside it; to be called while `alone`.

    Processes that still have it open go on with the moved one: SQLite sees that it was moved, and leaves what lies at the old name.
    """
    name = f"{path.name}.{why}-{int(time.time())}"
    taken = {there.name for there in path.parent.iterdir()}
    number = next(n for n in itertools.count() if f"{name}-{n}" not in taken)
    aside = path.with_name(f"{name}-{number}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
