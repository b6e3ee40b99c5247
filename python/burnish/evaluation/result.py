"""`EvaluationResult`: a program's score on a set of examples, with what was not measured beside it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.errors import ConfigError
from burnish.stages.score import standings
from burnish.values.board import Board
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.report import Standing
from burnish.values.rollout import Rollout
from burnish.values.score import Score, Status
from burnish.values.usage import Usage


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """What an evaluation found.

    Attributes:
        score: Mean of the examples that count, 0 to 100; nan where none does.
        results: (example, prediction, score) of each example, in order. The prediction of a
            failed example is empty; the score of one that was not measured is None.
        standing: Mean with n, failures, what was not measured, and the 95% interval.
        usage: What the LM calls used.
        reasons: Why examples failed or were not measured: place → reason.
        statuses: How each example ended, a `Status`, in order.
        scores: The whole `Score` of each example, with feedback and parts, in order; None where it was not measured.
        parts: For each named part that the metric's scores have, its own standing. An example that failed counts as it does in
            the score; one whose score lacks the part is not measured there.
        aggregated: What ``metric.aggregate(scores)`` made of all that count, by name; see `Judge.aggregate`.
        errors: With ``provide_traceback=True``, the traceback of what went wrong: place → text.
    """

    score: float
    results: list[tuple[Example, Any, float | None]] = field(repr=False)
    standing: Standing
    usage: Usage
    reasons: dict[int, str] = field(default_factory=dict, repr=False)
    statuses: Sequence[Status] = field(default=(), repr=False)
    scores: Sequence[Score | None] = field(default=(), repr=False)
    parts: Mapping[str, Standing] = field(default_factory=dict)
    aggregated: Mapping[str, float] = field(default_factory=dict)
    errors: Mapping[int, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, rollouts: Sequence[Rollout], usage: Usage, aggregated: Mapping[str, float]) -> EvaluationResult:
        """The result that rollouts of one program come to, in the order of the examples."""
        board = Board()
        board.add(0, rollouts)
        names = list(dict.fromkeys(name for r in rollouts if r.score is not None for name in r.score.parts or ()))
        for number, name in enumerate(names, start=1):
            for place, rollout in enumerate(rollouts):
                board.put(number, place, *_part(rollout, name))
        standing, *parts = standings(board, ["program", *names])
        return cls(
            round(100 * standing.mean, 2),
            [
                (
                    r.cell.example,
                    Prediction() if r.prediction is None else r.prediction,
                    None if r.score is None else r.score.value,
                )
                for r in rollouts
            ],
            standing,
            usage,
            {place: r.reason for place, r in enumerate(rollouts) if r.reason is not None},
            [r.status for r in rollouts],
            [r.score for r in rollouts],
            dict(zip(names, parts, strict=True)),
            aggregated,
            {place: r.traceback for place, r in enumerate(rollouts) if r.traceback is not None},
        )

    @property
    def n(self) -> int:
        """How many examples count."""
        return self.standing.n

    @property
    def not_measured(self) -> int:
        """How many examples have no outcome."""
        return self.standing.not_measured

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the score, 0 to 100."""
        return 100 * self.standing.low, 100 * self.standing.high

    def rows(self) -> list[dict[str, Any]]:
        """One dict an example, as they are saved: its fields, the prediction's as ``predicted_…``, score, status, reason.

        Where there are any: ``part_…`` for each part of the scores, ``feedback``, ``traceback``. A field of the examples that
        has one of these names becomes ``example_…``.
        """
        told = [{**_predicted(made), **self._verdict(place)} for place, (_, made, _) in enumerate(self.results)]
        taken = {name for columns in told for name in columns}
        return [
            {**{_free(name, taken): value for name, value in example.toDict().items()}, **columns}
            for (example, _, _), columns in zip(self.results, told, strict=True)
        ]

    def to_frame(self) -> Any:
        """`rows` as a pandas DataFrame. Needs ``burnish[pandas]``.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise ConfigError(
                f"to_frame() makes a pandas DataFrame: pip install 'burnish[pandas]'. ({error})"
            ) from error
        return pandas.DataFrame(self.rows())

    def _verdict(self, place: int) -> dict[str, Any]:
        score = self.scores[place]
        parts = {} if score is None or score.parts is None else score.parts
        verdict: dict[str, Any] = {
            "score": self.results[place][2],
            "status": self.statuses[place].name.lower(),
            "reason": self.reasons.get(place),
            **{f"part_{name}": parts.get(name) for name in self.parts},
        }
        if any(one is not None and one.feedback is not None for one in self.scores):
            verdict["feedback"] = None if score is None else score.feedback
        if self.errors:
            verdict["traceback"] = self.errors.get(place)
        return verdict

    def __float__(self) -> float:
        return self.score

    def __str__(self) -> str:
        parts = "".join(f"; {name} {standing}" for name, standing in self.parts.items())
        parts += "".join(f"; {name} {value:.3g}" for name, value in self.aggregated.items())
        text = f"{self.standing}{parts}; {self.usage.calls} LM calls, {self.usage.price}"
        if not self.reasons:
            return text
        place, reason = next(iter(self.reasons.items()))
        return f"{text}; example {place}: {reason}"


def _part(rollout: Rollout, name: str) -> tuple[float, Status]:
    """What a rollout puts on the board for one part of the scores."""
    score = rollout.score
    if score is not None and rollout.status is Status.FAILED:
        return score.value, Status.FAILED
    value = None if score is None else (score.parts or {}).get(name)
    return (0.0, Status.NOT_MEASURED) if value is None else (float(value), Status.SCORED)


def _predicted(prediction: Any) -> dict[str, Any]:
    """The columns of a prediction; a program may return anything."""
    if isinstance(prediction, Example):
        return {f"predicted_{name}": value for name, value in prediction.toDict().items()}
    return {"prediction": prediction}


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"example_{name}"
    return name
