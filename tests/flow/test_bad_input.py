"""Bad input ends before the first call, in an error that says what is wrong with which value, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import (
    BootstrapFewShot,
    BootstrapRS,
    Budget,
    ConfigError,
    Evaluate,
    Example,
    LabeledFewShot,
    Module,
    Predict,
    Prediction,
    StateError,
    context,
)
from burnish.testing import toy
from tests.support.gauge import GaugedLM
from tests.unit.plugins.installed import install, run_python

UNMARKED = [Example(text="There was a heron.", kind="bird")]
CONTRACT = "A metric is `def metric(example, prediction, trace=None)` and returns a bool, a number or burnish.Score"


@pytest.fixture
def refuses():
    """Calls something with an LM set, and wants an error with these phrases and not a single call."""
    lm = GaugedLM()

    def check(
        action: Callable[[], Any], *phrases: str, error: type[Exception] = ConfigError, lm_set: bool = True
    ) -> None:
        with context(lm=lm if lm_set else None), pytest.raises(error) as caught:
            action()
        assert type(caught.value) is error
        said = str(caught.value)
        for phrase in phrases:
            assert phrase in said
        # A tired person reads a sentence, not a page.
        assert len(said) < 900
        assert lm.calls == 0

    return check


def search(metric: Any = toy.metric, **options: Any) -> BootstrapRS:
    return BootstrapRS(metric, progress=False, num_candidate_programs=2, **options)


def compiled(optimizer: Any = None, student: Any = None, **arguments: Any) -> Any:
    optimizer = optimizer or search()
    return optimizer.compile(student or toy.Classifier(), **{"trainset": toy.trainset(), **arguments})


def evaluated(program: Any = None, **arguments: Any) -> Any:
    given = {"devset": toy.valset(), "metric": toy.metric, **arguments}
    return Evaluate(**given)(program or toy.Classifier())


@pytest.mark.parametrize("action", [compiled, evaluated, lambda: toy.Classifier()(text="a heron")])
def test_no_lm(refuses, action) -> None:
    refuses(
        action,
        "No LM is set",
        'burnish.configure(lm=burnish.LM("offline/icl"))',
        "program.set_lm(...)",
        lm_set=False,
    )


def test_what_asks_nobody_needs_no_lm() -> None:
    assert len(compiled(LabeledFewShot(k=3)).classify.demos) == 3


@pytest.mark.parametrize(
    ("arguments", "phrases"),
    [
        ({"trainset": []}, ["trainset is empty", "Give at least one Example"]),
        ({"valset": []}, ["valset is empty", "Give at least one Example"]),
        ({"trainset": None}, ["trainset=None", "give a list of burnish.Example"]),
        (
            {"trainset": "data.jsonl"},
            ["trainset='data.jsonl'", "give a list of burnish.Example", "burnish.datasets reads files"],
        ),
        ({"trainset": [{"text": "a"}]}, ["trainset[0] is dict", "Example(**row).with_inputs("]),
        ({"trainset": UNMARKED}, ["trainset[0]", ".with_inputs('text')", "its fields are text, kind"]),
        ({"valset": UNMARKED}, ["valset[0]", ".with_inputs('text')"]),
        (
            {"trainset": [Example(question="a heron", kind="bird").with_inputs("question")]},
            ["trainset[0] has the inputs question", "Classifier takes (text", ".with_inputs(...)"],
        ),
        ({"restrict": [99]}, ["restrict=[99] leaves no candidate of -3…1"]),
        ({"restrict": []}, ["restrict=[] leaves no candidate"]),
        ({"restric": [1]}, ["has no option 'restric'", "Did you mean restrict?", "labeled_sample, restrict"]),
        ({"teacher": toy.Chain()}, ["The teacher has no text in predictor 'classify'", "of the same structure"]),
        ({"student": toy.Chain(), "teacher": toy.Classifier()}, ["The teacher has no predictor 'find'"]),
        ({"teacher": "openai/gpt-4o"}, ["The teacher is 'openai/gpt-4o' (str)", "Pass the program object"]),
        ({"student": toy.Classifier}, ["The program to compile is", "not a burnish.Module", "MyProgram()"]),
        ({"student": burnish.LM("offline/icl")}, ["LM('offline/icl')", "not a burnish.Module"]),
    ],
    ids=lambda value: re.sub(r" at 0x\w+", "", str(value)),
)
def test_arguments_of_compile(refuses, arguments: dict[str, Any], phrases: list[str]) -> None:
    refuses(lambda: compiled(**arguments), *phrases)


@pytest.mark.parametrize(
    ("arguments", "phrases"),
    [
        ({"devset": []}, ["devset is empty", "Give at least one Example"]),
        ({"devset": None}, ["devset=None", "give a list of burnish.Example"]),
        ({"devset": [{"text": "a"}]}, ["devset[0] is dict"]),
        ({"devset": UNMARKED}, ["devset[0]", ".with_inputs('text')"]),
        ({"metric": None}, ["Evaluate has no metric", "Give Evaluate(metric=...)"]),
        ({"program": "program.json"}, ["The program to evaluate is 'program.json' (str)"]),
        ({"num_threads": 0}, ["num_threads=0", "whole number of at least 1"]),
    ],
    ids=lambda value: re.sub(r" at 0x\w+", "", str(value)),
)
def test_arguments_of_evaluate(refuses, arguments: dict[str, Any], phrases: list[str]) -> None:
    refuses(lambda: evaluated(**arguments), *phrases)


class WithoutPredictors(Module):
    def forward(self, text: str) -> Prediction:
        return Prediction(kind="bird")


class WithoutForward(Module):
    def __init__(self) -> None:
        self.classify = Predict("text -> kind")


class AsyncForward(WithoutForward):
    async def forward(self, text: str) -> Any:
        return await self.classify.acall(text=text)


def test_programs_that_cannot_be_compiled(refuses) -> None:
    refuses(
        lambda: compiled(student=WithoutPredictors()), "WithoutPredictors has no predictor to tune", "self.answer ="
    )
    refuses(
        lambda: compiled(student=WithoutForward()), "WithoutForward has neither forward nor aforward", "Define `def"
    )
    refuses(lambda: evaluated(WithoutForward()), "WithoutForward has neither forward nor aforward")
    refuses(lambda: evaluated(AsyncForward()), "AsyncForward.forward is async", "Name it aforward")
    whole = toy.Chain()
    whole.find._compiled = whole.classify._compiled = True
    frozen = Module()
    frozen.part = toy.Classifier()
    frozen.part._compiled = True
    refuses(lambda: compiled(student=frozen), "Module has no predictor to tune", "inside compiled parts")


@pytest.mark.parametrize(
    ("metric", "phrases"),
    [
        (lambda example: True, ["<lambda>(example) cannot be called with three arguments", CONTRACT]),
        (lambda a, b, c, d: True, ["<lambda>(a, b, c, d) cannot be called with three arguments", CONTRACT]),
        (lambda *, gold, pred: True, ["cannot be called with three arguments", CONTRACT]),
        ("accuracy", ["metric='accuracy' cannot be called", CONTRACT]),
        (lambda example, prediction, trace=None: None, ["returned None (NoneType), which is not a score", CONTRACT]),
        (lambda example, prediction, trace=None: "yes", ["returned 'yes' (str), which is not a score", CONTRACT]),
        (lambda example, prediction, trace=None: [True], ["returned [True] (list), which is not a score", CONTRACT]),
        (lambda example, prediction, trace=None: float("nan"), ["score is nan", "finite number", CONTRACT]),
    ],
    ids=["one argument", "four", "named", "no function", "None", "text", "list", "nan"],
)
@pytest.mark.parametrize("use", [compiled, evaluated])
def test_metrics(refuses, use, metric: Any, phrases: list[str]) -> None:
    if use is compiled:
        refuses(lambda: compiled(search(metric)), *phrases)
    else:
        refuses(lambda: evaluated(metric=metric), *phrases)


async def late_text(example: Any, prediction: Any, trace: Any = None) -> str:
    return "good"


def test_an_async_metric_is_probed_too(refuses) -> None:
    refuses(lambda: compiled(search(late_text)), "metric late_text", "returned 'good' (str)")


@pytest.mark.parametrize(
    ("make", "phrases"),
    [
        (lambda: search(num_candidates=4), ["has no option 'num_candidates'", "Did you mean num_candidate_programs?"]),
        (lambda: LabeledFewShot(shots=4), ["LabeledFewShot has no option 'shots'", "Its options: budget, k,"]),
        (lambda: search(None), ["Random search needs a metric", "Give metric=..."]),
        (lambda: search(num_threads=0), ["num_threads=0", "whole number of at least 1"]),
        (lambda: search(num_threads="8"), ["num_threads='8'", "whole number"]),
        (lambda: search(max_errors=-1), ["max_errors=-1", "at least 0"]),
        (lambda: search(seed="nine"), ["seed='nine'", "whole number"]),
        (lambda: search(max_rounds=0), ["max_rounds=0", "at least 1"]),
        (lambda: search(max_bootstrapped_demos=-1), ["max_bootstrapped_demos=-1", "at least 0"]),
        (lambda: LabeledFewShot(k="many"), ["k='many'", "whole number of at least 0"]),
        (lambda: BootstrapFewShot(metric_threshold=0.5), ["metric_threshold is set without a metric", "Give metric="]),
        (lambda: search(teacher_settings={"temperature": 1}), ["no setting 'temperature'", "lm: the LM"]),
        (lambda: search(teacher_settings={"lm": "openai/gpt-4o"}), ["lm='openai/gpt-4o' is a text", "burnish.LM("]),
        (lambda: search(budget=5), ["budget=5", "burnish.Budget(calls=..., dollars=...)"]),
        (lambda: Budget(calls=0), ["Budget(calls=0)", "no room for a single call", "above 0, or leave calls out"]),
        (lambda: Budget(dollars=-1.0), ["Budget(dollars=-1.0)", "above 0"]),
        (lambda: Budget(seconds=float("nan")), ["Budget(seconds=nan)", "above 0"]),
        (lambda: Budget(tokens="1000"), ["Budget(tokens='1000')", "a number"]),
        (lambda: burnish.LM("gpt-4o"), ["'gpt-4o'", "provider/name"]),
        (
            lambda: burnish.configure(lm="openai/gpt-4o"),
            ["lm='openai/gpt-4o' is a text", "burnish.LM('openai/gpt-4o')"],
        ),
        (lambda: burnish.configure(model="gpt-4o"), ["There is no setting 'model'", "lm: the LM that predictors ask"]),
        (lambda: burnish.plugins.lookup("optimizers", "Copro"), ["There is no optimizer 'Copro'", "BootstrapRS"]),
    ],
    ids=lambda value: None if callable(value) else value[0],
)
def test_settings(refuses, make: Callable[[], Any], phrases: list[str]) -> None:

    refuses(make, *phrases)


def test_a_run_directory_of_another_run(refuses, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with context(lm=toy.lm()):
        compiled(search(run_dir=folder))
    own = "Give this run a directory of its own"
    # Within the first run's model, so that only what is named differs.
    lm = toy.lm()
    for differs, optimizer, arguments in [
        ("optimizer", search(run_dir=folder, seed=3), {}),
        ("program, trainset", search(run_dir=folder), {"student": toy.Chain(), "trainset": toy.trainset()[:5]}),
        ("metric", search(lambda e, p, trace=None: True, run_dir=folder), {}),
        ("valset", search(run_dir=folder), {"valset": toy.valset()}),
        ("options", search(run_dir=folder), {"restrict": [-3]}),
    ]:
        with context(lm=lm), pytest.raises(ConfigError) as caught:
            compiled(optimizer, **arguments)
        said = str(caught.value)
        assert f"run_dir={str(folder)!r} holds another run: {differs} differ" in said
        assert own in said
    refuses(lambda: compiled(search(run_dir=folder)), "holds another run: lm differ", own)
    assert lm.requests == []


def test_a_run_directory_that_is_none(refuses, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    refuses(
        lambda: compiled(search(run_dir=file)), f"Cannot use run_dir={str(file)!r}", "File exists", "Give a directory"
    )
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "journal.sqlite").write_text("my diary\n" * 1000)
    refuses(lambda: compiled(search(run_dir=foreign)), "journal.sqlite is not a Burnish journal", error=StateError)
    assert (foreign / "journal.sqlite").read_text() == "my diary\n" * 1000


def state(**changes: Any) -> str:
    whole = toy.Classifier().dump_state()
    whole["classify"].update(changes)
    return json.dumps(whole)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        (None, ["Cannot read the program", "No such file"]),
        (b"\x80\x04\x95pickled\xff", ["Cannot read the program"]),
        (state()[:90], ["is not a saved program: it is not JSON", "program.save('name.json')"]),
        ("[1, 2]", ["is not a saved program", "no JSON object"]),
        ('{"name": "somebody else\'s"}', ["no state for predictor 'classify'", "the state has name"]),
        (json.dumps(toy.Chain().dump_state()), ["no predictor for state 'find'", "The program has classify"]),
        (json.dumps({**json.loads(state()), "burnish": {"format": 99}}), ["format 99", "pip install -U burnish"]),
        (json.dumps({**json.loads(state()), "burnish": {"format": "new"}}), ["format is 'new'"]),
        (state(signature=None), ["'classify' has no signature"]),
        (state(signature={"instructions": "Do.", "fields": []}), ["'classify' has 2 fields (text, kind)", "has 0"]),
        (state(demos=["a demo"]), ["'classify': every demo must be a JSON object"]),
        (state(lm={"temperature": 1}), ["'classify' names no model"]),
    ],
    ids=["missing", "binary", "half", "list", "foreign", "other", "newer", "odd", "bare", "fields", "demos", "lm"],
)
def test_state_files(tmp_path: Path, text: str | bytes | None, phrases: list[str]) -> None:
    path = tmp_path / "program.json"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    program = toy.Classifier()
    program.classify.demos = list(toy.trainset()[:2])
    before = program.dump_state()
    with pytest.raises(StateError) as caught:
        program.load(path)
    said = str(caught.value)
    for phrase in phrases:
        assert phrase in said
    # All or nothing.
    assert program.dump_state() == before


def test_a_plugin_that_raises_at_import_stops_nothing(tmp_path: Path) -> None:
    install(tmp_path, "broken", "import a_module_that_is_not_there")
    script = """
        import burnish
        from burnish.plugins import lookup
        from burnish.testing import toy
        burnish.configure(lm=toy.lm())
        optimizer = lookup("optimizers", "LabeledFewShot")(k=2)
        print(len(optimizer.compile(toy.Classifier(), trainset=toy.trainset()).classify.demos))
    """
    done = run_python(tmp_path, script)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
    assert (
        "Plugin 'broken' (burnish-broken: plugin_broken_module): importing it raised ModuleNotFoundError" in done.stderr
    )
    assert "a_module_that_is_not_there" in done.stderr
    assert done.stderr.count("PluginWarning") == 1


def test_the_command_line_says_the_same_without_a_traceback(tmp_path: Path, monkeypatch, capsys) -> None:
    from burnish.cli import main

    data = tmp_path / "empty.jsonl"
    data.write_text("")
    options = ["--train", str(data), "--metric", "burnish.testing.toy:metric", "--lm", "offline/icl"]
    for arguments, phrase in [
        (["compile", "burnish.testing.toy:Chain"], "Missing option"),
        (["compile", "burnish.testing.toy:Chains", *options], "has no 'Chains'"),
        (["compile", "burnish.testing.toy:Chain", *options], "empty.jsonl"),
        (["show", str(tmp_path / "nothing.json")], "Cannot read the program"),
    ]:
        monkeypatch.setattr("sys.argv", ["burnish", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == 2
        assert phrase in said.err
        assert said.out == ""
