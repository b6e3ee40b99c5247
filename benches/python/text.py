"""The text metrics over columns: the core beside plain Python and, where it is installed, DSPy.

    .venv/bin/python benches/python/text.py [--unicode 1e6] [--record]

The same pairs go through each in turn, several times; the best times are compared as CPU seconds. All answers must be equal before
anything is timed. Pairs are short answers as question answering has them (one to eight words with articles, capitals
and punctuation, one in ten with accents, one reference each, half of them right), answers of 50 words, and the like with accents
or in Cyrillic; passages have 100 words. Plain Python is SQuAD's metric as a reader would write it; DSPy (`make peers`) is asked row by
row, which is its interface. Two more tables ask the metrics of a program: on examples and predictions, and by `Evaluate` with a model that
answers at once.

With `--unicode N` N random pairs of texts go through all of them first, and none may score otherwise anywhere (`text_unicode.py`).

What the numbers do not say: a metric that is called for one pair at a time pays about 2 µs for the call, most of it for making
the array, and the first text with characters of another script some 20 µs for each 256 of them.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import importlib.util
import platform
import random
import re
import string
import sys
import time
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from burnish import Evaluate, Example, Output, Prediction, Response, Usage, _core, answer_exact_match, configure
from burnish.engine.judge import computes_only
from burnish.lm.lm import LM
from burnish.modules.predict import Predict

REPEATS = 3
RECORD = Path(__file__).parents[1] / "records" / "text.md"
PLAIN = re.split(
    " ",
    "the a an river Battle of Waterloo in 1815 U.S. president Lincoln, state-of-the-art (north) it's which were village near "
    "decided Wellington's",
)
ACCENTED = re.split(" ", "café São Paulo déroulée Zürich naïve près")
CYRILLIC = re.split(" ", "Москва река битва при Ватерлоо года Наполеон й это")
# Name → pairs, fewest and most words, words, and words of every tenth pair.
SHAPES = {
    "short answers": (100_000, 1, 8, PLAIN, PLAIN + ACCENTED),
    "50 words": (5_000, 50, 50, PLAIN, PLAIN),
    "short, accented": (20_000, 1, 8, ACCENTED, ACCENTED),
    "50 words, one in four accented": (5_000, 50, 50, PLAIN + ACCENTED, PLAIN + ACCENTED),
    "short, Cyrillic": (20_000, 1, 8, CYRILLIC, CYRILLIC),
    "50 words, Cyrillic": (5_000, 50, 50, CYRILLIC, CYRILLIC),
}
ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = frozenset(string.punctuation)


def pairs(shape):
    """Predictions and their references; the same on every machine."""
    count, fewest, most, words, tenth = SHAPES[shape]
    draw = random.Random(0)
    predictions, references = [], []
    for row in range(count):
        # One short token keeps each text from being empty, which the metrics treat differently by intent.
        said = [*draw.choices(tenth if row % 10 == 0 else words, k=draw.randint(fewest, most)), "so"]
        reference = list(said)
        if row % 2:
            draw.shuffle(reference)
            reference[0] = "else"
        predictions.append(" ".join(said) + ".")
        references.append([" ".join(reference)])
    return predictions, references


def passages():
    """Passages of 100 words, one a row, and two answers each; half of the rows hold one."""
    draw, rows, answers = random.Random(0), [], []
    for row in range(1_000):
        words = draw.choices(PLAIN, k=100)
        rows.append([" ".join(words)])
        answers.append(["nowhere to be found", "so it is" if row % 2 else f"so {' '.join(words[40:43])} so"])
        rows[-1][0] += "" if row % 2 else f" {answers[-1][1]}"
    return rows, answers


def plain_normalize(text):
    """SQuAD's normalisation with the decomposition that DSPy adds."""
    text = unicodedata.normalize("NFD", text).lower()
    text = "".join(character for character in text if character not in PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", text).split())


def plain_exact_match(prediction, references):
    """1.0 if one reference is the same once both are normalised."""
    normal = plain_normalize(prediction)
    return float(any(normal == plain_normalize(reference) for reference in references))


def plain_shares(prediction, reference):
    """Precision and recall of the tokens of two texts."""
    predicted, expected = plain_normalize(prediction).split(), plain_normalize(reference).split()
    if not predicted or not expected:
        return (float(predicted == expected),) * 2
    shared = sum((Counter(predicted) & Counter(expected)).values())
    return shared / len(predicted), shared / len(expected)


def plain_f1(prediction, references):
    """The best F1 of shared tokens."""
    best = 0.0
    for reference in references:
        precision, recall = plain_shares(prediction, reference)
        if precision:
            best = max(best, 2 * precision * recall / (precision + recall))
    return best


def plain_precision(prediction, references):
    """The best precision."""
    return max(plain_shares(prediction, reference)[0] for reference in references)


def plain_passage_match(passages, answers):
    """1.0 if the tokens of an answer stand side by side in a passage."""
    texts = [f" {plain_normalize(passage)} " for passage in passages]
    wanted = [normal for normal in map(plain_normalize, answers) if normal]
    return float(any(f" {answer} " in text for text in texts for answer in wanted))


def by_row(metric):
    """A metric of one pair as one of columns."""
    return lambda predictions, references: [metric(*pair) for pair in zip(predictions, references, strict=True)]


def contenders(metric):
    """Who computes a metric: the core first."""
    name = {"exact match": "exact_match", "F1": "f1", "precision": "precision", "passage match": "passage_match"}[
        metric
    ]
    found = {"burnish": getattr(_core, name), "plain Python": by_row(globals()[f"plain_{name}"])}
    if importlib.util.find_spec("dspy") is not None:
        from dspy.evaluate import metrics

        theirs = {
            "exact match": metrics.EM,
            "F1": metrics.F1,
            "precision": lambda said, answers: max(metrics.precision_score(said, answer) for answer in answers),
            "passage match": metrics._passage_match,  # noqa: SLF001  the only face on plain texts
        }
        found["dspy"] = by_row(theirs[metric])
    return found


def timed(who, *columns, count):
    """Who → microseconds a row, the best of several runs, once all are known to answer the same."""
    answers = {name: [float(score) for score in ask(*columns)] for name, ask in who.items()}
    first = next(iter(answers))
    for name, scores in answers.items():
        assert scores == answers[first], f"{name} scores otherwise than {first}"
    return {name: seconds(ask, *columns) / count * 1e6 for name, ask in who.items()}


def seconds(ask, *columns):
    """The best of several runs, in CPU seconds of this process."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        ask(*columns)
        times.append(time.process_time() - start)
    return min(times)


def row(names, times):
    """One line of a table: names, times, and ratios to the first."""
    first, *others = times.values()
    return [*names, *(f"{taken:.2f}" for taken in times.values()), *(f"{taken / first:.1f}×" for taken in others)]


def columns_table():
    """Each metric on each shape of pairs."""
    rows = []
    for shape in SHAPES:
        columns = pairs(shape)
        for metric in ("exact match", "F1", "precision"):
            rows.append(row([shape, metric], timed(contenders(metric), *columns, count=len(columns[0]))))
    columns = passages()
    rows.append(
        row(["passages of 100 words", "passage match"], timed(contenders("passage match"), *columns, count=1_000))
    )
    peers = list(contenders("F1"))
    ratios = [f"{name} / burnish" for name in peers[1:]]
    return table(["texts", "metric", *(f"{name}, µs" for name in peers), *ratios], rows)


def objects_table():
    """`answer_exact_match` on examples and predictions, as programs are scored."""
    rows = []
    for shape, frac in (("short answers", 1.0), ("short answers", 0.8), ("50 words", 0.8)):
        said, answers = pairs(shape)
        who = {
            "batch": (lambda e, p, frac=frac: answer_exact_match.batch(e, p, frac=frac), Example, Prediction),
            "one by one": (
                lambda e, p, frac=frac: [answer_exact_match(*pair, frac=frac) for pair in zip(e, p, strict=True)],
                Example,
                Prediction,
            ),
        }
        if importlib.util.find_spec("dspy") is not None:
            import dspy

            theirs = dspy.evaluate.metrics.answer_exact_match
            who["dspy"] = (
                lambda e, p, frac=frac, theirs=theirs: [theirs(*pair, frac=frac) for pair in zip(e, p, strict=True)],
                dspy.Example,
                dspy.Prediction,
            )
        times, found = {}, []
        for name, (ask, example, prediction) in who.items():
            columns = [example(answer=row) for row in answers], [prediction(answer=text) for text in said]
            found.append(list(ask(*columns)))
            times[name] = seconds(ask, *columns) / len(said) * 1e6
        assert all(scores == found[0] for scores in found)
        rows.append(row([shape, f"frac={frac}"], times))
    return table(["texts", "", *(f"{name}, µs" for name in who), *(f"{name} / batch" for name in list(who)[1:])], rows)


class Instant:
    """A model that answers at once."""

    waits = False
    response = Response(
        (Output("[[ ## answer ## ]]\nThe Eiffel Tower\n\n[[ ## completed ## ]]", "stop"),), Usage(calls=1), "instant"
    )

    async def complete(self, request):
        """The one reply."""
        return self.response


def evaluate_table():
    """What an example of `Evaluate` costs with and without a batch."""

    def in_thread(example, prediction, trace=None):
        return answer_exact_match(example, prediction)

    def batch_in_thread(examples, predictions):
        return answer_exact_match.batch(examples, predictions)

    def with_batch(example, prediction, trace=None):
        return answer_exact_match(example, prediction)

    with_batch.batch = batch_in_thread
    metrics = {
        "in place, one by one": computes_only(functools.partial(answer_exact_match)),
        "in place, batch": answer_exact_match,
        "in a thread, one by one": in_thread,
        "in a thread, batch": with_batch,
    }
    devset = [Example(question=f"question {n}?", answer="Eiffel Tower").with_inputs("question") for n in range(2_000)]
    configure(lm=LM("instant/model", backend=Instant(), cache=False))
    rows = []
    for threads in (1, 8, 64):
        times = {}
        for name, metric in metrics.items():
            evaluate = Evaluate(devset=devset, metric=metric, num_threads=threads)
            assert evaluate(Predict("question -> answer")).score == 100.0
            times[name] = seconds(evaluate, Predict("question -> answer")) / len(devset) * 1e6
        rows.append([str(threads), *(f"{taken:.0f}" for taken in times.values())])
    return table(["num_threads", *(f"{name}, µs" for name in metrics)], rows)


def table(head, rows):
    """Lines of Markdown."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def main():
    """Check, then time, then print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unicode", type=float, default=0, metavar="N", help="random pairs to compare first")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} too")
    given = parser.parse_args()
    versions = [
        f"{name} {importlib.metadata.version(name)}" for name in ("burnish", "dspy") if importlib.util.find_spec(name)
    ]
    command = " ".join(["python", "benches/python/text.py", *sys.argv[1:]])
    lines = [
        "# Text metrics",
        "",
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}; {', '.join(versions)};",
        f"Python {platform.python_version()}, {platform.machine()}; CPU, best of {REPEATS}.",
    ]
    if given.unicode:
        from text_unicode import compare

        lines += ["", "## Random Unicode pairs", "", *compare(int(given.unicode))]
    lines += ["", "## Columns, a pair", "", *columns_table()]
    lines += ["", "## `answer_exact_match` on examples and predictions, a pair", "", *objects_table()]
    lines += ["", "## `Evaluate` with a model that answers at once, an example", "", *evaluate_table()]
    print("\n".join(lines))
    if given.record:
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
