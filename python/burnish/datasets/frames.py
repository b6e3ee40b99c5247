"""Examples from tables that other packages hold: pandas and Hugging Face `datasets`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from burnish.datasets.rows import examples_of, needed
from burnish.errors import ConfigError
from burnish.values.example import Example


def from_frame(
    frame: Any, *, inputs: Sequence[str] | None = None, fields: Sequence[str] | None = None
) -> list[Example]:
    """One example a row of a pandas DataFrame, whose index is left out.

    Values become Python's own: a NumPy number a number, a Timestamp a datetime, an array a list, and what is missing (NaN, NaT, NA) None.

    Args:
        frame: The DataFrame.
        inputs: The columns that are inputs; None leaves it open.
        fields: The columns to keep; None keeps all.

    Raises:
        ConfigError: It is no DataFrame, has no rows, lacks a column, or columns have no name of their own.
    """
    columns = getattr(frame, "columns", None)
    if columns is None or not hasattr(frame, "itertuples"):
        raise ConfigError(f"Expected a pandas DataFrame, and got {type(frame).__name__}.")
    names = list(columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ConfigError(f"The DataFrame's columns should each have a text of its own as name; they are {names!r}.")
    rows = (
        {name: _plain(value) for name, value in zip(names, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    )
    return examples_of(rows, fields=fields, inputs=inputs, where="The DataFrame")


def from_huggingface(
    name: str,
    *args: Any,
    inputs: Sequence[str] | None = None,
    fields: Sequence[str] | None = None,
    **options: Any,
) -> list[Example] | dict[str, list[Example]]:
    """A data set of Hugging Face's hub, or of local files through its builders. Needs ``burnish[huggingface]``.

    Args:
        name: What `datasets.load_dataset` takes: ``"openai/gsm8k"``, or ``"json"`` with ``data_files=...``.
        args: As `load_dataset` takes them, such as the configuration ``"main"``.
        inputs: The columns that are inputs; None leaves it open.
        fields: The columns to keep; None keeps all.
        options: As `load_dataset` takes them, ``split=...`` among them. With a list of splits the answer has one list each.

    Returns:
        A list where one split was named, else split → list.

    Raises:
        ConfigError: It cannot be loaded, lacks a column, or `datasets` is not installed.
    """
    package = needed("datasets", extra="huggingface", to="load from Hugging Face")
    try:
        loaded = package.load_dataset(name, *args, **options)
    # It raises errors of many packages: its own, the hub's, those of file formats and of the network.
    except Exception as error:
        raise ConfigError(f"Cannot load {name!r} from Hugging Face: {type(error).__name__}: {error}") from error
    wanted = options.get("split")
    if isinstance(loaded, Mapping):
        parts = dict(loaded)
    elif isinstance(loaded, list):
        parts = dict(zip(map(str, wanted or ()), loaded, strict=True))
    else:
        return _of_split(loaded, fields, inputs, name if wanted is None else f"{name} ({wanted})")
    return {str(split): _of_split(rows, fields, inputs, f"{name} ({split})") for split, rows in parts.items()}


def _of_split(rows: Any, fields: Sequence[str] | None, inputs: Sequence[str] | None, where: str) -> list[Example]:
    return examples_of(rows, fields=fields, inputs=inputs, where=f"The data set {where}")


def _plain(value: Any) -> Any:
    """A cell as Python's own value."""
    if hasattr(value, "to_pydatetime"):
        # NaT has it too, and is not equal to itself.
        return value.to_pydatetime() if value == value else None  # noqa: PLR0124
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and value != value:  # noqa: PLR0124  NaN alone is not equal to itself
        return None
    # By name, so that cells are read without importing pandas.
    return None if type(value).__name__ in ("NAType", "NaTType") else value
