"""Words that must not stand in the code: names that say nothing, notes to oneself, excuses without a reason."""

from __future__ import annotations

import ast
import io
import re
import tokenize

import pytest

from tests.rules.source import ROOT, Module, modules, package, tracked

FOLDERS = ("python", "rust", "plugins", "tests", "benches", "docs")
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "misc"}
# Written apart, so that this file does not accuse itself.
NOTES = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
# What a linter wants to read is no reason for a reader.
MARKERS = re.compile(r"noqa(: *[A-Z]+[0-9]+(, *[A-Z]+[0-9]+)*)?|type: *ignore(\[[\w, -]+\])?|pragma: no (cover|branch)")
REASON_WORDS = 3


def comments(module: Module) -> dict[int, str]:
    """The comments of a module by line, without the markers for tools."""
    tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
    return {
        token.start[0]: MARKERS.sub("", token.string).strip("# \t—–-:")
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches everything: bare, `Exception` or `BaseException`, alone or in a tuple."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}) for kind in caught
    )


def hands_on(handler: ast.ExceptHandler) -> bool:
    """Whether a handler ends by raising what it caught again, so that nothing is swallowed."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_say_what_is_inside(folder: str) -> None:
    faults = []
    for path in tracked(ROOT / folder):
        parts = path.relative_to(ROOT).with_suffix("").parts
        faults += [str(path.relative_to(ROOT)) for part in parts if EMPTY_NAMES & set(re.split(r"[_\-.]", part))]
    assert not faults, f"Name these after what they hold: {faults}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_notes_to_oneself(folder: str) -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{number}"
        for suffix in (".py", ".pyi", ".rs", ".toml", ".md")
        for path in tracked(ROOT / folder, suffix=suffix)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if NOTES.search(line)
    ]
    assert not faults, f"Do it, or open an issue: {faults}"


@pytest.mark.parametrize("module", [*package(), *modules(ROOT / "plugins")], ids=lambda module: module.name)
def test_broad_handlers_give_their_reason(module: Module) -> None:
    said = comments(module)
    faults = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and not hands_on(node):
            reason = f"{said.get(node.lineno, '')} {said.get(node.lineno - 1, '')}"
            if len(reason.split()) < REASON_WORDS:
                faults.append(f"{module.place}:{node.lineno}")
    assert not faults, f"Say why everything is caught, on the line or on the one above: {faults}"
