"""How few program runs a search needs, on replayed score tables, beside MIPROv2's schedule with Optuna's TPE.

    .venv/bin/python -m benches.python.search [--replicates 32] [--jobs 2] [--tables NAME ...] [--record]

A table holds what every candidate of a space scores on every example; a strategy pays for each cell once. Quality is
the mean score on examples that no strategy can ask for. At equal budget: how far below the best candidate, and how much
too high the reported score. At equal quality: the share of the original schedule's evaluations.

What the numbers do not say: how a hosted model's programs score. Synthetic tables are made of effects that may be kinder or
harder than yours; recorded ones come from `offline/icl`.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from benches.python.search.measure import SHARED, SHARES, STRATEGIES, Measured, measure, share_needed
from benches.python.search.tables import recorded, synthetic

RECORD = Path(__file__).parents[2] / "records" / "search.md"
NOTES = """
## How to read it, and what was tried

- Settings and the priors of the variances were chosen on other replicates, mostly of the synthetic tables. That choices act on single examples was
  seen on the recorded ones: of what is left of a score there once example and candidate are taken off, three quarters are what its choices do to the
  example ("banking77 12x12": instructions 12 of 36 parts, demos 15, neither 9). The tables "by example" are made like that.
  Replicates differ in their examples and in chance, not in the effects of a table, so the intervals say nothing about other tables.
- *default* is what MIPROv2 does, by the schedule that it follows (`stages/schedule.py`, `Confirmed`): the search sees 60% of the examples, then winner
  and student are run on the others, which costs a fifth of the budget at most. What is reported is the winner's mean on these, as in the report of
  a compile; where a budget keeps none back (below 200), its mean on all that it saw. *search alone* spends all and reports what the surrogate
  expects; all others report the winner's mean. The luck of the examples that a score is of, which flatters every strategy alike, is taken off the optimism.
- The share of the examples kept back (30% or 40%) made no difference beyond noise; 40% tells a narrower interval.
- The surrogate averages over fifteen settings of the variances around the most likely one, under a prior in which all candidates may be alike. On
  32 tuning replicates of six tables what it expects was then 0.2 points too high and not 0.5, and at 0.4 of the budget 0.3 and not 0.6; quality was the
  same (+0.1 and +0.2). A prior that lets the effects stray less together (1.2 and not 2, in logarithms) did half as much.
- The most likely setting is climbed to on the first 160 candidates: a question with 400 costs a fifth, and quality on the tables of two
  predictors (16 tuning replicates) was the same.
- Tried for the effects of choices on single examples, and not kept. A surrogate that knows them (a covariance of the scores of one example by shared
  choices): what it expected of its winner was up to 1.5 points nearer to the truth at full budget, quality was the same (64 tuning replicates), a
  question cost twice as much. A design that is spread over blocks, eight candidates to each: regret of the default at 0.3, 0.5 and 1.0 of the budget was 8.0,
  6.4 and 4.8 on the first ten and the recorded tables, with all candidates on one block 7.4, 6.7 and 4.6 (24 replicates, standard errors of a difference
  0.3); what the surrogate expects was nearer to the truth (1.8 and not 2.5 points too high on the recorded tables); on the tables by
  example 6.4 and not 6.8 points for the search alone, on the largest of them 9.7 and not 11.6.
- The original schedule's evaluations count cells once: what a minibatch and a full pass share is paid for once.
- At 0.4 of the budget, on tuning replicates (16 to 64 a table), synchronised halving with the same surrogate (the first rung 15% on ten
  shared examples, pools shrinking 1.5-fold, all of a pool topped up to the same examples) was as good as the original
  schedule at 0.5 of its evaluations; steps of small blocks, in which a new candidate sees seven examples and an old one half
  as many again, were 1.5 points better there. Made no difference beyond noise: 20% or 80% by the mean instead of 50%, a first step
  of 10% to 35%, 6 to 10 steps. A prior for larger effects cost half a point of optimism.
- The last 35% of the budget goes to pools of the 16, 8, 4 and 2 best, and a new candidate sees 5 examples. Against a last tenth for the best two and 7 examples,
  points gained on all 16 tables at 0.3, 0.5 and 1.0 of the budget: +0.8, +0.2 and +0.7 on 24 tuning replicates, +0.5, +0.6 and +0.1 on 20 others (standard
  errors 0.3, 0.25 and 0.2). The pools with 7 examples: +0.3, +0.1 and +0.5; with 4: +0.3, +0.2 and +0.1. Half of the budget for five or seven pools, three steps before
  them, or a quarter for the design: +0.1 to +0.3 at 1.0. A design spread over blocks besides: +0.4, +0.2 and +0.6, and +0.4, +0.5 and -0.1.
- Where choices say little of one another (unstructured), successive rejects are as good and need no model. TPE in the surrogate's
  steps sees means of a few examples, and is misled by them. No portfolio: the surrogate is hardly ever much worse.
"""


def points(values: np.ndarray) -> str:
    """A mean in points with its standard error."""
    return f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1) / np.sqrt(len(values)):.1f}"


def equal_budget(found: list[Measured]) -> list[str]:
    """Points below the best of the space, and optimism, at the original's number of evaluations."""
    names = list(STRATEGIES)
    lines = [
        "",
        "## At equal budget",
        "",
        "Points below the best candidate of the space, lower is better, with standard errors; in brackets how much too high the reported score is.",
        "",
        f"| table | choices | examples | spread | evaluations | original, TPE | {' | '.join(names)} |",
        f"|---|---|---|---|---|---|{'---|' * len(names)}",
    ]
    for one in found:
        shown = [one.original, *(one.runs[name][1.0] for name in names)]
        cells = [f"{points(one.best - runs.quality)} ({100 * runs.optimism.mean():+.1f})" for runs in shown]
        sizes = "×".join(map(str, one.sizes))
        lines.append(
            f"| {one.name} | {sizes} | {one.n_val} | {100 * one.spread:.1f} | {one.budget} | {' | '.join(cells)} |"
        )
    gains = {name: [100 * (m.runs[name][1.0].quality - m.original.quality) for m in found] for name in names}
    mean = [
        f"{np.mean([g.mean() for g in gains[name]]):+.1f}, better or equal on {sum(g.mean() >= 0 for g in gains[name])} of {len(found)}"
        for name in names
    ]
    lines.append(f"| gain over the original | | | | | | {' | '.join(mean)} |")
    optimism = [np.mean([100 * m.original.optimism.mean() for m in found])]
    optimism += [np.mean([100 * m.runs[name][1.0].optimism.mean() for m in found]) for name in names]
    lines.append(f"| optimism, mean | | | | | {' | '.join(f'{value:+.2f}' for value in optimism)} |")
    surrogate = [np.mean([100 * m.runs[name][1.0].expected.mean() for m in found]) for name in names]
    shown = ("" if np.isnan(value) else f"{value:+.2f}" for value in [np.nan, *surrogate])
    lines.append(f"| optimism of what the surrogate expects | | | | | {' | '.join(shown)} |")
    steps = [np.mean([m.original.steps.mean() for m in found])]
    steps += [np.mean([m.runs[name][1.0].steps.mean() for m in found]) for name in names]
    return [*lines, f"| steps one after another | | | | | {' | '.join(f'{value:.0f}' for value in steps)} |"]


def equal_quality(found: list[Measured]) -> list[str]:
    """The share of the original's evaluations that reaches the original's quality."""
    names = [name for name in SHARED if all(name in one.runs for one in found)]
    lines = [
        "",
        "## At equal quality",
        "",
        "Evaluations that reach the original schedule's final quality, as a share of its evaluations, with an interval of 95% over replicates;",
        f"{SHARES[0]} stands for that or less, 1.5 for more than 1.",
        "",
        f"| table | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    shares = {name: [] for name in names}
    for one in found:
        cells = []
        for name in names:
            share, low, high = share_needed(one, name)
            shares[name].append(share)
            cells.append(f"{share:.2f} [{low:.2f}, {high:.2f}]")
        lines.append(f"| {one.name} | {' | '.join(cells)} |")

    def mean(name: str, without: str = "") -> str:
        logs = [
            np.log(share)
            for one, share in zip(found, shares[name], strict=True)
            if not without or without not in one.name
        ]
        return f"{np.exp(np.mean(logs)):.2f}" if logs else ""

    kinder = " | ".join(mean(name, "by example") for name in names)
    lines.append(f"| geometric mean | {' | '.join(f'**{mean(name)}**' for name in names)} |")
    return [*lines, f"| the same without the tables by example | {kinder} |"]


def write_chart(found: list[Measured], path: Path) -> None:
    """Quality by budget, a row each, for a chart."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["table", "strategy", "share", "evaluations", "regret", "standard_error", "optimism"])
        for one in found:
            everything = [("original", 1.0, one.original)]
            everything += [(name, share, runs) for name, by in one.runs.items() for share, runs in by.items()]
            for name, share, runs in everything:
                regret = one.best - runs.quality
                numbers = (
                    runs.paid.mean(),
                    regret.mean(),
                    regret.std(ddof=1) / np.sqrt(len(regret)),
                    runs.optimism.mean(),
                )
                rows.writerow([one.name, name, share, *(f"{number:.5g}" for number in numbers)])


def _quiet() -> None:
    # Optuna calls its multivariate TPE experimental.
    warnings.filterwarnings("ignore", module="optuna")


def main() -> None:
    """Run, print and, where asked, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=32)
    parser.add_argument("--tables", nargs="*", help="only tables whose name holds one of these")
    parser.add_argument("--jobs", type=int, help="tables measured at once; default is one a core")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} and its chart's data too")
    given = parser.parse_args()
    tables = [
        t for t in [*synthetic(), *recorded()] if not given.tables or any(part in t.name for part in given.tables)
    ]
    lines = [
        "# Searching with fewer program runs",
        "",
        f"`python -m benches.python.search --replicates {given.replicates}`, {datetime.now(UTC):%Y-%m-%d}; Optuna {version('optuna')}.",
        f"{given.replicates} replicates a table, each with examples of its own; settings were chosen on other replicates.",
    ]
    with ProcessPoolExecutor(given.jobs, initializer=_quiet) as pool:
        found = list(pool.map(measure, tables, [given.replicates] * len(tables)))
    lines += equal_budget(found) + equal_quality(found) + NOTES.rstrip().splitlines()
    print("\n".join(lines))
    if given.record:
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")
        write_chart(found, RECORD.with_suffix(".csv"))


if __name__ == "__main__":
    main()
