"""`majority`: the value that most completions agree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from burnish.errors import ConfigError
from burnish.metrics.text import normalize_text
from burnish.values.prediction import Completions, Prediction


def default_normalize(value: Any) -> str | None:
    """A text without case, articles and punctuation; None, which does not vote, for an empty one.

    What is nothing but articles and punctuation, such as the answer ``a``, votes as it is.

    Example:
        >>> default_normalize("The Eiffel tower!"), default_normalize("A"), default_normalize(" ")
        ('eiffel tower', 'a', None)
    """
    text = "" if value is None else str(value)
    return normalize_text(text) or text.strip().casefold() or None


def majority(
    prediction_or_completions: Prediction | Completions | Sequence[Any],
    normalize: Callable[[Any], Any] | None = default_normalize,
    field: str | None = None,
) -> Prediction:
    """The first completion with the most frequent value; among equally frequent values the first to appear.

    Args:
        prediction_or_completions: A prediction with several completions, its completions, or a list of predictions or dicts.
        normalize: Makes alike what should count as one value; None as a result is no vote. None takes values as they are.
        field: The field that is counted; default is the last output.

    Raises:
        ConfigError: There are no completions, or they lack the field.

    Example:
        >>> votes = [{"answer": "Rome"}, {"answer": "Bari"}, {"answer": "rome."}]
        >>> majority(votes).answer
        'Rome'
    """
    given = prediction_or_completions
    signature = None
    if isinstance(given, Prediction):
        given = given.completions
    if isinstance(given, Completions):
        signature = given.signature
    rows = [dict(one.items()) for one in given]
    if not rows:
        raise ConfigError("majority(...) needs at least one completion, and got none.")
    if field is None:
        field = list(rows[0] if signature is None else signature.output_fields)[-1]
    lacking = next((row for row in rows if field not in row), None)
    if lacking is not None:
        raise ConfigError(f"majority(field={field!r}): a completion lacks it. It has {', '.join(map(repr, lacking))}.")
    values = [row[field] if normalize is None else normalize(row[field]) for row in rows]
    votes = Counter(repr(value) for value in values if value is not None)
    most = max(votes.values(), default=0)
    place = next((n for n, value in enumerate(values) if votes[repr(value)] == most), 0)
    return Prediction.from_completions([rows[place]], signature=signature)
