"""Writes the free-text outputs: instructions from data, reasons from evidence, plain summaries.

Nothing is made up: an instruction is the one the prompt shows plus the telling words of each label
in the data the prompt shows; a reason names the words and the demo that spoke for the answer; a
summary repeats counts, labels and sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from burnish.lm.backends.icl import labels as label_text
from burnish.lm.backends.icl.draw import Draw
from burnish.lm.backends.icl.rows import Rows, find_rows, named_outputs
from burnish.lm.backends.icl.words import content_words, sentences, stem

_FEWEST_WORDS, _MOST_WORDS = 8, 16
# Words of a label that an instruction keeps, once those of earlier proposals have been added to its own.
_MOST_KEPT = 24
# How far chance may move the rank of a word at temperature 1.
_JITTER = 0.5
_LISTING = "Words that often tell the"
_LONGEST_QUOTE = 100
_LONGEST_SUMMARY = 400
_LONGEST_LIST = 40
_OPENINGS = (
    "Read the input and choose the {name} that fits it best.",
    "Decide which {name} the input is about, and answer with that {name} only.",
    "Find the words of the input that tell its {name}, then answer with the one {name} they point to.",
    "Answer with exactly one {name}; of two that seem to fit, take the more specific one.",
)


def instruction(inputs: Mapping[str, str], draw: Draw) -> str:
    """An instruction for the task that the inputs show.

    It keeps the wording of the instruction that the inputs already have, and adds what the data
    shows to what an earlier proposal said about the labels.
    """
    rows = find_rows(inputs.values(), outputs=named_outputs(inputs.values()))
    opening, _, listing = _current(inputs).partition(_LISTING)
    about = dict(label_text.lines(listing.partition("\n")[2]))
    if rows is not None and rows.are_classes:
        about |= {label: _added(chosen, about.get(label, "")) for label, chosen in telling_words(rows, draw).items()}
        about = {label: words for label, words in about.items() if words}
    name = (rows.label_name if rows is not None else "").replace("_", " ").strip() or "label"
    wording = _OPENINGS[int(draw.uniform("opening") * len(_OPENINGS)) if draw.temperature > 0 else 0].format(name=name)
    if not opening.strip():
        opening = wording
    elif rows is None and draw.temperature > 0:
        # Without data the wording is all there is to vary.
        opening = f"{opening.strip()} {wording}"
    opening = opening.strip()
    if about:
        return "\n".join([f"{opening}\n\n{_LISTING} {name}:", *(f"{label}: {about[label]}" for label in sorted(about))])
    return opening if rows is None else f"{opening}\n\n{_shape(rows)}"


def _added(chosen: Sequence[str], earlier: str) -> str:
    """The words just found, then the earlier ones that are not among them."""
    return ", ".join(list(dict.fromkeys([*chosen, *filter(None, earlier.split(", "))]))[:_MOST_KEPT])


def telling_words(rows: Rows, draw: Draw) -> dict[str, list[str]]:
    """Words that stand out in the examples of each label, by the difference of TF-IDF means."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=content_words, sublinear_tf=True)
    try:
        weights = vectorizer.fit_transform([text for text, _ in rows.pairs]).toarray()
    except ValueError:  # not one word in all the texts
        return {}
    vocabulary = vectorizer.get_feature_names_out()
    given = np.array([label for _, label in rows.pairs])
    most = _FEWEST_WORDS + int(draw.uniform("length") * draw.temperature * (_MOST_WORDS - _FEWEST_WORDS))
    count = min(most, _MOST_WORDS) if draw.temperature > 0 else (_FEWEST_WORDS + _MOST_WORDS) // 2
    chosen: dict[str, list[str]] = {}
    for label in rows.labels:
        lead = weights[given == label].mean(axis=0) - weights.mean(axis=0)
        ahead = [(float(lead[place]), str(vocabulary[place])) for place in np.flatnonzero(lead > 0)]
        ranked = sorted(ahead, key=lambda pair: (-_shaken(pair[0], f"{label} {pair[1]}", draw), pair[1]))
        chosen[label] = [word for _, word in ranked[:count]]
    return chosen


def _shaken(value: float, purpose: str, draw: Draw) -> float:
    if draw.temperature <= 0:
        return round(value, 9)
    return value * (1.0 + _JITTER * draw.temperature * (2.0 * draw.uniform(purpose) - 1.0))


def _current(inputs: Mapping[str, str]) -> str:
    """The instruction that the inputs show, by the name of its section."""
    named = [text for name, text in inputs.items() if "instruction" in name.casefold() and "tip" not in name.casefold()]
    return named[0] if named else ""


def _shape(rows: Rows) -> str:
    """What answers look like where they are no labels."""
    sizes = [len(answer.split()) for _, answer in rows.pairs]
    return f"An answer has about {round(sum(sizes) / len(sizes))} words, such as: {_quote(rows.pairs[0][1])}"


def reason(answer: str, *, telling: Sequence[str], demo: str | None) -> str:
    """Why an answer was given, in one or two sentences.

    Args:
        answer: What was answered.
        telling: The words of the question that spoke for it.
        demo: The nearest example with the same answer; None without any.
    """
    words = ", ".join(telling[:5])
    spoke = f"The words {words} point to {answer}." if words else f"Of the answers known, {answer} fits best."
    return spoke if demo is None else f"{spoke} The closest example is {_quote(demo)}, with the same answer."


def summary(texts: Iterable[str]) -> str:
    """What some texts show: counts and labels of their examples, else their most central sentences."""
    shown = [text for text in texts if text.strip()]
    rows = find_rows(shown)
    if rows is not None and rows.are_classes:
        return _summary_of(rows)
    found = list(dict.fromkeys(part for text in shown for part in sentences(text)))
    if not found:
        return "There is nothing to summarise."
    stems = [{stem(word) for word in content_words(part)} for part in found]
    common = set().union(*stems)
    count = {one: sum(one in each for each in stems) for one in common}
    central = sorted(range(len(found)), key=lambda i: -sum(count[one] for one in stems[i]) / (3 + len(stems[i])))
    return _cut(" ".join(found[index] for index in sorted(central[:2])), _LONGEST_SUMMARY)


def _summary_of(rows: Rows) -> str:
    name = rows.label_name or "label"
    listed = ", ".join(rows.labels[:_LONGEST_LIST])
    if len(rows.labels) > _LONGEST_LIST:
        listed += f" and {len(rows.labels) - _LONGEST_LIST} more"
    used: dict[str, int] = {}
    for text, _ in rows.pairs:
        for word in dict.fromkeys(content_words(text)):
            used[word] = used.get(word, 0) + 1
    words = ", ".join(sorted(used, key=lambda word: (-used[word], word))[:8])
    return f"{len(rows.pairs)} texts, each with one {name}: {listed}. Frequent words: {words}."


def _quote(text: str) -> str:
    return f"“{_cut(' '.join(text.split()), _LONGEST_QUOTE)}”"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def extract(question: str, passages: Iterable[str]) -> str:
    """The sentence of the passages that shares most with the question; empty without any."""
    asked = {stem(word) for word in content_words(question)}
    found = [part for passage in passages for part in sentences(passage)]
    return max(found, key=lambda part: len(asked & {stem(word) for word in content_words(part)}), default="")
