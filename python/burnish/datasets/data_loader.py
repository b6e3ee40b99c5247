"""`DataLoader`: DSPy's face of the readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from burnish.datasets.files import read_csv, read_json, read_parquet
from burnish.datasets.frames import from_frame, from_huggingface
from burnish.errors import ConfigError
from burnish.values.example import Example
from burnish.values.seed import draw
from burnish.values.whole import check_whole


class DataLoader:
    r"""Reads data sets into lists of `Example`, under DSPy's names.

    ``input_keys=()`` leaves open which fields are inputs. Values are what the readers of `burnish.datasets` make of them:
    texts from CSV, where DSPy guesses types.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "rows.csv")
        >>> _ = file.write_text("question,answer\n1 + 1?,2\n")
        >>> DataLoader().from_csv(file, input_keys=("question",))
        [Example({'question': '1 + 1?', 'answer': '2'}, inputs=['question'])]
    """

    def from_csv(
        self, file_path: str | Path, fields: Sequence[str] | None = None, input_keys: Sequence[str] = ()
    ) -> list[Example]:
        """See `read_csv`."""
        return read_csv(file_path, fields=fields, inputs=input_keys or None)

    def from_json(
        self, file_path: str | Path, fields: Sequence[str] | None = None, input_keys: Sequence[str] = ()
    ) -> list[Example]:
        """See `read_json`."""
        return read_json(file_path, fields=fields, inputs=input_keys or None)

    def from_parquet(
        self, file_path: str | Path, fields: Sequence[str] | None = None, input_keys: Sequence[str] = ()
    ) -> list[Example]:
        """See `read_parquet`."""
        return read_parquet(file_path, fields=fields, inputs=input_keys or None)

    def from_pandas(
        self, df: Any, fields: Sequence[str] | None = None, input_keys: Sequence[str] = ()
    ) -> list[Example]:
        """See `from_frame`."""
        return from_frame(df, fields=fields, inputs=input_keys or None)

    def from_huggingface(
        self,
        dataset_name: str,
        *args: Any,
        input_keys: Sequence[str] = (),
        fields: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> list[Example] | dict[str, list[Example]]:
        """See `from_huggingface`."""
        return from_huggingface(dataset_name, *args, fields=fields, inputs=input_keys or None, **kwargs)

    def sample(self, dataset: Sequence[Example], n: int, *, seed: int = 0) -> list[Example]:
        """So many rows, each once, drawn by the seed.

        Raises:
            ConfigError: There are not so many.
        """
        rows = list(dataset)
        check_whole(0, n=n)
        if n > len(rows):
            raise ConfigError(f"n={n}: there are {len(rows)} rows.")
        return draw(seed, "sample").sample(rows, n)

    def train_test_split(
        self,
        dataset: Sequence[Example],
        train_size: float = 0.75,
        test_size: float | None = None,
        random_state: int | None = None,
    ) -> dict[str, list[Example]]:
        """Two plain lists, ``{"train": ..., "test": ...}``; `burnish.datasets.split` seals the test part and keeps copies together.

        Args:
            dataset: The rows.
            train_size: A whole number of rows, or a share of all.
            test_size: Likewise; None is what train leaves.
            random_state: The seed; None is 0, so that the parts are the same each time.

        Raises:
            ConfigError: There are not so many rows.
        """
        rows = list(dataset)
        train = _count("train_size", train_size, len(rows))
        test = len(rows) - train if test_size is None else _count("test_size", test_size, len(rows))
        if train + test > len(rows):
            raise ConfigError(f"train_size={train_size!r} and test_size={test_size!r} are more than {len(rows)} rows.")
        draw(random_state or 0, "train_test_split").shuffle(rows)
        return {"train": rows[:train], "test": rows[train : train + test]}


def _count(name: str, size: Any, rows: int) -> int:
    count = round(size * rows) if isinstance(size, float) and size <= 1 else size
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= rows:
        raise ConfigError(f"{name}={size!r}: give a whole number of at most {rows} rows, or a share from 0.0 to 1.0.")
    return count
