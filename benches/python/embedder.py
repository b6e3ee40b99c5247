"""Embedding: how near `offline/hashing` brings what belongs together, and what a text costs on its way.

    .venv/bin/python benches/python/embedder.py [--data DIR] [--texts 10000] [--record]

With --data, a folder with Banking77's `train.csv` and `test.csv` (Casanueva et al. 2020, CC BY 4.0): for rows of several
widths, the share of the test texts whose nearest training text has the same one of 77 intents, and the time a text.

The way of a text is timed with an endpoint that answers at once with 1,536 numbers a text: sent in batches of 200,
kept in memory and on disk, found again in memory, and found again on disk by a cache that was just opened. Rows must be
the same bit for bit each time, and the endpoint must have been asked for nothing that was kept.

What the numbers do not say: how near a trained model would bring texts, and what an endpoint's client costs.
"""

from __future__ import annotations

import argparse
import csv
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


def nearest(data):
    """For each width: accuracy of the nearest training text, and microseconds a text."""
    rows = {}
    for part in ("train", "test"):
        with (data / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            rows[part] = list(csv.DictReader(file))
    texts = {part: [row["text"] for row in rows[part]] for part in rows}
    labels = {part: np.array([row["category"] for row in rows[part]]) for part in rows}
    found = []
    for width in WIDTHS:
        hashed(texts["test"][:2], width=width)
        start = time.process_time()
        train = hashed(texts["train"], width=width)
        seconds = time.process_time() - start
        test = hashed(texts["test"], width=width)
        right = labels["train"][(test @ train.T).argmax(axis=1)] == labels["test"]
        found.append((width, right.mean(), seconds * 1e6 / len(train)))
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
        lines += [f"Banking77, nearest training text by `offline/hashing` (its width is {WIDTH}):", ""]
        lines += ["| width | same intent | CPU a text |", "|---|---|---|"]
        lines += [f"| {width} | {right:.1%} | {cost:.0f} µs |" for width, right, cost in nearest(arguments.data)]
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
