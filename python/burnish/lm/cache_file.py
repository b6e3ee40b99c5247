"""The cache's file in use: read at once, written behind, held to its size, shared with other processes.

Replies are written by a thread, as many as have come together in one commit, so that nobody who asks a
model waits for the disk or for another process's lock; a killed process loses what it received in its last
twentieth of a second or so. Reading waits for no writer (WAL).

What is over the size limit goes, what was used longest ago first. Uses are noted to the day, so that
reading hardly ever writes.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from burnish.lm.cache_connection import Connection, Place
from burnish.lm.cache_format import Row, insert, packed, unpacked
from burnish.lm.request import Response

# Seconds in which replies gather before they are written, all in one commit.
_GATHER = 0.05
_BATCH = 150
# What waits for a disk that does not keep up, at most; what is more is not kept.
_MOST_QUEUED = 10_000
_MOST_QUEUED_BYTES = 64 << 20
_DAY = 24 * 60 * 60
# Rows that go in one commit where the file is over its limit, or is being emptied in part.
_STEP = 500
# Once over the limit, this share of it is freed, so that not every commit has to.
_FREED = 0.05
_STEPS = 4
# Pages that are given back in one commit: others wait for it, and it for the interpreter at every page.
_SLICE = 64
_PAGES = """
SELECT page_count, page_count - freelist_count, page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
# Numbers are cast, since a damaged file may hold anything in their place.
_STAT = """
SELECT CAST(ifnull(model, '') AS TEXT), count(*), sum(CAST(ifnull(bytes, 0) AS INTEGER)),
    min(CAST(ifnull(used, 0) AS INTEGER)), max(CAST(ifnull(used, 0) AS INTEGER))
FROM replies GROUP BY 1 ORDER BY 3 DESC, 1
"""
_OLDEST = "SELECT id, CAST(ifnull(bytes, 0) AS INTEGER) FROM replies ORDER BY used LIMIT ?"
_MATCHING = "SELECT id FROM replies WHERE (?1 IS NULL OR used < ?1) AND (?2 IS NULL OR model GLOB ?2)"


@dataclass(frozen=True, slots=True)
class CacheStat:
    """What a cache's file holds.

    Attributes:
        entries: How many replies.
        bytes: Its size on the disk.
        limit: The size it is held to; None is no limit.
        oldest: When the reply that has not been used for longest was used, to the day, in seconds since 1970.
        newest: Likewise, the one used last.
        models: Name of each model that answered, replies and their bytes, the largest first.
    """

    entries: int
    bytes: int
    limit: int | None
    oldest: int | None
    newest: int | None
    models: tuple[tuple[str, int, int], ...]


class CacheFile:
    """Replies by key in a file that other threads and processes use at the same time.

    Args:
        path: Where it lies; made at the first use.
        limit: Its size in bytes, about; None is no limit.
    """

    def __init__(self, path: Path, *, limit: int | None) -> None:
        self.path = path
        self.limit = limit
        self._place = Place(path)
        # Two, since reading must not wait until a writing thread has got another process's lock.
        self._reader = Connection(self._place, timeout=0.1, rest=5.0)
        self._writer = Connection(self._place, timeout=5.0, rest=1.0)
        # Taken first, before a connection's own, by whoever writes the queue: what it has written and closed stays so.
        self._flush_lock = threading.Lock()
        # Taken last.
        self._queue_lock = threading.Lock()
        self._queue: dict[str, tuple[Response, Row]] = {}
        self._queued_bytes = 0
        self._used: set[str] = set()
        self._scheduled = False
        self._thread: ThreadPoolExecutor | None = None
        self._held = False

    def get(self, key: str) -> Response | None:
        """The reply kept under this key, or None."""
        queued = self._queue.get(key)
        if queued is not None:
            return queued[0]
        row = self._reader.use(lambda file: _row(file, key), None)
        if row is None:
            return None
        digest, text, used_long_ago = row
        response = unpacked(key, digest, text)
        if response is not None and used_long_ago:
            with self._queue_lock:
                self._used.add(key)
            self._schedule()
        return response

    def put(self, key: str, response: Response) -> None:
        """Keep a reply, soon."""
        if not self._place.usable:
            return
        row = packed(key, response)
        with self._queue_lock:
            queued = self._queued_bytes + len(row[-1])
            if len(self._queue) >= _MOST_QUEUED or queued > _MOST_QUEUED_BYTES:
                return
            self._take_out(key)
            self._queue[key] = response, row
            self._queued_bytes += len(row[-1])
        self._schedule()

    def flush(self) -> None:
        """Write what is not written yet, and wait for it."""
        while True:
            with self._flush_lock:
                if not self._queue and not self._used:
                    return
                if not self._writer.use(self._write_batch, False):
                    self._forget_queue()

    def close(self) -> None:
        """Write what is not written yet and let go of the file; the next use opens it again."""
        self.flush()
        with self._flush_lock:
            self._writer.close()
            self._reader.close()

    def clear(self, *, older_than: float | None = None, model: str | None = None) -> int:
        """Forget replies: those not used for `older_than` seconds, those of a model, or all. Tells how many."""
        if older_than is None and model is None:
            return self._writer.use(self._remove_all, 0)
        self.flush()
        return self._writer.use(lambda file: _remove_matching(file, older_than, model), 0)

    def stat(self) -> CacheStat | None:
        """What the file holds; None where it cannot be read."""
        self.flush()
        return self._writer.use(self._stat, None)

    def before_fork(self) -> None:
        """Let go of the file and stand still: SQLite allows no connection to be carried into another process."""
        for lock in (self._flush_lock, self._writer.lock, self._reader.lock, self._queue_lock):
            lock.acquire()
        self._writer.let_go()
        self._reader.let_go()
        self._held = True

    def after_fork(self, *, child: bool) -> None:
        """Go on; in the child without the thread and what it has to write, which the parent has both."""
        if child:
            self._queue.clear()
            self._used.clear()
            self._queued_bytes = 0
            self._thread = None
            self._scheduled = False
        if self._held:
            self._held = False
            for lock in (self._queue_lock, self._reader.lock, self._writer.lock, self._flush_lock):
                lock.release()

    def _schedule(self) -> None:
        """Have the queue written soon; to be called after something was added to it."""
        with self._queue_lock:
            if self._scheduled:
                return
            self._scheduled = True
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="burnish-cache")
            thread = self._thread
        try:
            thread.submit(self._write_behind)
        except RuntimeError:
            # The interpreter is on its way out and starts nothing any more.
            self._scheduled = False
            self.flush()

    def _write_behind(self) -> None:
        time.sleep(_GATHER)
        with self._queue_lock:
            # What comes from here on may come too late for this time.
            self._scheduled = False
        self.flush()

    def _write_batch(self, file: sqlite3.Connection) -> bool:
        with self._queue_lock:
            batch = list(itertools.islice(self._queue.items(), _BATCH))
            used = list(itertools.islice(self._used, _BATCH))
        if batch:
            insert(file, [row for _, (_, row) in batch])
        if used:
            places = ", ".join("?" * len(used))
            file.execute(f"UPDATE replies SET used = ? WHERE key IN ({places})", [int(time.time()), *used])  # noqa: S608 (no value is part of the statement)
        with self._queue_lock:
            for key, kept in batch:
                if self._queue.get(key) is kept:
                    self._take_out(key)
            self._used.difference_update(used)
        self._keep_within_limit(file)
        return True

    def _take_out(self, key: str) -> None:
        taken = self._queue.pop(key, None)
        if taken is not None:
            self._queued_bytes -= len(taken[1][-1])

    def _forget_queue(self) -> None:
        with self._queue_lock:
            self._queue.clear()
            self._used.clear()
            self._queued_bytes = 0

    def _keep_within_limit(self, file: sqlite3.Connection) -> None:
        if self.limit is None:
            return
        live, size = _pages(file)[1:]
        if live * size <= self.limit:
            return
        for _ in range(_STEPS):
            excess = live * size - int(self.limit * (1 - _FREED))
            if excess <= 0 or not _remove_oldest(file, excess):
                return
            _shrink(file, self.limit // size)
            live = _pages(file)[1]

    def _remove_all(self, file: sqlite3.Connection) -> int:
        self._forget_queue()
        removed = file.execute("DELETE FROM replies").rowcount
        # Emptied it is, whether or not somebody who writes just now keeps it from shrinking.
        with contextlib.suppress(sqlite3.OperationalError):
            file.execute("VACUUM")
            _checkpoint(file)
        return removed

    def _stat(self, file: sqlite3.Connection) -> CacheStat:
        rows = file.execute(_STAT).fetchall()
        parts = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return CacheStat(
            entries=sum(row[1] for row in rows),
            bytes=sum(part.stat().st_size for part in parts if part.exists()),
            limit=self.limit,
            oldest=min((row[3] for row in rows), default=None),
            newest=max((row[4] for row in rows), default=None),
            models=tuple((row[0].decode(errors="replace"), row[1], row[2]) for row in rows),
        )


def _row(file: sqlite3.Connection, key: str) -> tuple[object, object, object] | None:
    found: tuple[object, object, object] | None = file.execute(
        "SELECT digest, reply, used < ? FROM replies WHERE key = ?", (time.time() - _DAY, key)
    ).fetchone()
    return found


def _remove(file: sqlite3.Connection, numbers: list[int]) -> None:
    places = ", ".join("?" * len(numbers))
    file.execute(f"DELETE FROM replies WHERE id IN ({places})", numbers)  # noqa: S608 (no value is part of the statement)


def _remove_oldest(file: sqlite3.Connection, excess: int) -> int:
    """Forget what was used longest ago, until about so many bytes are free or a step is done."""
    numbers = []
    for number, length in file.execute(_OLDEST, (_STEP,)).fetchall():
        numbers.append(number)
        excess -= length
        if excess <= 0:
            break
    _remove(file, numbers)
    return len(numbers)


def _remove_matching(file: sqlite3.Connection, older_than: float | None, model: str | None) -> int:
    latest = None if older_than is None else time.time() - older_than
    found = [row[0] for row in file.execute(_MATCHING, (latest, model))]
    # Step by step, so that others can write in between; and to find a free page at the end of the file takes the
    # longer, the more are free.
    for start in range(0, len(found), _STEP):
        _remove(file, found[start : start + _STEP])
        _shrink(file, 0)
    _checkpoint(file)
    return len(found)


def _pages(file: sqlite3.Connection) -> tuple[int, int, int]:
    """The file's pages, how many of them are in use, and the size of one."""
    pages, live, size = file.execute(_PAGES).fetchone()
    return pages, live, size


def _checkpoint(file: sqlite3.Connection) -> None:
    """Fold the log into the file, which is when it really shrinks."""
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _shrink(file: sqlite3.Connection, most: int) -> None:
    """Give back free pages, as far as there are any, while the file has more than so many pages."""
    pages, live, _ = _pages(file)
    for _ in range(0, pages - max(live, most), _SLICE):
        # As a script, since nothing else of the module's lets this pragma come to its end.
        file.executescript(f"PRAGMA incremental_vacuum({_SLICE})")
