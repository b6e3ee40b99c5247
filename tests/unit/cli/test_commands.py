"""The command line on files of one's own: what it prints, writes and says when something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import burnish
from burnish import cli
from burnish.cli.commands import commands
from burnish.plugins import manager
from burnish.testing import ScriptedLM, toy
from burnish.testing.server import serving

PROGRAM = """
from burnish import Module, NearestDemos, Predict, Example
import beside

class Kinds(Module):
    def __init__(self):
        self.classify = Predict("text -> kind")
        self.calls = 0
    async def aforward(self, text):
        return await self.classify.acall(text=text)

class Needs(Module):
    def __init__(self, argument):
        pass

made = Kinds()
nearest = NearestDemos(Kinds())
not_a_program = 3

def same(example, prediction, trace=None):
    return example.kind == prediction.kind

def wrong(example):
    return True
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a user's own, in which the commands run."""
    (tmp_path / "tuned_program.py").write_text(PROGRAM)
    (tmp_path / "beside.py").write_text("")
    for name, rows in (("train", toy.trainset()), ("val", toy.valset())):
        lines = [json.dumps({"text": row.text, "kind": row.kind}) for row in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for module in ("tuned_program", "beside"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return tmp_path


COMPILE = ["compile", "tuned_program.py:Kinds", "--train", "train.jsonl", "--metric", "tuned_program.py:same"]
COMPILE += ["--lm", "offline/icl"]
EVALUATE = ["evaluate", "tuned_program.py:Kinds", "--data", "val.jsonl", "--metric", "tuned_program.py:same"]
EVALUATE += ["--lm", "offline/icl"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments, catch_exceptions=False)


def refused(capsys: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """What the whole command says and with which status it ends, where it is refused."""
    monkeypatch.setattr(sys, "argv", ["burnish", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return int(ended.value.code or 0), said.err


def test_compile_then_evaluate_then_show(folder: Path) -> None:
    result = run(
        *COMPILE, "--val", "val.jsonl", "--test", "val.jsonl", "--option", "num_candidate_programs=2",
        "--out", "deep/program.json", "--run-dir", "run", "--budget-calls", "500", "--seed", "3",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for part in ("Estimate: ", "Candidates", "What it cost", "Saved to deep/program.json", "Test before: ", "Gain: "):
        assert part in result.output
    assert (folder / "run" / "journal.sqlite").exists()
    after = next(line for line in result.output.splitlines() if line.startswith("Test after:"))
    again = run(*EVALUATE, "--load", "deep/program.json", "--save-as-json", "rows.json", "--save-as-csv", "rows.csv")
    assert again.output.split(";")[0] in after
    assert len(json.loads((folder / "rows.json").read_text())) == 12
    assert (folder / "rows.csv").exists()
    shown = run("show", "deep/program.json", "--demos", "1")
    assert "classify" in shown.output
    assert "demos, " in shown.output
    assert "of them bootstrapped:" in shown.output


def test_nearest_demos_are_compiled_shown_and_loaded_into_a_program_of_their_kind(
    folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--optimizer", "KNNFewShot", "--option", "k=5", "--out", "near.json", "--test", "val.jsonl"]
    result = run(*COMPILE, *options)
    assert result.exit_code == 0, result.output
    assert "Estimate: 24 LM calls" in result.output
    after = next(line for line in result.output.splitlines() if line.startswith("Test after:"))
    shown = " ".join(run("show", "near.json").output.split())
    assert "self: NearestDemos: k 5, " in shown
    assert "embedder offline/hashing, 1 inputs, 24 examples, " in shown
    again = run("evaluate", "tuned_program.py:nearest", *EVALUATE[2:], "--load", "near.json")
    assert again.output.split(";")[0] in after
    status, said = refused(capsys, monkeypatch, *EVALUATE, "--load", "near.json")
    assert status == 2
    assert "burnish.NearestDemos(MyProgram())" in " ".join(said.split())


def test_a_budget_of_money_needs_a_price_and_ends_normally(folder: Path) -> None:
    result = run(*COMPILE, "--budget-calls", "5", "--option", "num_candidate_programs=0")
    assert result.exit_code == 0, result.output
    assert "calls=5" in result.output
    assert "Saved to compiled.json: the program as given" in result.output.replace("\n", " ")
    assert (folder / "compiled.json").exists()


def test_an_estimate_compiles_nothing(folder: Path) -> None:
    result = run(*COMPILE, "--estimate", "--option", "num_candidate_programs=2")
    assert result.output.startswith("Estimate: 124 to 168 LM calls")
    assert not (folder / "compiled.json").exists()


def test_a_server_of_ones_own_is_asked_by_its_address(folder: Path) -> None:
    with serving() as server:
        answered = run(*EVALUATE[:-2], "--lm", "local/llama", "--api-base", server.url)
        assert answered.exit_code == 0, answered.output
        assert server.count() == 12
        estimate = run(*COMPILE[:-2], "--lm", "local/llama", "--api-base", server.url, "--estimate")
        assert "LM calls" in estimate.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compile", "p.py:P", "--run-dir", "r"], "The same command goes on from here."),
        (["compile", "p.py:P", "--run-dir=r"], "The same command goes on from here."),
        (["compile", "p.py:P"], "Without --run-dir, the same command starts anew"),
        (["evaluate", "p.py:P"], "Interrupted.\n"),
    ],
)
def test_who_interrupts_is_told_what_the_same_command_does(
    arguments: list[str], said: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(**options: Any) -> None:
        raise KeyboardInterrupt

    def ended(status: int) -> None:
        raise SystemExit(status)

    monkeypatch.setattr("burnish.cli.commands.commands", interrupted)
    monkeypatch.setattr("os._exit", ended)
    status, message = refused(capsys, monkeypatch, *arguments)
    assert status == 130
    assert message.startswith("Interrupted.")
    assert said in message


def test_an_object_and_a_registered_metric_may_be_named(folder: Path) -> None:
    rows = [json.dumps({"text": "x", "answer": "bird", "kind": "bird"})]
    (folder / "answers.jsonl").write_text("\n".join(rows))
    program = "from burnish import Predict\nanswer = Predict('text -> answer')\n"
    (folder / "answering_program.py").write_text(program)
    result = run(
        "evaluate", "answering_program.py:answer", "--data", "answers.jsonl", "--metric", "answer_exact_match",
        "--lm", "offline/icl",
    )  # fmt: skip
    assert "(1/1" in result.output
    assert run(*EVALUATE[:1], "tuned_program.py:made", *EVALUATE[2:]).exit_code == 0


PLACES = """
from burnish import Module, Prediction, Score, SemanticF1
from burnish.testing import ScriptedLM

class Says(Module):
    async def aforward(self, question):
        return Prediction(answer=question, response=question, context=[])

class Judge(SemanticF1):
    def __init__(self):
        super().__init__(decompositional=False)
        self.set_lm(ScriptedLM(lambda request: {"reasoning": "r", "recall": 0.5, "precision": 1.0}))

class Needs(SemanticF1):
    def __init__(self, threshold):
        super().__init__(threshold)

strict = Judge()
program = Says()
"""


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("F1", "50.0 ["),
        ("EM", "0.0 ["),
        ("HotPotF1", "50.0 ["),
        ("SemanticF1", "66.7 ["),
        ("places.py:Judge", "66.7 ["),
        ("places.py:strict", "; precision 100.0 ["),
        ("shout", "100.0 ["),
    ],
)
def test_a_metric_is_named_by_a_hook_a_file_or_a_plugin(
    metric: str, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "places.py").write_text(PLACES)
    (folder / "one.jsonl").write_text(json.dumps({"question": "in Rome", "answer": "Rome, Italy", "response": "Rome"}))
    judge = ScriptedLM(lambda request: {"reasoning": "r", "recall": 0.5, "precision": 1.0})
    factories = {**manager._registry().factories["metrics"], "shout": lambda example, prediction, trace=None: True}
    monkeypatch.setitem(manager._registry().factories, "metrics", factories)  # type: ignore[arg-type]
    with burnish.context(lm=judge):
        result = run("evaluate", "places.py:program", "--data", "one.jsonl", "--metric", metric, "--inputs", "question")
    assert said in result.output


def test_inputs_may_be_named(folder: Path) -> None:
    (folder / "other.jsonl").write_text('{"text": "x", "more": "y", "kind": "bird"}')
    assert run(*EVALUATE[:2], "--data", "other.jsonl", *EVALUATE[4:], "--inputs", "text").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compile", "nowhere.py:Kinds", *COMPILE[2:]], "no file 'nowhere.py'"),
        (["compile", "no.such.package:Kinds", *COMPILE[2:]], "Cannot import 'no.such.package'"),
        (["compile", "tuned_program.py", *COMPILE[2:]], "names no object"),
        (["compile", "tuned_program.py:Kindz", *COMPILE[2:]], "has no 'Kindz'"),
        (["compile", "tuned_program.py:not_a_program", *COMPILE[2:]], "not a burnish.Module"),
        (["compile", "tuned_program.py:Needs", *COMPILE[2:]], "argument"),
        ([*COMPILE[:3], "nowhere.jsonl", *COMPILE[4:]], "nowhere.jsonl"),
        ([*COMPILE[:5], "accuracy", *COMPILE[6:]], "no metric 'accuracy'"),
        ([*COMPILE[:5], "accuracy", *COMPILE[6:]], "SemanticF1, answer_exact_match"),
        ([*COMPILE[:5], "accuracy", *COMPILE[6:]], "file.py:function"),
        ([*COMPILE[:5], "SematicF1", *COMPILE[6:]], "'SemanticF1'?"),
        ([*COMPILE[:5], "tuned_program.py:Needs", *COMPILE[6:]], "without arguments"),
        ([*COMPILE[:5], "tuned_program.py:wrong", *COMPILE[6:]], "cannot be called with three arguments"),
        ([*COMPILE, "--optimizer", "BootstrapFewShots"], "BootstrapFewShot"),
        ([*COMPILE, "--option", "num_candidates=3"], "num_candidate_programs"),
        ([*COMPILE, "--option", "seedless"], "name=value"),
        ([*COMPILE, "--budget-usd", "0"], "above 0"),
        ([*COMPILE, "--num-threads", "0"], "num_threads=0"),
        ([*COMPILE, "--inputs", "txt"], "txt"),
        ([*COMPILE, "--out", "program.pkl"], "program.pkl.json"),
        ([*EVALUATE, "--load", "nowhere.json"], "nowhere.json"),
        ([*EVALUATE, "--load", "package.json"], "does not fit"),
        (["show", "nowhere.json"], "nowhere.json"),
        (["show", "package.json"], "package.json: This is no saved program"),
        (["diff", "package.json", "package.json"], "package.json: This is no saved program"),
        (["diff", "nowhere.json", "package.json"], "nowhere.json"),
        (["show", "."], "is a folder"),
        ([*COMPILE[:6], "--lm", "offline"], "offline"),
        ([*COMPILE[:6], "--api-base", "http://127.0.0.1:1/v1"], "needs a model: --lm"),
    ],
)
def test_what_is_wrong_is_one_message_before_anything_is_asked(
    arguments: list[str], said: str, folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "package.json").write_text('{"name": "x", "version": "1"}')
    before = sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")
    status, message = refused(capsys, monkeypatch, *arguments)
    assert status == 2
    assert said in message
    assert sorted(path.name for path in folder.iterdir() if path.name != "__pycache__") == before


@pytest.mark.parametrize("arguments", [["compile"], ["nonsense"], [*COMPILE, "--seed", "x"], ["evaluate", "--what"]])
def test_wrong_usage_is_told_by_click(arguments: list[str], capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    status, message = refused(capsys, monkeypatch, *arguments)
    assert status == 2
    assert "Usage:" in message


def test_a_run_that_stops_ends_with_one(folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "from burnish import Module\nclass Broken(Module):\n    def forward(self, text):\n        raise ValueError('always')\n"
    (folder / "broken_program.py").write_text(broken)
    arguments = ["evaluate", "broken_program.py:Broken", "--data", "train.jsonl", *EVALUATE[4:]]
    status, message = refused(capsys, monkeypatch, *arguments)
    assert status == 1
    assert message.startswith("Stopped: 20 examples in a row")


def test_two_saved_programs_are_compared(folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = toy.Classifier(), toy.Classifier()
    first.save("first.json")
    second.classify.demos = toy.trainset()[:2]
    second.save("second.json")
    same = run("diff", "first.json", "first.json")
    assert (same.exit_code, same.output) == (0, "The programs are the same.\n")
    other = run("diff", "first.json", "second.json")
    assert other.exit_code == 1
    assert "Demos: 0 removed, 2 added" in other.output
    found = json.loads(run("diff", "first.json", "second.json", "--json").output)
    assert found["predictors"]["classify"]["demos"]["added"][0]["kind"] == toy.trainset()[0].kind
    assert json.loads(run("diff", "first.json", "first.json", "--json").output)["same"] is True
    # The whole command ends with the same status.
    monkeypatch.setattr(sys, "argv", ["burnish", "diff", "first.json", "second.json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    capsys.readouterr()


def test_a_saved_program_is_shown_whole(folder: Path) -> None:
    program = toy.Classifier()
    program.classify.demos = [{"text": "§" * 400, "kind": "bird"}] * 6
    program.save("long.json")
    assert "characters)" in run("show", "long.json").output
    whole = run("show", "long.json", "--full").output
    assert whole.count("§") == 6 * 400
    assert "more" not in whole


def test_plugins_are_listed() -> None:
    result = run("plugins")
    assert result.output.startswith("burnish ")
    assert "  optimizers: " in result.output
    assert "BootstrapRS" in result.output


def test_the_module_is_the_command() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "burnish", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "version" in answer.stdout
