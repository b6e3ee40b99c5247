"""Options as the command line reads them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from burnish.cli.files import load_object, read_options
from burnish.errors import ConfigError


def test_values_are_json_where_they_read_as_such() -> None:
    options = read_options(
        ["a=3", "b=0.5", "c=true", "d=null", "e=text", "i=None", "j=True", 'f={"x": [1]}', "g=a=b", "h="]
    )
    assert options == {
        "a": 3,
        "b": 0.5,
        "c": True,
        "d": None,
        "e": "text",
        "f": {"x": [1]},
        "g": "a=b",
        "h": "",
        "i": None,
        "j": True,
    }


@pytest.mark.parametrize("option", ["alone", ""])
def test_an_option_has_a_value(option: str) -> None:
    with pytest.raises(ConfigError, match="name=value"):
        read_options([option])


def test_a_file_is_loaded_once_for_program_and_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [*sys.path])
    path = tmp_path / "one_file_of_both.py"
    path.write_text("class Kind: pass\ndef made(): return Kind()\n", encoding="utf-8")
    assert isinstance(load_object(f"{path}:made")(), load_object(f"{path}:Kind"))
