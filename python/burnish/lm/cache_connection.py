"""A connection to the cache's file that copes with whatever is wrong with it.

Somebody holds it: it is left alone for a while. It is damaged or not ours: it is moved aside, by one
process, and a new one begun. It was replaced by another process: it is opened anew within a second.
The disk does not serve: the cache does without. None of these is an error to whoever asks.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from burnish.lm import cache_format

T = TypeVar("T")

# Seconds to wait until the file can be opened, which many processes that start together do one by one, and for which it
# is left alone where that was not enough.
_OPENING = 2.0
_UNOPENED = 30.0
# Seconds after which another process may have replaced the file.
_LOOK_AGAIN = 1.0


class Place:
    """Where the file lies, and whether it can be used at all; shared by the connections to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.usable = True

    def give_up(self, problem: str) -> str:
        """Do without the file from here on; what to tell the user."""
        self.usable = False
        return (
            f"The cache {self.path} {problem}; replies are kept in memory only. Set BURNISH_CACHE_DIR to a folder "
            "that can be written."
        )


class Connection:
    """One connection to the file, opened at the first use.

    Args:
        place: Where the file lies.
        timeout: Seconds to wait for somebody who holds the file, once it is open.
        rest: Seconds for which the file is left alone after that.
    """

    def __init__(self, place: Place, *, timeout: float, rest: float) -> None:
        self.lock = threading.Lock()
        self._place = place
        self._timeout = timeout
        self._rest = rest
        self._file: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._not_before = 0.0
        self._look_at = 0.0

    def _rests(self, now: float) -> bool:
        """Whether the file is of no use now."""
        return not self._place.usable or now < self._not_before

    def use(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What `work` makes of the file, or `otherwise` where the file is of no use now."""
        result, told = otherwise, None
        with self.lock:
            now = time.monotonic()
            if self._rests(now):
                return otherwise
            try:
                return work(self._opened(now))
            except sqlite3.Error as error:
                told = self._cope(error)
            if not self._rests(now):
                try:
                    result = work(self._opened(now))
                except sqlite3.Error as error:
                    if cache_format.trouble(error) != "busy":
                        # A new file that is no better than the last one: the fault lies elsewhere.
                        told = self._place.give_up(f"cannot be used ({error})")
        if told is not None:
            warnings.warn(told, stacklevel=2)
        return result

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self.lock:
            self.let_go()

    def let_go(self) -> None:
        """Close what is open, for whoever holds the lock."""
        if self._file is not None:
            # What cannot be closed in order is closed all the same.
            with contextlib.suppress(sqlite3.Error):
                self._file.close()
            self._file = None

    def _opened(self, now: float) -> sqlite3.Connection:
        path = self._place.path
        if now >= self._look_at:
            self._look_at = now + _LOOK_AGAIN
            if self._file is not None and cache_format.identity(path) != self._identity:
                self.let_go()
        if self._file is None:
            with cache_format.alone(path, timeout=_OPENING):
                self._identity = cache_format.identity(path)
                self._file = cache_format.connect(path, timeout=_OPENING)
                self._identity = cache_format.identity(path)
            self._file.execute(f"PRAGMA busy_timeout = {int(1000 * self._timeout)}")
        return self._file

    def _cope(self, error: sqlite3.Error) -> str | None:
        """See to what is wrong with the file. What to tell the user, if anything."""
        trouble = cache_format.trouble(error)
        if trouble == "damaged":
            self.let_go()
            try:
                return self._replace(error)
            except OSError as refused:
                return self._place.give_up(f"is not a Burnish cache ({error}) and cannot be replaced ({refused})")
            except sqlite3.Error as another:
                error, trouble = another, cache_format.trouble(another)
        if trouble == "busy":
            self._not_before = time.monotonic() + (_UNOPENED if self._file is None else self._rest)
            return None
        self.let_go()
        return self._place.give_up(f"cannot be used ({error})")

    def _replace(self, error: sqlite3.Error) -> str | None:
        path = self._place.path
        foreign = getattr(error, "sqlite_errorcode", None) in {None, sqlite3.SQLITE_NOTADB}
        with cache_format.alone(path, timeout=_OPENING):
            if cache_format.identity(path) != self._identity:
                return None  # another process has seen to it
            aside = cache_format.move_aside(path, "foreign" if foreign else "damaged")
        what = "is not a Burnish cache" if foreign else "is damaged"
        return f"The cache {path} {what} ({error}); it was moved to {aside} and a new one begun."
