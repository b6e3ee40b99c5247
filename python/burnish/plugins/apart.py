"""Names of DSPy's that come with a plugin of ours, since what they need is not for everybody."""

from __future__ import annotations

from typing import Any

from burnish.errors import ConfigError
from burnish.plugins.manager import APART, lookup

OPTIMIZERS_APART = frozenset(APART["optimizers"])


def optimizer_apart(name: str) -> Any:
    """One of `OPTIMIZERS_APART`, from its plugin.

    Raises:
        ImportError: The plugin is not installed. It is no AttributeError, of which ``from burnish import …`` would not show the text.
    """
    try:
        return lookup("optimizers", name)
    except ConfigError as error:
        raise ImportError(str(error)) from error
