"""The rows of an evaluation in a file: whole, or what was there before stays."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from burnish.errors import ConfigError
from burnish.evaluation.text import text_of

Row = Mapping[str, Any]


def check_place(path: str | Path | None) -> None:
    """There is a folder for this file, and no folder of its name.

    Raises:
        ConfigError: There is none; told before anything is paid for.
    """
    if path is None:
        return
    if not Path(path).absolute().parent.is_dir():
        raise ConfigError(f"Cannot save the rows to {str(path)!r}: there is no such folder.")
    if Path(path).is_dir():
        raise ConfigError(f"Cannot save the rows to {str(path)!r}: that is a folder. Give the name of a file.")


def save(rows: Callable[[], Sequence[Row]], *, as_csv: str | Path | None, as_json: str | Path | None) -> None:
    """Write the rows to files. A disk or a row that cannot be written costs a warning, and not the result."""
    try:
        told = [{text_of(name): _written(value) for name, value in row.items()} for row in rows()]
    # What a program returned may do anything when it is looked at, such as hold itself.
    except Exception as error:
        warnings.warn(f"The rows could not be saved ({type(error).__name__}: {error}).", UserWarning, stacklevel=2)
        return
    for path, write in ((as_json, _json), (as_csv, _csv)):
        if path is None:
            continue
        try:
            _write(Path(path), write(told))
        except OSError as error:
            warnings.warn(
                f"The rows could not be saved: {error}. They are in result.rows().", UserWarning, stacklevel=2
            )


def plain(value: Any) -> Any:
    """A value as JSON has it: what is no text, number, list or dict becomes its text, and a number that is not finite None."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {text_of(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return plain(value.tolist())
    return text_of(value)


def _written(value: Any) -> Any:
    """`plain`, or words for what JSON cannot hold, such as a number of thousands of digits."""
    try:
        found = plain(value)
        json.dumps(found)
    # A value that cannot be written must not cost the other rows their file, nor the evaluation its result.
    except Exception as error:
        return f"<{type(value).__name__}, which cannot be written: {type(error).__name__}>"
    return found


def _json(rows: Sequence[Row]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def _csv(rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _write(path: Path, text: str) -> None:
    """Write beside the file, then put it in its place, which is one step."""
    path = path.resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
