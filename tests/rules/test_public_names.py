"""The public names: what a type checker sees is what there is, and each says what it promises to say."""

from __future__ import annotations

import ast
import importlib
import inspect

import pytest

import burnish
from burnish.plugins import lookup, names
from tests.rules.source import PACKAGE, package

# In this order, each at the beginning of a line of its own.
HEADINGS = ["What it does:", "When it helps:", "What it costs (LM calls", "Example:", "Source:"]


def typed_names() -> list[str]:
    """The names that `burnish/__init__.py` gives a type checker."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imported = [alias for block in blocks for node in block.body for alias in node.names]  # type: ignore[attr-defined]
    assert all(alias.asname == alias.name for alias in imported), "`import x as x` makes a name public"
    return [alias.name for alias in imported]


def test_a_type_checker_sees_the_names_there_are() -> None:
    assert sorted([*typed_names(), "__version__"]) == sorted(burnish.__all__)
    assert len(set(burnish.__all__)) == len(burnish.__all__)


@pytest.mark.parametrize("name", burnish.__all__)
def test_every_name_leads_to_what_it_names(name: str) -> None:
    value = getattr(burnish, name)
    assert value is not None
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__module__.startswith("burnish")
        assert inspect.getdoc(value), f"{name} has no docstring"


def test_completion_shows_the_public_names() -> None:
    assert dir(burnish) == sorted(burnish.__all__)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="NoSuchName"):
        _ = burnish.NoSuchName


@pytest.mark.parametrize(
    "name", [name for name in names("optimizers") if lookup("optimizers", name).__module__.startswith("burnish.")]
)
def test_optimizers_say_what_they_do_when_at_what_cost_and_after_whom(name: str) -> None:
    lines = [line.strip() for line in (inspect.getdoc(lookup("optimizers", name)) or "").splitlines()]
    found = [next((n for n, line in enumerate(lines) if line.startswith(heading)), -1) for heading in HEADINGS]
    assert -1 not in found, f"{name} lacks {[h for h, n in zip(HEADINGS, found, strict=True) if n < 0]}"
    assert found == sorted(found), f"{name} has its headings in another order: {HEADINGS}"


@pytest.mark.parametrize("name", names("optimizers"))
def test_optimizers_are_public_under_the_name_of_their_hook(name: str) -> None:
    optimizer = lookup("optimizers", name)
    if optimizer.__module__.startswith("burnish."):
        assert getattr(burnish, name) is optimizer


def test_the_package_never_imports_the_one_whose_names_it_has() -> None:
    found = [
        f"{module.name}:{one.line}"
        for module in package()
        for one in module.imports()
        if one.target.split(".")[0] == "dspy"
    ]
    assert found == []


def test_every_module_can_be_imported_alone() -> None:
    for module in package():
        importlib.import_module(module.name) if not module.name.endswith("__main__") else None
