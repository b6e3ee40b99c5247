"""The cache: what is kept comes back, and a bad file is never worse than an empty one."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from burnish.lm.cache import Cache, cache_directory
from burnish.lm.request import Output, Response
from burnish.values.usage import Usage


def reply(text: str) -> Response:
    return Response((Output(text, "stop", {"tool_calls": [{"id": 1}]}),), Usage(1, 2, 3, 0.5), "a/b")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "replies.sqlite"


@pytest.mark.parametrize("kept", ["file", "memory"])
def test_a_miss_then_a_hit(kept: str, path: Path) -> None:
    cache = Cache(path if kept == "file" else None)
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


def test_replies_are_there_after_closing_and_in_another_process(path: Path) -> None:
    cache = Cache(path)
    cache.put("k", reply("yes"))
    cache.close()
    assert cache.get("k") == reply("yes")
    script = f"from burnish.lm.cache import Cache; print(Cache({str(path)!r}).get('k').texts)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['yes']"


def test_two_caches_share_a_file(path: Path) -> None:
    one, other = Cache(path), Cache(path)
    one.put("a", reply("a"))
    other.put("b", reply("b"))
    assert one.get("b") == reply("b")
    assert other.get("a") == reply("a")


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
    assert wrong == []
    assert sqlite3.connect(path).execute("SELECT count(*) FROM replies").fetchone() == (320,)


def test_a_file_that_is_no_database_is_moved_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to be read as a header" * 30)
    cache = Cache(path)
    with pytest.warns(UserWarning, match="moved to"):
        cache.put("k", reply("yes"))
    assert Cache(path).get("k") == reply("yes")
    (aside,) = path.parent.glob("*.foreign-*")
    assert aside.read_bytes().startswith(b"not a database")


def test_another_programs_database_is_moved_aside_whole(path: Path) -> None:
    path.parent.mkdir()
    theirs = sqlite3.connect(path, isolation_level=None)
    theirs.execute("PRAGMA journal_mode = WAL")
    theirs.execute("CREATE TABLE precious (x)")
    theirs.execute("INSERT INTO precious VALUES (42)")
    cache = Cache(path)
    # Still open over there, so that the row stands in the write-ahead log only.
    with pytest.warns(UserWarning, match="another program's database"):
        cache.put("k", reply("yes"))
    assert cache.get("k") == reply("yes")
    theirs.close()
    (aside,) = (p for p in path.parent.glob("*.foreign-*") if not p.name.endswith(("-wal", "-shm")))
    assert sqlite3.connect(aside).execute("SELECT x FROM precious").fetchall() == [(42,)]


def test_what_was_moved_aside_is_not_overwritten_by_the_next(path: Path) -> None:
    path.parent.mkdir()
    for number in range(2):
        path.write_bytes(f"foreign {number} ".encode() * 100)
        cache = Cache(path)
        with pytest.warns(UserWarning, match="moved to"):
            cache.put("k", reply("yes"))
        cache.close()
    kept = sorted(p.read_bytes()[:9] for p in path.parent.glob("*.foreign-*") if p.suffix[-4:] not in ("-wal", "-shm"))
    assert kept == [b"foreign 0", b"foreign 1"]


@pytest.mark.parametrize("entry", ["", "not json", '{"v": 9}', "[]", b"\xff\xfe", 7])
def test_a_corrupt_entry_is_a_miss_and_can_be_written_anew(entry: object, path: Path) -> None:
    Cache(path).put("k", reply("yes"))
    with sqlite3.connect(path) as file:
        file.execute("UPDATE replies SET reply = ?", (entry,))
    cache = Cache(path)
    assert cache.get("k") is None
    cache.put("k", reply("again"))
    assert Cache(path).get("k") == reply("again")


def test_a_file_damaged_in_the_middle_never_raises(path: Path) -> None:
    cache = Cache(path)
    for number in range(200):
        cache.put(str(number), reply("x" * 200))
    cache.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\x55" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    cache = Cache(path)
    assert cache.get("7") is None
    with pytest.warns(UserWarning, match="memory only"):
        cache.put("7", reply("new"))
    assert cache.get("7") == reply("new")


def test_a_place_that_cannot_be_written_is_a_warning_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "replies.sqlite")
    with pytest.warns(UserWarning, match="BURNISH_CACHE_DIR"):
        cache.put("k", reply("yes"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.get("k") == reply("yes")
        assert cache.get("other") is None
        cache.put("k", reply("no"))
        cache.clear()


def test_a_bad_file_that_cannot_be_moved_is_a_warning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 100)

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(f"{target} is not yours")

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(Path, "rename", refuse)
    cache = Cache(path)
    with pytest.warns(UserWarning, match="memory only"):
        cache.put("k", reply("yes"))
    assert cache.get("k") == reply("yes")


def test_where_the_files_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BURNISH_CACHE_DIR", str(tmp_path / "given"))
    assert cache_directory() == tmp_path / "given"
    monkeypatch.delenv("BURNISH_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "burnish"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "burnish"
