"""Reads the source tree for the rules: its files, its modules and who imports whom."""

from __future__ import annotations

import ast
import functools
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "burnish"


@dataclass(frozen=True)
class Import:
    """One import as the interpreter would carry it out."""

    target: str
    """The dotted name, as far as it is known: `burnish.lm.request` for `from burnish.lm import request`."""
    names: tuple[str, ...]
    """What a `from` import takes out of the target; empty for a plain import."""
    line: int
    deferred: bool
    """Whether it waits inside a function."""


@dataclass(frozen=True)
class Module:
    """One Python file of a tree."""

    name: str
    path: Path

    @functools.cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @property
    def place(self) -> str:
        """The path as the reader of a failure wants it."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    def imports(self) -> Iterator[Import]:
        """The imports that run, wherever they stand; those for type checkers alone are left out."""
        yield from _walk(self.tree, module=self, deferred=False)


def _walk(node: ast.AST, *, module: Module, deferred: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, (), child.lineno, deferred)
        elif isinstance(child, ast.ImportFrom):
            target = _absolute(child, module)
            yield Import(target, tuple(alias.name for alias in child.names), child.lineno, deferred)
        elif isinstance(child, ast.If) and _is_type_checking(child.test):
            for branch in child.orelse:
                yield from _walk(branch, module=module, deferred=deferred)
        else:
            inner = deferred or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, module=module, deferred=inner)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    return name == "TYPE_CHECKING"


def _absolute(node: ast.ImportFrom, module: Module) -> str:
    if node.level == 0:
        return node.module or ""
    parts = module.name.split(".")
    # `from .` in a package's `__init__` means the package itself, in a module its parent.
    base = parts[: len(parts) - node.level + (1 if module.is_package else 0)]
    return ".".join([*base, node.module] if node.module else base)


def modules(folder: Path, *, prefix: str = "") -> list[Module]:
    """The Python files below a folder that git tracks or would track, named as they are imported from there."""
    found = []
    for path in tracked(folder, suffix=".py"):
        parts = [*prefix.split("."), *path.relative_to(folder).with_suffix("").parts]
        name = ".".join(part for part in parts if part and part != "__init__")
        found.append(Module(name, path))
    return found


@functools.cache
def package() -> list[Module]:
    """The modules of the package itself."""
    return modules(PACKAGE, prefix="burnish")


@functools.cache
def tracked(folder: Path, *, suffix: str = "") -> tuple[Path, ...]:
    """The files below a folder that git tracks or would track, in order of their names."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (ROOT / name for name in listing.split("\0") if name.endswith(suffix) and name)
    return tuple(sorted(path for path in set(paths) if path.is_file()))
