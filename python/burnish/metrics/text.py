"""Text metrics of the SQuAD family, computed in Rust: for one pair, over columns, and as metrics of a program.

Texts are compared by their tokens once normalised: NFD, lower case, no ASCII punctuation, no articles, single
spaces (Rajpurkar et al. 2016, "SQuAD", section 4.3). Over several answers the best counts. The values are those
of DSPy's functions of the same names but in two places. Two texts without tokens (`""`, `"the"`, `"!"`) agree with F1, precision and
recall of 1.0, as SQuAD 2.0 has it, where DSPy gives 0. And an answer without tokens is in no passage, where DSPy finds it in
every one; passages are searched by the tokens of all these metrics, so a mark beyond ASCII parts no words there: `"Lake"` is not found in
`"Lake—Como"`.

A pair of short answers costs about 2 µs asked alone, most of it for the call, 0.5 µs in a column, and 1 µs in a batch of examples
and predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish import _core
from burnish.engine.judge import computes_only
from burnish.errors import ConfigError
from burnish.values.example import Example, column

Scores = NDArray[np.float64]


def normalize_text(text: str) -> str:
    """The text as the metrics compare it.

    Example:
        >>> normalize_text("The  Eiffel-Tower!")
        'eiffeltower'
    """
    return _core.normalize([text])[0]


def EM(prediction: str, answers: Sequence[str]) -> bool:  # noqa: N802  the name that users know
    """Whether the prediction equals any of the answers, normalised."""
    return bool(_core.exact_match([prediction], [_list(answers)])[0])


def F1(prediction: str, answers: Sequence[str]) -> float:  # noqa: N802  the name that users know
    """The best token overlap of the prediction with any of the answers, 0 to 1."""
    return float(_core.f1([prediction], [_list(answers)])[0])


def HotPotF1(prediction: str, answers: Sequence[str]) -> float:  # noqa: N802  the name that users know
    """`F1`, but 0 where one side is yes, no or noanswer and the other is not (HotPotQA)."""
    return float(_core.hotpot_f1([prediction], [_list(answers)])[0])


def em_score(prediction: str, ground_truth: str) -> bool:
    """`EM` against one answer."""
    return EM(prediction, [ground_truth])


def f1_score(prediction: str, ground_truth: str) -> float:
    """`F1` against one answer.

    Example:
        >>> f1_score("the Eiffel Tower", "Eiffel Tower in Paris")
        0.6666666666666666
    """
    return F1(prediction, [ground_truth])


def hotpot_f1_score(prediction: str, ground_truth: str) -> float:
    """`HotPotF1` against one answer."""
    return HotPotF1(prediction, [ground_truth])


def precision_score(prediction: str, ground_truth: str) -> float:
    """The share of the prediction's tokens that the answer has too, 0 to 1.

    Example:
        >>> precision_score("Eiffel Tower in Paris", "the Eiffel Tower")
        0.5
    """
    return float(_core.precision([prediction], [[ground_truth]])[0])


def recall_score(prediction: str, ground_truth: str) -> float:
    """The share of the answer's tokens that the prediction has too, 0 to 1.

    Example:
        >>> recall_score("Eiffel Tower in Paris", "the Eiffel Tower")
        1.0
    """
    return float(_core.recall([prediction], [[ground_truth]])[0])


def exact_match_batch(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> Scores:
    """`EM` over columns: n predictions, n lists of answers → n times 0 or 1.

    Raises:
        ConfigError: The columns differ in length, a row has no answers, or something is no text; so it is for all columns.

    Example:
        >>> exact_match_batch(["The Paris.", "Rome"], [["Paris", "Lyon"], ["Milan"]]).tolist()
        [1.0, 0.0]
    """
    return _core.exact_match(predictions, answers)


def f1_batch(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> Scores:
    """`F1` over columns: n predictions, n lists of answers → n numbers from 0 to 1."""
    return _core.f1(predictions, answers)


def hotpot_f1_batch(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> Scores:
    """`HotPotF1` over columns: n predictions, n lists of answers → n numbers from 0 to 1."""
    return _core.hotpot_f1(predictions, answers)


def precision_batch(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> Scores:
    """`precision_score` over columns, the best of each list of answers: n numbers from 0 to 1."""
    return _core.precision(predictions, answers)


def recall_batch(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> Scores:
    """`recall_score` over columns, the best of each list of answers: n numbers from 0 to 1."""
    return _core.recall(predictions, answers)


def passage_match_batch(passages: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> Scores:
    """Whether any passage has the tokens of any answer side by side: n lists of each → n times 0 or 1.

    A row without passages is 0.
    """
    return _core.passage_match(passages, answers)


@computes_only
def answer_exact_match(example: Example, prediction: Any, trace: Any = None, frac: float = 1.0) -> bool:
    """Whether ``prediction.answer`` equals ``example.answer``, a text or a list of them.

    Args:
        example: With an ``answer``.
        prediction: With an ``answer``.
        trace: Not used.
        frac: Below 1, an F1 of at least this much is enough.
    """
    answers = _list(example.answer)
    if frac >= 1.0:
        return EM(str(prediction.answer), answers)
    return F1(str(prediction.answer), answers) >= frac


@computes_only
def answer_passage_match(example: Example, prediction: Any, trace: Any = None) -> bool:
    """Whether any passage of ``prediction.context`` contains an ``example.answer``, normalised."""
    passages = _list(prediction.context)
    return bool(_core.passage_match([passages], [_list(example.answer)])[0])


@computes_only
def answer_f1(example: Example, prediction: Any, trace: Any = None) -> float:
    """The best `F1` of ``prediction.answer`` with ``example.answer``, a text or a list of them, 0 to 1."""
    return F1(str(prediction.answer), _list(example.answer))


@computes_only
def answer_hotpot_f1(example: Example, prediction: Any, trace: Any = None) -> float:
    """`answer_f1`, but 0 where one side is yes, no or noanswer and the other is not (HotPotQA)."""
    return HotPotF1(str(prediction.answer), _list(example.answer))


@computes_only
def _exact_match_all(examples: Sequence[Example], predictions: Sequence[Any], frac: float = 1.0) -> list[Any]:
    """`answer_exact_match` of many at once; None for one without the fields."""

    def score(examples: Sequence[Example], predictions: Sequence[Any]) -> NDArray[Any]:
        texts, answers = _texts(predictions), _lists(examples, "answer")
        return _core.exact_match(texts, answers) if frac >= 1.0 else _core.f1(texts, answers) >= frac

    return _as_many_as_can_be(score, examples, predictions)


@computes_only
def _f1_all(examples: Sequence[Example], predictions: Sequence[Any]) -> list[Any]:
    """`answer_f1` of many at once; None for one without the fields."""
    return _as_many_as_can_be(lambda rows, made: _core.f1(_texts(made), _lists(rows, "answer")), examples, predictions)


@computes_only
def _hotpot_f1_all(examples: Sequence[Example], predictions: Sequence[Any]) -> list[Any]:
    """`answer_hotpot_f1` of many at once; None for one without the fields."""
    return _as_many_as_can_be(
        lambda rows, made: _core.hotpot_f1(_texts(made), _lists(rows, "answer")), examples, predictions
    )


@computes_only
def _passage_match_all(examples: Sequence[Example], predictions: Sequence[Any]) -> list[Any]:
    """`answer_passage_match` of many at once; None for one without the fields."""

    def score(examples: Sequence[Example], predictions: Sequence[Any]) -> NDArray[Any]:
        return _core.passage_match(_lists(predictions, "context"), _lists(examples, "answer"))

    return _as_many_as_can_be(score, examples, predictions)


answer_exact_match.batch = _exact_match_all  # type: ignore[attr-defined]
answer_passage_match.batch = _passage_match_all  # type: ignore[attr-defined]
answer_f1.batch = _f1_all  # type: ignore[attr-defined]
answer_hotpot_f1.batch = _hotpot_f1_all  # type: ignore[attr-defined]


def _as_many_as_can_be(
    score: Callable[[Sequence[Example], Sequence[Any]], NDArray[Any]],
    examples: Sequence[Example],
    predictions: Sequence[Any],
) -> list[Any]:
    """A score each, and None where there is none."""
    try:
        found: list[Any] = score(examples, predictions).tolist()
        return found
    # What a program returned may raise anything when it is read; the others are scored without it.
    except Exception:
        found = []
    for pair in zip(examples, predictions, strict=True):
        try:
            found += score([pair[0]], [pair[1]]).tolist()
        # Asked alone, it is named with its example.
        except Exception:
            found.append(None)
    return found


def _texts(predictions: Sequence[Any]) -> list[str]:
    return [text if type(text) is str else str(text) for text in column(predictions, "answer")]


def _lists(rows: Sequence[Any], name: str) -> list[list[str]]:
    # What a list holds the core looks at.
    return [
        [texts] if type(texts) is str else texts if type(texts) is list else _list(texts)
        for texts in column(rows, name)
    ]


def _list(texts: Any) -> list[str]:
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, Sequence) and all(isinstance(text, str) for text in texts):
        return list(texts)
    raise ConfigError(f"Expected a text or a list of texts, and got {texts!r}.")
