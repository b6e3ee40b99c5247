"""By how much the winner of a search beats the program as given, with an interval that the choice does not flatter.

The best of many means is partly luck. Where the examples that chose the winner also tell its gain, the lower end is set so
that it would hold for every candidate at once, whichever is chosen: who was dropped on the way counts like all others, so a race
does it no harm. The upper end is that of a single difference, since choosing the best can only flatter: of the 5%, half may be missed on either
side. Examples that chose nothing need no correction.

Method:
    Student's t on the differences and two more, one of them as large as the largest each way, which keeps a few equal differences from having
    no spread (Bonett and Price 2012, for right and wrong). How many independent candidates the choice is worth is read off draws
    of all candidates' errors together, correlated as their differences are on the examples that both saw (max-t: Westfall and Young 1993;
    Chernozhukov, Chetverikov and Kato 2013). Candidates that answer alike count less than as many that do not.

Cost:
    Some milliseconds, once a compile: 5 ms for 20 candidates, 40 ms for 100 on 1,000 examples.

When not:
    A candidate that was built from the answers to these examples may be better on them than anywhere else, and no interval tells
    that: keep a valset apart. Of fewer than ten examples no interval says much.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from burnish.stages.score import columns
from burnish.values.board import Board
from burnish.values.report import Difference
from burnish.values.score import Status

# The chance of a miss on either side.
_MISS = 0.025
_DRAWS = 4000
# Of so many candidates and more, the correlations take longer to work out than they are worth: each counts as one.
_MANY = 300
# More possible candidates than this leave nothing to tell.
_MOST = 10**15

Floats = NDArray[np.float64]


def gain(board: Board, winner: int, *, fresh: bool = False, possible: float = 0, looks: int = 1) -> Difference:
    """The winner's mean minus that of candidate 0 on the examples measured for both, with its 95% interval.

    Args:
        board: The scores; where `fresh`, of the examples that chose nothing alone.
        winner: The winner's number.
        fresh: Whether these examples chose nothing.
        possible: How many candidates might have been chosen, candidate 0 one of them; those on the board at least.
        looks: At how many points the search might have ended, where what it saw decided at which.

    Returns:
        The difference as it was measured. Its `among` says how many candidates the interval is corrected for, 0 where `fresh`.

    Source:
        Westfall and Young 1993, *Resampling-Based Multiple Testing*; Chernozhukov, Chetverikov and Kato 2013, arXiv:1212.6906; Bonett
        and Price 2012, *Journal of Educational and Behavioral Statistics* 37(4).
    """
    scores = _table(board, winner)
    found = scores - scores[0]
    found[0] = np.nan
    measured = ~np.isnan(found)
    rivals = np.flatnonzero(measured.any(axis=1))
    among = 0 if fresh else max(int(min(possible, _MOST)), 1 + len(rivals))
    if winner == 0:
        n = int((~np.isnan(scores[0])).sum())
        return Difference(n, *((0.0, 0.0, 0.0) if n else (math.nan,) * 3), among)
    own = found[winner][measured[winner]]
    if not len(own):
        return Difference(0, math.nan, math.nan, math.nan, among)
    # Of those that were not built the same share is taken to be independent.
    chances = 1.0 if fresh else (among - 1) * _independent(found[rivals]) / len(rivals)
    low, high = _ends(own, chances * looks)
    if np.nanmin(scores) >= 0 and np.nanmax(scores) <= 1:
        # Scores from 0 to 1 cannot differ by more.
        low, high = max(low, -1.0), min(high, 1.0)
    return Difference(len(own), float(own.mean()), low, high, among)


def _table(board: Board, winner: int) -> Floats:
    """A row a candidate, the winner one of them, a column an example; nan where there is no score that counts."""
    candidate, example, score, status = columns(board)
    _, column = np.unique(example, return_inverse=True)
    scores = np.full((max(int(candidate.max()), winner) + 1, int(column.max()) + 1), np.nan)
    counts = status != Status.NOT_MEASURED
    scores[candidate[counts], column[counts]] = score[counts]
    return scores


def _ends(differences: Floats, chances: float) -> tuple[float, float]:
    """The ends of the interval, where the difference is the best of so many."""
    from scipy.special import stdtrit

    n = len(differences) + 2
    # Scaled, so that no square of theirs is too small or too large for a number.
    largest = float(np.abs(differences).max()) or 1.0
    scaled = differences / largest
    mean = scaled.sum() / n
    error = math.sqrt(((scaled**2).sum() + 2) / n - mean**2) / math.sqrt(n)
    low, high = mean + stdtrit(n - 1, _MISS / chances) * error, mean - stdtrit(n - 1, _MISS) * error
    return float(low * largest), float(high * largest)


def _independent(differences: Floats) -> float:
    """How many independent candidates have as large a best error as these have, at the chance that may be missed."""
    many = len(differences)
    if not 1 < many < _MANY:
        return float(max(many, 1))
    largest = np.nanmax(np.abs(differences), axis=1, keepdims=True)
    scaled = differences / np.where(largest > 0, largest, 1.0)
    off = np.nan_to_num(scaled - np.nanmean(scaled, axis=1, keepdims=True))
    # The two differences that `_ends` adds are each candidate's own: they make it look less like the others, never more.
    off /= np.sqrt((off**2).sum(axis=1, keepdims=True) + 2)
    alike = off @ off.T
    np.fill_diagonal(alike, 1.0)
    values, vectors = np.linalg.eigh(alike)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    best = (np.random.default_rng(0).standard_normal((_DRAWS, many)) @ root.T).max(axis=1)
    missed = 1 - NormalDist().cdf(float(np.quantile(best, 1 - _MISS)))
    return min(max(_MISS / missed, 1.0), float(many))
