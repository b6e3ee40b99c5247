"""`Evaluate`: a score with what was not measured beside it; rows are saved before anything is shown."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import burnish
from burnish import Budget, Evaluate, Example, LMTransient, Module, Prediction, Score
from burnish.errors import ConfigError, RunStopped
from burnish.evaluate import EvaluationResult, paired
from burnish.lm.scope import Scope, use_scope
from burnish.loop import run_sync
from burnish.testing import ScriptedLM, toy
from burnish.values.usage import Ledger


class Says(Module):
    """Answers with what stands in the example, or raises it."""

    def forward(self, says: Any) -> Any:
        if isinstance(says, Exception):
            raise says
        return Prediction(answer=says)


def rows(*says: Any) -> list[Example]:
    return [Example(says=value, answer="yes").with_inputs("says") for value in says]


def right(example: Any, prediction: Any, trace: Any = None) -> bool:
    return bool(example.answer == prediction.answer)


MIXED = rows("yes", "no", ValueError("bug"), LMTransient("busy", model="m"), "yes")


def evaluated(*says: Any, **options: Any) -> EvaluationResult:
    return Evaluate(devset=rows(*says), metric=options.pop("metric", right), **options)(Says())


def test_the_score_is_the_mean_of_what_counts() -> None:
    result = Evaluate(devset=MIXED, metric=right)(Says())
    assert (result.score, float(result), result.n, result.not_measured) == (50.0, 50.0, 4, 1)
    assert [score for _, _, score in result.results] == [1.0, 0.0, 0.0, None, 1.0]
    assert [example for example, _, _ in result.results] == MIXED
    assert [prediction.toDict() for _, prediction, _ in result.results[1:4]] == [{"answer": "no"}, {}, {}]
    assert result.reasons == {2: "ValueError: bug", 3: "LMTransient: busy"}
    assert result.interval == pytest.approx((15.0, 85.0), abs=0.1)
    assert "(4/5" in str(result)


def test_a_failure_counts_as_the_failure_score() -> None:
    assert evaluated("yes", ValueError("bug"), failure_score=0.5).score == 75.0


def test_metric_and_devset_of_the_call_come_first() -> None:
    evaluate = Evaluate(devset=rows("no"), metric=right)
    assert evaluate(Says()).score == 0.0
    assert evaluate(Says(), metric=lambda example, prediction, trace=None: 0.25).score == 25.0
    assert evaluate(Says(), devset=rows("yes", "yes")).n == 2
    with pytest.raises(ConfigError, match="no metric"):
        Evaluate(devset=rows("yes"))(Says())


def test_too_many_errors_stop_it() -> None:
    with pytest.raises(RunStopped, match="max_errors=1"):
        evaluated("yes", ValueError("one"), ValueError("two"), max_errors=1)
    with burnish.context(max_errors=0), pytest.raises(RunStopped, match="max_errors=0"):
        evaluated("yes", ValueError("one"))


def test_a_budget_leaves_the_rest_unmeasured() -> None:
    program = toy.Classifier()
    program.set_lm(toy.lm())
    result = Evaluate(devset=toy.trainset(), metric=toy.metric, budget=Budget(calls=10), num_threads=2)(program)
    assert (result.n, result.not_measured, result.usage.calls) == (10, 14, 10)


def test_what_is_used_is_on_the_bill_of_the_run_around_it() -> None:
    program = toy.Classifier()
    program.set_lm(toy.lm())
    outer = Ledger()
    with use_scope(Scope(ledger=outer)):
        result = Evaluate(devset=toy.trainset()[:5], metric=toy.metric)(program)
    assert result.usage.calls == 5
    assert outer.total() == result.usage
    assert list(outer.stages()) == ["evaluate"]


def test_from_async_code() -> None:
    assert run_sync(Evaluate(devset=rows("yes"), metric=right).acall(Says())).score == 100.0


# Saved rows


def test_rows_are_saved_as_json_and_csv(tmp_path: Path) -> None:
    says = ["yes", "né \u2028 \n 東京", ValueError("bug"), LMTransient("busy", model="m"), {"a": [1]}, "\ud800"]
    places = {"save_as_json": tmp_path / "rows.json", "save_as_csv": str(tmp_path / "rows.csv")}
    evaluated(*says, **places)
    saved = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert [row["score"] for row in saved] == [1.0, 0.0, 0.0, None, 0.0, 0.0]
    assert saved[1] == {
        "says": says[1],
        "answer": "yes",
        "predicted_answer": says[1],
        "score": 0.0,
        "status": "scored",
        "reason": None,
    }
    assert "predicted_answer" not in saved[2]
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["score"] for row in table] == ["1.0", "0.0", "0.0", "", "0.0", "0.0"]
    assert table[1]["predicted_answer"] == says[1]


def test_rows_are_there_even_if_nothing_can_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, *parts: Any, **options: Any) -> None:
        assert (tmp_path / "rows.json").exists()
        assert (tmp_path / "r.csv").exists()
        raise UnicodeEncodeError("charmap", "é", 0, 1, "not in this code page")

    monkeypatch.setattr(Console, "print", refuse)
    with pytest.warns(UserWarning, match="charmap"):
        result = evaluated(
            "yes", display_table=True, save_as_json=tmp_path / "rows.json", save_as_csv=tmp_path / "r.csv"
        )
    assert result.score == 100.0
    assert json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))[0]["score"] == 1.0
    assert (tmp_path / "r.csv").exists()


def test_a_program_may_return_anything(tmp_path: Path) -> None:
    class Plain(Module):
        def forward(self, says: str) -> str:
            return says

    metric = lambda example, prediction, trace=None: example.answer == prediction  # noqa: E731
    evaluate = Evaluate(devset=rows("yes", "no"), metric=metric, save_as_json=tmp_path / "r.json", display_table=True)
    result = evaluate(Plain())
    assert [prediction for _, prediction, _ in result.results] == ["yes", "no"]
    assert json.loads((tmp_path / "r.json").read_text())[1]["prediction"] == "no"


def test_a_place_that_is_not_there_is_told_before_anything_runs(tmp_path: Path) -> None:
    for option in ("save_as_json", "save_as_csv"):
        with pytest.raises(ConfigError, match="no such folder"):
            Evaluate(devset=rows("yes"), metric=right, **{option: tmp_path / "nowhere" / "rows"})(Says())


def test_a_row_says_how_it_ended_and_why(tmp_path: Path) -> None:
    says = ["yes", ValueError("bug"), LMTransient("busy", model="m")]
    result = evaluated(*says, save_as_json=tmp_path / "r.json", save_as_csv=tmp_path / "r.csv")
    saved = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [(row["status"], row["reason"], row["score"]) for row in saved] == [
        ("scored", None, 1.0),
        ("failed", "ValueError: bug", 0.0),
        ("not_measured", "LMTransient: busy", None),
    ]
    assert [row["status"] for row in result.rows()] == ["scored", "failed", "not_measured"]
    assert [status.name for status in result.statuses] == ["SCORED", "FAILED", "NOT_MEASURED"]
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        assert [row["reason"] for row in csv.DictReader(file)] == ["", "ValueError: bug", "LMTransient: busy"]


def test_a_field_with_the_name_of_a_column_is_kept_beside_it() -> None:
    devset = [Example(says="yes", score=7, status="new", predicted_answer="x", answer="yes").with_inputs("says")]
    (row,) = Evaluate(devset=devset, metric=right)(Says()).rows()
    assert (row["score"], row["status"], row["predicted_answer"]) == (1.0, "scored", "yes")
    assert (row["example_score"], row["example_status"], row["example_predicted_answer"]) == (7, "new", "x")


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def test_whatever_a_row_holds_can_be_saved(tmp_path: Path) -> None:
    says = [Mute(), {1: float("nan"), ("a", 2): {3}}, float("inf"), "\x00\ud800"]
    evaluated(*says, save_as_json=tmp_path / "r.json", save_as_csv=tmp_path / "r.csv", display_table=True)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    saved = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert saved[0]["says"] == "<Mute, whose text raises RuntimeError>"
    assert saved[1]["says"] == {"1": None, "('a', 2)": [3]}
    assert saved[2]["says"] is None
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        assert json.loads(list(csv.DictReader(file))[1]["says"]) == saved[1]["says"]


class Odd(Module):
    """Answers with what has no place in a file."""

    def forward(self, says: str) -> Any:
        inside: list[Any] = []
        inside.append(inside)
        return Prediction(answer={"itself": inside, "long": 2**20_000}.get(says, says))


def test_a_value_that_cannot_be_written_costs_no_other_row(tmp_path: Path) -> None:
    places = {"save_as_json": tmp_path / "r.json", "save_as_csv": tmp_path / "r.csv"}
    Evaluate(devset=rows("long", "c"), metric=right)(Odd(), **places)
    saved = [row["predicted_answer"] for row in json.loads((tmp_path / "r.json").read_text())]
    assert saved == ["<int, which cannot be written: ValueError>", "c"]
    with (tmp_path / "r.csv").open(newline="") as file:
        assert [row["predicted_answer"] for row in csv.DictReader(file)] == saved


def test_a_value_that_holds_itself_costs_no_result(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="rows could not be saved .RecursionError"):
        result = Evaluate(devset=rows("itself", "yes"), metric=right)(Odd(), save_as_json=tmp_path / "r.json")
    assert result.score == 50.0


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"save_as_json": tmp_path / "r.json", "save_as_csv": tmp_path / "r.csv"}
    evaluated("yes", **places)
    before = [place.read_bytes() for place in places.values()]

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("burnish.evaluation.saved.os.fsync", full)
    with pytest.warns(UserWarning, match="No space left on device.*result.rows") as told:
        result = evaluated("yes", "no", **places)
    assert len(told) == 2
    assert result.n == 2
    assert [place.read_bytes() for place in places.values()] == before
    assert sorted(place.name for place in tmp_path.iterdir()) == ["r.csv", "r.json"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="that is a folder"):
        evaluated("yes", save_as_csv=tmp_path)


def test_rows_as_a_frame() -> None:
    pytest.importorskip("pandas")
    frame = evaluated("yes", ValueError("bug")).to_frame()
    assert list(frame["status"]) == ["scored", "failed"]
    assert list(frame["score"]) == [1.0, 0.0]


# Named parts


def test_named_parts_have_their_own_means(tmp_path: Path) -> None:
    def judged(example: Any, prediction: Any, trace: Any = None) -> Score:
        parts = {"short": float(len(prediction.answer) < 3)}
        if prediction.answer != "no":
            parts["kind"] = 0.5
        return Score(example.answer == prediction.answer, f"said {prediction.answer}", parts)

    says = ["yes", "no", ValueError("bug"), LMTransient("busy", model="m"), "yes"]
    result = evaluated(*says, metric=judged, save_as_json=tmp_path / "r.json")
    short, kind = result.parts["short"], result.parts["kind"]
    # What failed counts as the failure score, what was not measured nowhere, and a part that is not there in that part not.
    assert (short.n, short.failed, short.not_measured, short.mean) == (4, 1, 1, 0.25)
    assert (kind.n, kind.not_measured, kind.mean) == (3, 2, pytest.approx(1 / 3))
    assert "short 25.0" in str(result)
    saved = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [row["part_kind"] for row in saved] == [0.5, None, None, None, 0.5]
    assert [row["feedback"] for row in saved] == ["said yes", "said no", None, None, "said yes"]
    assert result.scores[1] == Score(False, "said no", {"short": 1.0})


def test_tracebacks_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    result = evaluated("yes", ValueError("bug"), provide_traceback=True, save_as_json=tmp_path / "r.json")
    assert set(result.errors) == {1}
    assert "in forward\n    raise says" in result.errors[1]
    assert json.loads((tmp_path / "r.json").read_text())[1]["traceback"] == result.errors[1]
    assert not evaluated(ValueError("bug")).errors


# What a call sets for itself


def test_options_of_a_call_come_first_and_leave_the_others_as_they_are(tmp_path: Path, capsys: Any) -> None:
    evaluate = Evaluate(devset=rows("yes"), metric=right, num_threads=3)
    assert evaluate(Says(), num_threads=1, display_table=1, save_as_json=tmp_path / "r.json").score == 100.0
    assert (tmp_path / "r.json").exists()
    assert "'yes'" in capsys.readouterr().out
    assert (evaluate.num_threads, evaluate.display_table, evaluate.save_as_json) == (3, False, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"displaytable": 3}, "Did you mean display_table"),
        ({"num_threads": 0}, "num_threads=0"),
        ({"display_table": "all"}, "display_table='all'"),
        ({"display_table": -1}, "display_table=-1"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Evaluate(devset=rows("yes"), metric=right)(Says(), **options)


def test_arguments_that_there_are_not_are_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean save_as_csv"):
        evaluated("yes", save_as_cvs="x")
    with pytest.raises(ConfigError, match="max_errors=-1"):
        evaluated("yes", max_errors=-1)
    for score in ("0", None, float("nan"), float("-inf")):
        with pytest.raises(ConfigError, match=f"failure_score={score!r}: give a finite number"):
            evaluated("yes", failure_score=score)
    with pytest.raises(ConfigError, match="budget=5: give a burnish.Budget"):
        evaluated("yes", budget=5)


# What is shown


def test_so_many_rows_are_shown_as_asked_for(capsys: Any) -> None:
    evaluated("yes", "no", "perhaps", display_table=2)
    shown = capsys.readouterr().out
    assert "'no'" in shown
    assert "'perhaps'" not in shown
    evaluated("yes", "no", "perhaps", display_table=True)
    assert "'perhaps'" in capsys.readouterr().out
    evaluated("yes")
    assert capsys.readouterr().out == ""


def test_texts_with_brackets_are_shown_as_they_are(capsys: Any) -> None:
    evaluated("[/b] [bold]x", display_table=True)
    assert "[/b] [bold]x" in capsys.readouterr().out


def test_a_table_shows_what_a_terminal_can_bear(capsys: Any) -> None:
    says = ["x" * 5000, "né 東京 \x1b[31mred\x07", Mute(), ValueError("bug"), LMTransient("busy", model="m")]
    evaluated(*says, display_table=True)
    shown = capsys.readouterr().out
    assert "characters)" in shown
    assert "x" * 600 not in "".join(shown.split())
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "東京" in shown
    assert "<Mute" in shown
    assert "bug" in shown
    assert "(failed)" in shown
    assert "measured" in shown


def test_a_code_page_that_lacks_letters_shows_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding in ("cp1252", "ascii"):
        written = io.BytesIO()
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding=encoding))
        result = evaluated("né 東京 yes", display_table=True)
        sys.stdout.flush()
        assert "yes" in written.getvalue().decode(encoding)
        assert result.n == 1


# Two programs


class Always(Module):
    """Says the same to everything, or what `says` holds."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def forward(self, says: Any) -> Any:
        answer = says if self.answer is None else self.answer
        if isinstance(answer, Exception):
            raise answer
        return Prediction(answer=answer)


def test_two_programs_are_compared_example_by_example() -> None:
    devset = rows(*["yes"] * 12, *["no"] * 8, LMTransient("busy", model="m"))
    found = burnish.compare(Always("yes"), Always(), devset=devset, metric=right)
    assert (found.difference.n, found.wins, found.losses, found.ties) == (20, 8, 0, 12)
    assert (found.first.score, found.second.score) == (100.0, 60.0)
    assert found.significant
    text = str(found)
    assert "first minus second: +40.0" in text
    assert "(8 wins, 0 losses, 12 ties)" in text
    assert text.endswith("the first is better")
    other = Evaluate(devset=devset, metric=right).compare(Always(), Always("yes"))
    assert (other.wins, other.losses) == (0, 8)
    assert str(other).endswith("the second is better")


def test_no_significant_difference_is_said_plainly() -> None:
    found = burnish.compare(Always("yes"), Always(), devset=rows("yes", "no", "yes"), metric=right)
    assert found.difference.mean > 0
    assert not found.significant
    assert str(found).endswith("no significant difference")
    same = burnish.compare(Always(), Always(), devset=rows(*["yes"] * 30), metric=right)
    assert (same.ties, str(same).splitlines()[-1]) == (30, "no significant difference")


def test_nothing_measured_is_nothing_to_compare() -> None:
    outage = LMTransient("busy", model="m")
    found = burnish.compare(Always(outage), Always(), devset=rows("yes", "no"), metric=right)
    assert str(found).endswith("no example was measured for both: nothing can be said")
    assert not found.significant


def test_rows_of_both_programs_are_saved_beside_each_other(tmp_path: Path) -> None:
    evaluate = Evaluate(devset=rows("yes", "no"), metric=right, save_as_csv=tmp_path / "rows.csv")
    found = run_sync(evaluate.acompare(Always("yes"), Always(), save_as_json=tmp_path / "rows.json"))
    assert found.wins == 1
    assert sorted(place.name for place in tmp_path.iterdir()) == [
        "rows-first.csv",
        "rows-first.json",
        "rows-second.csv",
        "rows-second.json",
    ]


# Paired


def test_two_results_are_compared_where_both_were_measured() -> None:
    first = evaluated("yes", "yes", "no", "yes", LMTransient("busy", model="m"))
    second = Evaluate(
        devset=first_rows(first),
        metric=lambda example, prediction, trace=None: Score(0.5 if example.says == "no" else 0),
    )(Says())
    difference = paired(first, second)
    assert (difference.n, difference.mean) == (4, pytest.approx((1 + 1 - 0.5 + 1) / 4))


def first_rows(result: EvaluationResult) -> list[Example]:
    return [example for example, _, _ in result.results]


def test_results_of_other_examples_are_not_compared() -> None:
    with pytest.raises(ConfigError, match="same examples in the same order"):
        paired(evaluated("yes", "no"), evaluated("no", "yes"))


def test_examples_with_arrays_are_compared_too() -> None:
    def result(*says: Any) -> EvaluationResult:
        return Evaluate(devset=rows(*map(np.asarray, says)), metric=lambda *_: 1.0)(Says())

    assert paired(result([1, 2], [3, 4]), result([1, 2], [3, 4])).n == 2
    for other in (result([1, 2], [3, 5]), result([1, 2])):
        with pytest.raises(ConfigError, match="same examples"):
            paired(result([1, 2], [3, 4]), other)


def test_a_model_that_judges_is_on_the_bill() -> None:
    judge = burnish.Predict("answer -> good: bool")

    async def asks(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool((await judge.acall(answer=prediction.answer)).good)

    with burnish.context(lm=ScriptedLM(lambda request: {"good": "yes"})):
        result = evaluated("a", "b", "c", metric=asks)
    assert (result.score, result.usage.calls) == (100.0, 3)


# What a verdict says beside the number


def in_words(example: Any, prediction: Any, trace: Any = None) -> Any:
    """A verdict in each of the forms that there are, by what was answered."""
    if prediction.answer == "a":
        return Score(1.0, "good", {"precision": 1.0, "recall": 0.5})
    if prediction.answer == "b":
        return Prediction(score=0.5, feedback="[b] half")
    return burnish.ScoreWithFeedback(score=0.0, feedback="wrong", parts={"precision": 0.0})


async def in_words_awaited(example: Any, prediction: Any, trace: Any = None) -> Any:
    return in_words(example, prediction, trace)


@pytest.mark.parametrize("metric", [in_words, in_words_awaited])
def test_feedback_and_parts_are_kept_shown_and_saved(metric: Any, tmp_path: Path, capsys: Any) -> None:
    says = ["a", "b", "c", ValueError("bug"), LMTransient("busy", model="m")]
    places = {"save_as_json": tmp_path / "rows.json", "save_as_csv": tmp_path / "rows.csv"}
    result = evaluated(*says, metric=metric, display_table=True, **places)
    assert [None if verdict is None else verdict.feedback for verdict in result.scores] == [
        "good",
        "[b] half",
        "wrong",
        None,
        None,
    ]
    assert result.scores[0] == Score(1.0, "good", {"precision": 1.0, "recall": 0.5})
    # Means over those that have the part, and the failed one, which counts as it does in the score.
    assert {name: (part.n, round(part.mean, 3)) for name, part in result.parts.items()} == {
        "precision": (3, 0.333),
        "recall": (2, 0.25),
    }
    assert "; precision 33.3 [" in str(result)
    assert "[b] half" in capsys.readouterr().out
    saved = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert [row.get("feedback") for row in saved] == ["good", "[b] half", "wrong", None, None]
    assert (saved[0]["part_precision"], saved[0]["part_recall"], saved[2]["part_precision"]) == (1.0, 0.5, 0.0)
    assert "part_precision,part_recall,feedback" in (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()[0]


def test_without_words_the_table_has_no_column_for_them(capsys: Any) -> None:
    evaluated("yes", display_table=True)
    assert "feedback" not in capsys.readouterr().out


def test_a_part_that_is_no_number_fails_the_example_alone() -> None:
    def metric(example: Any, prediction: Any, trace: Any = None) -> Score:
        return Score(1.0, parts={"a": prediction.answer if prediction.answer == "no" else 1.0})

    result = evaluated("yes", "no", metric=metric)
    assert (result.standing.failed, result.parts["a"].n, result.parts["a"].mean) == (1, 2, 0.5)
    assert "part 'a' is 'no'" in result.reasons[1]
    with pytest.raises(ConfigError, match="part 'a' is 'much'"):
        evaluated("yes", metric=lambda example, prediction, trace=None: Score(1.0, parts={"a": "much"}))  # type: ignore[dict-item]


def counted(example: Any, prediction: Any, trace: Any = None) -> Score:
    """Counts of which the F1 over all is made, and no mean of F1s."""
    said, gold = set(prediction.answer.split()), set(example.answer.split())
    return Score(float(said == gold), parts={"hits": len(said & gold), "said": len(said), "gold": len(gold)})


def test_a_metric_says_how_its_verdicts_come_together() -> None:
    def corpus_f1(verdicts: list[Score]) -> float:
        hits, said, gold = (sum((v.parts or {}).get(name, 0) for v in verdicts) for name in ("hits", "said", "gold"))
        return 2 * hits / (said + gold)

    def metric(example: Any, prediction: Any, trace: Any = None) -> Score:
        return counted(example, prediction, trace)

    metric.aggregate = lambda verdicts: {"corpus F1": corpus_f1(verdicts), "n": len(verdicts)}  # type: ignore[attr-defined]
    result = evaluated("yes", "yes no no", "no maybe", ValueError("bug"), LMTransient("busy", model="m"), metric=metric)
    assert result.score == 25.0
    # Hits 2 of 5 said and 3 right; the failed one counts as no verdict of its own would: without parts.
    assert result.aggregated == {"corpus F1": 0.5, "n": 4.0}
    assert "corpus F1 0.5" in str(result)
    metric.aggregate = corpus_f1  # type: ignore[attr-defined]
    assert evaluated("yes", metric=metric).aggregated == {"aggregate": 1.0}


@pytest.mark.parametrize("aggregate", [lambda verdicts: 1 / 0, lambda verdicts: "x", lambda verdicts: {"a": None}])
def test_an_aggregate_that_fails_costs_no_result(aggregate: Any) -> None:
    def metric(example: Any, prediction: Any, trace: Any = None) -> float:
        return 0.5

    metric.aggregate = aggregate  # type: ignore[attr-defined]
    with pytest.warns(UserWarning, match="metric metric: its aggregate failed"):
        result = evaluated("yes", metric=metric)
    assert (result.score, result.aggregated) == (50.0, {})


def test_callbacks_are_told_of_an_evaluation_with_what_the_call_said_about_it() -> None:
    told: list[Any] = []

    class Recorder(burnish.BaseCallback):
        def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            told.append((len(inputs["devset"]), inputs["callback_metadata"]))

        def on_evaluate_end(self, call_id: str, outputs: Any, exception: Exception | None = None) -> None:
            told.append(outputs.score)

    evaluate = Evaluate(devset=rows("yes"), metric=right)
    with burnish.context(callbacks=[Recorder()]):
        evaluate(Says(), callback_metadata={"phase": "test"})
        evaluate(Says())
    assert told == [(1, {"phase": "test"}), 100.0, (1, None), 100.0]
