"""`burnish traces`: from logs to a file of demos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from burnish.cli.commands import commands
from burnish.errors import ConfigError


def run(*arguments: Any) -> str:
    result = CliRunner().invoke(
        commands, ["traces", *map(str, arguments)], catch_exceptions=False, standalone_mode=False
    )
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    calls = [
        {"predictor": "p", "inputs": {"x": f"{word} text"}, "outputs": {"kind": kind}, "meta": {"rating": rating}}
        for word, kind, rating in (
            ("one", "a", 5),
            ("two", "a", 4),
            ("three", "b", 5),
            ("four", "a", 1),
            ("one", "a", 5),
        )
    ]
    path.write_text("\n".join([*map(json.dumps, calls), "{torn", ""]), encoding="utf-8")
    return path


def test_what_is_picked_is_saved_and_can_be_scanned_again(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "demos.jsonl"
    said = run(
        log, "--score-field", "meta.rating", "--min-score", 4, "--per-predictor", 2, "--stratify", "kind", "--out", out
    )
    assert f"{log}: 4 calls of 6 lines; 1 below the score, 1 malformed (line 6: " in said
    assert "2 calls of 'p'" in said
    saved = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert {line["outputs"]["kind"] for line in saved} == {"a", "b"}
    assert all(line["source"].startswith(f"{log}:") and line["score"] >= 4 for line in saved)
    assert "2 calls of 2 lines" in run(out, "--min-score", 4)


def test_first_come_takes_the_first_and_copies_are_passed_over(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "demos.jsonl"
    run(log, "--first-come", "--keep-near", "--out", out)
    texts = [json.loads(line)["inputs"]["x"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert texts == ["one text", "two text", "three text", "four text"]


def test_mistakes_are_told_in_words(log: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No call was picked"):
        run(log, "--min-score", 1)
    with pytest.raises(ConfigError, match=r"Cannot read the log .*none\.jsonl"):
        run(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match=r"demos\.txt\.jsonl"):
        run(log, "--out", tmp_path / "demos.txt")
    with pytest.raises(ConfigError, match="per_predictor is -1"):
        run(log, "--per-predictor", -1)
    before = log.read_bytes()
    with pytest.raises(ConfigError, match="is one of the logs, and would take its place"):
        run(log, "--out", log)
    with pytest.raises(ConfigError, match="has a number at score='meta.stars'"):
        run(log, "--score-field", "meta.stars")
    assert log.read_bytes() == before
