"""Reports: candidates in their order, the best first where asked, and JSON that every reader takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from burnish import Report, Usage
from burnish.errors import ConfigError
from burnish.values.report import Difference, Standing
from burnish.values.trial import Trial

NAN, INFINITY = float("nan"), float("inf")


def standing(name: str, mean: float, n: int = 10, **fields: Any) -> Standing:
    values = {"failed": 0, "not_measured": 10 - n, "low": mean - 0.1, "high": mean + 0.1, **fields}
    return Standing(name=name, n=n, mean=mean, **values)


CANDIDATES = [
    standing("zero-shot", 0.5),
    standing("labelled", 0.75),
    standing("lucky", 1.0, n=2),
    standing("bootstrap", 0.75),
    standing("never", NAN, n=0, low=NAN, high=NAN),
]


def report(**changes: Any) -> Report:
    fields: dict[str, Any] = {
        "optimizer": "BootstrapRS",
        "candidates": CANDIDATES,
        "winner": "labelled",
        "gain": Difference(10, 0.25, 0.05, 0.45),
        "usage": {"bootstrap": Usage(3, 10, 5, 0.5), "score": Usage(4, 1, 1, 0.0, 4)},
        "stopped": "finished",
        "seconds": 1.23456,
        "decisions": ("one thing",),
        "build": lambda number: f"program {number}",
        "front": ["labelled", "lucky"],
        **changes,
    }
    return Report(**fields)


def test_the_best_come_first_ties_keep_the_earlier_and_few_examples_come_last() -> None:
    assert report().top(3) == ["program 1", "program 3", "program 0"]
    assert report().top(99) == ["program 1", "program 3", "program 0", "program 2"]
    assert report().top(0) == []
    assert report(ranking=[3, 0, 1, 2]).top(2) == ["program 1", "program 3"]


def test_candidate_programs_are_as_dspy_lists_them() -> None:
    programs = report().candidate_programs
    assert [(one["seed"], one["score"], one["program"]) for one in programs] == [
        ("labelled", 75.0, "program 1"),
        ("bootstrap", 75.0, "program 3"),
        ("zero-shot", 50.0, "program 0"),
        ("lucky", 100.0, "program 2"),
    ]


def test_trial_logs_number_the_candidates_from_one() -> None:
    logs = report().trial_logs
    assert list(logs) == [1, 2, 3, 4]  # the last was never measured
    assert logs[2] == {
        "full_eval_program_path": None,
        "full_eval_score": 75.0,
        "total_eval_calls_so_far": 20,
        "full_eval_program": "program 1",
        "name": "labelled",
        "n": 10,
    }


def test_trials_that_a_search_noted_are_logged_in_their_order_under_dspys_keys() -> None:
    picks = {"0_predictor_instruction": 2, "0_predictor_demos": 0}
    noted = [Trial(1, picks, 2 / 3, 3, full=False, runs=3), Trial(0, {}, 0.5, 10, full=True, runs=13)]
    found = report(trials=[*noted, Trial(2, {}, 1.0, 3, full=False, runs=16)])
    assert found.trial_logs[1] == {
        **picks,
        "mb_program_path": None,
        "mb_score": 66.67,
        "total_eval_calls_so_far": 3,
        "mb_program": "program 1",
        "name": "labelled",
        "n": 3,
    }
    assert (found.trial_logs[2]["full_eval_score"], found.trial_logs[2]["full_eval_program"]) == (50.0, "program 0")
    assert found.mb_candidate_programs == [
        {"score": 100.0, "program": "program 2", "full_eval": False},
        {"score": 66.67, "program": "program 1", "full_eval": False},
    ]
    assert [entry["full_eval"] for entry in found.candidate_programs] == [False, False, True, False]
    assert found.to_dict()["trials"][0]["picks"] == picks
    assert report(build=None, trials=noted).trial_logs[1]["mb_program"] is None


def test_score_and_bill() -> None:
    assert report().score == 75.0
    assert report().total == Usage(7, 11, 6, 0.5, 4)
    assert report(winner="never").score is None
    assert report(winner="labelled few-shot").score is None


def test_a_report_without_programs_lists_none() -> None:
    assert report(build=None).top(3) == []
    assert report(build=None).candidate_programs == []


def test_as_json_it_holds_no_number_that_json_has_not() -> None:
    one = Difference(1, 1.0, -INFINITY, INFINITY)
    written = json.dumps(report(gain=one).to_dict(), allow_nan=False)
    read = json.loads(written)
    assert read["gain"] == {"n": 1, "mean": 1.0, "low": None, "high": None, "among": None}
    assert read["candidates"][4]["mean"] is None
    assert (read["score"], read["seconds"], read["decisions"]) == (75.0, 1.235, ["one thing"])
    assert read["front"] == ["labelled", "lucky"]
    assert Usage(**read["usage"]["score"]) == Usage(4, 1, 1, 0.0, 4)


def test_a_winner_that_is_the_program_as_given_is_told() -> None:
    told = "the winner is the program as given"
    assert told not in str(report())
    assert told in str(report(winner="zero-shot"))
    assert told in str(report(winner="as given", candidates=[], gain=None))
    # Without a baseline among the candidates, the first is a candidate like any other.
    assert told not in str(report(winner="zero-shot", gain=None))


def test_words_stand_well_for_one_call_and_after_a_full_stop() -> None:
    text = str(report(usage={"score": Usage(1)}, stopped="Budget: gone (unknown)."))
    assert "1 LM call," in text
    assert "gone (unknown), winner" in text


def test_in_words() -> None:
    text = str(report())
    for part in (
        "BootstrapRS: finished, winner 'labelled'",
        "75.0 [65.0, 85.0] (10/10)",
        "+25.0 [+5.0, +45.0] on 10 examples",
        "7 LM calls, 17 tokens, $0.5000 + 4 calls of unknown price",
        "one thing",
    ):
        assert part in text
    assert "no significant gain" not in text


@pytest.mark.parametrize(
    ("difference", "significant"),
    [
        (Difference(10, 0.2, 0.1, 0.3), True),
        (Difference(10, -0.2, -0.3, -0.1), True),
        (Difference(10, 0.2, -0.1, 0.5), False),
        (Difference(10, 0.0, 0.0, 0.0), False),
        (Difference(1, 1.0, -INFINITY, INFINITY), False),
        (Difference(1, 1.0, 1.0, 1.0), False),
        (Difference(0, NAN, NAN, NAN), False),
    ],
)
def test_a_gain_is_significant_where_its_interval_excludes_zero(difference: Difference, *, significant: bool) -> None:
    assert difference.significant is significant
    assert ("no significant gain" in str(difference)) is (difference.n > 0 and not significant)


def test_a_gain_says_how_it_was_told() -> None:
    lucky = Difference(40, 0.1, -0.05, 0.2, among=9)
    assert str(lucky) == (
        "+10.0 [-5.0, +20.0] on 40 examples, corrected for the choice among 9 possible candidates: no significant gain"
    )
    lost = Difference(40, -0.1, -0.2, -0.05, among=0)
    assert str(lost) == "-10.0 [-20.0, -5.0] on 40 fresh examples: the program as given is better"
    assert str(Difference(40, 0.1, 0.05, 0.2, among=0)) == "+10.0 [+5.0, +20.0] on 40 fresh examples"
    assert str(Difference(40, 0.1, 0.05, 0.2)) == "+10.0 [+5.0, +20.0] on 40 examples"


def test_scores_that_are_confirmed_stand_beside_the_gain() -> None:
    confirmed = (standing("labelled", 0.7, n=10), standing("zero-shot", 0.5, n=10))
    found = report(gain=Difference(10, 0.2, 0.1, 0.3, among=0), confirmed=confirmed)
    lines = str(found).splitlines()
    at = lines.index("gain over the baseline +20.0 [+10.0, +30.0] on 10 fresh examples")
    assert lines[at + 1 : at + 3] == [
        "  on these, labelled: 70.0 [60.0, 80.0] (10/10)",
        "  on these, zero-shot: 50.0 [40.0, 60.0] (10/10)",
    ]
    written = found.to_dict()
    assert [(one["name"], one["mean"]) for one in written["confirmed"]] == [("labelled", 0.7), ("zero-shot", 0.5)]
    assert written["gain"]["among"] == 0
    # The score is DSPy's: on all that the winner was run on.
    assert found.score == 75.0
    assert report().to_dict()["confirmed"] == []


def test_what_was_not_measured_is_said_in_words() -> None:
    assert str(CANDIDATES[4]) == "not measured (0/10)"
    assert "unknown" in str(Difference(0, NAN, NAN, NAN))


def test_a_standing_shows_how_many_were_measured() -> None:
    assert str(standing("x", 0.5, n=7)) == "50.0 [40.0, 60.0] (7/10)"
    assert str(standing("x", 0.5, failed=2)) == "50.0 [40.0, 60.0] (10/10, 2 failed)"


@pytest.mark.parametrize("k", [-1, "3"])
def test_how_many_are_the_best_is_a_whole_number(k: object) -> None:
    with pytest.raises(ConfigError, match="k="):
        report().top(k)  # type: ignore[arg-type]
