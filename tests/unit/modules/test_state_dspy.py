"""DSPy's files, from 2.5 on, load; and the newest DSPy loads ours.

The files in `tests/cases/dspy` were written by the DSPy of their name, with `write.py` there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import ChainOfThought, Example, Module, Predict
from burnish.errors import StateError
from burnish.modules import state
from tests.cases.dspy.programs import Place, programs

CASES = Path(__file__).parents[2] / "cases" / "dspy"
VERSIONS = ["2.5.2", "2.5.43", "2.6.27", "3.0.4", "3.4.1"]
NAMES = ["reasoned", "several", "lone", "alone"]


def emptied(name: str) -> Any:
    """The program as its code makes it."""
    program = programs(burnish)[name].reset_copy()
    for predictor in program.predictors():
        if "»" in predictor.signature.instructions:
            predictor.signature = predictor.signature.with_instructions("nothing")
    return program


def demos_of(program: Any) -> dict[str, list[dict[str, Any]]]:
    return {name: [dict(demo.items()) for demo in predictor.demos] for name, predictor in program.named_predictors()}


def files() -> list[Path]:
    return [CASES / f"{name}-{version}.json" for name in NAMES for version in VERSIONS]


@pytest.mark.filterwarnings("ignore:.*not taken from a file:UserWarning")
@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_file_of_each_version_loads_into_the_program_that_it_is_of(path: Path) -> None:
    name = path.stem.partition("-")[0]
    told, loaded = programs(burnish)[name], emptied(name)
    loaded.load(path)
    assert demos_of(loaded) == demos_of(told)
    for place, predictor in loaded.named_predictors():
        signature = predictor.signature
        saved = state.parts_of(state.read(path)).values()
        assert signature.instructions in [part["signature"]["instructions"] for part in saved], place
        if "reasoning" not in signature.fields:
            ours = dict(told.named_predictors())[place].signature
            assert signature.dump_state()["fields"] == ours.dump_state()["fields"]
    if name == "reasoned":
        assert loaded.generate.predict.signature.instructions == "Answer from the context, in one word — »kurz«."
        assert [demo.input_keys for demo in loaded.generate.predict.demos] == [{"context", "question"}] * 2


@pytest.mark.parametrize("version", VERSIONS[2:])
def test_the_model_loads_without_what_is_dspys_own_and_without_its_key(version: str) -> None:
    path = CASES / f"lone-{version}.json"
    loaded = emptied("lone")
    if version == "2.6.27":
        # That one wrote the key into the file.
        assert "marker-of-a-key" in path.read_text(encoding="utf-8")
        with pytest.warns(UserWarning, match="saved with api_key, which is not taken from a file"):
            loaded.load(path)
    else:
        loaded.load(path)
    assert loaded.lm is not None
    assert (loaded.lm.model, loaded.lm.num_retries) == ("openai/gpt-4o-mini", 3)
    assert loaded.lm.params == {"temperature": 0.7, "max_tokens": 300}
    assert loaded.lm._line.endpoint.secrets == {}


def test_pydantic_values_come_back_as_such() -> None:
    loaded = emptied("several")
    loaded.load(CASES / "several-3.4.1.json")
    demo = loaded.describe.demos[0]
    assert isinstance(demo.place.inside, Place)
    assert [type(place) for place in demo.near] == [Place]


def test_what_was_reasoned_under_the_old_name_is_shown_as_reasoning() -> None:
    loaded = emptied("reasoned")
    loaded.load(CASES / "reasoned-2.5.43.json")
    assert loaded.generate.predict.demos[0].reasoning == "as told"
    assert "rationale" not in loaded.generate.predict.demos[0]
    # The template that 2.5 had as its description is no text for a prompt.
    field = loaded.generate.predict.signature.fields["reasoning"]
    assert field.json_schema_extra["desc"] == "the steps that lead to the answer"


def test_a_field_that_is_called_rationale_keeps_its_name() -> None:
    class Old(Module):
        def __init__(self) -> None:
            self.generate = Predict("context, question -> rationale, answer")

    saved = state.read(CASES / "reasoned-2.5.43.json")
    old = Old()
    old.load_state(saved)
    assert old.generate.demos[0].rationale == "as told"
    assert old.generate.signature.fields["rationale"].json_schema_extra["desc"] == "${produce the answer}. We ..."


def test_what_does_not_fit_is_named_as_the_file_has_it() -> None:
    class Other(Module):
        def __init__(self) -> None:
            self.elsewhere = ChainOfThought("context, question -> answer")

    with pytest.raises(
        StateError, match=r"no state for predictor 'elsewhere\.predict'; no predictor for state 'generate'"
    ):
        Other().load(CASES / "reasoned-2.5.2.json")


def test_a_retriever_s_state_is_its_number_of_passages() -> None:
    class Asks(Module):
        def __init__(self) -> None:
            self.retrieve = burnish.Retrieve(k=3)
            self.answer = Predict("context, question -> answer")

    saved = {name: part for name, part in Asks().dump_state().items() if name != "burnish"}
    program = Asks()
    program.load_state({"retrieve": {"k": 7}, **saved})
    assert program.retrieve.k == 7
    for wrong in ({"k": "7"}, {"k": 0}, {"k": 7, "more": 1}):
        with pytest.raises(StateError, match="no predictor for state 'retrieve'"):
            program.load_state({"retrieve": wrong, **saved})
    with pytest.raises(StateError, match="no predictor for state 'find'"):
        program.load_state({"find": {"k": 7}, **saved})


def test_a_compiled_part_which_dspy_does_not_save_is_left_as_it_is() -> None:
    class Around(Module):
        def __init__(self) -> None:
            self.inside = ChainOfThought("question -> answer")
            self.inside._compiled = True
            self.inside.predict.demos = [Example(question="?", answer="!")]
            self.after = Predict("question -> answer")

    lone = json.loads((CASES / "lone-3.4.1.json").read_text(encoding="utf-8"))
    metadata = lone.pop("metadata")
    program = Around()
    program.load_state({"after": lone, "metadata": metadata})
    assert len(program.inside.predict.demos) == len(program.after.demos) == 1
    with pytest.raises(StateError, match="no state for predictor 'after'"):
        Around().load_state({"inside.predict": lone, "metadata": metadata})


# The newest one, where it is installed


@pytest.fixture(scope="module")
def dspy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        # Without these it asks the network for prices, and keeps a cache in the user's home.
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        patch.setenv("DSPY_CACHEDIR", str(tmp_path_factory.mktemp("dspy")))
        yield pytest.importorskip("dspy", reason="DSPy is not installed: `make peers`")


@pytest.mark.parametrize("meta", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_here_loads_there_and_back(dspy: Any, tmp_path: Path, name: str, *, meta: bool) -> None:
    ours = programs(burnish)[name]
    ours.set_lm(burnish.LM("openai/gpt-4o-mini", temperature=0.7, api_key="marker-of-a-key"))
    ours.save(tmp_path / "ours.json", save_field_meta=meta)
    theirs = programs(dspy)[name].reset_copy()
    theirs.load(str(tmp_path / "ours.json"))
    assert [place for place, _ in theirs.named_predictors()] == [place for place, _ in ours.named_predictors()]
    for (place, predictor), (_, own) in zip(theirs.named_predictors(), ours.named_predictors(), strict=True):
        assert predictor.signature.instructions == own.signature.instructions, place
        assert list(predictor.signature.fields) == list(own.signature.fields)
        extras = [field.json_schema_extra for field in predictor.signature.fields.values()]
        told = [field.json_schema_extra for field in own.signature.fields.values()]
        assert [(e["prefix"], e["desc"]) for e in extras] == [(e["prefix"], e["desc"]) for e in told]
        assert json.dumps([as_json(demo) for demo in predictor.demos]) == json.dumps([as_json(d) for d in own.demos])
        assert (predictor.lm.model, predictor.lm.kwargs["temperature"]) == ("openai/gpt-4o-mini", 0.7)
    theirs.save(str(tmp_path / "theirs.json"))
    again = emptied(name)
    again.load(tmp_path / "theirs.json")
    assert again.dump_state() == ours.dump_state()


def as_json(demo: Any) -> Any:
    return {
        key: json.loads(json.dumps(value, default=lambda one: one.model_dump(mode="json")))
        for key, value in demo.items()
    }


def test_a_file_of_a_module_that_keeps_more_loads_there(dspy: Any, tmp_path: Path) -> None:
    class Keeps(Module):
        keeps_more = True

        def __init__(self) -> None:
            self.ask = Predict("question -> answer")
            self.ask.demos = [Example(question="?", answer="!")]

    class Theirs(dspy.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ask = dspy.Predict("question -> answer")

    Keeps().save(tmp_path / "keeps.json")
    theirs = Theirs()
    theirs.load(str(tmp_path / "keeps.json"))
    assert [demo["answer"] for demo in theirs.ask.demos] == ["!"]


def test_a_folder_written_here_has_the_layout_that_is_read_there(dspy: Any, tmp_path: Path) -> None:
    program = ChainOfThought("question -> answer")
    program.save(tmp_path / "whole", save_program=True)
    loaded = dspy.load(str(tmp_path / "whole"), allow_pickle=True)
    assert loaded.dump_state() == program.dump_state()


def test_a_pickled_state_of_theirs_loads(dspy: Any, tmp_path: Path) -> None:
    programs(dspy)["several"].save(str(tmp_path / "state.pkl"))
    loaded = emptied("several")
    loaded.load(str(tmp_path / "state.pkl"), allow_pickle=True)
    assert demos_of(loaded) == demos_of(programs(burnish)["several"])
