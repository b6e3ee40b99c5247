"""Text metrics of the SQuAD family, computed in Rust over whole columns.

Normalisation: NFD, lower case, no punctuation, no articles, single spaces (Rajpurkar et al. 2016,
"SQuAD", section 4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish import _core
from burnish.engine.judge import computes_only
from burnish.errors import ConfigError
from burnish.values.example import Example


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


def exact_match_batch(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """`EM` over columns: n predictions, n lists of answers → n times 0 or 1."""
    return _core.exact_match(predictions, answers)


def f1_batch(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """`F1` over columns: n predictions, n lists of answers → n numbers from 0 to 1."""
    return _core.f1(predictions, answers)


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


def _list(texts: Any) -> list[str]:
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, Sequence) and all(isinstance(text, str) for text in texts):
        return list(texts)
    raise ConfigError(f"Expected a text or a list of texts, and got {texts!r}.")
