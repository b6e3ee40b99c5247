"""Who may import what: rooms import only what stands before them, and nothing goes round in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import burnish
from tests.rules.source import ROOT, Module, modules, package

if TYPE_CHECKING:
    from collections.abc import Iterator

# A room sees those before it and never those after it, function-level imports included.
ROOMS = [
    "errors",
    "loop",  # the one event loop: the sync faces of `lm` need it, so it stands before `engine`
    "values",
    "plugins",
    "lm",
    "adapters",
    "modules",
    "streaming",  # programs in pieces: it needs what runs them and nothing of what tunes them
    "engine",
    "metrics",
    "retrieve",
    "retrievers",  # what retrieves, under the name of DSPy's module
    "stages",
    "evaluation",  # what an evaluation leaves: its result, on the disk, on the screen, beside another; `evaluate` makes them
    "evaluate",  # reads the board through `stages/score`, like the optimizers beside it
    "optimizers",
    "finetune",
    "teleprompt",  # the optimizers under the names of DSPy's module
    "datasets",
    "report",
    "",  # the public names of the package itself
    "testing",
    "cli",
    "__main__",
]
# The only modules that open the door to Rust.
DOOR = "burnish._core"
DOOR_OPENERS = {
    "burnish.lm.backends.http",
    "burnish.lm.request",
    "burnish.metrics.text",
    "burnish.retrieve.knn",
    "burnish.stages.leaks",
    "burnish.stages.score",
    "burnish.stages.search",
    "burnish.stages.traces",
}
# Packages that cost tenths of a second: imported inside the function that needs them, wherever that is.
HEAVY = {
    "aiohttp",
    "datasets",
    "httpx",
    "litellm",
    "matplotlib",
    "mcp",
    "openai",
    "optuna",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
}


def room(name: str) -> str:
    """The room of a module: `lm` for `burnish.lm.request`, and nothing for `burnish` itself."""
    return [*name.split("."), ""][1]


def edges(module: Module, *, known: frozenset[str]) -> Iterator[tuple[str, int]]:
    """The modules of the package that a module imports, each with the line."""
    for found in module.imports():
        if found.target.split(".")[0] != "burnish":
            continue
        if found.target == "burnish" and found.names == ("__version__",):
            continue  # bound before any room is loaded
        inside = [f"{found.target}.{name}" for name in found.names]
        submodules = [name for name in inside if name in known or name == DOOR]
        for target in submodules:
            yield target, found.line
        if len(submodules) < len(inside) or not inside:
            yield found.target, found.line


def known_modules() -> frozenset[str]:
    return frozenset(module.name for module in package())


@pytest.mark.parametrize("module", package(), ids=lambda module: module.name)
def test_rooms_import_only_what_stands_before_them(module: Module) -> None:
    own = room(module.name)
    assert own in ROOMS, (
        f"{module.place}: the room {own!r} has no place in the order; give it one in ROOMS, with its reason"
    )
    faults = []
    for target, line in edges(module, known=known_modules()):
        other = room(target)
        if target == DOOR or other == own or module.name == "burnish":
            continue
        if other not in ROOMS or ROOMS.index(other) > ROOMS.index(own):
            faults.append(
                f"{module.place}:{line} imports {target}: {own or 'burnish'} stands before {other or 'burnish'}"
            )
    assert not faults, "\n".join(faults)


def test_only_named_modules_open_the_door_to_rust() -> None:
    faults = [
        f"{module.place}:{line} imports {DOOR}"
        for module in package()
        for target, line in edges(module, known=known_modules())
        if target == DOOR and module.name not in DOOR_OPENERS
    ]
    assert not faults, "\n".join(faults)


def test_no_module_imports_itself_in_a_circle() -> None:
    known = known_modules()
    graph = {
        module.name: {target for target, _ in edges(module, known=known)} & known - {module.name}
        for module in package()
    }
    # What nobody imports, or imports nothing, falls off until only the circles are left.
    while graph:
        wanted = {target for targets in graph.values() for target in targets}
        kept = {
            name: targets & graph.keys() for name, targets in graph.items() if targets & graph.keys() and name in wanted
        }
        if kept == graph:
            break
        graph = kept
    circles = {name: sorted(targets) for name, targets in sorted(graph.items())}
    assert not circles, f"Circular imports among: {circles}"


def test_heavy_packages_wait_inside_functions() -> None:
    faults = [
        f"{module.place}:{found.line} imports {found.target} for everybody who imports the module"
        for module in package()
        for found in module.imports()
        if found.target.split(".")[0] in HEAVY and not found.deferred
    ]
    assert not faults, "\n".join(faults)


def test_no_part_of_burnish_imports_dspy() -> None:
    faults = [
        f"{module.place}:{found.line}"
        for module in [*package(), *modules(ROOT / "plugins")]
        for found in module.imports()
        if found.target.split(".")[0] == "dspy"
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("module", modules(ROOT / "plugins"), ids=lambda module: module.name)
def test_plugins_live_on_public_names(module: Module) -> None:
    public = set(getattr(burnish, "__all__", ()))
    faults = []
    for found in module.imports():
        if found.target.split(".")[0] != "burnish" or found.target == "burnish.testing":
            continue
        private = sorted(set(found.names) - public - {"testing"}) if found.target == "burnish" else [found.target]
        faults += [f"{module.place}:{found.line} imports {name}, which is not public" for name in private]
    assert not faults, "\n".join(faults)
