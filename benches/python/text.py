"""Exact match and F1 over 100,000 pairs: the core beside plain Python and, where it is installed, DSPy.

    .venv/bin/python benches/python/text.py

The same pairs go through each in turn, several times; the best times are compared as CPU seconds. All answers must be equal before
anything is timed. Pairs are short answers as question answering has them: one to eight words with articles, capitals
and punctuation, one in ten with accents, one reference each, half of them right. Plain Python is SQuAD's metric as a
reader would write it; DSPy (`make peers`) is asked row by row, which is its interface.

What the numbers do not say: longer texts gain more, texts without ASCII gain less, and a metric that is called
for one pair at a time pays about 2 µs for the call, most of it for making the array.
"""

from __future__ import annotations

import importlib.util
import platform
import random
import re
import string
import time
import unicodedata
from collections import Counter

from burnish import _core

N_PAIRS = 100_000
REPEATS = 3
WORDS = [
    "the",
    "a",
    "an",
    "river",
    "Battle",
    "of",
    "Waterloo",
    "in",
    "1815",
    "U.S.",
    "president",
    "Lincoln,",
    "café",
    "São",
    "Paulo",
    "state-of-the-art",
    "(north)",
    "it's",
]
ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = frozenset(string.punctuation)


def pairs():
    """Predictions and their references; the same on every machine."""
    draw = random.Random(0)
    plain, accented = [word for word in WORDS if word.isascii()], WORDS
    predictions, references = [], []
    for row in range(N_PAIRS):
        # One short token keeps each text from being empty, which the metrics treat differently by intent.
        words = [*draw.choices(accented if row % 10 == 0 else plain, k=draw.randint(1, 8)), "so"]
        reference = list(words)
        if row % 2:
            draw.shuffle(reference)
            reference[0] = "else"
        predictions.append(" ".join(words) + ".")
        references.append([" ".join(reference)])
    return predictions, references


def plain_normalize(text):
    """SQuAD's normalisation with the decomposition that DSPy adds."""
    text = unicodedata.normalize("NFD", text).lower()
    text = "".join(character for character in text if character not in PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", text).split())


def plain_exact_match(prediction, references):
    """1.0 if one reference is the same once both are normalised."""
    normal = plain_normalize(prediction)
    return float(any(normal == plain_normalize(reference) for reference in references))


def plain_f1(prediction, references):
    """The best F1 of shared tokens."""
    predicted, best = plain_normalize(prediction).split(), 0.0
    for reference in references:
        expected = plain_normalize(reference).split()
        shared = sum((Counter(predicted) & Counter(expected)).values())
        if shared:
            precision, recall = shared / len(predicted), shared / len(expected)
            best = max(best, 2 * precision * recall / (precision + recall))
    return best


def by_row(metric):
    """A metric of one pair as one of columns."""
    return lambda predictions, references: [metric(*pair) for pair in zip(predictions, references, strict=True)]


def contenders():
    """For each metric, who computes it: the core first."""
    table = {
        "exact match": {"burnish": _core.exact_match, "plain Python": by_row(plain_exact_match)},
        "F1": {"burnish": _core.f1, "plain Python": by_row(plain_f1)},
    }
    if importlib.util.find_spec("dspy") is not None:
        import dspy
        from dspy.evaluate.metrics import EM, F1

        table["exact match"][f"dspy {dspy.__version__}"] = by_row(EM)
        table["F1"][f"dspy {dspy.__version__}"] = by_row(F1)
    return table


def seconds(ask, columns):
    """The best of several runs, in CPU seconds of this process."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        ask(*columns)
        times.append(time.process_time() - start)
    return min(times)


def main():
    """Check, then time, then print the ratios."""
    columns = pairs()
    print(f"{N_PAIRS:,} pairs, Python {platform.python_version()}, {platform.machine()}, best of {REPEATS}")
    for metric, who in contenders().items():
        answers = {name: [float(score) for score in ask(*columns)] for name, ask in who.items()}
        for name, scores in answers.items():
            assert scores == answers["burnish"], f"{name} gives another {metric} than burnish"
        times = {name: seconds(ask, columns) for name, ask in who.items()}
        for name, taken in times.items():
            ratio = taken / times["burnish"]
            print(f"  {metric:12} {name:14} {taken * 1e6 / N_PAIRS:8.2f} µs a pair   {ratio:6.1f} × burnish")


if __name__ == "__main__":
    main()
