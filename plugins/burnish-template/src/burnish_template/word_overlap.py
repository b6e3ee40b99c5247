"""A metric: the share of expected words that the prediction has."""

from __future__ import annotations

from typing import Any

from burnish import Example, Prediction, Score


def word_overlap(example: Example, prediction: Prediction, trace: Any = None) -> Score:
    """Over all fields that are not inputs; while bootstrapping, only all words will do."""
    labels = example.labels()
    expected = {word for name in labels for word in str(labels[name]).lower().split()}
    found = {word for name in labels for word in str(prediction.get(name, "")).lower().split()}
    share = len(expected & found) / len(expected) if expected else 1.0
    missing = ", ".join(sorted(expected - found))
    return Score(
        share if trace is None else float(share == 1),
        feedback=f"These words are missing: {missing}." if missing else "Every expected word is there.",
    )
