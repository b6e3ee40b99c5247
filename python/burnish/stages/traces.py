"""`TraceTable`: recorded calls of predictors, and which of them are worth showing as demos.

The door to Rust, where a call is a row of 72 bytes whatever its texts were, and a log is scanned at about the speed of
the disk. Only what is picked becomes a Python object, read again from where it stands.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from burnish import _core
from burnish.errors import ConfigError
from burnish.values.rollout import Rollout

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHARACTERS_A_TOKEN = 4
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Scanned:
    """What became of the lines of a log.

    Attributes:
        path: The log.
        lines: Lines that are not empty.
        rows: Calls that went into the table.
        malformed: Lines that could not be read.
        faults: Number of the line → what is wrong with it, for the first 1,000 of them.
        without_call: Lines without a call that both asks and answers, such as other events.
        failed: Calls that failed or whose reply was cut off.
        without_score: Calls without a score, where one was asked for.
        below: Calls with a lower score.
    """

    path: str
    lines: int
    rows: int
    malformed: int
    without_call: int
    failed: int
    without_score: int
    below: int
    faults: Mapping[int, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        rest = [
            f"{count} {what}"
            for count, what in (
                (self.below, "below the score"),
                (self.without_score, "without a score"),
                (self.failed, "failed or cut off"),
                (self.without_call, "lines without a call"),
            )
            if count
        ]
        if self.malformed:
            shown = [f"line {line}: {what}" for line, what in list(self.faults.items())[:_SHOWN]]
            more = ["…"] if self.malformed > len(shown) else []
            rest.append(f"{self.malformed} malformed ({'; '.join(shown + more)})")
        return f"{self.path}: {self.rows} calls of {self.lines} lines" + (f"; {', '.join(rest)}" if rest else "")


@dataclass(frozen=True, slots=True)
class Traced:
    """A call that was picked.

    Attributes:
        predictor: The name that the log or the program has for the predictor; where a log has none, its fields,
            as in ``"question -> answer"``.
        inputs: What went in, by field name.
        outputs: What came out, by field name.
        score: The rollout's; nan if it has none.
        source: Where it stands, ``"path:line"``; empty for a call that was run here.
        example: The place of the example that was run here; -1 for a log's.
    """

    predictor: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    score: float
    source: str = ""
    example: int = -1


class TraceTable:
    """Recorded calls as columns: scanned from logs, or added from rollouts.

    A log has JSON lines, of these kinds and in any mixture: Burnish's own events (`TraceLog`), requests and responses of
    OpenAI's endpoints (``{"request": …, "response": …}``, or ``messages`` and ``choices``), and spans of OpenTelemetry's GenAI conventions
    (OTLP's JSON, or a span a line). Where messages hold sections as the prompts of Burnish and DSPy do, they become fields; else the
    last user turn is the field ``user`` and the reply ``assistant``.

    Example:
        >>> import json, tempfile, pathlib
        >>> log = pathlib.Path(tempfile.mkdtemp(), "log.jsonl")
        >>> calls = [{"predictor": "sort", "inputs": {"text": text}, "outputs": {"kind": "bird"}, "score": score}
        ...          for text, score in (("a robin", 1.0), ("a trout", 0.0), ("a robin", 1.0))]
        >>> _ = log.write_text(chr(10).join(map(json.dumps, calls)))
        >>> table = TraceTable.scan(log, min_score=0.5)
        >>> len(table), [call.inputs for call in table.pick()]
        (2, [{'text': 'a robin'}])
    """

    def __init__(self) -> None:
        self._rows = _core.TraceTable()
        # Calls that were run here, by the number of their row.
        self._here: dict[int, Traced] = {}
        self.scanned: list[Scanned] = []
        self._labelled = False

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"TraceTable of {len(self)} calls of {', '.join(map(repr, self.predictors)) or 'nothing'}"

    @classmethod
    def scan(cls, *logs: str | os.PathLike[str], **options: Any) -> TraceTable:
        """The calls that logs tell of.

        Args:
            logs: Files of JSON lines, not compressed.
            options: Those of `read`.

        Raises:
            ConfigError: No log is named, or an argument cannot be used.
            OSError: A log cannot be read.
        """
        if not logs:
            raise ConfigError("Name the logs to scan: TraceTable.scan('log.jsonl').")
        table = cls()
        for log in logs:
            scanned = table.read(log, **options)
            if scanned.malformed:
                warnings.warn(f"Some lines could not be read. {scanned}.", UserWarning, stacklevel=2)
        return table

    def read(
        self,
        log: str | os.PathLike[str],
        *,
        score: str | None = None,
        label: str | None = None,
        min_score: float | None = None,
        threads: int | None = None,
    ) -> Scanned:
        """Add the calls that a log tells of.

        No line ends a scan: what cannot be read is counted, and named by its line.

        Args:
            log: A file of JSON lines, not compressed. It must stay as it is until `pick` has read what it picked.
            score: Keys on the way to a line's score, such as ``"metadata.rating"``; default is where its kind has it: ``score``,
                or a span's ``gen_ai.evaluation.score.value``.
            label: The field whose values `pick` can give turns to.
            min_score: Calls below, or without a score, are left out, and cost less time.
            threads: At most so many; as many as there are processors unless given.

        Returns:
            What became of its lines, also kept in `scanned`.

        Raises:
            ConfigError: An argument cannot be used.
            OSError: The log cannot be read.
        """
        if min_score is not None and not math.isfinite(min_score):
            raise ConfigError(f"min_score={min_score}: give a finite number.")
        path, before = os.fspath(log), len(self)
        keys = [] if score is None else score.split(".")
        *counts, faults = self._rows.scan(path, score=keys, label=label, min_score=min_score, threads=threads)
        lines, malformed, without_call, failed, without_score, below = counts
        rows = len(self) - before
        if score is not None and rows and not np.isfinite(self.scores()[before:]).any():
            raise ConfigError(
                f"No call in {path!r} has a number at score={score!r}. Write the keys on the way to it, as in 'a.b'."
            )
        self._labelled |= label is not None
        self.scanned.append(
            Scanned(path, lines, rows, malformed, without_call, failed, without_score, below, dict(faults))
        )
        return self.scanned[-1]

    @property
    def predictors(self) -> list[str]:
        """The names of the predictors, in the order in which they were first met."""
        return self._rows.names()

    def scores(self) -> NDArray[np.float64]:
        """The score of each call, in the order of the table; nan where there is none."""
        return self._rows.columns()[0]

    def add(self, rollouts: Sequence[Rollout], name_of: Callable[[Any], str | None]) -> None:
        """Add the steps of rollouts that were run here.

        Args:
            rollouts: Their traces are taken, whatever their score.
            name_of: The name of a step's predictor; None leaves the step out.
        """
        new = [
            (number, Traced(name, step.inputs, dict(step.outputs), _value(rollout), example=rollout.cell.example_id))
            for number, rollout in enumerate(rollouts)
            for step in rollout.trace
            if (name := name_of(step.predictor)) is not None
        ]
        inputs = [repr(sorted(call.inputs.items())) for _, call in new]
        outputs = [repr(sorted(call.outputs.items())) for _, call in new]
        tokens = [(len(a) + len(b)) // _CHARACTERS_A_TOKEN for a, b in zip(inputs, outputs, strict=True)]
        first = len(self)
        self._rows.append(
            np.array([call.score for _, call in new], dtype=np.float64),
            [call.predictor for _, call in new],
            # Below zero, where no line of a log is.
            np.array([-1 - first - number for number, _ in new], dtype=np.int64),
            np.array(tokens, dtype=np.int64),
            inputs,
            outputs,
        )
        self._here.update((first + place, call) for place, (_, call) in enumerate(new))

    def pick(
        self,
        *,
        min_score: float | None = None,
        per_predictor: int = 16,
        max_tokens: int | None = None,
        near: bool = True,
        variety: bool = True,
        stratify: bool = False,
        seed: int = 0,
    ) -> list[Traced]:
        """The calls worth showing as demos.

        Of several calls of one predictor in one rollout one counts: half the time the last, else one of the earlier.

        Args:
            min_score: The lowest score that is good enough; None takes calls without a score too.
            per_predictor: At most so many of each predictor.
            max_tokens: Room for all of one predictor's calls, estimated at 4 characters a token.
            near: Whether a call whose inputs are nearly those of another that was picked is passed over, as exact copies are: some nine
                tenths of all pairs of neighbouring words in common, in all inputs together and in the shortest; of fewer than 32 pairs, all.
            variety: Whether the calls farthest from those that were picked are preferred to the first that come.
            stratify: Whether the values of the field that was named as ``label`` take turns.
            seed: Draws among a rollout's calls of one predictor.

        Returns:
            Predictor by predictor, the first picked in front.

        Raises:
            ConfigError: A limit is out of range.
            StateError: A log is not what it was when it was scanned.
            OSError: A log cannot be read any more.
        """
        if stratify and not self._labelled:
            raise ConfigError(
                "stratify=True needs the field whose values take turns: TraceTable.scan(log, label='field')."
            )
        numbers = self._rows.pick(
            min_score=min_score,
            per_predictor=per_predictor,
            max_tokens=max_tokens,
            near=near,
            variety=variety,
            stratify=stratify,
            # Any whole number is a seed; the core takes 64 bits of it.
            seed=(seed + 2**63) % 2**64 - 2**63,
        )
        logged = numbers[[number not in self._here for number in numbers.tolist()]]
        read = dict(zip(logged.tolist(), map(_traced, self._rows.steps(logged)), strict=True))
        return [self._here[number] if number in self._here else read[number] for number in numbers.tolist()]


def _value(rollout: Rollout) -> float:
    return math.nan if rollout.score is None else rollout.score.value


def _traced(step: Any) -> Traced:
    predictor, inputs, outputs, score, path, line = step
    return Traced(predictor, _fields(inputs), _fields(outputs), score, f"{path}:{line}")


def _fields(told: Sequence[tuple[str, str, bool]]) -> dict[str, Any]:
    return {name: json.loads(text) if is_json else text for name, text, is_json in told}
