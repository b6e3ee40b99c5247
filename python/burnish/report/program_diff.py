"""How two saved programs differ, predictor by predictor, for people and for machines."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from burnish.report.saved_program import SavedField, SavedPredictor, SavedProgram

_ABOUT_A_FIELD = ("name", "side", "kind", "prefix", "description")
_IN_A_FILE = {"kind": "type"}


class FieldChange(NamedTuple):
    """One thing about a field that is another.

    Attributes:
        field: The field's name, or its number from 1 where the file has no names.
        what: ``"name"``, ``"side"``, ``"type"``, ``"prefix"`` or ``"description"``; ``"field"`` where only one has it.
        before: In the first program.
        after: In the second.
    """

    field: str
    what: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class PredictorDiff:
    """What is another in one predictor.

    Attributes:
        instructions: The two texts, where they differ.
        removed: Demos that only the first has, by their content.
        added: Demos that only the second has.
        reordered: Whether the demos that both have stand in another order.
        fields: What is another about fields.
        lm: Setting of the LM → its value in the first and in the second.
    """

    instructions: tuple[str, str] | None = None
    removed: list[Mapping[str, Any]] = field(default_factory=list)
    added: list[Mapping[str, Any]] = field(default_factory=list)
    reordered: bool = False
    fields: list[FieldChange] = field(default_factory=list)
    lm: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self == PredictorDiff()

    def instructions_diff(self) -> list[str]:
        """The change of the instructions, line by line, as ``diff -u`` shows it."""
        before, after = self.instructions or ("", "")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="")
        # The first two name files, of which there are none.
        return list(lines)[2:]

    def to_dict(self) -> dict[str, Any]:
        """Only what differs, JSON-ready."""
        found: dict[str, Any] = {}
        if self.instructions is not None:
            before, after = self.instructions
            found["instructions"] = {"before": before, "after": after, "diff": self.instructions_diff()}
        if self.removed or self.added or self.reordered:
            found["demos"] = {"removed": self.removed, "added": self.added, "reordered": self.reordered}
        if self.fields:
            found["fields"] = [change._asdict() for change in self.fields]
        if self.lm:
            found["lm"] = {key: {"before": before, "after": after} for key, (before, after) in self.lm.items()}
        return found


@dataclass(frozen=True, slots=True)
class ProgramDiff:
    """How a second saved program differs from a first.

    Attributes:
        only_first: Predictors that the second has not.
        only_second: Predictors that the first has not.
        predictors: Name → what differs, of those that both have and that differ.
        parts: Path of a module → what differs of what it keeps beside its predictors.
    """

    only_first: list[str]
    only_second: list[str]
    predictors: dict[str, PredictorDiff]
    parts: dict[str, dict[str, tuple[Any, Any]]]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.only_first or self.only_second or self.predictors or self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            "same": self.same,
            "only_first": self.only_first,
            "only_second": self.only_second,
            "predictors": {name: one.to_dict() for name, one in self.predictors.items()},
            "parts": {
                path: {key: {"before": before, "after": after} for key, (before, after) in changes.items()}
                for path, changes in self.parts.items()
            },
        }


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> ProgramDiff:
    """How a second program's state differs from a first's.

    Args:
        first: What `Module.dump_state` gives, or DSPy's.
        second: Likewise.

    Raises:
        StateError: One of them is no program's.
    """
    one, other = SavedProgram.of(first), SavedProgram.of(second)
    both = [name for name in one.predictors if name in other.predictors]
    found = {name: _compare(one.predictors[name], other.predictors[name]) for name in both}
    parts = {
        path: _changes(one.parts.get(path, {}), other.parts.get(path, {}))
        for path in dict.fromkeys([*one.parts, *other.parts])
    }
    return ProgramDiff(
        [name for name in one.predictors if name not in other.predictors],
        [name for name in other.predictors if name not in one.predictors],
        {name: diff for name, diff in found.items() if not diff.same},
        {path: changes for path, changes in parts.items() if changes},
    )


def _compare(first: SavedPredictor, second: SavedPredictor) -> PredictorDiff:
    removed, added, reordered = _demos(first.demos, second.demos)
    return PredictorDiff(
        None if first.instructions == second.instructions else (first.instructions, second.instructions),
        removed,
        added,
        reordered,
        _fields(first.fields, second.fields),
        _changes(first.lm, second.lm),
    )


def _demos(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]], bool]:
    """The demos that only one has, each as often as the other lacks it, and whether the rest is in another order."""
    before, after = [_content(demo) for demo in first], [_content(demo) for demo in second]
    lone, new = Counter(before) - Counter(after), Counter(after) - Counter(before)
    removed, kept = _taken(first, before, lone)
    added, remaining = _taken(second, after, new)
    return removed, added, kept != remaining


def _taken(
    demos: Sequence[Mapping[str, Any]], contents: Sequence[str], lone: Counter[str]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The demos among `lone`, and the contents of the others; of equal ones the last are lone."""
    left, taken, kept = Counter(lone), [], []
    for demo, content in reversed(list(zip(demos, contents, strict=True))):
        if left[content]:
            left[content] -= 1
            taken.append(demo)
        else:
            kept.append(content)
    return taken[::-1], kept[::-1]


def _content(demo: Mapping[str, Any]) -> str:
    return json.dumps(demo, sort_keys=True)


def _fields(first: Sequence[SavedField], second: Sequence[SavedField]) -> list[FieldChange]:
    # The oldest files say nothing of fields, which is no difference.
    if not first or not second:
        return []
    changes = []
    for number, (one, other) in enumerate(zip(first, second, strict=False), start=1):
        for about in _ABOUT_A_FIELD:
            before, after = getattr(one, about), getattr(other, about)
            if before != after and before is not None and after is not None:
                changes.append(FieldChange(one.name or str(number), _IN_A_FILE.get(about, about), before, after))
    least = min(len(first), len(second))
    changes += [FieldChange(one.name or one.prefix, "field", one.prefix, None) for one in first[least:]]
    changes += [FieldChange(one.name or one.prefix, "field", None, one.prefix) for one in second[least:]]
    return changes


def _changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Key → its two values, where they differ."""
    return {
        key: (first.get(key), second.get(key))
        for key in dict.fromkeys([*first, *second])
        if first.get(key) != second.get(key)
    }
