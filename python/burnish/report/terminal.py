"""Reports and saved programs as rich renderables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from burnish.errors import StateError
from burnish.modules.state import parts_of
from burnish.values.report import Report, Standing
from burnish.values.usage import Usage

_SHOWN_DEMOS = 4
_SHOWN_CHARACTERS = 300


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
    if found.gain is not None:
        parts.append(Text(f"Gain over the baseline, on the examples used to choose: {found.gain}"))
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


def program(state: Mapping[str, Any], *, demos: int = _SHOWN_DEMOS) -> Group:
    """A saved program: what its parts keep, and each predictor's instructions, fields and demos.

    Args:
        state: What `Module.dump_state` gives.
        demos: Demos to show of each predictor at most.

    Raises:
        StateError: The state is that of something else.
    """
    parts: list[Any] = [Text(line) for line in _kept(state.get("burnish"))]
    for name, predictor in parts_of(state).items():
        if not isinstance(predictor, Mapping) or not {"demos", "signature"} <= predictor.keys():
            raise StateError(f"This is no saved program: {name!r} has neither demos nor a signature.")
        shown = predictor["demos"][:demos]
        lines = [Text(predictor["signature"]["instructions"], style="bold"), Text("")]
        lines.append(Text(f"{len(predictor['demos'])} demos" + (":" if shown else ""), style="dim"))
        for demo in shown:
            fields = (f"{key}: {_short(value)}" for key, value in demo.items() if key != "augmented")
            lines.append(Text("  " + "\n    ".join(fields)))
        if len(predictor["demos"]) > len(shown):
            lines.append(Text(f"  … and {len(predictor['demos']) - len(shown)} more", style="dim"))
        model = (predictor.get("lm") or {}).get("model")
        parts.append(Panel(Group(*lines), title=name, subtitle=model, title_align="left"))
    return Group(*parts)


def _kept(own: Any) -> Iterator[str]:
    """What modules keep beside their predictors, a line each: numbers and names as they are, lists by their length."""
    parts = own.get("parts") if isinstance(own, Mapping) else None
    for path, part in parts.items() if isinstance(parts, Mapping) else ():
        values = part.items() if isinstance(part, Mapping) else ()
        told = [
            f"{len(value)} {name}" if isinstance(value, list) else f"{name} {value}"
            for name, value in values
            if name != "kind" and not isinstance(value, Mapping)
        ]
        yield f"{path}: {dict(values).get('kind')}: {', '.join(told)}"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
