"""Imports one plugin, checks it against the contract, and asks it what it provides.

Every fault of a plugin, whatever it raises, comes out as a `PluginError` that says where it lies.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from burnish.errors import PluginError
from burnish.plugins.address import is_address

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

# A text is the address of the factory.
Factory = Callable[..., Any] | str


class PluginWarning(UserWarning):
    """A plugin was left out, or part of it; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that was found and not yet imported."""

    name: str
    version: str
    source: str
    load: Callable[[], object]


@dataclass(frozen=True, slots=True, repr=False)
class Watcher:
    """A plugin's `burnish_watch`. The event stream leaves out one that raises, and names it."""

    plugin: str
    function: Callable[[list[dict[str, Any]]], object]

    def __call__(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Show a batch of events to the plugin, as copies."""
        self.function([dict(event) for event in events])

    def __repr__(self) -> str:
        return f"burnish_watch of plugin {self.plugin!r}"


def admit(manager: pluggy.PluginManager, found: Found) -> tuple[dict[str, dict[str, Factory]], Watcher | None]:
    """What a plugin provides, by kind and name, and its watcher if it has one.

    Raises:
        PluginError: The plugin breaks the contract; the manager does not know it then.
    """
    if manager.has_plugin(found.name):
        raise PluginError("another plugin has the same name and came first")
    plugin = _guarded("importing it", found.load)
    _check_hooks(manager, plugin)
    _guarded("registering it", manager.register, plugin, found.name)
    try:
        # `_check_hooks` speaks plainer; this is pluggy's own word on the same.
        _guarded("checking it", manager.check_pending)
        return _ask(manager, plugin, name=found.name)
    except PluginError:
        manager.unregister(name=found.name)
        raise


def nearest(name: str, there: Sequence[str]) -> str:
    """The end of a sentence about an unknown name: the known one that looks most like it."""
    lowered = {known.lower(): known for known in there}
    near = difflib.get_close_matches(str(name).lower(), list(lowered), n=1)
    return f"; did you mean {lowered[near[0]]!r}?" if near else "."


def _ask(
    manager: pluggy.PluginManager, plugin: object, *, name: str
) -> tuple[dict[str, dict[str, Factory]], Watcher | None]:
    provided: dict[str, dict[str, Factory]] = {}
    watcher = None
    for caller in manager.get_hookcallers(plugin) or ():
        for implementation in caller.get_hookimpls():
            if implementation.plugin is not plugin:
                continue
            if caller.name == _WATCH:
                watcher = Watcher(name, implementation.function)
            else:
                offered = _guarded(caller.name, implementation.function)
                kind = provided.setdefault(caller.name.removeprefix("burnish_"), {})
                kind.update(_checked(offered, hook=caller.name))
    return provided, watcher


def _guarded(what: str, function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything, and it alone is at fault
        raise PluginError(f"{what} raised {_shown(error)}") from error


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Refuse what looks like a hook and is none: nobody would ever call it."""
    for attribute in dir(plugin):
        options = _guarded(f"reading {attribute}", manager.parse_hookimpl_opts, plugin, attribute)
        if options is None and not (attribute.startswith("burnish_") and callable(getattr(plugin, attribute, None))):
            continue
        hook = (options or {}).get("specname") or attribute
        if hook not in _HOOKS:
            raise PluginError(
                f"it has a function {hook}, which is not a hook of Burnish{nearest(hook, _HOOKS)} "
                f"The hooks are {', '.join(_HOOKS)}"
            )
        if options is None:
            raise PluginError(f"its {hook} is not marked, so nobody would call it: write @burnish.hookimpl above it")


def _checked(offered: Any, *, hook: str) -> Mapping[str, Factory]:
    if not isinstance(offered, Mapping):
        raise PluginError(f"{hook} returned {offered!r:.80}, not a dict of names and factories")
    for name, factory in offered.items():
        if not isinstance(name, str) or not name:
            raise PluginError(f"{hook} returned the name {name!r:.80}, which is not a text")
        if isinstance(factory, str) and not is_address(factory):
            raise PluginError(
                f"{hook} returned {factory!r:.80} as {name!r}, which is no address; write 'package.module:attribute'"
            )
        if not isinstance(factory, str) and not callable(factory):
            raise PluginError(f"{hook} returned {factory!r:.80} as {name!r}, which cannot be called")
    return offered


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
