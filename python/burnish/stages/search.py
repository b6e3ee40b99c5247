"""The next candidates of a space, and who leaves a race: the door to the core's `search` and `race`.

A searcher is made from a space and a seed and keeps nothing else: what it asks for depends on the board alone, so the
same board gives the same picks. The number of a candidate on the board is its place among the picks that were tried.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from burnish import _core
from burnish.errors import ConfigError
from burnish.stages.score import columns
from burnish.values.board import Board
from burnish.values.seed import draw
from burnish.values.space import Space

Picks = tuple[int, ...]
# Half of what the surrogate asks for is what it takes for best, half is drawn from what it does not know.
_GREEDY = 0.5
_SEEDS = 2**63
# Candidates that a surrogate is fitted to at most: half a second, and it grows with their cube.
MOST_CANDIDATES = 500


class Searcher(Protocol):
    """What the hook `burnish_searchers` makes: asks for candidates by what the board says of those that were tried."""

    def ask(self, tried: Sequence[Picks], board: Board, n: int, *, closed: Collection[int] = ()) -> list[Picks]:
        """The candidates to measure next, the one wanted most first; all different.

        Args:
            tried: The candidates on the board, by their numbers there.
            board: The scores.
            n: How many to ask for; fewer come where the space has no more.
            closed: Numbers of candidates that need no more examples. Of the others one may come again, since what
                may be the best deserves a closer look.

        Returns:
            A choice for each slot of each.
        """


@dataclass(frozen=True, slots=True)
class Advice:
    """What the surrogate makes of a board.

    Attributes:
        picks: What to measure next.
        mean: Expected score of each candidate tried; nan where it was never measured.
        spread: Standard deviation of each.
        slots: Share of the expected score's variance over the space that the choices in each slot make.
        pairs: Share of choices that go well or badly together.
        own: Share of single candidates, which no slot and no pair explains.
        above: For each slot and each of its choices, how much more a candidate is expected to score with it than with
            the slot's first, the choices in the other slots averaged over.
        unsure: The standard deviation of each of these.
    """

    picks: list[Picks]
    mean: list[float]
    spread: list[float]
    slots: list[float]
    pairs: float
    own: float
    above: list[list[float]]
    unsure: list[list[float]]


class _OfSpace:
    """What every searcher is made of.

    Args:
        space: What to choose from.
        seed: Where chance comes from.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._sizes = _sizes(space)
        # The core's seeds have 64 bits, Python's as many as they like.
        self._seed = seed if -_SEEDS <= seed < _SEEDS else draw(seed, "searcher").randrange(_SEEDS)


class RandomSearcher(_OfSpace):
    """Candidates by chance, none of them twice."""

    def ask(self, tried: Sequence[Picks], board: Board, n: int, *, closed: Collection[int] = ()) -> list[Picks]:
        """New candidates; what the board says is not looked at."""
        found = _core.search_random(self._sizes, _flat(tried), n, self._seed, len(tried))
        return _picks(found, self._sizes)


class TPESearcher(_OfSpace):
    """A tree-structured Parzen estimator over all slots together: what is common among the best tenth by their means.

    Cheap, and blind to how many examples a mean is of. Source: Bergstra et al. 2011; multivariate: Falkner et al. 2018.
    """

    def ask(self, tried: Sequence[Picks], board: Board, n: int, *, closed: Collection[int] = ()) -> list[Picks]:
        """Candidates that look like the best; a balanced design while there is no score."""
        if not len(board):
            return design(self._sizes, n, self._seed)
        rows, flat, shut = columns(board), _flat(tried), _closed(tried, closed)
        return _picks(_core.search_tpe(self._sizes, flat, rows, shut, n, self._seed, len(board)), self._sizes)


class SurrogateSearcher(_OfSpace):
    """A Gaussian process over slots, pairs of slots and shared examples.

    Half of what it asks for has the best expected score, half is best in a draw from what the scores leave open. The
    cost grows with the cube of the candidates measured: 25 ms for 100 of them, half a second for 500.
    """

    def ask(self, tried: Sequence[Picks], board: Board, n: int, *, closed: Collection[int] = ()) -> list[Picks]:
        """Candidates that are the best or may be; a balanced design while there is no score."""
        return self.advise(tried, board, n, closed=closed).picks

    def advise(self, tried: Sequence[Picks], board: Board, n: int = 0, *, closed: Collection[int] = ()) -> Advice:
        """The same, and what each candidate tried is expected to score."""
        rows, flat, shut = columns(board), _flat(tried), _closed(tried, closed)
        found = _core.search_surrogate(self._sizes, flat, rows, shut, n, _GREEDY, self._seed, len(board))
        picks, mean, spread, shares, *choices = found
        *slots, pairs, own = shares.tolist() or [float("nan")] * (len(self._sizes) + 2)
        ends = np.cumsum(self._sizes)[:-1]
        above, unsure = ([part.tolist() for part in np.split(column, ends)] for column in choices)
        asked = _picks(picks, self._sizes)
        return Advice(asked, mean.tolist(), spread.tolist(), slots, pairs, own, above, unsure)


def design(sizes: NDArray[np.int64], n: int, seed: int) -> list[Picks]:
    """Candidates in which every choice of a slot comes equally often; the first has the first choice of each."""
    return _picks(_core.search_design(sizes, n, seed), sizes)


def beaten(board: Board, candidates: int, *, looks: int, error: float = 0.05, share: float = 0.0) -> list[bool]:
    """Whether each candidate is worse than the best on the same examples, beyond doubt.

    Args:
        board: The scores.
        candidates: How many candidates there are, from number 0 on.
        looks: How often this will be asked while scores come in.
        error: The chance, over all candidates and looks, that the one which is truly the best is dropped.
        share: Who leads has at least this share of the examples of the one with the most.
    """
    return list(map(bool, _core.race_beaten(columns(board), candidates, share, looks, error)))


def rejects(board: Board, candidates: int, *, examples: int, budget: int) -> tuple[list[int], int]:
    """Who is still in a race of successive rejects, and how many examples each of them is to have seen next.

    Args:
        board: The scores.
        candidates: How many entered the race.
        examples: How many examples there are; all candidates see them in the same order.
        budget: Cells that the race may cost.

    Returns:
        Their numbers, and the examples; one number where the race is over.
    """
    alive, seen = _core.race_rejects(columns(board), candidates, examples, budget)
    return alive.tolist(), seen


def _sizes(space: Space) -> NDArray[np.int64]:
    sizes = [len(slot.choices) for slot in space.slots]
    if not sizes or 0 in sizes:
        raise ConfigError(f"A space with {sizes} choices has no candidate. Give each slot one choice at least.")
    return np.array(sizes, np.int64)


def _flat(tried: Sequence[Picks]) -> NDArray[np.int64]:
    return np.array([pick for picks in tried for pick in picks], np.int64)


def _closed(tried: Sequence[Picks], closed: Collection[int]) -> NDArray[np.bool_]:
    shut = np.zeros(len(tried), np.bool_)
    shut[list(closed)] = True
    return shut


def _picks(flat: NDArray[np.int64], sizes: NDArray[np.int64]) -> list[Picks]:
    return [tuple(row) for row in flat.reshape(-1, len(sizes)).tolist()]
