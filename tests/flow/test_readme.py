"""The README and the guide hold what they show: output, commands on files, the map, what is missing, figures.

That the Python blocks of every page run is held by `tests/rules/test_pages.py`. Here a page's files (a block under a line
that ends with the file's name) are written down and its `burnish` commands run on them, without a network.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import burnish
from tests.rules.source import PACKAGE, ROOT, tracked
from tests.rules.test_pages import README, script
from tests.support.warm import run_warm

COMMAND_PAGES = [README, ROOT / "docs" / "guide" / "command-line.md"]
TITLED = re.compile(r"`([\w.]+)`[^`\n]*:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\d.]*\d)")
NO_NETWORK = """
import socket
def refuse(self, address, connect=socket.socket.connect):
    if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "::1", "localhost")):
        raise AssertionError(f"a page reached for {address}")
    return connect(self, address)
socket.socket.connect = refuse
"""


def run_offline(folder: Path, *arguments: str) -> str:
    """Run Python in a folder without a network; returns what it printed."""
    # A cache of its own: what other tests left in theirs would be asked about.
    cache = str(folder / ".cache")
    done = run_warm(arguments, cwd=folder, first=NO_NETWORK, NO_COLOR="1", BURNISH_CACHE_DIR=cache)
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def section(title: str) -> str:
    """The part of the README under a heading."""
    text = README.read_text(encoding="utf-8")
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


def commands(page: Path) -> list[list[str]]:
    """The `burnish` commands of a page's shell blocks, in order, split into words."""
    shell = "\n".join(SHELL.findall(page.read_text(encoding="utf-8"))).replace("\\\n", " ")
    lines = [line.removeprefix(".venv/bin/") for line in shell.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("burnish ")]


def test_the_readme_prints_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "readme.py").write_text(script(README, running=True), encoding="utf-8")
    printed = iter(run_offline(tmp_path, "readme.py").splitlines())
    shown = [line for block in SHOWN.findall(README.read_text(encoding="utf-8")) for line in block.splitlines()]
    assert len(shown) >= 3
    # `in` moves the iterator on, so the lines are found in their order.
    missing = [line for line in shown if line not in printed]
    assert not missing, f"The README shows what its code does not print: {missing}"
    assert (tmp_path / "office.json").exists()


@pytest.mark.parametrize("page", COMMAND_PAGES, ids=lambda page: page.name)
def test_the_commands_run_on_the_files_shown(page: Path, tmp_path: Path) -> None:
    for name, content in TITLED.findall(page.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(content, encoding="utf-8")
    found = commands(page)
    assert {words[0] for words in found} >= {"compile", "evaluate", "show"}
    for words in found:
        printed = run_offline(tmp_path, "-m", "burnish", *words)
        assert printed.strip(), f"burnish {' '.join(words)} printed nothing"


def test_the_map_names_what_there_is() -> None:
    rows = [line.split("|")[1] for line in section("The map").splitlines() if line.startswith("| `")]
    named = [path for row in rows for path in re.findall(r"`([^`]+)`", row)]
    missing = [path for path in named if not ((ROOT / path).is_dir() or (PACKAGE / path).is_dir())]
    assert not missing, f"The map names folders that are not there: {missing}"
    parts = (path.relative_to(ROOT).parts for path in tracked(ROOT))
    folders = {first for first, *rest in parts if rest and not first.startswith(".")}
    unnamed = folders - {path.split("/")[0] for path in named}
    assert not unnamed, f"The map leaves out {sorted(unnamed)}"


def test_what_is_not_there_yet_is_not_there() -> None:
    text = section("What it does not do yet")
    there = set(re.findall(r"`([A-Z]\w+)`", text))
    absent = set(re.findall(r"\b[A-Z]\w*[A-Z0-9]\w*\b", re.sub(r"`[^`]+`", "", text)))
    assert there <= set(burnish.__all__), "what stands in code there exists"
    assert {"SIMBA", "GEPA", "CodeAct"} <= absent
    assert not absent & set(burnish.__all__), "what is listed as missing is there: take it off the list"
    assert burnish._NOT_YET <= absent
    for name in burnish._NOT_YET:
        with pytest.raises(AttributeError, match=f"'{name}' yet: the README says"):
            getattr(burnish, name)


def test_the_demo_gains_what_the_readme_says(tmp_path: Path) -> None:
    printed = run_offline(tmp_path, "-m", "burnish", "demo", "--out", "made", "--candidates", "16")
    number = r"([+-]?[\d.]+)"
    interval = rf"{number} \[{number}, {number}\]"
    before, after, gain = (
        [float(found) for found in re.search(rf"{line}.*?{interval}", printed).groups()]
        for line in ("before:", "after:", "Gain, paired")
    )
    assert gain[1] > 0, f"the demo shows no gain: {gain}"
    row = next(row for row in section("Figures").splitlines() if row.startswith("| Test score of the demo"))
    said = [float(found) for found in re.search(rf"{number} → {number}, {number}", row).groups()]
    # Another machine's last bits may move a ticket or two; what is out of date moves more.
    for figure, (_, low, high) in zip(said, (before, after, gain), strict=True):
        assert low <= figure <= high, f"the README says {figure}, the demo {low} to {high}"


def test_figures_stand_in_their_records() -> None:
    faults = []
    for row in section("Figures").splitlines():
        for record in re.findall(r"\]\((benches/records/[\w.]+)\)", row):
            recorded = set(NUMBER.findall((ROOT / record).read_text(encoding="utf-8")))
            faults += [
                f"{figure} is not in {record}" for figure in NUMBER.findall(row.split("|")[2]) if figure not in recorded
            ]
    assert not faults, faults
