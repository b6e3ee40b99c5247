"""`Dataset`: train, dev and test of one data set, in DSPy's shape, from local files or from Hugging Face."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from burnish.datasets.files import read_json, read_parquet
from burnish.datasets.frames import from_huggingface
from burnish.errors import ConfigError
from burnish.values.example import Example
from burnish.values.held_out import TestSet
from burnish.values.seed import draw
from burnish.values.whole import check_whole

Rows = Sequence[Example]
_SUFFIXES: Mapping[str, Callable[..., list[Example]]] = {
    ".jsonl": read_json,
    ".json": read_json,
    ".parquet": read_parquet,
}
# Of a published training split, so much is for choosing: it comes without a dev split, or keeps the real one for the test.
_DEV_SHARE = 0.25


class Dataset(ABC):
    """Three parts, drawn by seeds: `train` and `dev` are lists, `test` is a `TestSet`, which no optimizer takes.

    A subclass says in `parts` which rows there are to draw from.

    Args:
        train_seed: Draws the order of `train`.
        train_size: So many rows of it; None is all.
        eval_seed: Draws the order of `dev` and `test`.
        dev_size: So many rows of `dev`; None is all.
        test_size: So many rows of `test`; None is all.

    Raises:
        ConfigError: A setting is no whole number; where a part is asked for, there are not so many rows, or it cannot be read.
    """

    def __init__(
        self,
        *,
        train_seed: int = 0,
        train_size: int | None = None,
        eval_seed: int = 0,
        dev_size: int | None = None,
        test_size: int | None = None,
    ) -> None:
        check_whole(0, train_size=train_size, dev_size=dev_size, test_size=test_size)
        self.train_seed = train_seed
        self.train_size = train_size
        self.eval_seed = eval_seed
        self.dev_size = dev_size
        self.test_size = test_size

    @abstractmethod
    def parts(self, name: str) -> Rows:
        """All rows of ``"train"``, ``"dev"`` or ``"test"``, in an order that is always the same."""

    @cached_property
    def train(self) -> list[Example]:
        """Examples to learn from."""
        return self._drawn("train", self.train_seed, self.train_size)

    @cached_property
    def dev(self) -> list[Example]:
        """Examples to choose by."""
        return self._drawn("dev", self.eval_seed, self.dev_size)

    @cached_property
    def test(self) -> TestSet:
        """Examples to score the result on."""
        return TestSet(self._drawn("test", self.eval_seed, self.test_size))

    def _drawn(self, name: str, seed: int, size: int | None) -> list[Example]:
        if size == 0:
            return []
        rows = list(self.parts(name))
        if size is not None and size > len(rows):
            raise ConfigError(f"{type(self).__name__}({name}_size={size}): there are {len(rows)} rows of {name}.")
        draw(seed, "dataset", name).shuffle(rows)
        return rows[:size]


class Published(Dataset):
    """A data set as it is published: its splits are read from files, or loaded from Hugging Face.

    Args:
        path: A folder whose file names are or hold the names of the splits, or split → file; JSON lines,
            JSON or Parquet. A split may be in numbered pieces. None loads it from Hugging Face.
        seeds: Those of `Dataset`.
    """

    hub: ClassVar[tuple[str, ...]]
    # Split → words by one of which its files are known.
    splits: ClassVar[Mapping[str, tuple[str, ...]]]

    def __init__(self, path: str | Path | Mapping[str, str | Path] | None = None, **seeds: Any) -> None:
        super().__init__(**seeds)
        self.path = path
        self._read: dict[str, list[Example]] = {}

    @abstractmethod
    def example(self, row: Example) -> Example:
        """A published row as an example with its inputs marked."""

    def rows(self, split: str) -> list[Example]:
        """The rows of a published split, read once."""
        if split not in self._read:
            found = self._of_hub(split) if self.path is None else self._of_files(split)
            self._read[split] = [self.example(row) for row in found]
        return self._read[split]

    def cut(self, rows: Rows) -> tuple[list[Example], list[Example]]:
        """A training split in train and dev: three quarters and one, drawn the same way whatever the seeds are."""
        order = list(rows)
        draw(0, "dev of", type(self).__name__).shuffle(order)
        size = round(_DEV_SHARE * len(order))
        return order[size:], order[:size]

    def _of_hub(self, split: str) -> list[Example]:
        found = from_huggingface(*self.hub, split=split)
        assert isinstance(found, list)
        return found

    def _of_files(self, split: str) -> list[Example]:
        if isinstance(self.path, Mapping):
            given = self.path.get(split)
            files = [] if given is None else [Path(given)]
        else:
            folder = Path(str(self.path))
            if not folder.is_dir():
                raise ConfigError(f"{type(self).__name__}(path={str(folder)!r}): there is no such folder.")
            files = self._pieces(split, sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES))
        if not files:
            words = " or ".join(map(repr, self.splits[split]))
            raise ConfigError(
                f"{type(self).__name__}(path={self.path!r}) has no file of the split {split!r}: name it {words} and something, "
                f"with one of the endings {', '.join(_SUFFIXES)}, or give path={{{split!r}: file}}."
            )
        unknown = [file for file in files if file.suffix not in _SUFFIXES]
        if unknown:
            raise ConfigError(f"{str(unknown[0])!r}: expected one of the endings {', '.join(_SUFFIXES)}.")
        return [row for file in files for row in _SUFFIXES[file.suffix](file)]

    def _pieces(self, split: str, files: Sequence[Path]) -> list[Path]:
        """The files of a split: those of its very name, else those that have it in theirs."""
        words = self.splits[split]
        known = [file for file in files if any(word in file.stem for word in words)]
        found = [file for file in known if file.stem in words] or known
        # Two forms of the same rows would bring each of them twice, and some of those into train and dev both.
        if len({re.sub(r"\d+", "", file.name) for file in found}) > 1:
            raise ConfigError(
                f"{type(self).__name__}(path={self.path!r}) has several files of the split {split!r}, and not numbered pieces of one: "
                f"{', '.join(file.name for file in found)}. Give path={{{split!r}: file}}."
            )
        return found


def by_part(dataset: Dataset) -> dict[str, list[Example] | TestSet]:
    """The parts of a data set by name, as the hook `burnish_datasets` gives them."""
    return {"train": dataset.train, "dev": dataset.dev, "test": dataset.test}
