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
    """The figure as a file, in the form that its name ends in.

    Raises:
        ConfigError: The file cannot be written, matplotlib knows no such form, or it is not installed.
    """
    target = Path(place)
    # Without the date, and with names of its parts that are not drawn by lot, the same figure gives the same file.
    metadata = {"Date": None} if target.suffix == ".svg" else None
    try:
        with _needed("matplotlib").rc_context({"svg.hashsalt": "burnish"}):
            figure.savefig(target, metadata=metadata)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"Cannot write the chart {str(target)!r}: {error}. Give a name such as {target.stem}.svg, in a folder that exists."
        ) from error
    return target


def _needed(package: str) -> ModuleType:
    return needed(package, extra="charts", to="draw charts")
