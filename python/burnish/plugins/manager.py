"""Finds plugins, and looks up what they provide.

Everything happens at the first lookup of a process, once: built-ins first, then each installed
entry point of the group ``burnish`` in the order of their names. A plugin is taken whole or not at
all: one that raises at import, misspells a hook, raises in a hook or returns something else than
named factories is left out with a `PluginWarning` that tells the cause, and the others are not
touched. Only a name that an earlier plugin has is dropped by itself: the earlier one keeps it.

The environment variable ``BURNISH_PLUGINS`` limits what is loaded: empty for no plugin but the
built-ins, ``a,b`` for these two alone.
"""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from burnish.errors import ConfigError, PluginError
from burnish.plugins.address import resolve
from burnish.plugins.admission import (
    KINDS,
    Factory,
    Found,
    PluginWarning,
    Watcher,
    admit,
    nearest,
)

_BUILTINS = "burnish.plugins.builtins"
# What comes with a plugin of ours, since what that needs is not for everybody: kind → name → its distribution.
APART: Mapping[str, Mapping[str, str]] = {
    "optimizers": {"BootstrapFewShotWithOptuna": "burnish-optuna"},
    "searchers": dict.fromkeys(("optuna-gp", "optuna-random", "optuna-tpe"), "burnish-optuna"),
}


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin, as `burnish plugins` shows it.

    Attributes:
        name: The name of its entry point; ``"burnish"`` for the built-ins.
        version: The version of its distribution.
        source: Where it comes from: distribution and module.
        provides: Kind → the names in use from it.
        watches: Whether it looks at the events of runs.
        problem: Why it, or part of it, was left out; None where all is well.
    """

    name: str
    version: str
    source: str
    provides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    watches: bool = False
    problem: str | None = None


def lookup(kind: str, name: str) -> Callable[..., Any]:
    """The factory of this name, imported now if it was not before.

    Args:
        kind: One of `KINDS`, such as ``"optimizers"``.
        name: The name under which a plugin provides it.

    Raises:
        ConfigError: There is no such name; the message lists those there are.
    """
    table = _registry().factories[_checked(kind)]
    if name not in table:
        raise ConfigError(_unknown(kind, name))
    factory = table[name]
    return resolve(factory) if isinstance(factory, str) else factory


def names(kind: str) -> list[str]:
    """All names of a kind, in alphabetical order."""
    return sorted(_registry().factories[_checked(kind)])


def listing() -> list[PluginInfo]:
    """Every plugin that was found, the broken ones with their problem; built-ins first."""
    return list(_registry().plugins)


def watchers() -> tuple[Watcher, ...]:
    """What to show a run's events to, in batches."""
    return _registry().watchers


def reset() -> None:
    """Forget what was found, so that the next lookup looks again (for tests)."""
    _registry.cache_clear()


@dataclass(frozen=True, slots=True)
class _Registry:
    plugins: tuple[PluginInfo, ...]
    factories: Mapping[str, Mapping[str, Factory]]
    watchers: tuple[Watcher, ...]


# pluggy and importlib.metadata (30 ms) are imported at the first lookup, not with the package.
@functools.cache
def _registry() -> _Registry:
    import pluggy

    from burnish.plugins import hookspecs

    manager = pluggy.PluginManager("burnish")
    manager.add_hookspecs(hookspecs)
    found, missing = _find()
    plugins: list[PluginInfo] = []
    factories: dict[str, dict[str, Factory]] = {kind: {} for kind in KINDS}
    watching: list[Watcher] = []
    for plugin in found:
        about = (plugin.name, plugin.version, plugin.source)
        try:
            offers, watcher = admit(manager, plugin)
        except PluginError as error:
            plugins.append(PluginInfo(*about, problem=str(error)))
            continue
        watching += [watcher] if watcher is not None else []
        provides, taken = _take(offers, into=factories)
        plugins.append(PluginInfo(*about, provides, watcher is not None, _clash(taken, plugins)))
    plugins += missing
    for info in plugins:
        if info.problem is not None:
            text = f"Plugin {info.name!r} ({info.source}): {info.problem}."
            warnings.warn(text, PluginWarning, stacklevel=3)
    return _Registry(tuple(plugins), factories, tuple(watching))


def _find() -> tuple[list[Found], list[PluginInfo]]:
    """The built-ins and the installed plugins; and those that were asked for and are not there."""
    from importlib import metadata

    points = metadata.entry_points(group="burnish")
    installed = {point.name for point in points}
    asked = os.environ.get("BURNISH_PLUGINS")
    wanted = installed
    if asked is not None:
        wanted = {name.strip() for name in asked.split(",") if name.strip()}
    try:
        version = metadata.version("burnish")
    except metadata.PackageNotFoundError:
        version = "unknown"
    found = [Found("burnish", version, _BUILTINS, lambda: importlib.import_module(_BUILTINS))]
    for point in sorted(points, key=lambda point: (point.name, point.value)):
        if point.name in wanted:
            dist = point.dist
            version, home = ("unknown", "") if dist is None else (dist.version, f"{dist.name}: ")
            found.append(Found(point.name, version, f"{home}{point.value}", point.load))
    there = ", ".join(sorted(installed)) or "none"
    missing = [
        PluginInfo(name, "none", "BURNISH_PLUGINS", problem=f"it is not installed; installed are: {there}")
        for name in sorted(wanted - installed)
    ]
    return found, missing


def _take(
    offers: Mapping[str, Mapping[str, Factory]], *, into: dict[str, dict[str, Factory]]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """Add what has a free name; returns what was added, and the names that were not free."""
    taken = [(kind, name) for kind in offers for name in offers[kind] if name in into[kind]]
    provides = {}
    for kind, offered in offers.items():
        free = {name: factory for name, factory in offered.items() if name not in into[kind]}
        into[kind].update(free)
        provides[kind] = tuple(free)
    return {kind: added for kind, added in provides.items() if added}, taken


def _clash(taken: list[tuple[str, str]], earlier: list[PluginInfo]) -> str | None:
    parts = []
    for kind, name in taken:
        owner = next(info.name for info in earlier if name in info.provides.get(kind, ()))
        parts.append(f"its {_singular(kind)} {name!r} is not used, because plugin {owner!r} has that name")
    return "; ".join(parts) or None


def _checked(kind: str) -> str:
    if kind not in KINDS:
        raise ConfigError(f"Plugins provide no {kind!r}{nearest(kind, KINDS)} The kinds are: {', '.join(KINDS)}.")
    return kind


def _unknown(kind: str, name: str) -> str:
    there = names(kind)
    broken = [info.name for info in listing() if info.problem is not None]
    home = APART.get(kind, {}).get(name)
    if home is None:
        text = f"There is no {_singular(kind)} {name!r}{nearest(name, there)}"
        text += f" There are: {', '.join(there) or 'none'}."
    else:
        text = f"{name} comes with a plugin: pip install {home} (`burnish plugins` lists what is installed)."
    if broken:
        text += f" Plugins with problems (see `burnish plugins`): {', '.join(broken)}."
    return text


def _singular(kind: str) -> str:
    return kind.removesuffix("s").replace("_", " ")
