"""Saved programs, and how two of them differ, as rich renderables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.bar import Bar
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from burnish.report.program_diff import PredictorDiff, ProgramDiff
from burnish.report.saved_program import SavedField, SavedPredictor, SavedProgram
from burnish.values.effects import Effects

_SHOWN_DEMOS = 4
_BAR = 20
_CHARACTERS_OF_A_VALUE = 300
_CHARACTERS_OF_INSTRUCTIONS = 3000
# Escape, and what stands for it and a bracket in one.
_SIGNS = {0x1B: "␛", **dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}")}
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
    parts: list[Any] = [_text(f"Saved by {saved.origin}.", style="dim")] if saved.origin else []
    parts += [_text(line) for line in _kept(saved.parts)]
    for name, one in saved.predictors.items():
        most = len(one.demos) if full else demos
        title, subtitle = _text(name), _text(_model(one.lm))
        parts.append(Panel(_predictor(one, most, full=full), title=title, subtitle=subtitle, title_align="left"))
    if saved.effects is not None:
        parts.append(effects(saved.effects))
    return Group(*parts)


def effects(found: Effects) -> Table | Text:
    """Which slots made the difference, a bar for each; where none stands out, that in words and nothing else."""
    if not found.stand_out:
        return _text(str(found))
    table = Table("slot", "", "share", "winner's choice", title="What set the candidates apart", title_justify="left")
    rows = [(slot.name, slot.share, slot.told) for slot in found.ranked]
    for name, share, told in (*rows, ("choices together", found.pairs, ""), ("single candidates", found.own, "")):
        table.add_row(_text(name), Bar(1, 0, share, width=_BAR), f"{100 * share:.0f}%", told)
    return table


def _predictor(one: SavedPredictor, most: int, *, full: bool) -> Group:
    parts: list[Any] = [_text(_folded(one.instructions, full or _CHARACTERS_OF_INSTRUCTIONS), style="bold"), _text("")]
    if one.fields:
        parts += [_fields(one.fields), _text("")]
    shown = one.demos[:most]
    made = sum(bool(demo.get("augmented")) for demo in one.demos)
    told = (
        ("1 demo" if len(one.demos) == 1 else f"{len(one.demos)} demos")
        + (f", {made} of them bootstrapped" if made else "")
        + (":" if shown else "")
    )
    parts.append(_text(told, style="dim"))
    parts += [_demo(demo, str(number), full=full) for number, demo in enumerate(shown, start=1)]
    if len(one.demos) > len(shown):
        parts.append(_text(f"… and {len(one.demos) - len(shown)} more", style="dim"))
    return Group(*parts)


def _fields(fields: Sequence[SavedField]) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column(overflow="fold")
    for one in fields:
        table.add_row(
            _text(_SIDES.get(one.side, ""), style="dim"),
            _text(one.name or one.prefix.rstrip(":")),
            _text(one.kind or "", style="dim"),
            _text(one.description),
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
            _text("" if number else mark, style=style or "dim"),
            _text(f"{key}:", style="dim"),
            _text(_folded(text, full or _CHARACTERS_OF_A_VALUE), style=style),
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
        return Group(_text("The programs are the same."))
    parts: list[Any] = [
        _text(f"{mark} predictor {name}", style=style)
        for mark, style, names in (("-", "red", found.only_first), ("+", "green", found.only_second))
        for name in names
    ]
    parts += [
        _text(f"{path}: {key}: {_folded(str(before), full or 80)} → {_folded(str(after), full or 80)}")
        for path, changes in found.parts.items()
        for key, (before, after) in changes.items()
    ]
    for name, one in found.predictors.items():
        parts.append(Panel(Group(*_changes(one, full=full)), title=_text(name), title_align="left"))
    return Group(*parts)


def _changes(one: PredictorDiff, *, full: bool) -> Iterator[Any]:
    if one.instructions is not None:
        yield _text("Instructions", style="dim")
        for line in one.instructions_diff():
            style = {"-": "red", "+": "green", "@": "cyan"}.get(line[:1], "")
            yield _text(line, style=style)
    for place, what, before, after in one.fields:
        yield _text(f"Field {place}: {what} {_told(before)} → {_told(after)}")
    for key, (before, after) in one.lm.items():
        yield _text(f"LM: {key} {_told(before)} → {_told(after)}")
    if one.removed or one.added:
        yield _text(f"Demos: {len(one.removed)} removed, {len(one.added)} added", style="dim")
    for mark, style, demos in (("-", "red", one.removed), ("+", "green", one.added)):
        for demo in demos:
            yield _demo(demo, mark, full=full, style=style)
    if one.reordered:
        yield _text("Demos: those that both have stand in another order", style="dim")


def _text(text: str, style: str = "") -> Text:
    """A file's text, in which nothing commands the terminal: what stands before a command is shown as a sign."""
    return Text(text.translate(_SIGNS), style=style)


def _told(value: Any) -> str:
    return "(none)" if value is None else json.dumps(value, ensure_ascii=False)
