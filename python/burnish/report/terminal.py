"""Reports as rich renderables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from burnish.report import show
from burnish.values.report import Report, Standing
from burnish.values.usage import Usage


def report(found: Report, *, most: int = 12) -> Group:
    """A compile's candidates, gain and bill.

    Args:
        found: The report.
        most: Candidates to list at most, best first.
    """
    parts: list[Any] = []
    scored = [found.candidates[number] for number in found.ranked()]
    if scored:
        parts.append(_candidates(scored, found.winner, most))
    parts.extend(Text(line[:1].upper() + line[1:]) for line in found.told())
    if found.effects is not None:
        parts.append(show.effects(found.effects))
    if found.usage:
        parts.append(_bill("stage", found.usage, "What it cost"))
    if found.before.calls:
        parts.append(Text(f"Before this process went on with it: {found.before.calls} LM calls, {found.before.price}."))
    if len(found.predictors) > 1:
        parts.append(_bill("predictor", found.predictors, "What each predictor cost"))
    parts.extend(Text(decision) for decision in found.decisions)
    parts.append(Text(f"{found.optimizer}: {found.stopped.rstrip('.')}, after {found.seconds:.1f} s."))
    return Group(*parts)


def _bill(what: str, usages: Mapping[str, Usage], title: str) -> Table:
    table = Table(what, "LM calls", "tokens", "price", title=title, title_justify="left")
    for name, usage in usages.items():
        table.add_row(name or "(none)", str(usage.calls), str(usage.tokens), usage.price)
    return table


def _candidates(scored: list[Standing], winner: str, most: int) -> Table:
    table = Table("candidate", "score", "95% interval", "n/N", "failed", title="Candidates", title_justify="left")
    for standing in scored[:most]:
        mark = " ◀" if standing.name == winner else ""
        table.add_row(
            standing.name + mark,
            f"{100 * standing.mean:.1f}",
            f"{100 * standing.low:.1f} to {100 * standing.high:.1f}",
            f"{standing.n}/{standing.n + standing.not_measured}",
            str(standing.failed),
        )
    if len(scored) > most:
        table.add_row(f"… and {len(scored) - most} more", "", "", "", "")
    return table
