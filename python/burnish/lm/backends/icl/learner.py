"""Learns one output from the demos, label names and label descriptions of a prompt.

The model is kernel ridge regression over TF-IDF of stems, pairs and character n-grams, one target
a label. Each demo is a sample; so is each label's name, and each label's description where the
instructions have one. The kernel is an exponential of the cosine, so that a close demo says more
than many distant ones.

Few demos over many labels would pull every text towards the labels that happen to be shown. So the
mean score that each label gets on texts that the fit did not see (leave-one-out, from the closed
form) is subtracted: what a label scores on background text is no evidence for it.

A fit costs some milliseconds for 16 demos and grows with the cube of demos plus labels; a
prediction costs a fraction of one.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.lm.backends.icl.words import content_words, features, name_words, stem, weight

Floats = NDArray[np.float64]

_SHARPNESS = 2.0
_RIDGE = 0.5
# How much a label's name and its description count, where a demo counts 1.
_NAME, _DESCRIPTION = 2.0, 1.0
# At temperature 1, answers this far behind the best one are still near ties.
_NEAR = 0.05
# Scores are compared after rounding, so that the last bits of a sum never decide.
_DECIMALS = 7


class Vectors:
    """Unit vectors of texts, in the vocabulary of those texts.

    The fit is scikit-learn's. A prediction looks its features up itself: validating one short text
    would cost scikit-learn more than all the rest.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(analyzer=_features_or_blank, sublinear_tf=True, norm=None)
        self.matrix: Any = vectorizer.fit_transform(texts)
        self._places: dict[str, int] = vectorizer.vocabulary_
        task_free = np.empty(len(self._places))
        for feature, place in self._places.items():
            task_free[place] = weight(feature)
        self.matrix.data *= task_free[self.matrix.indices]
        squares = np.add.reduceat(self.matrix.data**2, self.matrix.indptr[:-1])
        self.matrix.data /= np.repeat(np.sqrt(squares), np.diff(self.matrix.indptr))
        self._weights: Floats = vectorizer.idf_ * task_free

    def cosines(self, text: str) -> Floats:
        """The cosine of a text with each of the texts; 0 where it shares no feature with any."""
        counts = Counter(features(text))
        known = [(place, count) for name, count in counts.items() if (place := self._places.get(name)) is not None]
        if not known:
            return np.zeros(self.matrix.shape[0])
        places = np.array([place for place, _ in known])
        values = (1.0 + np.log([count for _, count in known])) * self._weights[places]
        vector = np.zeros(len(self._weights))
        vector[places] = values / np.sqrt(values @ values)
        cosines: Floats = self.matrix @ vector
        return cosines


def _features_or_blank(text: str) -> list[str]:
    # A text without words still has a vector, equal to that of no text with words.
    return features(text) or [""]


@functools.cache
def _linear_algebra() -> Any:
    """The libraries that solve for us, held to one thread: matrices this small lose by more, and sums keep their order."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # comes with scikit-learn

    return ThreadpoolController()


def _kernel(cosines: Any) -> Any:
    return np.expm1(_SHARPNESS * cosines) / np.expm1(_SHARPNESS)


class Learner:
    """Answers with one of some labels.

    Args:
        labels: The possible answers, at least one.
        demos: Texts with their right answers; an answer that is no label is left out.
        descriptions: Words about some of the labels.
    """

    def __init__(
        self, labels: Sequence[str], demos: Sequence[tuple[str, str]], *, descriptions: Mapping[str, str]
    ) -> None:
        self.labels = tuple(labels)
        place = {label: index for index, label in enumerate(self.labels)}
        self.demos = [(text, label) for text, label in demos if label in place]
        about = [(text, label) for label, text in descriptions.items() if label in place and text.strip()]
        named = [(name_words(label), label) for label in self.labels]
        self._samples = [*self.demos, *named, *about]
        counts = np.repeat([1.0, _NAME, _DESCRIPTION], [len(self.demos), len(named), len(about)])
        self._vectors = Vectors([text for text, _ in self._samples])
        self._fit(np.array([place[label] for _, label in self._samples]), counts)

    def _fit(self, answers: NDArray[np.int_], counts: Floats) -> None:
        matrix = self._vectors.matrix
        kernel = _kernel((matrix @ matrix.T).toarray())
        targets = np.zeros((len(answers), len(self.labels)))
        targets[np.arange(len(answers)), answers] = 1.0
        with _linear_algebra().limit(limits=1, user_api="blas"):
            inverse = np.linalg.inv(kernel + np.diag(_RIDGE / counts))
            self._dual: Floats = inverse @ targets
        unseen = targets - self._dual / np.diag(inverse)[:, None]
        self._background: Floats = unseen.mean(axis=0)

    def scores(self, text: str) -> Floats:
        """How well each label fits, above what it scores on background text."""
        scores: Floats = _kernel(self._vectors.cosines(text)) @ self._dual - self._background
        return np.round(scores, _DECIMALS)

    def answer(self, text: str, *, temperature: float = 0.0, draw: float = 0.0) -> str:
        """The label that fits best.

        Args:
            text: What is asked.
            temperature: Above 0, one of the labels that are nearly as good may win.
            draw: In [0, 1); decides which one.
        """
        scores = self.scores(text)
        best = int(scores.argmax())
        if temperature <= 0.0:
            return self.labels[best]
        reach = _NEAR * temperature
        near = np.flatnonzero(scores >= scores[best] - reach)
        odds = np.exp((scores[near] - scores[best]) / (reach / 2))
        chosen = int(np.searchsorted(np.cumsum(odds / odds.sum()), draw, side="right"))
        return self.labels[int(near[min(chosen, len(near) - 1)])]

    def nearest(self, text: str, label: str) -> str | None:
        """The demo closest to a text among those with a label; None where no demo has it."""
        cosines = np.round(self._vectors.cosines(text), _DECIMALS)
        among = [index for index, (_, given) in enumerate(self.demos) if given == label]
        return self.demos[max(among, key=lambda index: cosines[index])][0] if among else None

    def telling(self, text: str, label: str) -> list[str]:
        """The words of a text that also stand in what is known about a label, in their order."""
        known = {stem(word) for sample, given in self._samples if given == label for word in content_words(sample)}
        return [word for word in dict.fromkeys(content_words(text)) if stem(word) in known]


class Memory:
    """Answers as the nearest demo did: for answers that are numbers, lists or free text.

    Args:
        demos: Texts with their answers, at least one.
    """

    def __init__(self, demos: Sequence[tuple[str, str]]) -> None:
        self._answers = [answer for _, answer in demos]
        self._vectors = Vectors([text for text, _ in demos])

    def answer(self, text: str) -> str:
        """The answer of the nearest demo; of equals, the first."""
        return self._answers[int(np.round(self._vectors.cosines(text), _DECIMALS).argmax())]
