"""Exact nearest rows beside faiss, usearch, scikit-learn and NumPy, and beside the speed of memory.

    .venv/bin/python benches/python/knn.py                      # 10³ and 10⁵ rows of 384
    .venv/bin/python benches/python/knn.py --rows 1e6           # others; a million take 6 GB of memory
    .venv/bin/python benches/python/knn.py --data DIR           # recall on the texts of DIR/train.csv too
    .venv/bin/python benches/python/knn.py --approximate        # what an approximate index of 20,000 rows costs and gains
    .venv/bin/python benches/python/knn.py --record             # write benches/records/knn.md

Rows and queries are drawn from a normal distribution and brought to length 1; inner product, k = 16, as many threads as there are
processors for everybody. Who is not installed (`make peers`) is left out. All answer first, and must name the same rows (but for one pair in a thousand, whose scores a rounding
turns round). Then each is asked in turn, round after round, and ratios are taken within a round: median, least and
most. `faiss` is asked as installed and, where there are several queries, also by way of its matrix product
(`distance_compute_blas_threshold`), which the installed build never takes by itself. The **limit** is every thread's plain sum of
products over its share of the same array, by NumPy's BLAS held to one thread: it reads what a search reads and keeps nothing.

What the numbers do not say: rows from a normal distribution are nearly equally far from each other, which is the hardest for recall in few
bits and the easiest for no one; a matrix product of 64 queries is bound by arithmetic, not by memory; on a machine that is
shared the spread says how much of a figure is the neighbours'.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import functools
import importlib.metadata
import os
import platform
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from burnish.retrieve.embedder import Embedder
from burnish.retrieve.knn import Index

DIMENSION, K = 384, 16
MORE = 3
# Threads of BLAS and OpenMP turn in place for tens of milliseconds when they are done: not while another is asked.
PAUSE = 0.15
RECORD = Path(__file__).resolve().parents[1] / "records" / "knn.md"
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
READING = "(reading alone)"
LINES = []


def say(line=""):
    """Print a line and keep it for the record."""
    print(line, flush=True)
    LINES.append(line)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def drawn(seed, n_rows):
    """Rows of length 1, a piece at a time, so that no second copy of all is needed."""
    random, rows = np.random.default_rng(seed), np.empty((n_rows, DIMENSION), np.float32)
    for start in range(0, n_rows, 10_000):
        part = rows[start : start + 10_000]
        part[:] = unit(random.standard_normal(part.shape, dtype=np.float32))
    return rows


def index_of(rows, storage="f32"):
    index = Index(rows.shape[1], metric="ip", storage=storage)
    index.append(rows)
    return index


def by_faiss(rows, queries):
    """As installed, and by way of its matrix product where there are several queries."""
    import faiss

    flat = faiss.IndexFlatIP(DIMENSION)
    flat.add(rows)

    def by_product():
        before = faiss.cvar.distance_compute_blas_threshold
        faiss.cvar.distance_compute_blas_threshold = 20
        try:
            return flat.search(queries, K)[1]
        finally:
            faiss.cvar.distance_compute_blas_threshold = before

    asked = {"faiss": lambda: flat.search(queries, K)[1]}
    return asked if len(queries) == 1 else {**asked, "faiss, by BLAS": by_product}


def by_usearch(rows, queries):
    from usearch.index import MetricKind, search

    return {"usearch": lambda: search(rows, queries, K, MetricKind.IP, exact=True, threads=THREADS).keys}


def by_hand(rows, queries):
    """What is at hand without a library for it: a matrix product and a partition, and scikit-learn."""
    from sklearn.neighbors import NearestNeighbors

    brute = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="cosine", n_jobs=THREADS).fit(rows)

    def by_numpy():
        scores = rows @ queries[0]
        best = np.argpartition(scores, -K)[-K:]
        return best[np.argsort(-scores[best])][None]

    return {"scikit-learn": lambda: brute.kneighbors(queries, return_distance=False), "numpy": by_numpy}


def peers(rows, queries):
    """Everybody else who finds the nearest rows, as functions that return row numbers."""
    who = {}
    if installed("faiss-cpu"):
        who |= by_faiss(rows, queries)
    if installed("usearch"):
        who |= by_usearch(rows, queries)
    return who | by_hand(rows, queries) if len(queries) == 1 else who


def installed(name):
    """The version of a distribution, or nothing."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def reading(rows, pool):
    """Every thread's sum of products over its share of the rows."""
    parts = np.array_split(rows.reshape(-1), THREADS)

    return lambda: sum(pool.map(lambda part: float(np.dot(part, part)), parts))


def seconds(ask, least=0.02):
    """Wall seconds a call, over as many calls as make the clock's steps and a thread's start small."""
    start, calls = time.perf_counter(), 0
    while True:
        ask()
        calls += 1
        if (taken := time.perf_counter() - start) >= least:
            return taken / calls


def spread(values, form="{:.2f}"):
    return f"{form.format(statistics.median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def compare(n_rows, n_queries, rounds, pool):
    """One table: everybody at one size."""
    rows, queries = drawn(0, n_rows), drawn(1, n_queries)
    exact = index_of(rows)
    who = {"burnish": lambda: exact.search(queries, K)[0], **peers(rows, queries)}
    answer = who["burnish"]()
    for name, ask in who.items():
        same = np.mean(np.asarray(ask()) == answer)
        assert same >= 0.999, f"{name} names other rows than burnish: {same:.4f} are the same"
    for storage in ("f16", "i8"):
        smaller = index_of(rows, storage)
        who[f"burnish, {storage}"] = functools.partial(smaller.search, queries, K)
    who[READING] = reading(rows, pool)
    times = {name: [] for name in who}
    for _ in range(rounds):
        for name, ask in who.items():
            time.sleep(PAUSE)
            with threadpool_limits(1 if name == READING else None):
                times[name].append(seconds(ask))
    ours = times["burnish"]
    say(f"\n## {n_rows:,} rows, batch {n_queries}\n")
    say("| | ms | × burnish, median (least to most) |\n|---|---|---|")
    for name, taken in times.items():
        ratios = [one / other for one, other in zip(taken, ours, strict=True)]
        say(f"| {name} | {spread([1e3 * one for one in taken], '{:.3g}')} | {spread(ratios)} |")
    say()
    if others := [times[name] for name in who if name.startswith(("faiss", "usearch"))]:
        ratios = [min(taken) / one for one, *taken in zip(ours, *others, strict=True)]
        say(f"The fastest of faiss and usearch: {spread(ratios)} × burnish.")
    size = rows.nbytes / 1e9
    share = [read / one for read, one in zip(times[READING], ours, strict=True)]
    say(
        f"Reading alone: {spread([size / read for read in times['(reading alone)']], '{:.1f}')} GB/s; "
        f"burnish at {spread([100 * one for one in share], '{:.0f}')} % of it, "
        f"{2e-9 * rows.size * n_queries / statistics.median(ours):.0f} GFlop/s."
    )


def recall(rows, queries, name):
    """How many of the true nearest rows the smaller storages find."""
    true = index_of(rows).search(queries, K)[0]
    found = []
    for storage in ("f16", "i8"):
        numbers = index_of(rows, storage).search(queries, K)[0]
        hits = [len(set(one) & set(other)) / K for one, other in zip(true.tolist(), numbers.tolist(), strict=True)]
        found.append(f"{storage} {statistics.mean(hits):.4f}")
    say(f"| {name} | {len(rows):,} × {rows.shape[1]} | {len(queries)} | {', '.join(found)} |")


def recalls(data):
    say(f"\n## Recall at {K}\n")
    say("| rows | size | queries | recall |\n|---|---|---|---|")
    recall(drawn(0, 100_000), drawn(1, 500), "normal distribution")
    random = np.random.default_rng(2)
    centres = random.standard_normal((1000, DIMENSION), dtype=np.float32)

    def grouped(n_rows):
        near = centres[random.integers(0, 1000, n_rows)]
        return unit(near + 0.5 * random.standard_normal(near.shape, dtype=np.float32))

    recall(grouped(100_000), grouped(500), "a thousand groups")
    if data is not None:
        with (data / "train.csv").open(encoding="utf-8", newline="") as file:
            texts = [row[0] for row in list(csv.reader(file))[1:]]
        rows = Embedder("offline/hashing")(texts)
        recall(rows[500:], rows[:500], "offline/hashing of Banking77")


def approximate():
    """What a graph index costs to build, what it gains and what it misses."""
    from usearch.index import Index as Graph
    from usearch.index import MetricKind

    random = np.random.default_rng(3)
    centres = random.standard_normal((1000, DIMENSION), dtype=np.float32)
    near = centres[random.integers(0, 1000, 21_000)]
    rows = unit(near + 0.5 * random.standard_normal(near.shape, dtype=np.float32))
    rows, queries = rows[1000:], rows[:1000]
    exact, graph = index_of(rows), Graph(ndim=DIMENSION, metric=MetricKind.IP, dtype="f32")
    start = time.perf_counter()
    graph.add(np.arange(len(rows)), rows, threads=THREADS)
    built = time.perf_counter() - start
    start = time.perf_counter()
    index_of(rows)
    appended = time.perf_counter() - start
    true = exact.search(queries, K)[0]
    found = graph.search(queries, K, threads=THREADS).keys
    hits = statistics.mean(len(set(a) & set(b)) / K for a, b in zip(true.tolist(), found.tolist(), strict=True))
    one = statistics.median(seconds(lambda: exact.search(queries[0], K)) for _ in range(9))
    other = statistics.median(seconds(lambda: graph.search(queries[0], K)) for _ in range(9))
    many = statistics.median(seconds(lambda: exact.search(queries, K)) for _ in range(5)) / len(queries)
    each = statistics.median(seconds(lambda: graph.search(queries, K, threads=THREADS)) for _ in range(5)) / len(
        queries
    )
    spent = built - appended
    say(
        f"\n## An approximate index\n\nusearch's graph over {len(rows):,} rows in a thousand groups, beside the exact search:\n"
    )
    say(f"- built in {built:.1f} s, against {appended:.2f} s; recall {hits:.3f};")
    say(
        f"- one query {1e3 * other:.2f} ms, against {1e3 * one:.2f} ms: paid for after {spent / (one - other):,.0f} queries;"
    )
    say(f"- in a batch of {len(queries)} {1e3 * each:.3f} ms a query, against {1e3 * many:.3f} ms.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="*", type=float, default=[1e3, 1e5])
    parser.add_argument("--batches", nargs="*", type=int, default=[1, 64])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--approximate", action="store_true")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    versions = ", ".join(
        f"{name} {installed(name)}"
        for name in ("burnish", "faiss-cpu", "usearch", "scikit-learn", "numpy")
        if installed(name)
    )
    say("# The nearest rows\n")
    asked = ["DIR" if word == str(options.data) else word for word in sys.argv[1:]]
    say(f"`python benches/python/knn.py {' '.join(asked)}`, {datetime.datetime.now(datetime.UTC):%Y-%m-%d};")
    say(f"{versions}; Python {platform.python_version()}, {platform.machine()}, {THREADS} threads;")
    rounds = f"{options.rounds} rounds, {MORE} times as many up to 10⁵ rows"
    say(f"{DIMENSION} numbers a row, k = {K}, {rounds}, load {os.getloadavg()[0]:.1f} at the beginning.")
    with ThreadPoolExecutor(THREADS) as pool:
        for n_rows in options.rows:
            for n_queries in options.batches:
                compare(int(n_rows), n_queries, options.rounds * (1 if n_rows > 1e5 else MORE), pool)
    recalls(options.data)
    if options.approximate:
        approximate()
    if options.record:
        RECORD.write_text("\n".join(LINES) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
