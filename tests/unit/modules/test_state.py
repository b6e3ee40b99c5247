"""Saved programs: one readable JSON that gives the same prompts again, or an error and nothing."""

from __future__ import annotations

import copy
import enum
import json
from pathlib import Path
from typing import Any, Literal

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import burnish
from burnish import ChainOfThought, Example, InputField, Module, OutputField, Predict, Signature
from burnish.errors import StateError
from burnish.lm.lm import LM
from burnish.modules import state
from burnish.testing import ScriptedLM, toy


class Colour(enum.Enum):
    """A value that JSON has not."""

    RED = "red"
    BLUE = "blue"


class Place(pydantic.BaseModel):
    """A value with parts."""

    name: str
    at: tuple[float, float] | None = None
    tags: list[str] = []


class Describe(Signature):
    """Describe the place."""

    place: Place = InputField(desc="where")
    text: str = InputField()
    colour: Colour = OutputField()
    near: list[Place] = OutputField()
    counts: dict[str, int] = OutputField()
    size: Literal["small", "large"] | None = OutputField(prefix="How large:")


class Program(Module):
    def __init__(self) -> None:
        self.describe = Predict(Describe)
        self.steps = [ChainOfThought("question -> answer")]


HARBOUR = Place(name="Hafen »Süd«", at=(1.5, 2.0), tags=["a\nb", "c"])
DEMO = Example(
    place=HARBOUR,
    text="Zürich 東京 😀 \u2028 end",
    colour=Colour.BLUE,
    near=[HARBOUR, Place(name="x")],
    counts={"a": 1},
    size=None,
    augmented=True,
).with_inputs("place", "text")


def tuned() -> Program:
    program = Program()
    program.describe.demos = [DEMO, {"text": "only this", "colour": Colour.RED}]
    program.describe.signature = Describe.with_instructions("Describe it well — »gründlich«.")
    program.steps[0].predict.demos = [Example(question="?", reasoning="r", answer="a")]
    program.steps[0].predict.lm = LM("openai/x", temperature=0.5, api_key="marker")
    return program


def prompts(program: Program) -> list[str]:
    """The requests that the program's predictors would send."""
    lm = ScriptedLM(lambda request: "no sections")
    for predictor, inputs in (
        (program.describe, {"place": HARBOUR, "text": "t"}),
        (program.steps[0].predict, {"question": "?"}),
    ):
        with pytest.raises(burnish.ReplyError):
            predictor(lm=lm, **inputs)
    return [request.key for request in lm.requests]


@pytest.mark.parametrize("meta", [False, True])
def test_what_was_saved_asks_the_same(tmp_path: Path, *, meta: bool) -> None:
    program = tuned()
    program.save(tmp_path / "program.json", save_field_meta=meta)
    loaded = Program()
    assert prompts(loaded) != prompts(program)
    loaded.load(tmp_path / "program.json")
    assert prompts(loaded) == prompts(program)
    assert loaded.describe.signature.instructions == "Describe it well — »gründlich«."
    lm = loaded.steps[0].predict.lm
    assert lm is not None
    assert (lm.model, lm.params) == ("openai/x", {"temperature": 0.5})
    assert loaded.dump_state() == program.dump_state()


def test_loaded_demos_know_their_inputs() -> None:
    loaded = Program()
    loaded.load_state(tuned().dump_state())
    assert loaded.describe.demos[0].input_keys == {"place", "text"}
    assert loaded.describe.demos[0].augmented is True


def test_the_file_is_readable_and_holds_no_key(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "program.json"
    tuned().save(path, save_field_meta=True)
    text = path.read_text(encoding="utf-8")
    assert "Zürich 東京 😀" in text
    assert "marker" not in text
    assert len(text.splitlines()) > 20
    saved = json.loads(text)
    assert list(saved) == ["describe", "steps[0].predict", "burnish", "metadata"]
    assert list(saved["burnish"]) == ["format", "version", "fields"]
    assert (saved["burnish"]["format"], saved["burnish"]["version"]) == (1, burnish.__version__)
    assert saved["burnish"]["fields"]["steps[0].predict"] == {
        "inputs": {"question": "str"},
        "outputs": {"reasoning": "str", "answer": "str"},
    }
    assert saved["describe"]["signature"]["fields"][2:4] == [
        {"name": "colour", "field_type": "output", "type": "Colour", "prefix": "Colour:", "description": "${colour}"},
        {
            "name": "near",
            "field_type": "output",
            "type": "list[tests.unit.modules.test_state.Place]",
            "prefix": "Near:",
            "description": "${near}",
        },
    ]


def test_without_field_meta_the_fields_are_as_dspy_has_them() -> None:
    fields = tuned().dump_state()["describe"]["signature"]["fields"]
    assert fields[0] == {"prefix": "Place:", "description": "where"}
    assert fields[-1] == {"prefix": "How large:", "description": "${size}"}


def test_descriptions_and_titles_come_back() -> None:
    saved = tuned().dump_state()
    saved["describe"]["signature"]["fields"][1] = {"prefix": "The text:", "description": "what was written"}
    loaded = Program()
    loaded.load_state(saved)
    extra = loaded.describe.signature.fields["text"].json_schema_extra
    assert (extra["prefix"], extra["desc"]) == ("The text:", "what was written")


def test_lone_surrogates_survive(tmp_path: Path) -> None:
    program = toy.Classifier()
    program.classify.demos = [Example(text="\ud83d broken", kind="bird")]
    program.save(tmp_path / "program.json")
    loaded = toy.Classifier()
    loaded.load(tmp_path / "program.json")
    assert loaded.classify.demos[0].text == "\ud83d broken"


def test_fields_may_have_any_name() -> None:
    program = Predict("base, self_ -> items")
    program.demos = [{"base": "1", "self_": "2", "items": "3"}, {"base": {"a": 1}, "self": "odd", "items": "4"}]
    loaded = Predict("base, self_ -> items")
    loaded.load_state(program.dump_state())
    assert [demo.toDict() for demo in loaded.demos] == program.demos


def test_what_json_has_not_is_named_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    program = toy.Classifier()
    program.save(path)
    before = path.read_bytes()
    program.classify.demos = [Example(text=object(), kind="bird")]
    with pytest.raises(StateError, match="of type object"):
        program.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["program.json"]


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "program.json"
    toy.Classifier().save(path)
    before = path.read_bytes()

    def half(self: Path, text: str, **options: Any) -> int:
        self.write_bytes(text[:20].encode())
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="disk full"):
        toy.Classifier().save(path)
    assert path.read_bytes() == before


def test_only_json_is_written(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"program\.pkl\.json"):
        toy.Classifier().save(tmp_path / "program.pkl")


# Loading is all or nothing


def refused(saved: Any, program: Module | None = None) -> str:
    program = program or tuned()
    before = program.dump_state()
    with pytest.raises(StateError) as caught:
        program.load_state(saved)
    assert program.dump_state() == before
    return str(caught.value)


def changed(path: str, value: Any) -> dict[str, Any]:
    """A good state with one place set to something else, or taken out (...)."""
    saved = copy.deepcopy(tuned().dump_state())
    *way, last = path.split("/")
    place: Any = saved
    for part in way:
        place = place[int(part)] if part.isdigit() else place[part]
    if value is ...:
        del place[int(last) if last.isdigit() else last]
    else:
        place[last] = value
    return saved


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("describe", ..., "no state for predictor 'describe'"),
        ("other", {}, "no predictor for state 'other'"),
        ("burnish", {"format": 3}, "Upgrade"),
        ("describe/signature", ..., "'describe' has no signature"),
        ("describe/signature/fields/0", ..., "has 6 fields"),
        ("describe/signature/fields", None, "describe"),
        ("describe/signature/fields", 3, "describe"),
        ("describe/signature/fields", [1, 2, 3, 4, 5, 6], "describe"),
        ("describe/signature/instructions", 3, "instructions"),
        ("describe/demos", {"a": 1}, "demos"),
        ("describe/demos", [1], "demo"),
        ("describe/demos", None, "demos"),
        ("steps[0].predict/lm", "openai/x", "LM"),
        ("steps[0].predict/lm", {"temperature": 1}, "LM"),
        ("steps[0].predict/lm/num_retries", "many", "LM"),
        ("steps[0].predict/lm/num_retries", -1, "LM"),
        ("steps[0].predict/lm/model", "", "LM"),
    ],
)
def test_what_does_not_fit_is_named_and_changes_nothing(path: str, value: Any, said: str) -> None:
    assert said in refused(changed(path, value))


def test_fields_of_other_names_are_named() -> None:
    saved = tuned().dump_state(save_field_meta=True)
    saved["describe"]["signature"]["fields"][2]["name"] = "paint"
    assert "paint" in refused(saved)
    saved = tuned().dump_state()
    outputs = saved["burnish"]["fields"]["describe"]["outputs"]
    saved["burnish"]["fields"]["describe"]["outputs"] = {"paint": "str", **outputs}
    del saved["burnish"]["fields"]["describe"]["outputs"]["colour"]
    assert "in their places the state has paint" in refused(saved)


def test_sets_are_saved_in_one_order() -> None:
    program = toy.Classifier()
    program.classify.demos = [Example(text={"b", "a", "c"}, kind="bird")]
    assert program.dump_state()["classify"]["demos"][0]["text"] == ["a", "b", "c"]


def test_a_state_of_another_program_names_both() -> None:
    said = refused(toy.Chain().dump_state())
    for name in ("find", "classify", "describe", "steps[0].predict"):
        assert name in said


@pytest.mark.parametrize("saved", [None, [], "text", 3])
def test_what_is_no_state_at_all(saved: Any) -> None:
    assert "JSON object" in refused(saved)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe\x00", b'"text"', b"\x80\x04K\x01."])
def test_files_that_are_no_state(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    program = tuned()
    before = program.dump_state()
    with pytest.raises(StateError, match=r"file\.json"):
        program.load(path)
    assert program.dump_state() == before


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="nowhere"):
        tuned().load(tmp_path / "nowhere.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["model", "fields", "signature", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
GOOD = tuned().dump_state()


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *[place for key, part in items for place in places(part, (*way, key))]]


@pytest.mark.filterwarnings("ignore:Predictor .* which is none of")
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(places(GOOD)[1:]), json_values)
def test_any_json_in_any_place_is_loaded_whole_or_refused_whole(way: tuple[Any, ...], value: Any) -> None:
    saved = copy.deepcopy(GOOD)
    place: Any = saved
    for part in way[:-1]:
        place = place[part]
    place[way[-1]] = value
    program = Program()
    before = program.dump_state()
    try:
        program.load_state(saved)
    except StateError:
        assert program.dump_state() == before
    else:
        assert len(program.describe.demos) == len(saved["describe"]["demos"])


def test_what_is_saved_has_dspys_keys_in_their_places() -> None:
    saved = tuned().dump_state()
    assert set(saved["describe"]) == {"traces", "train", "demos", "signature", "lm"}
    # DSPy looks up its own version of everything named here, and fails on what it does not know.
    assert set(saved["metadata"]["dependency_versions"]) == {"python"}
    lone = Predict("question -> answer").dump_state()
    assert set(lone) == {"traces", "train", "demos", "signature", "lm", "burnish", "metadata"}


def test_a_part_with_the_name_of_a_key_is_a_part() -> None:
    class Odd(Module):
        def __init__(self) -> None:
            self.signature = Predict("question -> answer")
            self.demos = Predict("question -> answer")

    program = Odd()
    program.signature.demos = [Example(question="?", answer="!")]
    loaded = Odd()
    loaded.load_state(program.dump_state())
    assert len(loaded.signature.demos) == 1
    assert loaded.demos.demos == []


def test_reading_without_a_program(tmp_path: Path) -> None:
    tuned().save(tmp_path / "program.json")
    assert list(state.read(tmp_path / "program.json")) == ["describe", "steps[0].predict", "burnish", "metadata"]


def test_an_address_is_not_taken_from_a_file() -> None:
    saved, loaded = Predict("question -> answer"), Predict("question -> answer")
    saved.lm = LM("openai/x", api_base="http://elsewhere/v1")
    with pytest.warns(UserWarning, match=r"http://elsewhere/v1.*not taken from a file.*set_lm"):
        loaded.load_state(saved.dump_state())
    assert loaded.lm is None


def test_an_address_is_taken_from_a_file_by_who_says_so(tmp_path: Path) -> None:
    saved, loaded = Predict("question -> answer"), Predict("question -> answer")
    saved.lm = LM("openai/x", api_base="http://elsewhere/v1", api_key="marker")
    saved.save(tmp_path / "program.json")
    loaded.load(tmp_path / "program.json", allow_unsafe_lm_state=True)
    assert loaded.lm is not None
    assert loaded.lm.dump_state() == saved.lm.dump_state()
    again = Predict("question -> answer")
    again.load_state(saved.dump_state(), allow_unsafe_lm_state=True)
    assert again.lm is not None
    with pytest.warns(UserWarning, match="not taken from a file"):
        loaded.load_state({**saved.dump_state(), "lm": {"model": "openai/x", "base_url": "http://elsewhere/v1"}})


class Nested(Module):
    """Predictors in tuples, lists of tuples and dicts, one of them in three places."""

    def __init__(self) -> None:
        self.pair = (Predict("a -> b"), ChainOfThought("b -> c"))
        self.deep = [({"x": self.pair[0]}, Predict("c -> d"))]
        self.inside = Program()
        self.again = self.inside


@pytest.mark.filterwarnings("ignore:Predictor .* which is none of")
def test_every_predictor_is_saved_once_wherever_it_is_kept() -> None:
    program = Nested()
    for number, predictor in enumerate(program.predictors()):
        predictor.demos = [{next(iter(predictor.signature.output_fields)): f"value {number}"}]
    saved = json.loads(json.dumps(program.dump_state()))
    assert [name for name in saved if name not in ("burnish", "metadata")] == [
        "pair[0]", "pair[1].predict", "deep[0][1]", "inside.describe", "inside.steps[0].predict",
    ]  # fmt: skip
    loaded = Nested()
    loaded.load_state(saved)
    assert loaded.dump_state() == program.dump_state()
    assert loaded.deep[0][0]["x"] is loaded.pair[0]
    assert loaded.pair[0].demos


@pytest.mark.parametrize(
    "part", ["pair[0]", "pair[1].predict", "deep[0][1]", "inside.describe", "inside.steps[0].predict"]
)
def test_one_bad_part_anywhere_leaves_every_part_as_it_was(part: str) -> None:
    saved = Nested().dump_state()
    for name in saved:
        if name not in ("burnish", "metadata"):
            saved[name]["signature"]["instructions"] = "other"
    saved[part]["demos"] = "none"
    assert part in refused(saved, Nested())
