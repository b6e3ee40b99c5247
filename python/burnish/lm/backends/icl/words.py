"""Text to features: word stems, pairs of stems, and character n-grams inside words.

Character n-grams carry a word over to its other forms and misspellings; the stems are crude on
purpose, since the n-grams make up for what they miss.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_SUFFIXES = ("ing", "ed", "es", "s", "ly")

# The words that say how a sentence is built more than what it is about. They keep some weight,
# since "not", "before" and "my" decide some tasks; question words, which decide many, keep all.
FUNCTION_WORDS = frozenset(
    """
    a about after again all also am an and any anyone are as at be because been before being but by can cannot could
    did do does doing don't down each either else even ever every few for from further had has have having he her here
    hers him his however i i'd i'll i'm i've if in into is isn't it it's its itself just let like may me might mine
    more most much must my myself neither no nor not now of off on once one only onto or other our ours out over own
    please per rather same she should since so some still such than that that's the their theirs them then there these
    they this those though through thus to too under until up upon us very was we well were what's whether while will
    with within without would yet you you're your yours yourself
    """.split()  # noqa: SIM905 - a list of this length is read more easily as text
)


def words(text: str) -> list[str]:
    """The words and numbers of a text, in lower case."""
    return _WORD.findall(text.lower())


def name_words(name: str) -> str:
    """A label's name as plain words: ``lostCard`` → ``lost Card``; `words` itself splits at underscores and the like."""
    return _CAMEL.sub(" ", name)


def sentences(text: str) -> list[str]:
    """The sentences or lines of a text that hold at least one word."""
    return [part.strip() for part in _SENTENCE.split(text) if _WORD.search(part)]


@functools.lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The word without its commonest English endings."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) >= len(suffix) + 3:
            word = word[: -len(suffix)]
            break
    if len(word) > 4 and word.endswith("e"):
        word = word[:-1]
    doubled = len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeiouls"
    return word[:-1] if doubled else word


@functools.lru_cache(maxsize=1 << 16)
def _parts(word: str) -> tuple[str, ...]:
    """The features of one word: its stem, and its character n-grams, marked by a ``#``."""
    if word in FUNCTION_WORDS:
        return (stem(word),)
    padded = f"#{word}#"
    grams = ["#" + padded[i : i + n] for n in (3, 4) for i in range(len(padded) - n + 1)]
    return (stem(word), *grams)


def features(text: str) -> list[str]:
    """Every feature of a text, as often as it is there."""
    found = words(text)
    stems = [stem(word) for word in found]
    pairs = [f"{first} {second}" for first, second in itertools.pairwise(stems)]
    return [part for word in found for part in _parts(word)] + pairs


_FUNCTION_STEMS = frozenset(stem(word) for word in FUNCTION_WORDS)
_STEM, _PAIR, _GRAM, _FUNCTION = 1.0, 0.6, 0.4, 0.4


def weight(feature: str) -> float:
    """How much a feature counts, whatever the task: stems most, n-grams least."""
    if feature.startswith("#"):
        return _GRAM
    if " " in feature:
        return _PAIR * (_FUNCTION if all(part in _FUNCTION_STEMS for part in feature.split(" ")) else 1.0)
    return _FUNCTION if feature in _FUNCTION_STEMS else _STEM


def content_words(text: str) -> Sequence[str]:
    """The words of a text that are about something: no function words, no numbers, no single letters."""
    return [word for word in words(text) if len(word) > 1 and not word.isdigit() and word not in FUNCTION_WORDS]
