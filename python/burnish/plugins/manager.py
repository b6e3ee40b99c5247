"""Finds plugins, checks them, and looks up what they provide.

Everything happens at the first lookup of a process, once: built-ins first, then each installed
entry point of the group ``burnish`` in the order of their names. A plugin is taken whole or not at
all: one that raises at import, misspells a hook, raises in a hook or returns something else than
named factories is left out with a `PluginWarning` that tells the cause, and the others are not
touched. Only a name that another plugin has already is dropped by itself: the first one keeps it.

The environment variable ``BURNISH_PLUGINS`` limits what is loaded: empty for no plugin but the
built-ins, ``a,b`` for these two alone.
"""

from __future__ import annotations

import difflib
import functools
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from burnish.errors import ConfigError, PluginError
from burnish.plugins.lazy import Lazy

if TYPE_CHECKING:
    import pluggy

KINDS = (
    "optimizers",
    "metrics",
    "lm_backends",
    "embedders",
    "searchers",
    "adapters",
    "executors",
    "finetuners",
    "datasets",
)
_WATCH = "burnish_watch"
_HOOKS = (*(f"burnish_{kind}" for kind in KINDS), _WATCH)


class PluginWarning(UserWarning):
    """A plugin was left out, or part of it; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin, as `burnish plugins` shows it.

    Attributes:
        name: The name of its entry point; ``"burnish"`` for the built-ins.
        version: The version of its distribution.
        source: Where it comes from: distribution and module.
        provides: Kind → names that are in use from it.
        watches: Whether it looks at the events of runs.
        problem: Why it, or part of it, was left out; None where all is well.
    """

    name: str
    version: str
    source: str
    provides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    watches: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Watcher:
    """A plugin's `burnish_watch`; what it raises becomes a warning and reaches nobody else."""

    plugin: str
    function: Callable[[list[dict[str, Any]]], object]

    def __call__(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Show a batch of events to the plugin, as copies."""
        try:
            self.function([dict(event) for event in events])
        except Exception as error:  # a plugin that looks must never stop the run that it looks at
            message = f"Plugin {self.plugin!r}: {_WATCH} raised {_shown(error)}. The run goes on."
            warnings.warn(message, PluginWarning, stacklevel=2)


def lookup(kind: str, name: str) -> Callable[..., Any]:
    """The factory of this name, imported now if it was not before.

    Args:
        kind: One of `KINDS`, such as ``"optimizers"``.
        name: The name under which a plugin provides it.

    Raises:
        ConfigError: There is no such name; the message lists those there are.
    """
    table = _table(kind)
    if name not in table:
        raise ConfigError(_unknown(kind, name))
    factory = table[name]
    return factory.resolve() if isinstance(factory, Lazy) else factory


def names(kind: str) -> list[str]:
    """All names of a kind, in alphabetical order."""
    return sorted(_table(kind))


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
class _Found:
    """A plugin that was found and not yet imported."""

    name: str
    version: str
    source: str
    load: Callable[[], object]


@dataclass(frozen=True, slots=True)
class _Registry:
    """All that the plugins of this process provide."""

    plugins: tuple[PluginInfo, ...]
    factories: Mapping[str, Mapping[str, Callable[..., Any] | Lazy]]
    watchers: tuple[Watcher, ...]


# Imports pluggy and importlib.metadata (30 ms) at the first lookup, not with the package.
@functools.cache
def _registry() -> _Registry:
    import pluggy

    from burnish.plugins import hookspecs

    manager = pluggy.PluginManager("burnish")
    manager.add_hookspecs(hookspecs)
    found, missing = _find()
    plugins: list[PluginInfo] = []
    factories: dict[str, dict[str, Callable[..., Any] | Lazy]] = {kind: {} for kind in KINDS}
    owners: dict[tuple[str, str], str] = {}
    watching: list[Watcher] = []
    for plugin in found:
        try:
            provided, watcher = _admit(manager, plugin)
        except PluginError as error:
            plugins.append(PluginInfo(plugin.name, plugin.version, plugin.source, problem=str(error)))
            continue
        taken = []
        kept: dict[str, list[str]] = {}
        for kind, name, factory in provided:
            owner = owners.setdefault((kind, name), plugin.name)
            if owner != plugin.name:
                taken.append(f"its {_singular(kind)} {name!r} is not used, since {owner!r} has one of that name")
                continue
            factories[kind][name] = factory
            kept.setdefault(kind, []).append(name)
        watching += [watcher] if watcher is not None else []
        plugins.append(
            PluginInfo(
                plugin.name,
                plugin.version,
                plugin.source,
                provides={kind: tuple(kept_names) for kind, kept_names in kept.items()},
                watches=watcher is not None,
                problem="; ".join(taken) or None,
            )
        )
    plugins += missing
    for info in plugins:
        if info.problem is not None:
            warnings.warn(f"Plugin {info.name!r} ({info.source}): {info.problem}.", PluginWarning, stacklevel=4)
    return _Registry(tuple(plugins), factories, tuple(watching))


def _find() -> tuple[list[_Found], list[PluginInfo]]:
    """The built-ins and the installed plugins; and those that were asked for and are not there."""
    import importlib
    from importlib import metadata

    points = sorted(metadata.entry_points(group="burnish"), key=lambda point: (point.name, point.value))
    installed = {point.name for point in points}
    asked = os.environ.get("BURNISH_PLUGINS")
    wanted = installed if asked is None else {name.strip() for name in asked.split(",") if name.strip()}
    module = "burnish.plugins.builtins"
    try:
        version = metadata.version("burnish")
    except metadata.PackageNotFoundError:
        version = "unknown"
    found = [_Found("burnish", version, module, functools.partial(importlib.import_module, module))]
    for point in points:
        if point.name in wanted:
            dist = point.dist
            source = f"{dist.name}: {point.value}" if dist is not None else point.value
            found.append(_Found(point.name, dist.version if dist is not None else "unknown", source, point.load))
    there = ", ".join(sorted(installed)) or "none"
    missing = [
        PluginInfo(name, "unknown", "BURNISH_PLUGINS", problem=f"it is not installed (installed are: {there})")
        for name in sorted(wanted - installed)
    ]
    return found, missing


def _admit(
    manager: pluggy.PluginManager, found: _Found
) -> tuple[list[tuple[str, str, Callable[..., Any] | Lazy]], Watcher | None]:
    """Import one plugin, check it and ask it what it provides, or `PluginError`."""
    if manager.has_plugin(found.name):
        raise PluginError("another plugin has the same name, and was found first")
    plugin = _guarded("importing it", found.load)
    _check_hooks(manager, plugin)
    try:
        _guarded("registering it", manager.register, plugin, found.name)
        _guarded("checking it", manager.check_pending)
        provided: list[tuple[str, str, Callable[..., Any] | Lazy]] = []
        watcher = None
        for caller in manager.get_hookcallers(plugin) or ():
            for function in [impl.function for impl in caller.get_hookimpls() if impl.plugin is plugin]:
                if caller.name == _WATCH:
                    watcher = Watcher(found.name, function)
                    continue
                offered = _guarded(caller.name, function)
                kind = caller.name.removeprefix("burnish_")
                provided += [(kind, name, factory) for name, factory in _checked(offered, hook=caller.name)]
    except PluginError:
        if manager.has_plugin(found.name):
            manager.unregister(name=found.name)
        raise
    return provided, watcher


def _guarded(what: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call into a plugin; what it raises becomes a `PluginError` that says where."""
    try:
        return function(*args)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything, and only it is at fault
        raise PluginError(f"{what} raised {_shown(error)}") from error


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Refuse functions that look like hooks and are none, which nobody would ever call."""
    for attribute in dir(plugin):
        options = _guarded(f"reading {attribute}", manager.parse_hookimpl_opts, plugin, attribute)
        if options is None and not (attribute.startswith("burnish_") and callable(getattr(plugin, attribute, None))):
            continue
        hook = (options or {}).get("specname") or attribute
        if hook not in _HOOKS:
            raise PluginError(
                f"{hook} is not a hook of Burnish{_nearest(hook, _HOOKS)} The hooks are: {', '.join(_HOOKS)}"
            )
        if options is None:
            raise PluginError(f"{hook} is not marked, so it would never be called: write @burnish.hookimpl above it")


def _checked(offered: Any, *, hook: str) -> Iterable[tuple[str, Callable[..., Any] | Lazy]]:
    if not isinstance(offered, Mapping):
        raise PluginError(f"{hook} returned {_type(offered)}, not a dict of names and factories")
    for name, factory in offered.items():
        if not isinstance(name, str) or not name:
            raise PluginError(f"{hook} returned the name {name!r}, not a text")
        if not isinstance(factory, Lazy) and not callable(factory):
            raise PluginError(f"{hook} returned {_type(factory)} for {name!r}, which cannot be called")
    return offered.items()


def _table(kind: str) -> Mapping[str, Callable[..., Any] | Lazy]:
    if kind not in KINDS:
        raise ConfigError(f"Plugins provide no {kind!r}{_nearest(kind, KINDS)} The kinds are: {', '.join(KINDS)}.")
    return _registry().factories[kind]


def _unknown(kind: str, name: str) -> str:
    there = names(kind)
    broken = [info.name for info in listing() if info.problem is not None]
    return f"There is no {_singular(kind)} {name!r}{_nearest(name, there)} There are: {', '.join(there) or 'none'}." + (
        f" These plugins have problems (see `burnish plugins`): {', '.join(broken)}." if broken else ""
    )


def _nearest(name: str, there: Sequence[str]) -> str:
    lowered = {known.lower(): known for known in there}
    near = difflib.get_close_matches(str(name).lower(), list(lowered), n=1)
    return f"; did you mean {lowered[near[0]]!r}?" if near else "."


def _singular(kind: str) -> str:
    return kind.removesuffix("s").replace("_", " ")


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _type(value: object) -> str:
    return f"{type(value).__name__} {str(value)[:60]!r}" if value is not None else "None"
