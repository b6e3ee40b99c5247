"""`Evaluate`: a score with what was not measured beside it; rows are saved before anything is shown."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

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


def test_a_model_that_judges_is_on_the_bill() -> None:
    judge = burnish.Predict("answer -> good: bool")

    async def asks(example: Any, prediction: Any, trace: Any = None) -> bool:
        return bool((await judge.acall(answer=prediction.answer)).good)

    with burnish.context(lm=ScriptedLM(lambda request: {"good": "yes"})):
        result = evaluated("a", "b", "c", metric=asks)
    assert (result.score, result.usage.calls) == (100.0, 3)
