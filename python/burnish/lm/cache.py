"""Replies kept from run to run: bounded memory over one SQLite file.

JSON values, successes only. Many processes may share the file. Whatever is wrong with it is never an error and never a
wrong answer: a file that is corrupt or not ours is moved aside with a warning, a corrupt entry is a miss, a locked
file is a miss. Nothing touches the disk before the first call. Pickle is never used.

Cost: a memory hit about 1 microsecond, a miss about 10, a disk hit or a write 20 to 40, none of which waits for the
disk. A cache is meant to be shared by everything in the process; the default one is `default_cache()`.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
import weakref
from collections import OrderedDict
from pathlib import Path

from burnish.errors import ConfigError
from burnish.lm.cache_file import CacheFile, CacheStat
from burnish.lm.request import Response

_MEMORY = 10_000
_MEMORY_BYTES = 64 << 20
_SIZE_LIMIT = 2 << 30


class Cache:
    """Replies by the fingerprint of their request.

    Args:
        path: The SQLite file; None keeps replies in memory only.
        memory: How many replies to keep in memory at most.
        memory_bytes: How much text of replies to keep in memory at most, about.
        size_limit: How large the file may become, in bytes, about: what was used longest ago goes. None is no limit.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        memory: int = _MEMORY,
        memory_bytes: int = _MEMORY_BYTES,
        size_limit: int | None = _SIZE_LIMIT,
    ) -> None:
        self.path = None if path is None else Path(path)
        self._most = memory
        self._most_bytes = memory_bytes
        self._memory: OrderedDict[str, tuple[Response, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._held = False
        self._file = None if self.path is None else CacheFile(self.path, limit=size_limit)
        _see_to_forks_and_exit(weakref.ref(self))

    def get(self, key: str) -> Response | None:
        """The reply kept under this key, or None."""
        with self._lock:
            known = self._memory.get(key)
            if known is not None:
                self._memory.move_to_end(key)
                return known[0]
        if self._file is None:
            return None
        response = self._file.get(key)
        if response is not None:
            self._remember(key, response)
        return response

    def put(self, key: str, response: Response) -> None:
        """Keep a reply: at once for this process, within a moment for others. A disk that cannot be written is no error."""
        self._remember(key, response)
        if self._file is not None:
            self._file.put(key, response)

    def clear(self, *, older_than: float | None = None, model: str | None = None) -> int:
        """Forget replies, on disk too.

        Args:
            older_than: Only those that have not been used for so many seconds, counted in days.
            model: Only those of a model, as `stat` names it; `*` stands for any text.

        Returns:
            How many were forgotten on the disk.
        """
        forgotten = 0 if self._file is None else self._file.clear(older_than=older_than, model=model)
        with self._lock:
            # All of it: what should stay is read again.
            self._memory.clear()
            self._bytes = 0
        return forgotten

    def stat(self) -> CacheStat | None:
        """What the file holds; None where there is none or it cannot be read."""
        return None if self._file is None else self._file.stat()

    def flush(self) -> None:
        """Wait until everything that was put is in the file."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file once everything is in it; the next call opens it again."""
        if self._file is not None:
            self._file.close()

    def _remember(self, key: str, response: Response) -> None:
        size = sum(len(o.text) + (len(str(o.extra)) if o.extra else 0) for o in response.outputs)
        with self._lock:
            before = self._memory.pop(key, None)
            self._bytes += size - (0 if before is None else before[1])
            self._memory[key] = response, size
            while len(self._memory) > self._most or self._bytes > self._most_bytes:
                _, (_, freed) = self._memory.popitem(last=False)
                self._bytes -= freed

    def _before_fork(self) -> None:
        if self._file is not None:
            self._file.before_fork()
        self._lock.acquire()
        self._held = True

    def _after_fork(self, *, child: bool) -> None:
        if self._held:
            self._held = False
            self._lock.release()
        if self._file is not None:
            self._file.after_fork(child=child)


def _see_to_forks_and_exit(cache: weakref.ref[Cache]) -> None:
    """Let the cache stand still while the process forks, and close its file in order at the end."""

    def before() -> None:
        if (there := cache()) is not None:
            there._before_fork()  # noqa: SLF001 (written beside the class)

    def after(*, child: bool) -> None:
        if (there := cache()) is not None:
            there._after_fork(child=child)  # noqa: SLF001 (written beside the class)

    def at_exit() -> None:
        if (there := cache()) is not None:
            there.close()

    atexit.register(at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=before,
            after_in_parent=functools.partial(after, child=False),
            after_in_child=functools.partial(after, child=True),
        )


def cache_directory() -> Path:
    """Where Burnish keeps its files: `BURNISH_CACHE_DIR`, else `~/.cache/burnish`."""
    given = os.environ.get("BURNISH_CACHE_DIR")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "burnish"


@functools.cache
def default_cache() -> Cache:
    """The cache that every LM uses unless the settings name another.

    Raises:
        ConfigError: `BURNISH_CACHE_LIMIT` is not a size.
    """
    return Cache(cache_directory() / "replies.sqlite", size_limit=size_limit())


def size_limit() -> int:
    """How large the default cache's file may become: `BURNISH_CACHE_LIMIT` such as ``500MB``, else 2 GiB.

    Raises:
        ConfigError: It is not a size.
    """
    given = os.environ.get("BURNISH_CACHE_LIMIT")
    if not given:
        return _SIZE_LIMIT
    from pydantic import ByteSize, TypeAdapter, ValidationError

    try:
        return int(TypeAdapter(ByteSize).validate_python(given))
    except ValidationError as error:
        raise ConfigError(f"BURNISH_CACHE_LIMIT={given!r} is not a size. Give one such as 500MB or 2GiB.") from error
