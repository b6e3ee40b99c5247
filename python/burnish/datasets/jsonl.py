"""Examples from JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from burnish.errors import ConfigError
from burnish.values.example import Example


def read_jsonl(path: str | Path, *, inputs: Sequence[str] | None = None) -> list[Example]:
    """One example a line; empty lines are passed over.

    Args:
        path: A UTF-8 file of JSON objects.
        inputs: The fields that are inputs; None leaves it open.

    Raises:
        ConfigError: The file cannot be read, or a line is no JSON object; names the line.
    """
    try:
        # A byte-order mark is dropped; texts may hold the other characters that `splitlines` would break at.
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read {str(path)!r}: {error}.") from error
    examples = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}, line {number} is not JSON: {error}.") from error
        if not isinstance(row, dict):
            raise ConfigError(f"{path}, line {number} is no JSON object: {line[:80]}")
        example = Example(row)
        examples.append(example if inputs is None else example.with_inputs(*inputs))
    if not examples:
        raise ConfigError(f"{str(path)!r} holds no examples.")
    return examples
