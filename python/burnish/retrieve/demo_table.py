"""Demos by training example, and which of them are shown where some examples are near.

Of the examples that are near, nearest first, the first that the teacher got right are shown as it
answered them (bootstrapped), the others as they are labelled. The nearest stands first: of a prompt that
is longer than the model's window, the last demos are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.values.example import Example
from burnish.values.space import Choice
from burnish.values.teaching import teaches


@dataclass(frozen=True, slots=True)
class DemoTable:
    """The demos that can be made of each training example.

    Attributes:
        labelled: The training examples.
        bootstrapped: For each of them: predictor name → what the teacher did there, where it was right.
        max_bootstrapped: Bootstrapped demos to show a predictor at most.
        max_labelled: Demos to show in all, once labelled ones are added.
        inputs: The names of the input fields.
    """

    labelled: tuple[Example, ...]
    bootstrapped: tuple[Mapping[str, Example], ...]
    max_bootstrapped: int
    max_labelled: int
    inputs: frozenset[str]

    @classmethod
    def of(
        cls,
        trainset: Sequence[Example],
        bootstrapped: Sequence[Mapping[str, Example]],
        max_bootstrapped: int,
        max_labelled: int,
    ) -> DemoTable:
        """The table of a trainset whose inputs are marked."""
        inputs = frozenset(name for example in trainset for name in example.input_keys or ())
        return cls(tuple(trainset), tuple(bootstrapped), max_bootstrapped, max_labelled, inputs)

    def __deepcopy__(self, memo: dict[int, Any]) -> DemoTable:
        # Nothing of it changes, and it is large.
        return self

    def shown(self, predictor: str, signature: Any, near: Sequence[int]) -> Choice:
        """What a predictor is shown; exact copies are shown once.

        Args:
            predictor: Its name.
            signature: Its signature.
            near: Places of examples, nearest first.

        Returns:
            The demos in the order of the prompt, with their sources.
        """
        made = [place for place in near if predictor in self.bootstrapped[place]][: self.max_bootstrapped]
        room = max(self.max_labelled - len(made), 0)
        rest = [place for place in near if place not in made and teaches(signature, self.labelled[place])][:room]
        chosen = {*made, *rest}
        places: dict[Example, int] = {}
        for place in near:
            if place in chosen:
                demo = self.bootstrapped[place][predictor] if place in made else self.labelled[place]
                places.setdefault(demo, place)
        return Choice(demos=tuple(places), sources=tuple(places.values()))
