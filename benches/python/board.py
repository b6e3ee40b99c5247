"""The board at size: filled, asked, and asked again after a batch, beside numpy, polars and duckdb.

    .venv/bin/python benches/python/board.py                   # 10⁶ rows
    .venv/bin/python benches/python/board.py --rows 1e6 1e7    # others; ten million take 3 GB of memory with the peers
    .venv/bin/python benches/python/board.py --record          # write benches/records/board.md

Every candidate on every example, in order (cell by cell) and shuffled, scores of eleven values or of 0 and 1, 100 candidates and 10,000.
All answer n, mean and standard deviation of each candidate over its examples, rows of one example averaged first; burnish answers
failures, outages and intervals too. `numpy` counts bins by candidate, which is right only because no example stands twice here, and says
how little the question can cost. Who is not installed (`make peers`) is left out. All answers are compared first. Each is
then asked in turn, round after round. **CPU ns a row** is the processor time of all threads, which others on the machine disturb
least; ratios are taken within a round.

What the numbers do not say: the columns lie ready as arrays; the peers were made for tables of any shape and for any question.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from burnish._core import Board

RECORD = Path(__file__).resolve().parents[1] / "records" / "board.md"
BATCH = 1000
LINES = []
# Resident memory of a board alone, in a process of its own: columns of ten million rows are not counted.
MEMORY = """
import resource, sys
import numpy as np
from burnish._core import Board
n, pieces = int(float(sys.argv[1])), int(sys.argv[2])
def held():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
board, before = Board(), held()
for part in np.array_split(np.arange(n), pieces):
    board.append(part % 1000, part // 1000, (part % 11) / 10, np.zeros(part.size, np.uint8))
    if pieces > 1:
        board.leader(1000)
    del part
board.summary(1000)
print((held() - before) / n)
"""


def say(line=""):
    """Print a line and keep it for the record."""
    print(line, flush=True)
    LINES.append(line)


def installed(name):
    """The version of a distribution, or nothing."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def drawn(n_rows, n_candidates, binary, shuffled):
    """The four columns."""
    random = np.random.default_rng(0)
    candidate, example = np.divmod(np.arange(n_rows), n_rows // n_candidates)
    score = random.integers(0, 2, n_rows).astype(float) if binary else random.integers(0, 11, n_rows) / 10
    if shuffled:
        order = random.permutation(n_rows)
        candidate, example, score = candidate[order], example[order], score[order]
    return candidate, example, score, np.zeros(n_rows, np.uint8)


def filled(columns):
    board = Board()
    board.append(*columns)
    return board


def by_burnish(columns, n_candidates):
    """Count and mean of each candidate, and the half of its interval where that is Student's."""
    n, _, _, mean, low, high = filled(columns).summary(n_candidates)
    return n, mean, (high - low) / 2


def by_numpy(columns, n_candidates):
    candidate, _, score, _ = columns
    n = np.bincount(candidate, minlength=n_candidates)
    mean = np.bincount(candidate, score, n_candidates) / n
    deviation = np.bincount(candidate, (score - mean[candidate]) ** 2, n_candidates)
    return n, mean, np.sqrt(deviation / (n - 1))


def by_polars(columns):
    import polars

    frame = polars.DataFrame(dict(zip(("candidate", "example", "score", "status"), columns, strict=True)))
    score = polars.col("score")
    cells = frame.filter(polars.col("status") != 2).group_by("candidate", "example").agg(score.mean())
    found = cells.group_by("candidate").agg(polars.len(), score.mean().alias("mean"), score.std().alias("std"))
    found = found.sort("candidate")
    return found["len"].to_numpy(), found["mean"].to_numpy(), found["std"].to_numpy()


def by_duckdb(columns):
    import duckdb

    rows = dict(zip(("candidate", "example", "score", "status"), columns, strict=True))
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        found = connection.execute(
            "select count(*) n, avg(score) mean, stddev_samp(score) std from (select candidate, example, avg(score) score "
            "from rows where status <> 2 group by candidate, example) group by candidate order by candidate"
        ).fetchnumpy()
    return found["n"], found["mean"], found["std"]


def everybody(columns, n_candidates):
    """Who answers, as functions of nothing."""
    who = {
        "burnish": functools.partial(by_burnish, columns, n_candidates),
        "numpy": functools.partial(by_numpy, columns, n_candidates),
    }
    for name, ask in (("polars", by_polars), ("duckdb", by_duckdb)):
        if installed(name):
            who[name] = functools.partial(ask, columns)
    return who


def check(who, binary):
    """That all say the same, burnish's interval being t·s/√n."""
    from scipy.special import stdtrit

    n, mean, half = who["burnish"]()
    for name, ask in list(who.items())[1:]:
        others, means, deviations = ask()
        assert (others == n).all(), f"{name} counts otherwise"
        np.testing.assert_allclose(means, mean, rtol=1e-9, err_msg=name)
        if not binary:
            expected = stdtrit(n - 1, 0.975) * deviations / np.sqrt(n)
            np.testing.assert_allclose(expected, half, rtol=1e-6, err_msg=name)


def timed(ask):
    """Wall and processor seconds."""
    start, used = time.perf_counter(), time.process_time()
    ask()
    return time.perf_counter() - start, time.process_time() - used


def spread(values, form="{:.3g}"):
    """Median, least and most."""
    return f"{form.format(statistics.median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def compare(n_rows, rounds):
    say(f"\n## {n_rows:,} rows, filled and summed up\n")
    say("| board | who | CPU ns a row | wall ns a row | CPU × burnish | wall × burnish |\n|---|---|---|---|---|---|")
    for n_candidates in (100, 10_000):
        for binary, shuffled in ((False, False), (False, True), (True, False), (True, True)):
            columns = drawn(n_rows, n_candidates, binary, shuffled)
            who = everybody(columns, n_candidates)
            check(who, binary)
            times = {name: [] for name in who}
            for _ in range(rounds):
                for name, ask in who.items():
                    times[name].append(timed(ask))
            kind = f"{n_candidates:,} candidates, {'0 and 1' if binary else 'graded'}, {'shuffled' if shuffled else 'in order'}"
            for name, taken in times.items():
                wall, used = zip(*taken, strict=True)
                ours, own = zip(*times["burnish"], strict=True)
                ratios = [
                    [one / other for one, other in zip(a, b, strict=True)] for a, b in ((used, own), (wall, ours))
                ]
                say(
                    f"| {kind} | {name} | {spread([1e9 * one / n_rows for one in used])} | "
                    f"{spread([1e9 * one / n_rows for one in wall])} | {spread(ratios[0])} | {spread(ratios[1])} |"
                )


def batches(n_candidates, random):
    """Whom a batch of rows belongs to, by how it is spread."""
    return {
        f"summary after {BATCH:,} rows of a new candidate": lambda: np.full(BATCH, n_candidates),
        f"summary after {BATCH:,} rows of ten candidates": lambda: np.repeat(
            random.integers(0, n_candidates, 10), BATCH // 10
        ),
        f"summary after {BATCH:,} rows of as many candidates": lambda: random.integers(0, n_candidates, BATCH),
    }


def questions(n_rows, n_candidates, rounds):
    """What is asked of a board that stands, and after a batch more."""
    random, columns = np.random.default_rng(1), drawn(n_rows, n_candidates, binary=False, shuffled=True)
    anew = [timed(lambda: filled(columns).summary(n_candidates)) for _ in range(rounds)]
    board = filled(columns)
    board.summary(n_candidates)
    asked = {
        "leader, nothing new": lambda: board.leader(n_candidates, 0.8),
        "summary, nothing new": lambda: board.summary(n_candidates),
        "paired difference": lambda: board.paired(3, 4),
        "Pareto front": lambda: board.front(n_candidates),
    }
    taken = {"(filled and summed up anew)": anew}
    taken |= {name: [timed(ask) for _ in range(rounds)] for name, ask in asked.items()}
    added = []
    for name, candidates in batches(n_candidates, random).items():
        taken[name] = []
        for _ in range(rounds):
            rows = (candidates(), random.integers(0, n_rows // n_candidates, BATCH), random.random(BATCH))
            added.append((*rows, np.zeros(BATCH, np.uint8)))
            taken[name].append(timed(lambda: (board.append(*added[-1]), board.summary(n_candidates + 1))))
    whole = filled([np.concatenate(parts) for parts in zip(columns, *added, strict=True)])
    for grown, at_once in zip(board.summary(n_candidates + 1), whole.summary(n_candidates + 1), strict=True):
        assert grown.tobytes() == at_once.tobytes(), "a board that grew says other than one filled at once"
    for name, times in taken.items():
        say(f"| {n_candidates:,} | {name} | {spread([1e3 * used for _, used in times])} |")


def memory(n_rows):
    say("\n## Memory\n")
    for pieces, how in ((1, "filled at once"), (1000, "in a thousand pieces, asked after each")):
        run = subprocess.run(
            [sys.executable, "-c", MEMORY, str(n_rows), str(pieces)], capture_output=True, text=True, check=True
        )
        say(f"- {n_rows:,} rows of 1,000 candidates, {how}: {float(run.stdout):.0f} bytes a row.")


def coverage():
    """How often intervals of 95% hold the mean, beside a bootstrap of 500 draws."""
    say("\n## How often the interval holds the mean\n")
    say("| scores | n | burnish, of 20,000 boards | percentile bootstrap, of 1,000 |\n|---|---|---|---|")
    random = np.random.default_rng(2)

    def between(shares, values):
        return lambda shape: np.select(
            [(chance := random.random(shape)) < shares[0], chance < shares[1]], values, random.beta(3, 3, shape)
        )

    kinds = {
        "token F1: 45% are 1, 25% are 0": (between((0.45, 0.7), (1.0, 0.0)), 0.6),
        "five marks": (
            lambda shape: random.choice([0, 0.25, 0.5, 0.75, 1], p=[0.05, 0.1, 0.2, 0.3, 0.35], size=shape),
            0.7,
        ),
        "gain of nothing, token F1": (
            lambda shape: between((0.45, 0.7), (1.0, 0.0))(shape) - between((0.45, 0.7), (1.0, 0.0))(shape),
            0.0,
        ),
        "90% are 1, 3% are 0": (between((0.9, 0.93), (1.0, 0.0)), 0.935),
        "log-normal": (lambda shape: random.lognormal(0, 1, shape), float(np.exp(0.5))),
        "right or wrong, 50%": (lambda shape: (random.random(shape) < 0.5) * 1.0, 0.5),
        "right or wrong, 80%": (lambda shape: (random.random(shape) < 0.8) * 1.0, 0.8),
        "right or wrong, 95%": (lambda shape: (random.random(shape) < 0.95) * 1.0, 0.95),
    }
    for name, (draw, mean) in kinds.items():
        for n in (10, 20, 50, 200):
            scores = draw((20_000, n))
            candidate, example = np.divmod(np.arange(scores.size), n)
            board = filled((candidate, example, scores.ravel(), np.zeros(scores.size, np.uint8)))
            low, high = board.summary(len(scores))[4:]
            draws = np.array([row[random.integers(0, n, (500, n))].mean(1) for row in scores[:1000]])
            ends = np.quantile(draws, [0.025, 0.975], axis=1)
            held, other = (np.mean((a <= mean) & (mean <= b)) for a, b in ((low, high), ends))
            say(f"| {name} | {n} | {100 * held:.1f}% | {100 * other:.1f}% |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="*", type=float, default=[1e6])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    names = ("burnish", "numpy", "polars", "duckdb")
    versions = ", ".join(f"{name} {installed(name)}" for name in names if installed(name))
    say("# The board at size\n")
    say(f"`python benches/python/board.py {' '.join(sys.argv[1:])}`, {datetime.datetime.now(datetime.UTC):%Y-%m-%d};")
    say(f"{versions}; Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors;")
    say(f"{options.rounds} rounds, load {os.getloadavg()[0]:.1f} at the beginning; median (least to most).")
    for n_rows in options.rows:
        compare(int(n_rows), options.rounds)
    for n_rows in options.rows:
        say(f"\n## Questions to a board of {int(n_rows):,} rows\n")
        say("| candidates | question | CPU ms |\n|---|---|---|")
        for n_candidates in (1000, 10_000):
            questions(int(n_rows), n_candidates, options.rounds)
        if sys.platform == "linux":
            memory(int(n_rows))
    coverage()
    if options.record:
        RECORD.write_text("\n".join(LINES) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
