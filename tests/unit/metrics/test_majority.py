"""`majority`: which value wins, what counts as one value, and what is said where nothing can."""

from __future__ import annotations

import pytest

from burnish import Completions, Predict, Prediction, majority
from burnish.errors import ConfigError


def rows(*answers: object) -> list[dict[str, object]]:
    return [{"reasoning": str(n), "answer": answer} for n, answer in enumerate(answers)]


@pytest.mark.parametrize(
    ("answers", "place"),
    [
        (("Rome", "Bari", "the rome!"), 0),
        (("Bari", "Rome", "ROME"), 1),
        (("Bari", "Rome"), 0),  # a tie
        (("", None, "Rome"), 2),  # no votes
        (("a", "b", "A"), 0),  # nothing but an article
        ((None, ""), 0),
        ((["x"], ["y"], ["y"]), 1),
    ],
)
def test_the_first_of_the_most_frequent_wins(answers: tuple[object, ...], place: int) -> None:
    won = majority(rows(*answers))
    assert won == Prediction(rows(*answers)[place])
    assert len(won.completions) == 1


def test_any_form_of_completions_will_do() -> None:
    given = rows("x", "y", "y")
    for form in (given, [Prediction(row) for row in given], Completions(given), Prediction.from_completions(given)):
        assert majority(form).answer == "y"


def test_field_and_normalisation_can_be_said() -> None:
    given = [{"a": 1.2, "b": "x"}, {"a": 2.1, "b": "X"}, {"a": 2.4, "b": "y"}]
    assert majority(given, field="a", normalize=round).a == 2.1
    assert majority(given).a == 1.2
    assert majority([*given, {"a": 1, "b": "X"}], normalize=None).a == 2.1
    signature = Predict("q -> b, a").signature
    assert majority(Prediction.from_completions(given, signature=signature), normalize=round).a == 2.1


def test_what_cannot_be_counted_is_told() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        majority([])
    with pytest.raises(ConfigError, match="lacks it"):
        majority([{"a": 1}, {"b": 2}])
