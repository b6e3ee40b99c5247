"""The bootstrapped demos of a compile, and the candidates that show some of them."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from burnish import Candidate, Choice, Session
from burnish_optuna.studies import Picks


class Shelf:
    """Demos to choose from, as slots.

    A predictor has as many slots as it may show demos. The demos are dealt out to its slots in turn, and a slot shows one
    of its own or none, so that no candidate shows a demo twice and no two candidates are the same.

    Args:
        session: The compile.
        demos: Each predictor's bootstrapped demos, first wanted first.
        most: How many of them a predictor may show.
        room: Demos in all, a predictor; labelled examples fill what is left, in front.
    """

    def __init__(self, session: Session, demos: Mapping[str, Sequence[Any]], *, most: int, room: int) -> None:
        self._slots = [
            (name, [None, *own[first::most]])
            for name in session.predictors
            for own in [demos.get(name, ())]
            for first in range(min(most, len(own)))
        ]
        self._labelled = {name: _labelled(session, name) for name in session.predictors}
        self._trainset = session.trainset
        self._room = room

    @property
    def sizes(self) -> list[int]:
        """How many choices each slot has."""
        return [len(choices) for _, choices in self._slots]

    @property
    def combinations(self) -> int:
        """How many candidates there are."""
        return math.prod(self.sizes)

    @property
    def starts(self) -> list[Picks]:
        """The candidates that need no search: labelled demos alone, and the first bootstrapped ones."""
        return list(dict.fromkeys(((0,) * len(self._slots), (1,) * len(self._slots))))

    def candidate(self, picks: Picks, name: str) -> Candidate:
        """The candidate that shows what was picked."""
        shown: dict[str, list[Any]] = {predictor: [] for predictor in self._labelled}
        for (predictor, choices), pick in zip(self._slots, picks, strict=True):
            shown[predictor] += [] if choices[pick] is None else [choices[pick]]
        return Candidate(name, {predictor: self._choice(predictor, own) for predictor, own in shown.items()})

    def _choice(self, predictor: str, own: Sequence[Any]) -> Choice:
        used = {demo.source for demo in own}
        free = [place for place in self._labelled[predictor] if place not in used]
        places = free[: max(self._room - len(own), 0)]
        return Choice(
            demos=(*(self._trainset[place] for place in places), *(demo.example for demo in own)),
            sources=(*places, *(demo.source for demo in own)),
        )


def _labelled(session: Session, predictor: str) -> list[int]:
    """The places of the examples that show a predictor's work by their labels, in an order drawn for it."""
    places = [place for place, example in enumerate(session.trainset) if session.teaches(predictor, example)]
    return random.Random(f"{session.seed} labelled {predictor}").sample(places, len(places))
