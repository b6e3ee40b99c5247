"""Names of DSPy's that come with a plugin of ours, since what they need is not for everybody."""

from __future__ import annotations

from typing import Any

from burnish.errors import ConfigError
from burnish.plugins.manager import lookup

# Optimizer → the distribution that brings it.
APART = {"BootstrapFewShotWithOptuna": "burnish-optuna"}


def optimizer_apart(name: str) -> Any:
    """One of `APART`, from its plugin.

    Raises:
        ImportError: The plugin is not installed. It is no AttributeError, of which ``from burnish import …`` would not show the text.
    """
    try:
        return lookup("optimizers", name)
    except ConfigError as error:
        raise ImportError(
            f"{name} comes with a plugin: pip install {APART[name]} (`burnish plugins` lists what is installed)."
        ) from error
