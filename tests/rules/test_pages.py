"""The pages say what is true: their Python runs, their commands and links exist.

The Python blocks of a page run in order as one script, so a later block may use an earlier one's names. A block that cannot run
here stands under `<!-- not run: reason -->` and must at least compile.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rules.source import ROOT, tracked
from tests.support.warm import run_warm

FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: [^>\n]{5,} -->\s*\Z")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
PAGES = tracked(ROOT, suffix=".md")
# It is run in `tests/flow/test_readme.py`, where what it prints is held to what it shows.
README = ROOT / "README.md"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    code: str
    line: int
    runs: bool


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            language=found[2],
            code=textwrap.dedent(found[3]),
            line=text.count("\n", 0, found.start(3)),
            runs=not NOT_RUN.search(text, 0, found.start()),
        )
        for found in FENCE.finditer(text)
    ]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def script(page: Path, *, running: bool) -> str:
    """The Python of a page, each line at its number on the page, so that a traceback points into the page."""
    lines: list[str] = []
    for block in blocks(page):
        if block.language == "python" and block.runs == running:
            lines += [""] * (block.line - len(lines)) + block.code.splitlines()
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_on_pages_runs(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            compile(block.code, f"{name(page)}, the block at line {block.line}", "exec")
    source = script(page, running=True)
    if not source.strip() or page == README:
        return
    copy = tmp_path / page.with_suffix(".py").name
    copy.write_text(source, encoding="utf-8")
    done = run_warm([copy.name], cwd=tmp_path)
    assert done.returncode == 0, f"{name(page)}, by its line numbers:\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    targets = [target for target in LINK.findall(prose) if "://" not in target]
    broken = [target for target in targets if not target.startswith("mailto:") and not (page.parent / target).exists()]
    assert not broken, f"{name(page)} links to what is not there: {broken}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_on_pages_exist(page: Path) -> None:
    from burnish.cli.commands import commands

    targets = set(re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shell = "\n".join(block.code for block in blocks(page) if block.language in {"sh", "bash", "console"})
    spans = "\n".join(re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")))
    missing = []
    for line in f"{shell}\n{spans}".splitlines():
        if found := re.match(r"(?:\$ )?make (\w+)", line):
            missing += [found[0]] if found[1] not in targets else []
        if found := re.match(r"(?:\$ )?(?:\.venv/bin/)?burnish ([a-z]\w*)", line):
            missing += [found[0]] if found[1] not in commands.commands else []
        if found := re.match(r"(?:\$ )?(?:\.venv/bin/)?python3? ([\w/]+\.py)", line):
            missing += [found[0]] if not (ROOT / found[1]).exists() else []
    assert not missing, f"{name(page)} names commands that do not exist: {missing}"
