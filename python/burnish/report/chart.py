"""What charts share: a figure of matplotlib's, and the file that it becomes. Both need `pip install 'burnish[charts]'`."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

from burnish.datasets.rows import needed
from burnish.errors import ConfigError


def blank(width: float, height: float) -> Any:
    """An empty figure of so many inches.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    # Without pyplot: it would keep the figure, and choose a window system.
    _needed("matplotlib")
    return _needed("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")


def write(figure: Any, place: str | os.PathLike[str]) -> Path:
    """The figure as a file, in the form that its name ends in; its folder is made where there is none.

    Raises:
        ConfigError: The file cannot be written, its name says no form that matplotlib knows, or that is not installed.
    """
    target = Path(place)
    if not target.suffix:
        # Matplotlib would take a form of its own, and write to another name.
        raise ConfigError(f"Cannot write the chart {str(target)!r}: its name says no form. Write {target.name}.svg.")
    # Without the date, and with names of its parts that are not drawn by lot, the same figure gives the same file.
    metadata = {"Date": None} if target.suffix == ".svg" else None
    try:
        with _needed("matplotlib").rc_context({"svg.hashsalt": "burnish"}):
            target.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(target, metadata=metadata)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"Cannot write the chart {str(target)!r}: {error}. Give a name such as {target.stem}.svg, in a folder that can be written."
        ) from error
    return target


def _needed(package: str) -> ModuleType:
    return needed(package, extra="charts", to="draw charts")
