"""Two results on the same examples, compared example by example."""

from __future__ import annotations

from dataclasses import dataclass, field

from burnish.engine.identity import stable_text
from burnish.errors import ConfigError
from burnish.evaluation.result import EvaluationResult
from burnish.stages.score import difference
from burnish.values.board import Board
from burnish.values.example import Example
from burnish.values.report import Difference
from burnish.values.score import Status


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two programs on the same examples: which is better, and whether that is more than chance.

    Attributes:
        first: The first program's result.
        second: The second program's.
        difference: First minus second on the examples measured for both, with its 95% interval.
        wins: Examples on which the first scores higher.
        losses: Examples on which the second does.
        ties: Examples on which both score the same.
    """

    first: EvaluationResult = field(repr=False)
    second: EvaluationResult = field(repr=False)
    difference: Difference
    wins: int
    losses: int
    ties: int

    @classmethod
    def of(cls, first: EvaluationResult, second: EvaluationResult) -> Comparison:
        """The comparison of two results.

        Raises:
            ConfigError: They are not of the same examples.
        """
        found = paired(first, second)
        scores = zip((row[2] for row in first.results), (row[2] for row in second.results), strict=True)
        both = [(one, other) for one, other in scores if one is not None and other is not None]
        wins = sum(one > other for one, other in both)
        losses = sum(one < other for one, other in both)
        return cls(first, second, found, wins, losses, len(both) - wins - losses)

    @property
    def significant(self) -> bool:
        """Whether the interval of the difference excludes zero; see `Difference.significant`."""
        return self.difference.significant

    def __str__(self) -> str:
        lines = [f"first:  {self.first}", f"second: {self.second}"]
        found = self.difference
        if not found.n:
            return "\n".join([*lines, "no example was measured for both: nothing can be said"])
        lines.append(
            f"first minus second: {100 * found.mean:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}] on {found.n} examples "
            f"({self.wins} wins, {self.losses} losses, {self.ties} ties)"
        )
        better = "the first is better" if found.mean > 0 else "the second is better"
        return "\n".join([*lines, better if found.significant else "no significant difference"])


def paired(first: EvaluationResult, second: EvaluationResult) -> Difference:
    """By how much the first result beats the second, on the examples measured in both.

    Args:
        first: One program's result on a devset.
        second: Another's on the same devset, in the same order.

    Raises:
        ConfigError: The devsets differ.
    """
    pairs = zip(first.results, second.results, strict=False)
    if len(first.results) != len(second.results) or not all(_same(one[0], other[0]) for one, other in pairs):
        raise ConfigError("The two results are not of the same examples in the same order.")
    board = Board()
    for number, result in enumerate((first, second)):
        for place, (_, _, score) in enumerate(result.results):
            status = Status.NOT_MEASURED if score is None else Status.SCORED
            board.put(number, place, 0.0 if score is None else score, status)
    return difference(board, 0, 1)


def _same(one: Example, other: Example) -> bool:
    try:
        return one is other or one == other
    # Arrays are not equal or unequal as a whole; what they say is.
    except Exception:
        return stable_text(one.toDict()) == stable_text(other.toDict())
