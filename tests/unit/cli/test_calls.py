"""`burnish calls`: from a run directory to figures and a chart."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import burnish
from burnish.cli.commands import commands
from burnish.engine.journal import RunJournal
from burnish.errors import ConfigError
from burnish.testing import toy


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(
        commands, ["calls", *map(str, arguments)], catch_exceptions=False, standalone_mode=False
    )
    if result.exception is not None:
        raise result.exception
    return result.output


def test_a_compile_s_stages_and_its_chart(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    optimizer = burnish.BootstrapRS(toy.metric, num_candidate_programs=1, run_dir=tmp_path / "run", progress=False)
    with burnish.context(lm=toy.lm()):
        report = optimizer.compile(toy.Classifier(), trainset=toy.trainset()).report
    said = run(tmp_path / "run", "--chart", tmp_path / "calls.svg")
    for stage, used in report.usage.items():
        assert f"{stage}: {used.calls} calls in " in said
    assert "Without work: " in said
    assert (tmp_path / "calls.svg").is_file()


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no run"):
        run(tmp_path)
    RunJournal(tmp_path, {}).close()
    with pytest.raises(ConfigError, match="no events of calls"):
        run(tmp_path)
