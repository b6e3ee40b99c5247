"""The chart of calls in flight over time, drawn from a run's events; it needs matplotlib, `pip install 'burnish[charts]'`."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from burnish.engine.journal import events_in
from burnish.errors import ConfigError
from burnish.report import chart
from burnish.report.flight import averages, busy, in_flight

# Points in time of the chart; between two it shows the average.
_POINTS = 300


def draw(run: str | os.PathLike[str] | Sequence[Mapping[str, Any]], place: str | os.PathLike[str]) -> Path:
    """Draw how many calls of each stage were in flight, under the limit and what there was to do.

    Args:
        run: The run's directory, or its events.
        place: The file, in the form that its name ends in: ``.svg``, ``.png``, ``.pdf``.

    Returns:
        The file.

    Raises:
        ConfigError: There is no run, it has no call with a time, matplotlib is not installed, or it knows no such form.
        StateError: The journal is damaged.
    """
    figure = chart.blank(9, 3.6)
    events = events_in(run) if isinstance(run, str | os.PathLike) else list(run)
    _fill(figure.subplots(), events)
    return chart.write(figure, place)


def _fill(axes: Any, events: Sequence[Mapping[str, Any]]) -> None:
    stretches = in_flight(events)
    if not any(stretch.flying for stretch in stretches):
        raise ConfigError(
            "The run has no call to draw: all its replies were known, or were received before events told of flights."
        )
    edges, flying, work = averages(stretches, _POINTS)
    axes.stairs(work, edges, fill=True, color="0.88", label="what there was to do, up to the limit")
    below = [0.0] * len(work)
    for stage, told in busy(events).items():
        above = [low + high for low, high in zip(below, flying[stage], strict=True)]
        label = f"{stage or 'other'}: {told.calls} calls, {100 * told.busy:.0f}% busy"
        axes.stairs(above, edges, baseline=below, fill=True, label=label)
        below = above
    limit = max(stretch.limit for stretch in stretches)
    if limit < math.inf:
        axes.axhline(limit, color="black", linewidth=0.8, linestyle="--", label=f"limit: {limit:.0f}")
    axes.set(xlabel="seconds", ylabel="calls in flight", xlim=(0, edges[-1]))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False)
