"""The cache: what is kept comes back, and a bad file is never worse than an empty one."""

from __future__ import annotations

import math
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from contextlib import closing
from pathlib import Path

import pytest

from burnish.errors import ConfigError
from burnish.lm import cache_format
from burnish.lm.cache import Cache, cache_directory, default_cache, size_limit
from burnish.lm.request import Output, Response
from burnish.values.usage import Usage
from tests.support.processes import wait_until

DAY = 24 * 60 * 60


def reply(text: str, model: str = "a/b") -> Response:
    return Response((Output(text, "stop", {"tool_calls": [{"id": 1}]}),), Usage(1, 2, 3, 0.5), model)


def keep(path: Path, *keys: str, text: str = "{}", model: str = "a/b") -> None:
    """Keep a reply under each key, as another process would."""
    with closing(Cache(path)) as cache:
        for key in keys:
            cache.put(key, reply(text.format(key), model))


def write(cache: Cache, key: str, text: str) -> None:
    """Put a reply and wait until it is in the file, as far as it goes there."""
    cache.put(key, reply(text))
    cache.flush()


def kept(path: Path, key: str) -> Response | None:
    """What another process finds under a key."""
    with closing(Cache(path)) as cache:
        return cache.get(key)


def rows(path: Path, question: str, *values: object) -> list[tuple]:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        return file.execute(question, values).fetchall()


def aside(path: Path) -> list[Path]:
    """What was moved aside, without what SQLite keeps beside it."""
    moved = [*path.parent.glob("*.foreign-*"), *path.parent.glob("*.damaged-*")]
    return sorted(p for p in moved if not p.name.endswith(("-wal", "-shm")))


def look_now(cache: Cache) -> None:
    """Let the next call look whether the file is still there, as one does a second later."""
    cache._file._reader._look_at = cache._file._writer._look_at = 0.0


def damage(path: Path, start: int = 4096) -> None:
    """Spoil what follows the first page, while nobody has the file open."""
    content = bytearray(path.read_bytes())
    content[start:] = b"\x55" * (len(content) - start)
    path.write_bytes(content)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "replies.sqlite"


@pytest.mark.parametrize("where", ["file", "memory"])
def test_a_miss_then_a_hit(where: str, path: Path) -> None:
    cache = Cache(path if where == "file" else None)
    assert cache.get("k") is None
    cache.put("k", reply("yes"))
    assert cache.get("k") == reply("yes")
    assert cache.get("other") is None
    cache.clear()
    assert cache.get("k") is None


def test_nothing_touches_the_disk_before_the_first_call(path: Path) -> None:
    cache = Cache(path)
    assert not path.parent.exists()
    cache.get("k")
    assert path.exists()


def test_memory_keeps_what_was_used_last_and_the_file_keeps_all(path: Path) -> None:
    for cache, known in ((Cache(memory=2), False), (Cache(path, memory=2), True)):
        cache.put("a", reply("a"))
        cache.put("b", reply("b"))
        cache.get("a")
        cache.put("c", reply("c"))
        assert set(cache._memory) == {"a", "c"}
        assert (cache.get("b") == reply("b")) is known


def test_memory_is_bounded_by_the_length_of_the_replies() -> None:
    cache = Cache(memory_bytes=10_000)
    for number in range(50):
        cache.put(str(number % 40), reply("x" * 1000))
    assert set(cache._memory) == {str(number % 40) for number in range(41, 50)}
    for _ in range(5):
        cache.put("9", reply("y" * 1200))
    assert cache._bytes == sum(size for _, size in cache._memory.values())
    cache.put("long", reply("x" * 20_000))
    assert cache.get("long") is None
    assert cache._bytes == 0


@pytest.mark.parametrize("bound", [{"memory": 0}, {"memory_bytes": 0}])
def test_a_reply_is_there_at_once_without_any_memory(bound: dict[str, int], path: Path) -> None:
    cache = Cache(path, **bound)
    cache.put("k", reply("yes"))
    assert cache.get("k") == reply("yes")
    cache.put("k", reply("newer"))
    assert cache.get("k") == reply("newer")
    cache.flush()
    assert cache.get("k") == reply("newer")


def test_replies_are_there_after_closing_and_in_another_process(path: Path) -> None:
    cache = Cache(path)
    cache.put("k", reply("yes"))
    cache.close()
    assert cache.get("k") == reply("yes")
    script = f"from burnish.lm.cache import Cache; print(Cache({str(path)!r}).get('k').texts)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['yes']"


LAST = """
import atexit, sys, threading, time
from burnish.lm.cache import Cache
from tests.unit.lm.test_cache import reply

# Handlers are run in reverse: one before, and one after the cache has closed its file.
if sys.argv[2] == "late":
    atexit.register(lambda: cache.put("after", reply("after")))
cache = Cache(sys.argv[1])
atexit.register(lambda: cache.put("before", reply("before")))
# It outlives the interpreter's tidying up, and the cache with it.
threading.Thread(target=lambda _: time.sleep(1000), args=(cache,), daemon=True).start()
for number in range(300):
    cache.put(str(number), reply(str(number)))
"""


@pytest.mark.parametrize("late", [True, False])
def test_what_was_put_last_is_there_after_the_process_has_ended(late: bool, path: Path) -> None:
    command = [sys.executable, "-c", LAST, path, "late" if late else ""]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    closed = not path.with_name(f"{path.name}-wal").exists()
    assert closed or late
    keys = [*map(str, range(300)), "before"] + ["after"] * late
    cache = Cache(path)
    assert [cache.get(key) for key in keys] == [reply(key) for key in keys]


def test_two_caches_share_a_file(path: Path) -> None:
    one, other = Cache(path), Cache(path)
    one.put("a", reply("a"))
    other.put("b", reply("b"))
    one.flush()
    other.flush()
    assert one.get("b") == reply("b")
    assert other.get("a") == reply("a")


def test_what_is_put_is_written_without_being_asked_for(path: Path) -> None:
    cache, other = Cache(path), Cache(path)
    cache.put("k", reply("yes"))
    wait_until(lambda: other.get("k") is not None)
    wait_until(lambda: not cache._file._queue)
    assert cache._file._queued_bytes == 0


def test_many_threads(path: Path) -> None:
    cache = Cache(path, memory=5)
    wrong: list[str] = []

    def work(name: int) -> None:
        for number in range(40):
            cache.put(f"{name}-{number}", reply(f"{name}-{number}"))
            found = cache.get(f"{name}-{number // 2}")
            if found != reply(f"{name}-{number // 2}"):
                wrong.append(f"{name}-{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.close()
    assert wrong == []
    assert rows(path, "SELECT count(*) FROM replies") == [(320,)]


def test_forgetting_all_gives_the_disk_back(path: Path) -> None:
    keep(path, *map(str, range(500)), text="x" * 1200)
    large = path.stat().st_size
    other = Cache(path)
    other.get("unknown")
    cache = Cache(path)
    cache.put("waiting", reply("x"))
    assert cache.clear() == 500
    assert (cache.get("waiting"), cache.get("7"), other.get("7")) == (None, None, None)
    assert cache.stat().entries == 0
    assert cache.stat().bytes < large / 10


def test_forgetting_some(path: Path) -> None:
    keep(path, *(f"new-{n}" for n in range(1200)), model="one", text="x" * 300)
    keep(path, *(f"other-{n}" for n in range(10)), model="two-2024")
    rows(path, "UPDATE replies SET used = used - ? WHERE key LIKE 'new-_'", 5 * DAY)
    large = path.stat().st_size
    cache = Cache(path)
    assert cache.get("new-7") == reply("x" * 300, "one")
    cache.close()  # used just now, so that it is no longer old
    assert cache.clear(older_than=2 * DAY) == 9
    assert (cache.get("new-6"), cache.get("new-7")) == (None, reply("x" * 300, "one"))
    assert cache.clear(older_than=2 * DAY, model="two*") == 0
    assert cache.clear(model="one") == 1191
    assert (cache.get("new-7"), cache.get("other-3")) == (None, reply("other-3", "two-2024"))
    cache.close()
    assert path.stat().st_size < large / 3
    assert cache.clear(model="t*") == 10


def test_what_there_is(path: Path) -> None:
    assert Cache().stat() is None
    keep(path, *map(str, range(20)), model="small")
    keep(path, "long", model="large", text="x" * 100_000)
    rows(path, "UPDATE replies SET used = 1000 WHERE key = '3'")
    cache = Cache(path, size_limit=10_000_000)
    cache.put("waiting", reply("x", "small"))
    stat = cache.stat()
    assert (stat.entries, stat.limit, stat.oldest) == (22, 10_000_000, 1000)
    assert abs(stat.newest - time.time()) < 60
    assert [(name, number) for name, number, _ in stat.models] == [("large", 1), ("small", 21)]
    assert 100_000 < sum(size for *_, size in stat.models) < stat.bytes < 400_000


@pytest.mark.parametrize("begun", ["as it is filled", "when it is there"])
def test_a_file_over_its_limit_loses_what_was_used_longest_ago(begun: str, path: Path) -> None:
    keep(path, *(f"old-{n}" for n in range(100)), text="x" * 4000)
    rows(path, "UPDATE replies SET used = used - ?", 3 * DAY)
    with closing(Cache(path)) as cache:
        assert cache.get("old-5") is not None  # used again, after three days
    if begun == "when it is there":
        keep(path, *(f"new-{n}" for n in range(600)), text="x" * 4000)
        assert path.stat().st_size > 2_500_000
    cache = Cache(path, size_limit=1_000_000)
    for number in range(600):
        cache.put(f"new-{number}", reply("x" * 4000))
        if number % 20 == 0:
            cache.flush()
    cache.close()
    assert path.stat().st_size <= 1_050_000
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert 100 < rows(path, "SELECT count(*) FROM replies")[0][0] < 250
    assert rows(path, "SELECT key FROM replies WHERE used < unixepoch() - 2 * 86400") == []


def test_recent_use_outlives_older_writing(path: Path) -> None:
    keep(path, "read", *(f"old-{n}" for n in range(100)), text="x" * 4000)
    rows(path, "UPDATE replies SET used = used - ?", 3 * DAY)
    cache = Cache(path, size_limit=600_000)
    assert cache.get("read") == reply("x" * 4000)
    cache.flush()
    for number in range(60):
        cache.put(f"new-{number}", reply("x" * 4000))
    cache.close()
    there = {key for (key,) in rows(path, "SELECT key FROM replies")}
    assert {"read", *(f"new-{n}" for n in range(60))} <= there
    assert len(there) < 140


def test_reading_writes_once_a_day(path: Path) -> None:
    keep(path, "k")
    (before,) = rows(path, "SELECT used FROM replies")
    rows(path, "UPDATE replies SET used = used - ?", DAY // 2)
    kept(path, "k")
    assert rows(path, "SELECT used FROM replies") == [(before[0] - DAY // 2,)]
    rows(path, "UPDATE replies SET used = used - ?", DAY)
    kept(path, "k")
    assert rows(path, "SELECT used FROM replies") >= [before]


def test_no_limit(path: Path) -> None:
    cache = Cache(path, size_limit=None)
    cache.put("k", reply("yes"))
    assert (cache.stat().limit, cache.stat().entries) == (None, 1)


def test_a_file_that_is_no_database_is_moved_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to be read as a header" * 30)
    cache = Cache(path)
    with pytest.warns(UserWarning, match="moved to"):
        assert cache.get("k") is None
    cache.put("k", reply("yes"))
    cache.close()
    assert kept(path, "k") == reply("yes")
    (moved,) = path.parent.glob("*.foreign-*")
    assert moved.read_bytes().startswith(b"not a database")


def test_another_programs_database_is_moved_aside_whole(path: Path) -> None:
    path.parent.mkdir()
    theirs = sqlite3.connect(path, isolation_level=None)
    theirs.execute("PRAGMA journal_mode = WAL")
    theirs.execute("CREATE TABLE precious (x)")
    theirs.execute("INSERT INTO precious VALUES (42)")
    cache = Cache(path)
    # Still open over there, so that the row stands in the write-ahead log only.
    with pytest.warns(UserWarning, match="another program's database"):
        assert cache.get("k") is None
    cache.put("k", reply("yes"))
    assert cache.get("k") == reply("yes")
    theirs.execute("INSERT INTO precious VALUES (43)")
    cache.flush()
    theirs.close()
    assert kept(path, "k") == reply("yes")
    assert rows(aside(path)[0], "SELECT x FROM precious") == [(42,), (43,)]


def test_what_was_moved_aside_is_not_overwritten_by_the_next(path: Path) -> None:
    path.parent.mkdir()
    for number in range(2):
        path.write_bytes(f"foreign {number} ".encode() * 100)
        cache = Cache(path)
        with pytest.warns(UserWarning, match="moved to"):
            cache.get("k")
        cache.close()
    assert sorted(p.read_bytes()[:9] for p in aside(path)) == [b"foreign 0", b"foreign 1"]


@pytest.mark.parametrize("entry", ["", "not json", '{"v": 9}', "[]", b"\xff\xfe", 7])
def test_a_corrupt_entry_is_a_miss_and_can_be_written_anew(entry: object, path: Path) -> None:
    keep(path, "k")
    rows(path, "UPDATE replies SET reply = ?", entry)
    cache = Cache(path)
    assert cache.get("k") is None
    cache.put("k", reply("again"))
    cache.close()
    assert kept(path, "k") == reply("again")


def test_an_entry_that_still_reads_well_but_is_another_is_a_miss(path: Path) -> None:
    keep(path, "a", "b", "c")
    rows(
        path, "UPDATE replies SET reply = CAST(replace(CAST(reply AS TEXT), '\"a\"', '\"x\"') AS BLOB) WHERE key = 'a'"
    )
    rows(path, "UPDATE replies SET key = 'd' WHERE key = 'b'")
    assert (kept(path, "a"), kept(path, "d"), kept(path, "c")) == (None, None, reply("c"))


@pytest.mark.parametrize("value", ["NULL", "'text'", "x'ff'", "1.5"])
def test_numbers_that_are_damaged_are_no_error(value: str, path: Path) -> None:
    keep(path, "k")
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA writable_schema = ON")
        file.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'replies'")
    rows(path, f"UPDATE replies SET used = {value}, bytes = {value}, model = {value}")
    assert kept(path, "k") == reply("k")
    cache = Cache(path, size_limit=1)
    assert cache.stat().entries == 1
    cache.put("other", reply("x"))
    cache.close()
    assert rows(path, "SELECT count(*) FROM replies") == [(0,)]


def test_damage_in_the_middle_is_found_by_reading(path: Path) -> None:
    keep(path, *map(str, range(200)), text="x" * 200)
    damage(path)
    cache = Cache(path)
    with pytest.warns(UserWarning, match="is damaged.*moved to"):
        assert cache.get("7") is None
    cache.put("7", reply("new"))
    cache.close()
    assert kept(path, "7") == reply("new")
    assert [p.name.startswith("replies.sqlite.damaged-") for p in aside(path)] == [True]


def test_damage_in_the_middle_is_found_by_writing(path: Path) -> None:
    keep(path, *map(str, range(200)), text="x" * 200)
    damage(path)
    cache = Cache(path)
    with pytest.warns(UserWarning, match="is damaged.*moved to") as told:
        write(cache, "7", "new")
    assert len(told) == 1
    assert kept(path, "7") == reply("new")
    assert len(aside(path)) == 1


def test_damage_that_two_find_at_once_is_seen_to_once(path: Path) -> None:
    keep(path, *map(str, range(200)), text="x" * 200)
    damage(path)
    caches = [Cache(path) for _ in range(2)]
    for cache in caches:  # both have the damaged file open
        cache._file._reader.use(lambda file: file.execute("PRAGMA user_version").fetchone(), None)
    with pytest.warns(UserWarning, match="is damaged") as told:
        found = [(cache.get("7"), write(cache, "7", "new"))[0] for cache in caches]
    assert found == [None, reply("new")]
    assert (len(told), len(aside(path))) == (1, 1)
    for cache in caches:
        cache._memory.clear()
        assert cache.get("7") == reply("new")


def test_whoever_has_the_moved_file_open_harms_nobody(path: Path) -> None:
    keep(path, "old")
    late = Cache(path, memory=0)
    late.put("in the log", reply("x"))
    late.flush()
    assert late.get("old") == reply("old")
    late._file._reader._look_at = late._file._writer._look_at = math.inf  # it has just looked
    with cache_format.alone(path, timeout=5):
        moved = cache_format.move_aside(path, "damaged")
    fresh = Cache(path)
    fresh.put("new", reply("new"))
    fresh.flush()
    assert late.get("old") == reply("old")
    late.put("lost", reply("lost"))
    late.flush()
    late.close()  # the last to close a file folds its log in and deletes it: that of the moved file, not the new one's
    fresh.put("newer", reply("newer"))
    fresh.close()
    assert (kept(path, "new"), kept(path, "newer"), kept(path, "lost")) == (reply("new"), reply("newer"), None)
    for file in (path, moved):
        assert rows(file, "PRAGMA integrity_check") == [("ok",)]
    assert len(rows(moved, "SELECT key FROM replies")) == 3


@pytest.mark.parametrize("happened", ["moved", "deleted"])
def test_a_file_that_is_gone_is_begun_anew(happened: str, path: Path) -> None:
    cache = Cache(path, memory=0)
    cache.put("k", reply("yes"))
    cache.flush()
    assert cache.get("k") == reply("yes")
    for part in path.parent.glob("replies.sqlite*"):
        part.rename(part.with_name("x" + part.name)) if happened == "moved" else part.unlink()
    look_now(cache)
    assert cache.get("k") is None
    cache.put("k", reply("again"))
    cache.flush()
    assert kept(path, "k") == reply("again")


def test_a_file_of_the_first_format_is_brought_up_to_date(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute(f"PRAGMA application_id = {cache_format.APPLICATION}")
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID")
        for number in range(300):
            file.execute("INSERT INTO replies VALUES (?, ?)", (str(number), reply(f"été {number} " * 20).to_json()))
        for bad in ("", "[]", '{"v": 1}', "null", b"\xff", 5):
            file.execute("INSERT INTO replies VALUES (?, ?)", (f"bad {bad!r}", bad))
    cache = Cache(path)
    assert cache.get("299") == reply("été 299 " * 20)
    assert (cache.stat().entries, cache.stat().models[0][:2]) == (300, ("a/b", 300))
    assert rows(path, "PRAGMA auto_vacuum") == [(2,)]
    assert aside(path) == []


def test_a_file_of_a_newer_format_is_left_alone(path: Path) -> None:
    keep(path, "k")
    rows(path, f"PRAGMA user_version = {cache_format.FORMAT + 1}")
    before = path.read_bytes()
    cache = Cache(path)
    with pytest.warns(UserWarning, match="newer Burnish.*memory only"):
        assert cache.get("k") is None
    cache.put("k", reply("mine"))
    assert cache.get("k") == reply("mine")
    assert path.read_bytes() == before


def test_reading_waits_for_no_writer_and_writing_is_made_up_for(path: Path) -> None:
    keep(path, "there")
    cache = Cache(path, memory=0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        cache.put("new", reply("new"))
        assert cache.get("there") == reply("there")
        assert cache.get("new") == reply("new")
        assert cache.get("unknown") is None
        other.execute("ROLLBACK")
    cache.flush()
    assert kept(path, "new") == reply("new")


@pytest.mark.parametrize("opened", [True, False])
def test_a_file_that_stays_locked_is_a_miss_and_is_not_written(
    opened: bool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path, "there", "also there")
    monkeypatch.setattr("burnish.lm.cache_connection._OPENING", 0.01)
    cache = Cache(path, memory=1)
    connections = cache._file._reader, cache._file._writer
    for connection in connections:
        connection._timeout = 0.01
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        if opened:
            assert cache.get("also there") == reply("also there")
            other.execute("BEGIN IMMEDIATE")
        else:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
        # Who writes hinders no reader; who lets nobody else in does.
        assert cache.get("there") == (reply("there") if opened else None)
        cache.put("new", reply("new"))
        cache.put("newer", reply("newer"))
        cache.flush()
        assert (cache.get("new"), cache.get("newer")) == (None, reply("newer"))
        assert cache.stat() is None
        for connection in connections[opened:]:  # nobody waits for it time and again
            assert connection._not_before > time.monotonic()
            assert connection.use(lambda _: pytest.fail("it was asked"), "nothing") == "nothing"
    for connection in connections:
        connection._not_before = 0.0
    assert cache.get("there") == reply("there")
    cache.put("new", reply("new"))
    cache.flush()
    assert kept(path, "new") == reply("new")


def test_a_disk_that_does_not_keep_up_bounds_what_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("burnish.lm.cache_file._MOST_QUEUED", 5)
    monkeypatch.setattr("burnish.lm.cache_file._MOST_QUEUED_BYTES", 2000)
    cache = Cache(path)
    cache._file._scheduled = True  # nobody writes
    for number in range(9):
        cache.put(str(number), reply("x"))
    cache.put("0", reply("longer"))
    assert len(cache._file._queue) == 5
    cache.flush()
    assert cache._file._queued_bytes == 0
    cache.put("long", reply("x" * 2000))
    assert cache._file._queue == {}
    assert cache.get("long") == reply("x" * 2000)
    assert [kept(path, str(n)) is not None for n in range(6)] == [True] * 5 + [False]


def test_a_place_that_cannot_be_written_is_a_warning_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "replies.sqlite")
    with pytest.warns(UserWarning, match="BURNISH_CACHE_DIR") as told:
        write(cache, "k", "yes")
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.get("k") == reply("yes")
        assert cache.get("other") is None
        cache.put("k", reply("no"))
        cache.flush()
        cache.clear()
        assert cache.stat() is None


def test_a_bad_file_that_cannot_be_moved_is_a_warning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 100)

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(f"{target} is not yours")

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(Path, "rename", refuse)
    cache = Cache(path)
    with pytest.warns(UserWarning, match="memory only"):
        write(cache, "k", "yes")
    assert cache.get("k") == reply("yes")


def _child(cache: Cache) -> None:
    assert (cache._file._reader._file, cache._file._writer._file, cache._file._queue) == (None, None, {})
    for number in range(200):
        assert cache.get(f"parent-{number}") == reply(f"parent-{number}")
        cache.put(f"child-{number}", reply(f"child-{number}"))
    wait_until(lambda: not cache._file._queue)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no process")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_a_connection_of_its_own(path: Path) -> None:
    cache = Cache(path, memory=10)
    for number in range(200):
        cache.put(f"parent-{number}", reply(f"parent-{number}"))
    cache.flush()
    cache.put("waiting", reply("waiting"))
    children = [multiprocessing.get_context("fork").Process(target=_child, args=(cache,)) for _ in range(2)]
    for child in children:
        child.start()
    for number in range(200):
        cache.put(f"later-{number}", reply(f"later-{number}"))
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    cache.close()
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT count(*) FROM replies") == [(601,)]


def test_where_the_files_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BURNISH_CACHE_DIR", str(tmp_path / "given"))
    assert cache_directory() == tmp_path / "given"
    monkeypatch.delenv("BURNISH_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "burnish"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "burnish"


@pytest.mark.parametrize(
    ("given", "expected"), [(None, 2 << 30), ("", 2 << 30), ("500MB", 500_000_000), ("2GiB", 2 << 30), ("4096", 4096)]
)
def test_the_limit_of_the_default_cache(given: str | None, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BURNISH_CACHE_LIMIT", raising=False)
    if given is not None:
        monkeypatch.setenv("BURNISH_CACHE_LIMIT", given)
    assert size_limit() == expected
    assert default_cache.__wrapped__()._file.limit == expected


@pytest.mark.parametrize("given", ["much", "-1", "12 apples"])
def test_a_limit_that_is_no_size_is_told(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNISH_CACHE_LIMIT", given)
    with pytest.raises(ConfigError, match="BURNISH_CACHE_LIMIT"):
        default_cache.__wrapped__()
