"""Scores: numbers with a verdict in words. What a metric may return is held with the judge."""

from __future__ import annotations

import pytest

from burnish import Score
from burnish.errors import MetricError
from burnish.values.score import Status


def test_a_score_counts_as_its_number() -> None:
    assert float(Score(0.5)) == 0.5
    assert [bool(Score(value)) for value in (0.0, 0.1, 1.0, -1.0)] == [False, True, True, True]


def test_scores_are_values() -> None:
    assert Score(0.5, "half", {"a": 1.0}) == Score(0.5, "half", {"a": 1.0})
    assert Score(0.5) != Score(0.5, "half")
    with pytest.raises(AttributeError):
        Score(0.5).value = 1.0  # type: ignore[misc]


def test_the_numbers_of_the_outcomes_are_those_of_the_rust_board() -> None:
    assert [(status.name, int(status)) for status in Status] == [("SCORED", 0), ("FAILED", 1), ("NOT_MEASURED", 2)]


def test_what_is_no_score_is_shown_shortened_with_its_type() -> None:
    with pytest.raises(MetricError, match=r"'x{79}… \(str\)"):
        Score.of("x" * 500)
    with pytest.raises(MetricError, match=r"None \(NoneType\), which is not a score\. Return a bool"):
        Score.of(None)


def test_parts_are_numbers_by_name_and_feedback_is_text() -> None:
    assert Score.of(Score(1, parts={"a": True, "b": 2})) == Score(1.0, None, {"a": 1.0, "b": 2.0})
    assert Score.of({"score": 1, "feedback": 3}) == Score(1.0, "3")
    for parts in ([1.0], "a", {"a": "much"}, {"a": float("nan")}):
        with pytest.raises(MetricError, match="part"):
            Score.of(Score(1.0, parts=parts))  # type: ignore[arg-type]
