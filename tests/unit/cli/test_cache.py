"""`burnish cache`: what it shows and forgets, and that it harms nothing that is no cache."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from burnish.cli.commands import commands
from burnish.errors import ConfigError
from burnish.lm.cache import Cache
from burnish.lm.cache_format import FORMAT
from burnish.lm.request import Output, Response
from burnish.values.usage import Usage

DAY = 24 * 60 * 60


def burnish(*arguments: object, answer: str | None = None) -> Result:
    return CliRunner().invoke(commands, ["cache", *map(str, arguments)], input=answer)


def printed(*arguments: object, answer: str | None = None) -> str:
    result = burnish(*arguments, answer=answer)
    assert result.exception is None, result.exception
    return result.output


def refused(*arguments: object, answer: str | None = None) -> str:
    error = burnish(*arguments, answer=answer).exception
    assert isinstance(error, ConfigError)
    return str(error)


def keep(path: Path, model: str, number: int) -> None:
    with closing(Cache(path)) as cache:
        for n in range(number):
            cache.put(f"{model} {n}", Response((Output("x" * 1000),), Usage(), model))


def entries(path: Path) -> int:
    with closing(Cache(path)) as cache:
        stat = cache.stat()
    assert stat is not None
    return stat.entries


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A cache with replies of two models, the first ones of which have not been used for ten days."""
    path = tmp_path / "replies.sqlite"
    keep(path, "large-2024", 1200)
    keep(path, "small", 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("UPDATE replies SET used = used - ? WHERE id <= 200", (10 * DAY,))
    return path


def test_stat_tells_what_there_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNISH_CACHE_LIMIT", "500MB")
    shown = printed("stat", "--path", path).splitlines()
    assert shown[0] == f"Cache:     {path}"
    assert shown[1] == "Replies:   1,201"
    assert shown[2].endswith(" MB of 500.0 MB")
    assert shown[3].startswith("Last used: 20")
    assert shown[4].startswith("  large-2024: 1,200 replies, 1.4 MB")
    assert shown[5].startswith("  small: 1 reply, ")


def test_clear_asks_first(path: Path) -> None:
    shown = printed("clear", "--path", path, answer="n\n")
    assert f"Forget all 1,201 replies in {path}?" in shown
    assert "Nothing was forgotten." in shown
    assert "--yes" in refused("clear", "--path", path, answer="")
    assert entries(path) == 1201
    large = path.stat().st_size
    assert "1,201 replies forgotten" in printed("clear", "--path", path, answer="y\n")
    assert entries(path) == 0
    assert path.stat().st_size < large / 10
    assert "Last used" not in printed("stat", "--path", path)


def test_clear_forgets_some(path: Path) -> None:
    asked = printed("clear", "--path", path, "--older-than", "1w", "--model", "large*", answer="n\n")
    assert "Forget the replies not used for 1w of model large* among the 1,201 in" in asked
    assert "0 replies forgotten" in printed("clear", "--path", path, "--older-than", "1w", "--model", "small", "--yes")
    assert "0 replies forgotten" in printed("clear", "--path", path, "--older-than", "11d", "--yes")
    assert "200 replies forgotten" in printed("clear", "--path", path, "--older-than", "216h", "--yes")
    assert "1 reply forgotten" in printed("clear", "--path", path, "--model", "small", "--yes")
    none = printed("clear", "--path", path, "--model", "large", "--yes")
    assert "0 replies forgotten" in none
    assert none.endswith("There is no model 'large'. There are: large-2024.\n")
    assert "There is no model" not in printed(
        "clear", "--path", path, "--model", "lar*", "--older-than", "11d", "--yes"
    )
    assert entries(path) == 1000


def test_another_process_may_go_on_meanwhile(path: Path) -> None:
    with closing(Cache(path, memory=0)) as cache:
        assert cache.get("small 0") is not None
        assert "1,201 replies forgotten" in printed("clear", "--path", path, "--yes")
        assert cache.get("small 0") is None
        cache.put("new", Response((), Usage(), "m"))
    assert "  m: 1 reply" in printed("stat", "--path", path)


def test_the_default_is_the_cache_of_every_program(tmp_path: Path) -> None:
    script = "import sys; from burnish.cli import main; sys.argv = ['burnish', 'cache', 'stat']; main()"
    place = tmp_path / "replies.sqlite"

    def stat() -> subprocess.CompletedProcess[str]:
        environment = {"BURNISH_CACHE_DIR": str(tmp_path)}
        command = [sys.executable, "-c", script]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)

    answer = stat()
    assert (answer.returncode, answer.stdout) == (0, f"There is no cache at {place} yet: nothing has been kept.\n")
    assert list(tmp_path.iterdir()) == []
    keep(place, "m", 3)
    answer = stat()
    assert (answer.returncode, answer.stdout.splitlines()[1]) == (0, "Replies:   3")


@pytest.mark.parametrize("command", ["stat", "clear"])
def test_what_is_no_cache_stays_as_it_is(command: str, tmp_path: Path) -> None:
    ask = [command] if command == "stat" else [command, "--yes"]
    assert "There is no cache at" in refused(*ask, "--path", tmp_path / "none")
    assert "There is no cache at" in refused(*ask, "--path", tmp_path)
    text = tmp_path / "text"
    text.write_text("a page of text\n" * 100)
    assert "is not a Burnish cache" in refused(*ask, "--path", text)
    assert text.read_text() == "a page of text\n" * 100
    theirs = tmp_path / "theirs"
    with closing(sqlite3.connect(theirs)) as file:
        file.execute("CREATE TABLE replies (key TEXT)")
    before = theirs.read_bytes()
    assert "is not a Burnish cache" in refused(*ask, "--path", theirs)
    assert theirs.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"text", "theirs"}


def test_a_newer_cache_and_one_that_is_locked_are_told(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute(f"PRAGMA user_version = {FORMAT + 1}")
    assert "newer Burnish" in refused("stat", "--path", path)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA locking_mode = EXCLUSIVE")
        file.execute(f"PRAGMA user_version = {FORMAT}")
        assert "database is locked" in refused("stat", "--path", path)


@pytest.mark.parametrize("given", ["3", "d", "3 months", "-3d", "3.5d", ""])
def test_an_age_that_is_none(given: str, path: Path) -> None:
    assert "12h, 30d, 8w" in refused("clear", "--path", path, "--older-than", given, "--yes")
