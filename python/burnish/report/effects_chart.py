"""Which slots made the difference, as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from burnish.errors import ConfigError
from burnish.report import chart

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from burnish.values.effects import Effects

_STANDS_OUT, _NOISE = "#1f6f8b", "#c3c9cc"
_INCHES_A_BAR = 0.38


def effects_chart(effects: Effects | None, path: str | os.PathLike[str]) -> Path:
    """Draw a report's effects: shares of the expected score's variance, and what each of the winner's choices adds.

    What does not stand out is grey. Makes no LM call.

    Args:
        effects: ``report.effects``.
        path: Where to; its ending says the format, such as ``.svg`` or ``.png``.

    Returns:
        The file.

    Raises:
        ConfigError: There are no effects, matplotlib is not installed, or it does not know the format.
    """
    if effects is None:
        raise ConfigError(
            "There are no effects to draw. MIPROv2 and COPRO report them, where their search was over two slots at least."
        )
    slots = [(slot, _STANDS_OUT if slot.stands_out else _NOISE) for slot in effects.ranked]
    rest = [("choices together", effects.pairs), ("single candidates", effects.own)]
    shares = [(slot.name, 100 * slot.share, color) for slot, color in slots]
    shares += [(name, 100 * share, _NOISE) for name, share in rest]
    figure = chart.blank(9, 1.4 + _INCHES_A_BAR * len(shares))
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    _bars(left, shares, "{:.0f}%", "share of what set candidates apart")
    _bars(
        right,
        [(slot.name, 100 * slot.gain, color) for slot, color in slots],
        "{:+.1f}",
        "points over the program's own",
    )
    # Each row has its name once, at the left; here the last two have nothing to say.
    right.set(ylim=left.get_ylim(), yticks=[])
    figure.suptitle("Which part earned it" if effects.stand_out else "No slot stands out: the scores do not tell")
    return chart.write(figure, path)


def _bars(axes: Any, bars: Sequence[tuple[str, float, str]], form: str, title: str) -> None:
    """Bars from the top down, each with its number at its end."""
    names, values, colors = zip(*bars, strict=True)
    # As numbers, since two predictors may have slots of one name.
    drawn = axes.barh(range(len(bars)), values, color=colors)
    axes.bar_label(drawn, [form.format(value) for value in values], padding=3)
    # A file's names are shown as they are: a dollar sign begins no formula.
    axes.set_yticks(range(len(bars)), names, parse_math=False)
    axes.invert_yaxis()
    axes.set_title(title, fontsize="medium", loc="left")
    axes.set_xticks([])
    axes.margins(x=0.2)
    axes.spines[:].set_visible(False)
    axes.axvline(0, color="black", linewidth=0.8)
