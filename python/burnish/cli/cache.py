"""`burnish cache`: what the replies kept on this machine take up, and how to be rid of them."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import click
from rich.filesize import decimal

from burnish.errors import ConfigError
from burnish.lm.cache import Cache, default_cache, size_limit
from burnish.lm.cache_file import CacheStat
from burnish.lm.cache_format import FORMAT, version_of

_SECONDS = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_PATH = click.option("--path", help="The cache's file; default: the one every program uses.")


@click.group()
def cache() -> None:
    """Show or empty the cache of replies; programs that use it just now may go on."""


@cache.command()
@_PATH
def stat(path: str | None) -> None:
    """Show how many replies there are and what they take up."""
    there = _cache_at(path)
    found = _stat(there)
    size = decimal(found.bytes) if found.limit is None else f"{decimal(found.bytes)} of {decimal(found.limit)}"
    rows = [("Cache", str(there.path)), ("Replies", f"{found.entries:,}"), ("Size", size)]
    if found.oldest is not None and found.newest is not None:
        rows.append(("Last used", f"{_day(found.oldest)} to {_day(found.newest)}"))
    for name, value in rows:
        click.echo(f"{name + ':':<11}{value}")
    for model, entries, length in found.models:
        click.echo(f"  {model or '(no name)'}: {_replies(entries)}, {decimal(length)}")


@cache.command()
@_PATH
@click.option("--older-than", help="Only what has not been used for so long: 12h, 30d, 8w.")
@click.option("--model", help="Only replies of this model, named as `burnish cache stat` does; * is any text.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
def clear(path: str | None, older_than: str | None, model: str | None, yes: bool) -> None:
    """Forget replies, all or some: they are asked, and paid, again."""
    seconds = None if older_than is None else _seconds(older_than)
    there = _cache_at(path)
    found = _stat(there)
    which = "" if older_than is None else f" not used for {older_than}"
    which += "" if model is None else f" of model {model}"
    what = f"all {_replies(found.entries)}" if not which else f"the replies{which} among the {found.entries:,}"
    if not yes and not _agreed(f"Forget {what} in {there.path}?"):
        click.echo("Nothing was forgotten.")
        return
    forgotten = there.clear(older_than=seconds, model=model)
    click.echo(f"{_replies(forgotten)} forgotten; the file has {decimal(_stat(there).bytes)}.")
    if model is not None and not any(_is_named(name, model) for name, _, _ in found.models):
        names = ", ".join(name or "(no name)" for name, _, _ in found.models)
        click.echo(f"There is no model {model!r}. There are: {names or 'none'}.")


def _is_named(name: str, given: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, given.split("*"))), name, re.DOTALL) is not None


def _cache_at(path: str | None) -> Cache:
    """The cache at a path, where there is one: a file that is something else stays as it is."""
    there = default_cache() if path is None else Cache(path, size_limit=size_limit())
    file = there.path
    assert file is not None
    if not file.is_file():
        if path is not None:
            raise ConfigError(f"There is no cache at {file}.")
        # No fault of anybody's: nothing that is worth keeping has been asked.
        click.echo(f"There is no cache at {file} yet: nothing has been kept.")
        raise click.exceptions.Exit(0)
    try:
        with closing(sqlite3.connect(f"{Path(file).absolute().as_uri()}?mode=rw", uri=True, timeout=1)) as opened:
            version = version_of(opened)
    except sqlite3.OperationalError as error:
        raise ConfigError(f"Cannot open the cache {file}: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{file} is not a Burnish cache: {error}.") from error
    if version > FORMAT:
        raise ConfigError(f"{file} was written by a newer Burnish.")
    return there


def _stat(there: Cache) -> CacheStat:
    found = there.stat()
    if found is None:
        raise ConfigError(f"The cache {there.path} cannot be read just now: somebody holds it for himself. Try again.")
    return found


def _agreed(question: str) -> bool:
    try:
        return click.confirm(question)
    except click.Abort as error:
        raise ConfigError("Nothing was forgotten. With --yes, nobody is asked.") from error


def _replies(number: int) -> str:
    return "1 reply" if number == 1 else f"{number:,} replies"


def _seconds(given: str) -> float:
    matched = re.fullmatch(r"(\d+)([hdw])", given.strip())
    if matched is None:
        raise ConfigError(f"--older-than {given!r} is no length of time. Give hours, days or weeks: 12h, 30d, 8w.")
    return int(matched[1]) * _SECONDS[matched[2]]


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
