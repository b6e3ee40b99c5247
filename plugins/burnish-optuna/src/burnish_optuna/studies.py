"""Asks an Optuna sampler for candidates: a study is made of what is known, asked, and forgotten.

What is known are candidates with a score each. A candidate is a choice number for every slot, and each slot a categorical
parameter. Several candidates are asked for at once by a constant lie: each one asked for counts as if it had scored
the mean until the scores come, so that the next one differs.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import Any

Picks = tuple[int, ...]
# So many candidates are drawn by chance before a sampler goes by the scores: Optuna's own number.
STARTUP = 10
# A sampler may like what cannot be had again; after so many times in a row chance decides.
_REPEATS = 20
_making = threading.Lock()


def ask(
    sampler: Callable[[int], Any],
    sizes: Sequence[int],
    known: Mapping[Picks, float],
    n: int,
    *,
    seed: int,
    step: int,
    shut: frozenset[Picks] = frozenset(),
) -> list[Picks]:
    """The candidates that a sampler would measure next, the one wanted most first; all different.

    Args:
        sampler: Makes Optuna's sampler of a seed.
        sizes: How many choices each slot has.
        known: The candidates with a score, in the order in which they were tried.
        n: How many to ask for; fewer come where there are no more.
        seed: Where chance comes from.
        step: Another one draws anew.
        shut: Candidates that are not to come.
    """
    chance = random.Random(f"optuna {seed} {step}")
    slots = _parameters(sizes)
    study = _study(sampler, chance.getrandbits(32), known, slots)
    lie = fmean(known.values()) if len(known) >= STARTUP else None
    taken, found = set(shut), list[Picks]()
    wanted = min(n, math.prod(sizes) - len(taken))
    while len(found) < wanted:
        picks = next((new for new in _suggestions(study, slots, lie) if new not in taken), None)
        if picks is None:
            picks = _by_chance(sizes, taken, chance)
        taken.add(picks)
        found.append(picks)
    return found


def means(board: Any) -> dict[int, float]:
    """The mean score of each candidate on a board, by its number; cells that were not measured do not count."""
    scores: dict[int, list[float]] = {}
    for candidate, example, score in zip(board.candidate, board.example, board.score, strict=True):
        if board.known(candidate, example):
            scores.setdefault(candidate, []).append(score)
    return {candidate: fmean(scores[candidate]) for candidate in sorted(scores)}


def _suggestions(study: Any, slots: Mapping[str, Any], lie: float | None) -> Iterator[Picks]:
    """What the sampler suggests; a few times, as it may repeat itself."""
    for _ in range(_REPEATS):
        trial = study.ask(dict(slots))
        picks = tuple(trial.params[slot] for slot in slots)
        # While chance decides, a trial that is under way teaches nothing and so is left at that.
        if lie is not None:
            study.tell(trial, lie)
        yield picks


def _by_chance(sizes: Sequence[int], taken: set[Picks], chance: random.Random) -> Picks:
    """A candidate that is not taken: the first such from a random place on, in counting order."""
    count = math.prod(sizes)
    place = chance.randrange(count)
    while (picks := _counted(place, sizes)) in taken:
        place = (place + 1) % count
    return picks


def _counted(place: int, sizes: Sequence[int]) -> Picks:
    """The candidate with this number, where all are counted with the last slot running fastest."""
    picks = []
    for size in reversed(sizes):
        place, pick = divmod(place, size)
        picks.append(pick)
    return tuple(reversed(picks))


def _parameters(sizes: Sequence[int]) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution

    return {f"slot {number}": CategoricalDistribution(range(size)) for number, size in enumerate(sizes)}


def _study(sampler: Callable[[int], Any], seed: int, known: Mapping[Picks, float], slots: Mapping[str, Any]) -> Any:
    import optuna

    with _quiet():
        study = optuna.create_study(direction="maximize", sampler=sampler(seed))
    distributions = dict(slots)
    study.add_trials(
        optuna.trial.create_trial(params=dict(zip(slots, picks, strict=True)), distributions=distributions, value=score)
        for picks, score in known.items()
    )
    return study


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Optuna from announcing each study and each option that may change; its level is afterwards what it was."""
    from optuna.exceptions import ExperimentalWarning

    logger = logging.getLogger("optuna")
    with _making, warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        level = logger.level
        logger.setLevel(max(level, logging.WARNING))
        try:
            yield
        finally:
            logger.setLevel(level)
