"""What a metric says of one prediction, and what a program's run came to."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from burnish.errors import MetricError


class Status(enum.IntEnum):
    """The three outcomes of running a program on an example.

    The numbers are those of the Rust board.
    """

    SCORED = 0
    """The metric gave a score."""
    FAILED = 1
    """The program or the reply was at fault: counts as the failure score."""
    NOT_MEASURED = 2
    """Network, rate limit, outage or budget: never enters a mean."""


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's verdict on one prediction.

    Attributes:
        value: The score; higher is better.
        feedback: What was good or bad, in words, for optimizers that read.
        parts: Named part scores, such as ``{"precision": 0.5}``.
    """

    value: float
    feedback: str | None = None
    parts: Mapping[str, float] | None = None

    def __float__(self) -> float:
        return self.value

    def __bool__(self) -> bool:
        return bool(self.value)

    @classmethod
    def of(cls, returned: Any) -> Score:
        """The score in what a metric returned.

        Args:
            returned: A bool, int, float, numpy number, `Score`, or a `Prediction` (or mapping)
                with a ``score``.

        Raises:
            MetricError: It is none of these, or not a finite number, or a named part is not one.
        """
        if isinstance(returned, cls):
            return cls(_finite(returned.value), _words(returned.feedback), _numbers(returned.parts))
        if isinstance(returned, bool | int | float):
            return cls(_finite(returned))
        get = getattr(returned, "get", None)
        if callable(get) and get("score") is not None:
            return cls(_finite(get("score")), _words(get("feedback")), _numbers(get("parts")))
        if type(returned).__module__ == "numpy" and getattr(returned, "ndim", None) == 0:
            return cls(_finite(returned.item()))
        raise MetricError(
            f"The metric returned {_shown(returned)}, which is not a score. Return a bool, a "
            "number, burnish.Score(value, feedback=...), or a Prediction with a score field."
        )


def _words(feedback: Any) -> str | None:
    return feedback if feedback is None else str(feedback)


def _numbers(parts: Any) -> dict[str, float] | None:
    if parts is None:
        return None
    if not isinstance(parts, Mapping):
        raise MetricError(f"The metric's parts are {_shown(parts)}, not numbers by name: {{'precision': 0.5}}.")
    return {str(name): _finite(value, f"part {name!r}") for name, value in parts.items()}


def _finite(value: Any, what: str = "score") -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise MetricError(
            f"The metric's {what} is {_shown(value)}, not a number. Return a bool or a number."
        ) from error
    if not math.isfinite(number):
        raise MetricError(f"The metric's {what} is {number}. Return a finite number.")
    return number


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text[:80]}{'…' if len(text) > 80 else ''} ({type(value).__name__})"
