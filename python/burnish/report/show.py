"""Saved programs, and how two of them differ, as rich renderables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from burnish.report.program_diff import PredictorDiff, ProgramDiff
from burnish.report.saved_program import SavedField, SavedPredictor, SavedProgram

_SHOWN_DEMOS = 4
_CHARACTERS_OF_A_VALUE = 300
_CHARACTERS_OF_INSTRUCTIONS = 3000
_SIDES = {"input": "in", "output": "out", None: ""}


def program(state: Mapping[str, Any], *, demos: int = _SHOWN_DEMOS, full: bool = False) -> Group:
    """A saved program: what its parts keep, and each predictor's instructions, fields, demos and LM.

    Args:
        state: What `Module.dump_state` gives, or DSPy's.
        demos: Demos to show of each predictor at most.
        full: Whether long texts are shown whole, and all demos.

    Raises:
        StateError: The state is that of something else.
    """
    saved = SavedProgram.of(state)
    parts: list[Any] = [Text(f"Saved by {saved.origin}.", style="dim")] if saved.origin else []
    parts += [Text(line) for line in _kept(saved.parts)]
    for name, one in saved.predictors.items():
        most = len(one.demos) if full else demos
        title, subtitle = Text(name), Text(_model(one.lm))
        parts.append(Panel(_predictor(one, most, full=full), title=title, subtitle=subtitle, title_align="left"))
    return Group(*parts)


def _predictor(one: SavedPredictor, most: int, *, full: bool) -> Group:
    parts: list[Any] = [Text(_folded(one.instructions, full or _CHARACTERS_OF_INSTRUCTIONS), style="bold"), Text("")]
    if one.fields:
        parts += [_fields(one.fields), Text("")]
    shown = one.demos[:most]
    made = sum(bool(demo.get("augmented")) for demo in one.demos)
    told = (
        ("1 demo" if len(one.demos) == 1 else f"{len(one.demos)} demos")
        + (f", {made} of them bootstrapped" if made else "")
        + (":" if shown else "")
    )
    parts.append(Text(told, style="dim"))
    parts += [_demo(demo, str(number), full=full) for number, demo in enumerate(shown, start=1)]
    if len(one.demos) > len(shown):
        parts.append(Text(f"… and {len(one.demos) - len(shown)} more", style="dim"))
    return Group(*parts)


def _fields(fields: Sequence[SavedField]) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column(overflow="fold")
    for one in fields:
        table.add_row(
            Text(_SIDES.get(one.side, ""), style="dim"),
            Text(one.name or one.prefix.rstrip(":")),
            Text(one.kind or "", style="dim"),
            Text(one.description),
        )
    return table


def _demo(demo: Mapping[str, Any], mark: str, *, full: bool, style: str = "") -> Table:
    table = Table.grid(padding=(0, 1))
    # The values take what room there is, and are broken within it: nothing is cut off.
    table.add_column(no_wrap=True)
    table.add_column(max_width=24, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    values = [(key, value) for key, value in demo.items() if key != "augmented"]
    for number, (key, value) in enumerate(values):
        # As the file has it, which is how a prompt shows it too.
        text = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
        table.add_row(
            Text("" if number else mark, style=style or "dim"),
            Text(f"{key}:", style="dim"),
            Text(_folded(text, full or _CHARACTERS_OF_A_VALUE), style=style),
        )
    return table


def _model(lm: Mapping[str, Any]) -> str:
    """The LM in a line: its name, and what its calls are given."""
    plain = (f"{key} {value}" for key, value in lm.items() if key not in _NOT_TOLD)
    return " · ".join([str(lm["model"]), *plain]) if "model" in lm else ""


# What says nothing of the answers.
_NOT_TOLD = frozenset({"model", "cache", "num_retries"})


def _folded(text: str, most: int | bool) -> str:
    """The text, cut off after so many characters; True cuts nothing."""
    if most is True or len(text) <= most:
        return text
    return f"{text[:most]}… (+{len(text) - most:,} characters)"


def _kept(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What modules keep beside their predictors, a line each: numbers and names as they are, lists by their length."""
    for path, part in parts.items():
        told = [
            f"{len(value)} {name}" if isinstance(value, list) else f"{name} {value}"
            for name, value in part.items()
            if name != "kind" and not isinstance(value, Mapping)
        ]
        yield f"{path}: {part.get('kind')}: {', '.join(told)}"


def difference(found: ProgramDiff, *, full: bool = False) -> Group:
    """How two saved programs differ: what only the first has in red, what only the second has in green.

    Args:
        found: The differences.
        full: Whether long texts are shown whole.
    """
    if found.same:
        return Group(Text("The programs are the same."))
    parts: list[Any] = [
        Text(f"{mark} predictor {name}", style=style)
        for mark, style, names in (("-", "red", found.only_first), ("+", "green", found.only_second))
        for name in names
    ]
    parts += [
        Text(f"{path}: {key}: {_folded(str(before), full or 80)} → {_folded(str(after), full or 80)}")
        for path, changes in found.parts.items()
        for key, (before, after) in changes.items()
    ]
    for name, one in found.predictors.items():
        parts.append(Panel(Group(*_changes(one, full=full)), title=Text(name), title_align="left"))
    return Group(*parts)


def _changes(one: PredictorDiff, *, full: bool) -> Iterator[Any]:
    if one.instructions is not None:
        yield Text("Instructions", style="dim")
        for line in one.instructions_diff():
            style = {"-": "red", "+": "green", "@": "cyan"}.get(line[:1], "")
            yield Text(line, style=style)
    for place, what, before, after in one.fields:
        yield Text(f"Field {place}: {what} {_told(before)} → {_told(after)}")
    for key, (before, after) in one.lm.items():
        yield Text(f"LM: {key} {_told(before)} → {_told(after)}")
    if one.removed or one.added:
        yield Text(f"Demos: {len(one.removed)} removed, {len(one.added)} added", style="dim")
    for mark, style, demos in (("-", "red", one.removed), ("+", "green", one.added)):
        for demo in demos:
            yield _demo(demo, mark, full=full, style=style)
    if one.reordered:
        yield Text("Demos: those that both have stand in another order", style="dim")


def _told(value: Any) -> str:
    return "(none)" if value is None else json.dumps(value, ensure_ascii=False)
