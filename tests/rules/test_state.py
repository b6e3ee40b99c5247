"""No hidden state: what a module binds once stays as it is, so that runs in one process cannot touch each other."""

from __future__ import annotations

import ast

import pytest

from tests.rules.source import Module, package

MAKERS = {"Counter", "OrderedDict", "bytearray", "defaultdict", "deque", "dict", "list", "set"}


def is_mutable(value: ast.expr | None) -> bool:
    """Whether an expression makes a container that can be changed."""
    if isinstance(value, ast.Call):
        made = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return made in MAKERS
    return isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)


@pytest.mark.parametrize("module", package(), ids=lambda module: module.name)
def test_no_module_keeps_state(module: Module) -> None:
    faults = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Global):
            faults.append(f"{module.place}:{node.lineno} rebinds {', '.join(node.names)} of the module")
    for node in module.tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_mutable(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            # Tables that are written once and read afterwards are constants, and named like them.
            faults += [
                f"{module.place}:{node.lineno} {name} can be changed by anyone: make it a constant, or hand it over"
                for name in names
                if not name.lstrip("_").isupper() and not name.startswith("__")
            ]
    assert not faults, "\n".join(faults)
