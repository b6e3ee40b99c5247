"""What a module keeps beside its predictors goes through one hook: into the JSON, beside it, and back all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from burnish import Module, Predict, StateError
from burnish.testing import toy


class Labelled(Module):
    """Keeps a label in the JSON, and its length in a file beside it."""

    keeps_more = True

    def __init__(self, label: str) -> None:
        self.ask = Predict("question -> answer")
        self.label = label

    def own_state(self) -> dict[str, Any]:
        return {"kind": "Labelled", "label": self.label}

    def save_beside(self, stem: Path) -> None:
        Path(f"{stem}.length").write_text(str(len(self.label)))

    def read_own_state(self, saved: Mapping[str, Any], stem: Path | None) -> Callable[[], None]:
        label = saved["label"]
        if stem is not None and Path(f"{stem}.length").read_text() != str(len(label)):
            raise StateError("another length")
        return lambda: setattr(self, "label", label)


class Several(Module):
    def __init__(self, *labels: str) -> None:
        self.plain = toy.Classifier()
        self.parts = [Labelled(label) for label in labels]


def test_each_module_that_keeps_more_gets_its_own_back(tmp_path: Path) -> None:
    Several("one", "three").save(tmp_path / "a.b.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.b.json", "a.b.json.1.length", "a.b.length"]
    loaded = Several("", "")
    loaded.load(tmp_path / "a.b.json")
    assert [part.label for part in loaded.parts] == ["one", "three"]
    again = Several("", "")
    again.load_state(Several("one", "three").dump_state())
    assert [part.label for part in again.parts] == ["one", "three"]


def test_one_part_that_cannot_be_taken_over_leaves_all_as_they_were(tmp_path: Path) -> None:
    saved = Several("one", "three")
    saved.plain.classify.demos = toy.trainset()[:1]
    saved.save(tmp_path / "x.json")
    (tmp_path / "x.json.1.length").write_text("17")
    loaded = Several("a", "b")
    with pytest.raises(StateError, match="another length"):
        loaded.load(tmp_path / "x.json")
    assert [part.label for part in loaded.parts] == ["a", "b"]
    assert loaded.plain.classify.demos == []


def test_a_program_of_other_parts_is_named() -> None:
    state = Several("one").dump_state()
    assert list(state["burnish"]["parts"]) == ["parts[0]"]
    del state["burnish"]["parts"]["parts[0]"]
    with pytest.raises(StateError, match=r"without a Labelled at 'parts\[0\]'"):
        Several("").load_state(state)
    state["burnish"]["parts"] = {"plain": {"kind": "Labelled"}, **Several("one").dump_state()["burnish"]["parts"]}
    with pytest.raises(StateError, match="a Labelled at 'plain', and this one has none there"):
        Several("").load_state(state)
    state["burnish"]["parts"] = ["x"]
    with pytest.raises(StateError, match="no JSON object"):
        Several("").load_state(state)


def test_a_program_that_keeps_no_more_is_saved_in_the_first_format() -> None:
    assert toy.Classifier().dump_state()["burnish"]["format"] == 1
    assert Several("one").dump_state()["burnish"]["format"] == 2
    assert json.dumps(Several("one").dump_state())
