"""What running a program on an example leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from burnish.values.score import Score, Status
from burnish.values.space import Candidate
from burnish.values.usage import Usage


class Step(NamedTuple):
    """One predictor call of a rollout; unpacks as DSPy's trace triple does.

    Attributes:
        predictor: The `Predict` object that was called.
        inputs: Its inputs, by field name.
        outputs: Its `Prediction`.
    """

    predictor: Any
    inputs: dict[str, Any]
    outputs: Any


class Cell(NamedTuple):
    """One (candidate, example) pair to run.

    Attributes:
        candidate: Which candidate.
        example: The example itself.
        example_id: Its position in the set that the board counts in.
    """

    candidate: Candidate
    example: Any
    example_id: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """The outcome of one cell.

    Attributes:
        cell: What was run.
        status: Scored, failed or not measured.
        score: The metric's verdict. A failed rollout carries the failure score; a rollout that
            was not measured, or run without a metric, has None.
        prediction: What the program returned, where it did.
        trace: The predictor calls, in order; empty when the score came from the journal.
        usage: What its model calls used.
        reason: Why it failed or was not measured, in words.
        traceback: Where in the code, if that was to be kept.
    """

    cell: Cell
    status: Status
    score: Score | None = None
    prediction: Any = None
    trace: tuple[Step, ...] = ()
    usage: Usage = field(default_factory=Usage)
    reason: str | None = None
    traceback: str | None = field(default=None, compare=False, repr=False)
