"""The chart of calls in flight: a file for each run that has calls, and a word for each that has not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import burnish
from burnish import ConfigError
from burnish.report.flight_chart import draw
from burnish.testing import toy
from tests.unit.report.test_flight import call, done, finished, kept, started, work

pytest.importorskip("matplotlib")

EVENTS = [started(0.0), work(0.0, 2), call(0.0, 1.0), call(0.5, 1.0), done(1.0), done(1.5), finished(2.0)]


@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_same_run_is_the_same_file(form: str, tmp_path: Path) -> None:
    place = draw(EVENTS, tmp_path / f"calls.{form}")
    assert place.stat().st_size > 1000
    assert place.read_bytes() == draw(EVENTS, tmp_path / f"again.{form}").read_bytes()


def test_it_says_how_busy_each_stage_was(tmp_path: Path) -> None:
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none"}):
        text = draw(EVENTS, tmp_path / "calls.svg").read_text(encoding="utf-8")
    for part in ("score: 2 calls, 80% busy", "limit: 2", "calls in flight", "seconds"):
        assert part in text


def test_a_run_directory_is_enough(tmp_path: Path) -> None:
    optimizer = burnish.BootstrapFewShot(toy.metric, run_dir=tmp_path / "run", progress=False)
    with burnish.context(lm=toy.lm()):
        optimizer.compile(toy.Classifier(), trainset=toy.trainset())
    assert draw(tmp_path / "run", tmp_path / "calls.svg").is_file()


@pytest.mark.parametrize("events", [[], [started(0.0), work(0.0, 1), kept(1.0), done(1.0)]])
def test_a_run_without_a_call_has_no_chart(events: list[dict[str, object]], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no call"):
        draw(events, tmp_path / "calls.svg")


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no run"):
        draw(tmp_path, tmp_path / "calls.svg")


@pytest.mark.parametrize("place", ["calls.nonsense", "calls", "file/calls.svg"])
def test_a_file_that_cannot_be_written_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="Cannot write the chart"):
        draw(EVENTS, tmp_path / place)


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"pip install 'burnish\[charts\]'"):
        draw(EVENTS, tmp_path / "calls.svg")
