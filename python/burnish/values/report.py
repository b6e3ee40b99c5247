"""What a compile found out: candidates, scores with n and intervals, costs, decisions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from burnish.values.effects import Effects
from burnish.values.trial import Trial
from burnish.values.usage import Usage
from burnish.values.whole import check_whole

# A candidate cut short by the budget must not win on the few examples that it saw.
SHARE_TO_LEAD = 0.8


_SIGN_TEST = 6


@dataclass(frozen=True, slots=True)
class Standing:
    """One candidate's scores.

    Attributes:
        name: The candidate's name.
        n: Examples that count: scored or failed.
        failed: Those of them that failed, and count as the failure score.
        not_measured: Examples without an outcome (network, outage, budget); in no mean.
        mean: Mean score over the n; nan where n is 0.
        low: Lower end of the 95% interval: Wilson's where every score is 0 or 1, else Student's t.
        high: Upper end of it.
    """

    name: str
    n: int
    failed: int
    not_measured: int
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        total = self.n + self.not_measured
        if self.n == 0:
            return f"not measured (0/{total})"
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{100 * self.mean:.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}] ({self.n}/{total}{failed})"


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference of two candidates on the same examples.

    Attributes:
        n: Examples measured for both.
        mean: Mean difference, as it was measured: of a winner, on the examples that chose it, more than is to be expected.
        low: Lower end of the 95% interval: Student's t on the differences, for a gain as `burnish.stages.gain` says.
        high: Upper end of it.
        among: Of a gain: among how many possible candidates these examples chose, which the interval is corrected for; 0 where
            they chose nothing. None where two programs were compared and nothing was chosen.
    """

    n: int
    mean: float
    low: float
    high: float
    among: int | None = None

    @property
    def significant(self) -> bool:
        """Whether the interval excludes zero.

        Where all differences are the same the interval has no width; then six examples must agree,
        as a sign test asks (two-sided p below 0.05).
        """
        enough = _SIGN_TEST if self.low == self.high else 2
        return self.n >= enough and (self.low > 0 or self.high < 0)

    def __str__(self) -> str:
        if self.n == 0:
            return "unknown: no example was measured for both"
        fresh = " fresh" if self.among == 0 else ""
        text = f"{100 * self.mean:+.1f} [{100 * self.low:+.1f}, {100 * self.high:+.1f}] on {self.n}{fresh} examples"
        if self.among:
            text += f", corrected for the choice among {self.among} possible candidates"
        if not self.significant:
            return f"{text}: no significant gain"
        return f"{text}: the program as given is better" if self.among is not None and self.high < 0 else text


@dataclass(frozen=True)
class Report:
    """What a compile found out.

    Attributes:
        optimizer: The optimizer's name.
        candidates: Every candidate's standing, in the order in which they were proposed.
        winner: The winner's name.
        gain: Winner minus baseline, told on examples that chose nothing where the search left some twenty, else on
            those that chose, with an interval that is corrected for the choice; None where nothing was scored, or the baseline was not.
        usage: What each stage cost in this process.
        stopped: Why it ended: ``"finished"``, or what cut it short.
        seconds: Wall-clock seconds of this process.
        decisions: What was decided on the way, in words.
        run_dir: Where the journal lies, if one was kept.
        predictors: What each predictor's calls cost in this process; calls outside any stand under ``""``.
        before: What the run had used before this process went on with it.
        build: Makes the program of a candidate by its number.
        front: Names of the candidates that no other beats: measured wherever this one was, at least as good on each
            example and better on one.
        effects: Which slots made the difference; None where the search was not over slots.
        trials: What was tried, in its order; empty where a recipe scored each candidate once.
        ranking: Numbers of the scored candidates, best first, where the search ranks them by more than their means.
        confirmed: The winner's scores and, where it is another, the baseline's on the examples that chose nothing; empty where `gain` is told on others.
    """

    optimizer: str
    candidates: Sequence[Standing]
    winner: str
    gain: Difference | None
    usage: Mapping[str, Usage]
    stopped: str
    seconds: float
    decisions: Sequence[str] = ()
    run_dir: str | None = None
    predictors: Mapping[str, Usage] = field(default_factory=dict)
    before: Usage = field(default_factory=Usage)
    build: Callable[[int], Any] | None = field(default=None, repr=False, compare=False)
    front: Sequence[str] = ()
    effects: Effects | None = None
    trials: Sequence[Trial] = ()
    confirmed: Sequence[Standing] = ()
    ranking: Sequence[int] = ()

    @property
    def total(self) -> Usage:
        """What all stages cost in this process."""
        return sum(self.usage.values(), Usage())

    @property
    def score(self) -> float | None:
        """The winner's mean as DSPy gives it, 0 to 100, on all that it was run on; None where nothing was scored.

        It compares with the scores of `candidates`, and is flattered by the choice: `gain`, and `confirmed`, are not.
        """
        standing = self.standing
        return None if standing is None or standing.n == 0 else round(100 * standing.mean, 2)

    @property
    def standing(self) -> Standing | None:
        """The winner's scores."""
        return next((c for c in self.candidates if c.name == self.winner), None)

    @property
    def unchanged(self) -> bool:
        """Whether the winner is the program as it was given."""
        # A gain is told only where the first candidate is the program as given.
        first = self.candidates[0].name if self.candidates and self.gain is not None else "as given"
        return self.winner in (first, "as given")

    def top(self, k: int) -> list[Any]:
        """The programs of the k best candidates, the winner first; ties keep the earlier."""
        check_whole(0, k=k)
        if self.build is None:
            return []
        return [self.build(number) for number in self.ranked()[:k]]

    @property
    def candidate_programs(self) -> list[dict[str, Any]]:
        """``{"score": 0..100, "program": ..., "seed": name, "full_eval": ...}`` for each candidate, best first."""
        build = self.build
        if build is None:
            return []
        full = {trial.candidate for trial in self._trials() if trial.full}
        return [
            {
                "score": round(100 * self.candidates[number].mean, 2),
                "program": build(number),
                "seed": self.candidates[number].name,
                "full_eval": number in full,
            }
            for number in self.ranked()
        ]

    @property
    def trial_logs(self) -> dict[int, dict[str, Any]]:
        """What was tried, numbered from 1 on, under DSPy's keys.

        A trial on the whole valset has ``full_eval_score`` and ``full_eval_program``, one on part of it ``mb_score`` and ``mb_program``,
        all have ``total_eval_calls_so_far`` and, where there are slots, picks such as ``0_predictor_instruction``. Besides, ``name``
        and ``n``. Where each candidate was scored once, that is its trial.
        """
        build = functools.cache(self.build or (lambda number: None))
        return {
            number: trial.log(self.candidates[trial.candidate].name, build(trial.candidate))
            for number, trial in enumerate(self._trials(), start=1)
        }

    @property
    def mb_candidate_programs(self) -> list[dict[str, Any]]:
        """``{"score": 0..100, "program": ..., "full_eval": False}`` for each trial on part of the valset, best first."""
        build = functools.cache(self.build or (lambda number: None))
        part = sorted((trial for trial in self._trials() if not trial.full), key=lambda trial: -trial.score)
        return [{"score": trial.score, "program": build(trial.candidate), "full_eval": False} for trial in part]

    def _trials(self) -> Sequence[Trial]:
        if self.trials:
            return self.trials
        most, runs, found = max((c.n + c.not_measured for c in self.candidates), default=0), 0, []
        for number, standing in enumerate(self.candidates):
            runs += standing.n
            if standing.n:
                full = standing.n + standing.not_measured == most
                found.append(Trial(number, {}, standing.mean, standing.n, full, runs))
        return found

    def ranked(self) -> list[int]:
        """The scored candidates' numbers, the winner first, then as the search ranks them; else by their means.

        By their means, those measured on few examples come after all others.
        """
        most = max((standing.n for standing in self.candidates), default=0)
        scored = [i for i, standing in enumerate(self.candidates) if standing.n]
        by_means = sorted(scored, key=lambda i: (self.candidates[i].n < SHARE_TO_LEAD * most, -self.candidates[i].mean))
        return sorted(self.ranking or by_means, key=lambda i: self.candidates[i].name != self.winner)

    def told(self) -> list[str]:
        """The gain, and where it stands on examples that chose nothing the scores there, in lines."""
        told = [] if self.gain is None else [f"gain over the baseline {self.gain}"]
        return told + [f"  on these, {standing.name}: {standing}" for standing in self.confirmed]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return {
            "optimizer": self.optimizer,
            "winner": self.winner,
            "score": self.score,
            "gain": None if self.gain is None else _finite(asdict(self.gain)),
            "candidates": [_finite(asdict(standing)) for standing in self.candidates],
            "usage": {stage: usage.to_dict() for stage, usage in self.usage.items()},
            "predictors": {name: usage.to_dict() for name, usage in self.predictors.items()},
            "before": self.before.to_dict(),
            "stopped": self.stopped,
            "seconds": round(self.seconds, 3),
            "decisions": list(self.decisions),
            "front": list(self.front),
            "effects": None if self.effects is None else self.effects.to_dict(),
            "trials": [asdict(trial) for trial in self.trials],
            "confirmed": [_finite(asdict(standing)) for standing in self.confirmed],
        }

    def __str__(self) -> str:
        lines = [f"{self.optimizer}: {self.stopped.rstrip('.')}, winner {self.winner!r}"]
        if self.unchanged:
            lines.append("the winner is the program as given: no candidate was found to be better")
        if self.standing is not None:
            lines.append(f"score {self.standing} on all that it was run on; the choice flatters it")
        lines += self.told()
        lines += [f"  {self.candidates[number].name}: {self.candidates[number]}" for number in self.ranked()]
        if self.effects is not None:
            lines.append(str(self.effects))
        total = self.total
        lines.append(f"{_calls(total)}, {total.tokens} tokens, {total.price}, {self.seconds:.1f} s")
        if self.before.calls:
            lines.append(f"before this process went on with it: {_calls(self.before)}, {self.before.price}")
        return "\n".join([*lines, *self.decisions])


def _calls(usage: Usage) -> str:
    return "1 LM call" if usage.calls == 1 else f"{usage.calls} LM calls"


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """The values with None for nan and infinity, which JSON has not."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
