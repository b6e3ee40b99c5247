"""Saved programs as they are shown, and how two of them differ, whatever text stands in them."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from burnish import LM, Example, InputField, OutputField, Predict, Signature
from burnish.errors import StateError
from burnish.modules import state
from burnish.report import show
from burnish.report.program_diff import ProgramDiff, compare
from burnish.testing import ScriptedLM, toy

CASES = Path(__file__).parents[2] / "cases" / "dspy"


def printed(renderable: Any) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


def program() -> toy.Chain:
    made = toy.Chain()
    made.find.demos = [Example(text=f"[/b] [red]number {n}[/red] " + "x" * 400, thing="é") for n in range(6)]
    made.classify.lm = ScriptedLM([], model="a/b")
    return made


def test_a_saved_program_shows_instructions_and_some_demos() -> None:
    text = printed(show.program(program().dump_state(), demos=2))
    for part in ("find", "classify", "6 demos:", "0 demos", "[/b] [red]number 1[/red]", "… and 4 more", "a/b"):
        assert part in text
    assert "number 2" not in text
    assert "x" * 301 not in text.replace("\n", "")


def test_a_lone_predictor_is_shown() -> None:
    assert "0 demos" in printed(show.program(toy.Classifier().classify.dump_state()))


@pytest.mark.parametrize("state", [{"name": "package", "version": "1"}, {"a": {"b": 1}}, {"scores": [1, 2]}])
def test_another_file_is_no_program(state: dict[str, Any]) -> None:
    with pytest.raises(StateError, match="no saved program"):
        show.program(state)


class Sort(Signature):
    """Sort it."""

    ticket: str = InputField(desc="what was written")
    urgency: int | None = OutputField(desc="[b]3 is worst[/b]")


def test_fields_are_shown_with_side_type_and_description() -> None:
    predictor = Predict(Sort)
    predictor.lm = LM("openai/x", temperature=0.5, max_tokens=9)
    for meta in (False, True):
        text = printed(show.program(predictor.dump_state(save_field_meta=meta)))
        assert "in   ticket   str         what was written" in text
        assert "out  urgency  int | None  [b]3 is worst[/b]" in text
        assert "openai/x · temperature 0.5 · max_tokens 9" in text
        assert "Saved by Burnish" in text


def test_long_texts_are_folded_unless_all_of_them_is_asked_for() -> None:
    made = program()
    made.find.signature = made.find.signature.with_instructions("long " * 1000)
    saved = made.dump_state()
    folded, full = printed(show.program(saved)), printed(show.program(saved, full=True))
    assert "… (+2,000 characters)" in folded
    assert "… and 2 more" in folded
    assert full.count("long") == 1000
    assert "number 5" in full
    assert full.count("x") > 6 * 400
    assert "…" not in full


@pytest.mark.parametrize("path", sorted(CASES.glob("*.json")), ids=lambda path: path.stem)
def test_files_of_dspy_are_shown_without_their_keys(path: Path) -> None:
    text = printed(show.program(state.read(path)))
    assert "marker" not in text
    assert "demo" in text
    version = path.stem.partition("-")[2]
    if version != "2.5.2":  # which does not say who wrote it
        assert f"Saved by DSPy {version}." in text
    if version > "2.6":
        assert "openai/gpt-4o-mini · temperature 0.7 · max_tokens 300" in text


@pytest.mark.parametrize(
    "broken",
    [
        {"a": {"demos": 3, "signature": {"instructions": "x", "fields": []}}},
        {"a": {"demos": [3], "signature": {"instructions": "x", "fields": []}}},
        {"a": {"demos": [], "signature": {"instructions": "x", "fields": [1]}}},
        {"a": {"demos": [], "signature": 3}},
        {},
    ],
)
def test_a_broken_file_is_no_program(broken: dict[str, Any]) -> None:
    with pytest.raises(StateError, match="no saved program"):
        show.program(broken)


# Differences


def changed(**changes: Any) -> ProgramDiff:
    """What differs once the second of two equal programs is changed."""
    first, second = program(), program()
    for name, change in changes.items():
        change(getattr(second, name))
    return compare(first.dump_state(), second.dump_state())


def test_equal_programs_are_the_same_whatever_version_wrote_them() -> None:
    first, second = program().dump_state(), program().dump_state(save_field_meta=True)
    second["burnish"]["version"] = "0.0.0"
    found = compare(first, second)
    assert found.same
    assert found.to_dict() == {"same": True, "only_first": [], "only_second": [], "predictors": {}, "parts": {}}
    assert "are the same" in printed(show.difference(found))


def test_changed_instructions_are_a_diff_of_lines() -> None:
    first, second = Predict(Sort), Predict(Sort)
    first.signature = Sort.with_instructions("one\ntwo\n[red]three[/red]\nfour")
    second.signature = Sort.with_instructions("one\n2\n[red]three[/red]\nfour")
    found = compare(first.dump_state(), second.dump_state())
    (one,) = found.predictors.values()
    assert one.instructions_diff() == ["@@ -1,4 +1,4 @@", " one", "-two", "+2", " [red]three[/red]", " four"]
    assert set(one.to_dict()) == {"instructions"}
    text = printed(show.difference(found))
    for line in ("-two", "+2", " [red]three[/red]"):
        assert line in text


def test_demos_are_compared_by_content() -> None:
    other = Example(thing="new", text="t")

    def replaced(predictor: Any) -> None:
        predictor.demos = [*predictor.demos[1:], other, other]

    (one,) = changed(find=replaced).predictors.values()
    assert [demo["thing"] for demo in one.removed] == ["é"]
    assert one.added == [{"thing": "new", "text": "t"}] * 2
    assert not one.reordered
    text = printed(show.difference(changed(find=replaced)))
    assert "Demos: 1 removed, 2 added" in text
    assert "- text:" in text
    assert "+ thing: new" in text


def test_an_order_that_changed_is_told_and_one_more_of_the_same_is_an_addition() -> None:
    (turned,) = changed(find=lambda predictor: predictor.demos.reverse()).predictors.values()
    assert (turned.removed, turned.added, turned.reordered) == ([], [], True)
    (twice,) = changed(find=lambda predictor: predictor.demos.append(predictor.demos[0])).predictors.values()
    assert (len(twice.removed), len(twice.added), twice.reordered) == (0, 1, False)
    assert "another order" in printed(show.difference(changed(find=lambda predictor: predictor.demos.reverse())))


def test_fields_and_settings_of_the_model_are_compared() -> None:
    first, second = Predict(Sort), Predict(Sort)
    first.lm, second.lm = LM("openai/x", temperature=0.5), LM("openai/y", max_tokens=9)
    second.signature = Sort.with_updated_fields("urgency", str, desc="in words")
    (one,) = compare(first.dump_state(), second.dump_state()).predictors.values()
    assert [tuple(change) for change in one.fields] == [
        ("urgency", "type", "int | None", "str"),
        ("urgency", "description", "[b]3 is worst[/b]", "in words"),
    ]
    assert one.lm == {"model": ("openai/x", "openai/y"), "temperature": (0.5, None), "max_tokens": (None, 9)}
    text = printed(show.difference(compare(first.dump_state(), second.dump_state())))
    for line in (
        'Field urgency: type "int | None" → "str"',
        'LM: model "openai/x" → "openai/y"',
        "LM: max_tokens (none) → 9",
    ):
        assert line in text
    (fewer,) = compare(Predict(Sort).dump_state(), Predict(Sort.delete("ticket")).dump_state()).predictors.values()
    assert fewer.fields[-1] == ("urgency", "field", "Urgency:", None)


def test_predictors_of_one_alone_and_what_parts_keep() -> None:
    first = program().dump_state()
    second = copy.deepcopy(first)
    second["other"] = second.pop("find")
    first["burnish"]["parts"] = {"self": {"kind": "NearestDemos", "k": 3}}
    second["burnish"]["parts"] = {"self": {"kind": "NearestDemos", "k": 5}}
    found = compare(first, second)
    assert (found.only_first, found.only_second, found.parts) == (["find"], ["other"], {"self": {"k": (3, 5)}})
    text = printed(show.difference(found))
    for line in ("- predictor find", "+ predictor other", "self: k: 3 → 5"):
        assert line in text


def test_files_of_other_versions_of_dspy_are_compared() -> None:
    states = [state.read(CASES / f"several-{version}.json") for version in ("2.6.27", "3.0.4", "3.4.1")]
    assert compare(states[0], states[1]).same
    newer = compare(states[1], states[2])
    # The title of the reasoning is all that changed between them.
    assert [tuple(change)[:2] for one in newer.predictors.values() for change in one.fields] == [
        ("reasoning", "prefix")
    ]
    assert list(newer.predictors) == ["steps[1].predict"]
    # A file that says nothing of its fields differs in nothing from one that does.
    old = compare(state.read(CASES / "lone-2.5.2.json"), state.read(CASES / "lone-2.5.43.json"))
    assert old.same
