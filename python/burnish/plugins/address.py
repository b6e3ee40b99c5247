"""Factories by their address, so that listing them imports nothing."""

from __future__ import annotations

import importlib
import re
from typing import Any

from burnish.errors import PluginError

_ADDRESS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_address(text: str) -> bool:
    """Whether the text has the form ``"package.module:attribute"``."""
    return _ADDRESS.fullmatch(text) is not None


def resolve(address: str) -> Any:
    """What stands at an address, imported now if it was not before.

    Args:
        address: ``"package.module:attribute"``.

    Raises:
        PluginError: It cannot be imported, or is not there.

    Example:
        >>> resolve("collections:OrderedDict")
        <class 'collections.OrderedDict'>
    """
    module, _, attribute = address.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"{address!r} cannot be used: {error}. Install what is missing, or correct the address."
        ) from error
