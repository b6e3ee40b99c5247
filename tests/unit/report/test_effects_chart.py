"""The chart of effects: a file of the format that its name asks for, with every slot in it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from burnish import ConfigError, Report
from burnish.cli.commands import commands
from burnish.errors import StateError
from burnish.report.effects_chart import effects_chart
from burnish.testing import toy
from burnish.values.effects import Effects, SlotEffect

EFFECTS = Effects(
    (
        SlotEffect("steps[0].predict", "instructions", 0.5, 0.123, kept=False, stands_out=True),
        SlotEffect("$x_1$", "demos", 0.3, -0.02, kept=False, stands_out=True),
        SlotEffect("other", "demos", 0.1, 0.0, kept=True, stands_out=False),
    ),
    0.06,
    0.04,
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    program = toy.Chain()
    program.report = Report("MIPROv2", [], "as given", None, {}, "finished", 0.0, effects=EFFECTS)
    program.save(tmp_path / "chain.json")
    return tmp_path / "chain.json"


def test_the_file_has_the_asked_format(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    effects_chart(EFFECTS, tmp_path / "new" / "effects.png")
    assert (tmp_path / "new" / "effects.png").read_bytes().startswith(b"\x89PNG")
    effects_chart(EFFECTS, tmp_path / "effects.svg")
    drawn = (tmp_path / "effects.svg").read_text(encoding="utf-8")
    # Text is drawn as outlines, and each is told in a comment.
    told = re.findall(r"<!-- (.*?) -->", drawn)
    assert {"steps[0].predict instructions", "$x_1$ demos", "50%", "+12.3", "-2.0", "other demos"} <= {*told} | {
        one.replace("−", "-") for one in told
    }
    with pytest.raises(ConfigError, match="effects.svg"):
        effects_chart(EFFECTS, tmp_path / "effects.docx")


def test_without_effects_there_is_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no effects to draw"):
        effects_chart(None, tmp_path / "effects.svg")


def test_without_matplotlib_it_says_how_to_get_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'burnish[charts]'")):
        effects_chart(EFFECTS, tmp_path / "effects.svg")


def test_show_tells_and_draws_what_a_saved_program_came_of(saved: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    chart = tmp_path / "effects.svg"
    found = CliRunner().invoke(commands, ["show", str(saved), "--chart", str(chart)], env={"COLUMNS": "160"})
    assert found.exit_code == 0, found.output
    assert "What set the candidates apart" in found.output
    assert "expected +12.3 points over the program's own" in found.output
    assert f"Saved to {chart}" in found.output
    assert chart.read_text(encoding="utf-8").startswith("<?xml")


def test_edited_effects_are_refused(saved: Path) -> None:
    text = saved.read_text(encoding="utf-8").replace('"share": 0.5', '"share": "much"')
    saved.write_text(text, encoding="utf-8")
    found = CliRunner().invoke(commands, ["show", str(saved)])
    assert isinstance(found.exception, StateError)
    assert "slots.0.share" in str(found.exception)


def test_a_program_without_effects_has_no_chart(tmp_path: Path) -> None:
    toy.Chain().save(tmp_path / "plain.json")
    found = CliRunner().invoke(commands, ["show", str(tmp_path / "plain.json"), "--chart", str(tmp_path / "a.svg")])
    assert isinstance(found.exception, ConfigError)
