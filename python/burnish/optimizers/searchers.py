"""Searchers by their names: made, asked, and held to their contract, since a plugin may bring one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import index
from typing import Any

from burnish.errors import BurnishError, PluginError
from burnish.plugins.manager import lookup
from burnish.stages.search import Picks, Searcher, SurrogateSearcher
from burnish.values.board import Board
from burnish.values.space import Space


def searcher_of(name: str, space: Space, seed: int) -> Searcher:
    """The searcher of this name.

    Raises:
        ConfigError: There is no such name.
        PluginError: It cannot be made, or asks for nothing.
    """
    make = lookup("searchers", name)
    with _told(name):
        made = make(space, seed)
    if not callable(getattr(made, "ask", None)):
        raise PluginError(f"The searcher {name!r} has no method ask: {made!r}. See `burnish_searchers` in the hooks.")
    # The schedules ask the surrogate for more than its picks.
    if isinstance(made, SurrogateSearcher):
        return made
    return _Held(name, made, [len(slot.choices) for slot in space.slots])


@dataclass(frozen=True, slots=True)
class _Held:
    """A searcher whose picks are looked at before anybody runs them."""

    name: str
    searcher: Any
    sizes: Sequence[int]

    def ask(self, tried: Sequence[Picks], board: Board, n: int, *, closed: Collection[int] = ()) -> list[Picks]:
        """What the searcher asks for, each once, none that is closed, and no more than `n`.

        Raises:
            PluginError: It raises, or something that it asks for is no candidate of the space.
        """
        with _told(self.name):
            asked = [self._candidate(picks) for picks in self.searcher.ask(tried, board, n, closed=closed)]
        shut = {tried[number] for number in closed}
        return [picks for picks in dict.fromkeys(asked) if picks not in shut][:n]

    def _candidate(self, picks: Any) -> Picks:
        found = tuple(map(index, picks))
        if len(found) != len(self.sizes) or not all(
            0 <= pick < size for pick, size in zip(found, self.sizes, strict=True)
        ):
            raise ValueError(f"it asks for {picks!r}, and the slots have {list(self.sizes)} choices, counted from 0")
        return found


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except BurnishError:
        raise
    # A plugin's own code, which may raise anything.
    except Exception as error:
        raise PluginError(
            f"The searcher {name!r} breaks its contract: {type(error).__name__}: {error}. Take another one, or mend the "
            "plugin and run again; with run_dir= set, nothing that was received is asked for again."
        ) from error
