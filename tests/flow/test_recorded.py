"""Demos from logs: a compile that makes not one LM call, and whose program is better for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import BootstrapFewShot, TraceLog, TraceTable
from burnish.errors import ConfigError
from burnish.testing import ScriptedLM, serving, toy

ROWS = toy.trainset()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What a well-tuned program did yesterday, its answers scored."""
    path = tmp_path / "log.jsonl"
    tuned = BootstrapFewShot(toy.metric, max_bootstrapped_demos=0, max_labeled_demos=24)
    with burnish.context(lm=toy.lm()):
        program = tuned.compile(toy.Chain(), trainset=ROWS)
        with burnish.context(trace_log=TraceLog(path)):
            burnish.Evaluate(devset=ROWS, metric=toy.metric)(program)
    return path


def test_demos_come_from_a_log_without_one_call(log: Path) -> None:
    model = toy.lm()
    optimizer = BootstrapFewShot(toy.metric, traces=log, max_bootstrapped_demos=8, max_labeled_demos=8)
    assert optimizer.estimate(toy.Chain(), ROWS).calls == (0, 0)
    program = optimizer.compile(toy.Chain(), trainset=ROWS)
    assert program.report.total.calls == 0
    assert {name: len(p.demos) for name, p in program.named_predictors()} == {"find": 8, "classify": 8}
    assert all(demo.augmented for demo in program.find.demos)
    evaluate = burnish.Evaluate(devset=toy.valset(), metric=toy.metric)
    with burnish.context(lm=model):
        assert evaluate(program).score > evaluate(toy.Chain()).score


def test_a_table_does_as_well_as_a_path_and_the_same_log_gives_the_same_demos(log: Path) -> None:
    programs = [
        BootstrapFewShot(traces=traces, max_bootstrapped_demos=4, max_labeled_demos=0).compile(
            toy.Chain(), trainset=ROWS
        )
        for traces in (log, str(log), TraceTable.scan(log, min_score=1))
    ]
    first = programs[0].dump_state()
    assert all(program.dump_state() == first for program in programs)


def test_demos_that_show_a_training_example_are_traced_back_to_it(log: Path) -> None:
    optimizer = BootstrapFewShot(traces=log, max_bootstrapped_demos=24, max_labeled_demos=24)
    program = optimizer.compile(toy.Chain(), trainset=ROWS)
    shown = [demo.text for demo in program.find.demos]
    assert len(set(shown)) == len(shown) == 24


def test_openai_logs_of_a_real_server_become_demos_of_the_predictor_with_those_fields(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    with serving(answer="toy") as server, burnish.context(lm=server.lm()):
        lm = server.lm()
        program = toy.Classifier()
        with path.open("w", encoding="utf-8") as file:
            for row in ROWS:
                seen = program(text=row.text)
                turn = burnish.ChatAdapter().render(program.classify.signature, {"text": row.text})
                reply = burnish.ChatAdapter().format_reply(program.classify.signature, seen)
                line = {
                    "request": {"model": lm.model, "messages": turn},
                    "response": {"choices": [{"message": {"role": "assistant", "content": reply}}]},
                }
                file.write(json.dumps({**line, "score": float(seen.kind == row.kind)}) + "\n")
    made = BootstrapFewShot(traces=path, max_bootstrapped_demos=3).compile(toy.Classifier(), trainset=ROWS)
    good = [demo for demo in made.classify.demos if demo.get("augmented")]
    assert good
    assert all(any(row.text == demo.text and row.kind == demo.kind for row in ROWS) for demo in good)


def test_bare_turns_go_to_whom_the_log_names_and_to_all_only_where_it_names_nobody(tmp_path: Path) -> None:
    class Two(burnish.Module):
        def __init__(self) -> None:
            self.translate = burnish.Predict("sentence -> translation")
            self.shorten = burnish.Predict("text -> summary")

    def line(said: str, **name: str) -> str:
        return json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"in {said}"},
                    {"role": "assistant", "content": f"out {said}"},
                ],
                **name,
            }
        )

    path = tmp_path / "log.jsonl"
    path.write_text(
        "\n".join([line("one", predictor="translate"), line("two", predictor="shorten"), line("three")]),
        encoding="utf-8",
    )
    row = burnish.Example(sentence="a", translation="b", text="c", summary="d").with_inputs("sentence", "text")
    program = BootstrapFewShot(traces=path, max_labeled_demos=0).compile(Two(), trainset=[row])
    assert sorted(demo.translation for demo in program.translate.demos) == ["out one", "out three"]
    assert sorted(demo.summary for demo in program.shorten.demos) == ["out three", "out two"]


def test_outputs_become_what_the_signature_says_and_others_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    calls = [
        {"predictor": "self", "inputs": {"x": f"{number} is the text", "more": 1}, "outputs": {"y": y}}
        for number, y in enumerate(("7", 8, "nine", None, {"a": "b"}))
    ]
    path.write_text("\n".join(map(json.dumps, calls)), encoding="utf-8")
    row = burnish.Example(x="a", y=1).with_inputs("x")
    program = BootstrapFewShot(traces=path, max_labeled_demos=0).compile(burnish.Predict("x -> y: int"), trainset=[row])
    assert sorted(demo.y for demo in program.demos) == [7, 8]
    assert all(set(demo.keys()) == {"augmented", "x", "y"} for demo in program.demos)


def test_mistakes_are_errors_that_say_what_to_do(log: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is run: leave teacher_settings"):
        BootstrapFewShot(traces=log, teacher_settings={"lm": toy.lm()})
    with pytest.raises(ConfigError, match="makes no use of traces"):
        burnish.BootstrapRS(toy.metric, traces=log)
    with pytest.raises(ConfigError, match=r"none has a predictor's name and fields.*'self' \(a -> b\)"):
        BootstrapFewShot(traces=log).compile(
            burnish.Predict("a -> b"), trainset=[burnish.Example(a=1, b=2).with_inputs("a")]
        )
    with pytest.raises(ConfigError, match="at least 2"):
        BootstrapFewShot(traces=log, metric_threshold=2).compile(toy.Chain(), trainset=ROWS)
    with pytest.raises(ConfigError, match=r"none\.jsonl"):
        BootstrapFewShot(traces=tmp_path / "none.jsonl").compile(toy.Chain(), trainset=ROWS)
    with pytest.raises(ConfigError, match="traces=7"):
        BootstrapFewShot(traces=7)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="makes no use of teacher"):
        BootstrapFewShot(traces=log).compile(toy.Chain(), trainset=ROWS, teacher=toy.Chain())


def test_a_used_up_model_is_no_hindrance(log: Path) -> None:
    with burnish.context(lm=ScriptedLM([])):
        program: Any = BootstrapFewShot(traces=log).compile(toy.Chain(), trainset=ROWS)
    assert program.find.demos
