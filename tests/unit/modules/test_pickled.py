"""Whole programs in a folder: loaded only by who allows it, without credentials, and told where versions differ."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import textwrap
import threading
import types
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import LM, Example, Module, Predict, StateError
from burnish.testing import ScriptedLM, toy


class Keeps(Module):
    """A program with values of its own."""

    def __init__(self) -> None:
        self.ask = burnish.ChainOfThought("question -> answer: int")
        self.steps = (self.ask.predict, Predict("a -> b"))
        self.label = "kept"


def saved(tmp_path: Path, program: Module | None = None) -> Path:
    made = Keeps() if program is None else program
    made.save(tmp_path / "whole", save_program=True)
    return tmp_path / "whole"


def test_a_whole_program_comes_back_with_its_own_values(tmp_path: Path) -> None:
    program = Keeps()
    program.ask.predict.demos = [Example(question="6 × 7?", answer=42).with_inputs("question")]
    folder = saved(tmp_path, program)
    assert sorted(path.name for path in folder.iterdir()) == ["metadata.json", "program.pkl"]
    loaded = burnish.load(folder, allow_pickle=True)
    assert isinstance(loaded, Keeps)
    assert (loaded.label, loaded.dump_state()) == ("kept", program.dump_state())
    assert loaded.steps[0] is loaded.ask.predict
    asked = [{"reasoning": "as taught", "answer": 42}]
    assert loaded.ask(question="6 × 7?", lm=ScriptedLM(asked)).answer == 42


def test_a_compiled_program_comes_back_with_its_report(tmp_path: Path) -> None:
    program = toy.Classifier()
    optimizer = burnish.BootstrapFewShot(metric=toy.metric, max_labeled_demos=4, progress=False)
    with burnish.context(lm=toy.lm()):
        compiled = optimizer.compile(program, trainset=toy.trainset())
    loaded: Any = burnish.load(saved(tmp_path, compiled), allow_pickle=True)
    assert loaded.dump_state() == compiled.dump_state()
    assert loaded._compiled
    assert str(loaded.report) == str(compiled.report)


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import burnish
import pydantic
import beside

class Place(pydantic.BaseModel):
    name: str

class Describe(burnish.Signature):
    '''Describe it.'''
    place: Place = burnish.InputField()
    words: list[str] = burnish.OutputField(desc="three")

class Program(burnish.Module):
    def __init__(self):
        self.describe = burnish.Predict(Describe)
        self.describe.demos = [burnish.Example(place=Place(name="x"), words=["a"])]
    def forward(self, place):
        return beside.shout(self.describe(place=Place(name=place)).words[0])

from burnish.testing import ScriptedLM
program = Program()
# What a call leaves on predictor and signature is no part of it.
with burnish.context(lm=ScriptedLM([{{"words": ["a"]}}])):
    program(place="x")
program.save("whole", save_program=True, modules_to_serialize=[beside])
"""
ELSEWHERE = """
import burnish
from burnish.testing import ScriptedLM
program = burnish.load("whole", allow_pickle=True)
signature = program.describe.signature
print(signature.instructions, signature.signature, signature.fields["words"].json_schema_extra["desc"])
print(program.describe.demos[0].place.name)
program.set_lm(ScriptedLM([{"words": ["hi"]}]))
print(program(place="y"))
"""


def test_classes_of_a_script_and_modules_that_are_named_need_not_be_there_when_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "beside.py").write_text("def shout(text):\n    return text.upper() + '!'\n")
    said = [
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for script in (SCRIPT.format(folder=str(tmp_path / "code")), ELSEWHERE)
    ]
    assert [one.returncode for one in said] == [0, 0], said[0].stderr + said[1].stderr
    assert said[1].stdout.splitlines() == ["Describe it. place -> words three", "x", "HI!"]
    # What an adapter keeps with a signature is made again: pickled, it would tie the file to this very version.
    assert b"_Form" not in (tmp_path / "whole" / "program.pkl").read_bytes()


def test_modules_are_named_for_this_pickle_only(tmp_path: Path) -> None:
    import cloudpickle

    module = types.ModuleType("named_for_once")
    sys.modules[module.__name__] = module
    try:
        Keeps().save(tmp_path / "whole", save_program=True, modules_to_serialize=[module])
    finally:
        del sys.modules[module.__name__]
    assert module.__name__ not in cloudpickle.list_registry_pickle_by_value()


class Runs:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_nothing_runs_without_leave(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (folder / "program.pkl").write_bytes(pickle.dumps(Runs(tmp_path / "mark")))
    with pytest.raises(StateError, match=r"runs whatever code .*allow_pickle=True"):
        burnish.load(folder)
    assert not (tmp_path / "mark").exists()
    with pytest.raises(StateError, match=r"not a burnish\.Module"):
        burnish.load(folder, allow_pickle=True)
    assert (tmp_path / "mark").exists()


def test_no_credential_is_in_the_folder(tmp_path: Path) -> None:
    program = Keeps()
    lm = LM(
        "openai/x",
        api_key="marker-key",
        api_base="https://me:marker-password@models.example/v1?api-key=marker-query",
        extra_headers={"Authorization": "Bearer marker-header"},
        extra_body={"client_secret": "marker-deep"},
        temperature=0.5,
    )
    program.set_lm(lm)
    program.ask.predict.config = {"api_key": "marker-config"}
    lm._line.prepare()
    folder = saved(tmp_path, program)
    for path in folder.iterdir():
        assert b"marker" not in path.read_bytes()
    loaded: Any = burnish.load(folder, allow_pickle=True)
    assert (loaded.get_lm().model, loaded.get_lm().params["temperature"]) == ("openai/x", 0.5)


def test_other_versions_are_told(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    about = json.loads((folder / "metadata.json").read_text())
    assert set(about["dependency_versions"]) == {"python", "cloudpickle"}
    about["dependency_versions"]["python"] = "3.1"
    about["burnish"]["version"] = "9.9"
    (folder / "metadata.json").write_text(json.dumps(about))
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    said = rf"python 3\.1 \(here {here}\), burnish 9\.9 \(here {burnish.__version__}\)"
    with pytest.warns(UserWarning, match=said):
        burnish.load(folder, allow_pickle=True)


def test_what_is_no_whole_program_is_told_apart(tmp_path: Path) -> None:
    Keeps().save(tmp_path / "state.json")
    with pytest.raises(StateError, match=r"program = MyProgram\(\); program\.load\("):
        burnish.load(tmp_path / "state.json")
    with pytest.raises(StateError, match=r"no program\.pkl in it"):
        burnish.load(tmp_path, allow_pickle=True)
    with pytest.raises(StateError, match=r"burnish\.load\('.*whole', allow_pickle=True\)"):
        Keeps().load(saved(tmp_path))
    (tmp_path / "whole" / "program.pkl").write_bytes(b"no pickle")
    with pytest.raises(StateError, match="cannot be unpickled here"):
        burnish.load(tmp_path / "whole", allow_pickle=True)


def test_where_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"folder: write '.*program', without a suffix"):
        Keeps().save(tmp_path / "program.json", save_program=True)
    with pytest.raises(burnish.ConfigError, match="save_program=True"):
        Keeps().save(tmp_path / "program.json", modules_to_serialize=[json])
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_pickled_is_told_and_leaves_the_old_one(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    before = (folder / "program.pkl").read_bytes()
    broken = Keeps()
    broken.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(StateError, match=r"cannot be pickled: .*lock.*program\.save\('name\.json'\)"):
        saved(tmp_path, broken)
    assert (folder / "program.pkl").read_bytes() == before


def test_a_pickled_state_is_read_only_by_who_allows_it(tmp_path: Path) -> None:
    demo = Example(question="?", answer="!")
    state = Predict("question -> answer").dump_state()
    (tmp_path / "state.pkl").write_bytes(pickle.dumps({**state, "demos": [demo]}))
    program = Predict("question -> answer")
    with pytest.raises(StateError, match=r"runs whatever code .*allow_pickle=True"):
        program.load(tmp_path / "state.pkl")
    program.load(tmp_path / "state.pkl", allow_pickle=True)
    assert program.demos == [demo]
    (tmp_path / "other.pkl").write_bytes(pickle.dumps([1]))
    for name, said in (("other.pkl", "holds list"), ("nowhere.pkl", "cannot be unpickled")):
        with pytest.raises(StateError, match=said):
            program.load(tmp_path / name, allow_pickle=True)
    assert program.demos == [demo]
