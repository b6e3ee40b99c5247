"""Rows of a table as examples, whatever they were read from."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from burnish.errors import ConfigError
from burnish.values.example import Example


def examples_of(
    rows: Iterable[Mapping[str, Any]], *, fields: Sequence[str] | None, inputs: Sequence[str] | None, where: str
) -> list[Example]:
    """One example a row.

    Args:
        rows: Field name → value of each.
        fields: The fields to keep, in this order; None keeps all.
        inputs: The fields that are inputs; None leaves it open.
        where: What the rows were read from, for messages.

    Raises:
        ConfigError: There are no rows, or a field is in none of them.
    """
    found = list(rows)
    if not found:
        raise ConfigError(f"{where} holds no examples.")
    known = list(dict.fromkeys(name for row in found for name in row))
    wanted = known if fields is None else _names("fields", fields)
    _check("fields", wanted, known, where)
    marked = None if inputs is None else _names("inputs", inputs)
    _check("inputs", marked or [], wanted, where)
    if fields is not None:
        found = [{name: row[name] for name in wanted if name in row} for row in found]
    examples = [Example(dict(row)) for row in found]
    if marked is None:
        return examples
    for place, example in enumerate(examples):
        if not any(name in example for name in marked):
            raise ConfigError(f"{where}: row {place} has none of the inputs {', '.join(marked)}.")
    return [example.with_inputs(*marked) for example in examples]


def needed(package: str, *, extra: str, to: str) -> ModuleType:
    """A package that comes with an extra of Burnish.

    Raises:
        ConfigError: It is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ConfigError(f"To {to}, install {package}: pip install 'burnish[{extra}]'. ({error})") from error


def _names(argument: str, names: Any) -> list[str]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{argument}={names!r}: give a list of field names, such as {argument}=['question'].")
    return list(names)


def _check(argument: str, names: Sequence[str], known: Sequence[str], where: str) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{where} has no field {name!r} ({argument}=...).{hint} Its fields: {', '.join(known)}.")
