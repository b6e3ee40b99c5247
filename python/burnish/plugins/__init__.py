"""Plugins: the contract (`hookspecs`), what is built in (`builtins`), how they are found and checked.

`manager` finds and looks up, `admission` checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from burnish.plugins.admission import KINDS, PluginWarning, Watcher
from burnish.plugins.manager import PluginInfo, listing, lookup, names, reset, watchers

if TYPE_CHECKING:
    from burnish.plugins.hookspecs import hookimpl

__all__ = [
    "KINDS",
    "PluginInfo",
    "PluginWarning",
    "Watcher",
    "hookimpl",
    "listing",
    "lookup",
    "names",
    "reset",
    "watchers",
]


def __getattr__(name: str) -> Any:
    # The marker needs pluggy, which a program without plugins of its own need not wait for.
    if name == "hookimpl":
        from burnish.plugins.hookspecs import hookimpl

        return hookimpl
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
