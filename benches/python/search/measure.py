"""Runs strategies on a table, and says how good, how dear and how honest they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from benches.python.search import baselines, ours
from benches.python.search.replay import Replay

# Budgets tried, as shares of what the original schedule paid.
SHARES = (0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
# Replicates for reporting begin here; those that settings were chosen on begin at 1000.
REPORTING, TUNING = 0, 1000

STRATEGIES: Mapping[str, Callable] = {
    "default": ours.default,
    "search alone": ours.search_alone,
    "rejects": ours.rejects,
    "rejects, surrogate's winner": ours.rejects_then_read,
    "TPE in the surrogate's steps": ours.tpe_in_steps,
    "successive halving": baselines.successive_halving,
    "random search": baselines.random_search,
}
# Those whose share of evaluations is looked for; the others run at equal budget only.
SHARED = ("default", "search alone", "rejects")


@dataclass(frozen=True)
class Runs:
    """One strategy at one budget: a row a replicate.

    Attributes:
        quality: Of the winner.
        optimism: By how much the reported score is too high.
        expected: By how much what the surrogate expects is; nan without one.
        paid: Evaluations.
        steps: Steps one after another.
    """

    quality: np.ndarray
    optimism: np.ndarray
    expected: np.ndarray
    paid: np.ndarray
    steps: np.ndarray


@dataclass(frozen=True)
class Measured:
    """A table, and all that ran on it.

    Attributes:
        best: Quality of the best candidate, in each replicate.
        spread: Standard deviation of the candidates' quality.
        original: MIPROv2's schedule.
        runs: Strategy → share of the budget → runs.
    """

    name: str
    sizes: tuple[int, ...]
    n_val: int
    best: np.ndarray
    spread: float
    original: Runs
    runs: Mapping[str, Mapping[float, Runs]]

    @property
    def budget(self) -> int:
        """What the original schedule paid, on average."""
        return int(self.original.paid.mean())


def measure(
    table, replicates: int, *, first: int = REPORTING, strategies: Sequence[str] = tuple(STRATEGIES)
) -> Measured:
    """Every strategy on a table's replicates; in each, all see the same examples."""
    trials = [table.trial(first + number) for number in range(replicates)]
    lucks = [_luck(trial) for trial in trials]
    original = _run(baselines.original, trials, lucks, first, None)
    budget = int(original.paid.mean())
    runs = {
        name: {
            share: _run(STRATEGIES[name], trials, lucks, first, int(share * budget))
            for share in (SHARES if name in SHARED else (1.0,))
        }
        for name in strategies
    }
    best = np.array([trial.truth.max() for trial in trials])
    return Measured(table.name, tuple(table.sizes), table.n_val, best, trials[0].truth.std(), original, runs)


def _run(strategy: Callable, trials, lucks, first: int, budget: int | None) -> Runs:
    rows = []
    for number, (trial, luck) in enumerate(zip(trials, lucks, strict=True)):
        replay = Replay(trial, 1 << 40 if budget is None else budget)
        outcome = strategy(replay, first + number)
        truth = trial.truth[outcome.winner]
        own = luck if outcome.on is None else _luck(trial, outcome.on)
        excess = (outcome.reported - truth - own, outcome.surrogate - truth - luck)
        rows.append((truth, *excess, replay.paid, outcome.steps))
    return Runs(*np.array(rows).T)


def _luck(trial, on: Sequence[int] | None = None) -> float:
    """By how much the examples that a score is of are easier than others: it flatters every candidate, whoever reports it.

    It is 0 on average, and taken off so that optimism is told from fewer replicates.
    """
    some = np.random.default_rng(0).integers(len(trial.truth), size=64)
    examples = np.arange(trial.n_val) if on is None else np.array(on)
    cells = [trial.score(np.full(len(examples), one), examples).mean() for one in some]
    return float(np.mean(cells) - trial.truth[some].mean())


def share_needed(measured: Measured, strategy: str, draws: int = 200) -> tuple[float, float, float]:
    """The share of the original's evaluations at which a strategy is as good, with an interval of 95% over replicates.

    Quality is made to rise with the budget (isotonic regression) and is read off between the budgets tried, in
    logarithms. Below the least it is the least; never reached, it is half as much again as the most.
    """
    runs = measured.runs[strategy]
    table = np.stack([runs[share].quality for share in SHARES])
    original, random = measured.original.quality, np.random.default_rng(0)
    found = [_crossing(table, original, np.arange(len(original)))]
    found += [_crossing(table, original, random.integers(len(original), size=len(original))) for _ in range(draws)]
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return found[0], float(low), float(high)


def _crossing(table: np.ndarray, original: np.ndarray, chosen: np.ndarray) -> float:
    from sklearn.isotonic import isotonic_regression

    target = original[chosen].mean()
    curve = isotonic_regression(table[:, chosen].mean(1))
    if curve[0] >= target:
        return SHARES[0]
    if curve[-1] < target:
        return 1.5 * SHARES[-1]
    after = int(np.argmax(curve >= target))
    part = (target - curve[after - 1]) / (curve[after] - curve[after - 1])
    return float(np.exp(np.interp(part, [0, 1], np.log([SHARES[after - 1], SHARES[after]]))))
