"""Examples from files: CSV, JSON and Parquet. JSON lines alone are read by `burnish.datasets.jsonl`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from burnish.datasets.jsonl import read_jsonl
from burnish.datasets.rows import examples_of, needed
from burnish.errors import ConfigError
from burnish.values.example import Example


def read_csv(
    path: str | Path,
    *,
    inputs: Sequence[str] | None = None,
    fields: Sequence[str] | None = None,
    types: Mapping[str, Callable[[str], Any]] | None = None,
    delimiter: str = ",",
) -> list[Example]:
    """One example a row, the first row being the names of the fields.

    CSV has no types, and guessing them turns ``"007"`` into 7: every value is the text that stands there, an empty cell the
    empty text, unless `types` says what makes a value of it.

    Args:
        path: A UTF-8 file, with a byte-order mark or without.
        inputs: The fields that are inputs; None leaves it open.
        fields: The fields to keep; None keeps all.
        types: Field name → what turns its text into a value, such as ``{"age": int}``.
        delimiter: What stands between values: a tab for TSV.

    Raises:
        ConfigError: The file cannot be read, lacks a field, or has a row of another length or with a value that its
            type refuses; names the line.
    """
    types = types or {}
    rows = _csv_rows(path, delimiter, types)
    examples = examples_of(rows, fields=fields, inputs=inputs, where=repr(str(path)))
    examples_of([dict.fromkeys(rows[0])], fields=list(types), inputs=None, where=repr(str(path)))
    return examples


def read_json(
    path: str | Path, *, inputs: Sequence[str] | None = None, fields: Sequence[str] | None = None
) -> list[Example]:
    """One example an object: of a JSON array, or a line each (JSONL). Values keep the types that JSON has.

    Args:
        path: A UTF-8 file, with a byte-order mark or without.
        inputs: The fields that are inputs; None leaves it open.
        fields: The fields to keep; None keeps all.

    Raises:
        ConfigError: The file cannot be read, or holds something else; names the line or the place.
    """
    text = read_text(path).lstrip()
    if not text.startswith("["):
        rows = [dict(row.items()) for row in read_jsonl(path)]
        return examples_of(rows, fields=fields, inputs=inputs, where=repr(str(path)))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{str(path)!r} is not JSON: {error}.") from error
    for place, row in enumerate(found):
        if not isinstance(row, dict):
            raise ConfigError(f"{str(path)!r}: what stands at place {place} is no JSON object: {json.dumps(row)[:80]}")
    return examples_of(found, fields=fields, inputs=inputs, where=repr(str(path)))


def read_parquet(
    path: str | Path, *, inputs: Sequence[str] | None = None, fields: Sequence[str] | None = None
) -> list[Example]:
    """One example a row. Values become Python's own: numbers, texts, dates, lists, dicts, None. Needs ``burnish[parquet]``.

    Args:
        path: The file.
        inputs: The fields that are inputs; None leaves it open.
        fields: The fields to keep; None keeps all.

    Raises:
        ConfigError: The file cannot be read, lacks a field, or pyarrow is not installed.
    """
    parquet = needed("pyarrow.parquet", extra="parquet", to="read Parquet")
    try:
        # Opened here: given a name, pyarrow takes parts of the path for columns.
        with Path(path).open("rb") as file:
            table = parquet.ParquetFile(file).read()
    # pyarrow's own error is a ValueError for some faults and an OSError for others.
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot read {str(path)!r} as Parquet: {error}.") from error
    return examples_of(table.to_pylist(), fields=fields, inputs=inputs, where=repr(str(path)))


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file, without a byte-order mark.

    Raises:
        ConfigError: There is none.
    """
    try:
        # Not as text, which would make one line break of every other, inside quotation marks too.
        return Path(path).read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read {str(path)!r}: {error}.") from error


def _csv_rows(path: str | Path, delimiter: str, types: Mapping[str, Callable[[str], Any]]) -> list[dict[str, Any]]:
    lines = _lines(path, delimiter)
    first = next(lines, None)
    if first is None:
        raise ConfigError(f"{str(path)!r} is empty: its first line should name the fields.")
    names = [name.strip() for name in first[1]]
    if "" in names or len(set(names)) < len(names):
        raise ConfigError(f"{path}, line 1 should name each field once, and is {', '.join(map(repr, names))}.")
    rows = []
    for line, values in lines:
        if len(values) != len(names):
            raise ConfigError(
                f"{path}, line {line} has {len(values)} values for {len(names)} fields: {delimiter.join(values)[:80]!r}. "
                "A value that holds the delimiter, a line break or a quotation mark stands in quotation marks."
            )
        row: dict[str, Any] = dict(zip(names, values, strict=True))
        for name in types.keys() & row.keys():
            row[name] = _typed(row[name], types[name], f"{path}, line {line}: the field {name!r}")
        rows.append(row)
    if not rows:
        raise ConfigError(f"{str(path)!r} holds no examples: there is nothing behind the names of the fields.")
    return rows


def _lines(path: str | Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of the line in which it ends."""
    text = read_text(path)
    # Documents are longer than the module's own limit, which is the whole process's and is only ever raised here.
    if len(text) > csv.field_size_limit():
        csv.field_size_limit(len(text))
    # `newline=""` as for a file: line breaks inside quotation marks stay what they are.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for values in reader:
            if values:
                yield reader.line_num, values
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num} is not CSV: {error}.") from error


def _typed(text: str, make: Callable[[str], Any], what: str) -> Any:
    try:
        return make(text)
    # The user's function may refuse a text in any way.
    except Exception as error:
        name = getattr(make, "__name__", repr(make))
        raise ConfigError(f"{what} is {text[:80]!r}, which {name} refuses: {error}.") from error
