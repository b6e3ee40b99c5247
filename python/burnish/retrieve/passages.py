"""`Passages`: texts with their rows, and for each query the nearest of them.

An `Index` and the texts beside it, kept in step: several threads may search while another adds or takes
away, and each gets the answer of one moment. A search that a change overtook begins again.

By cosine a row of zeros has no direction and so is near nothing: its text is kept, and never found.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from burnish.retrieve.knn import Index


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for one query, the best first.

    Attributes:
        numbers: Of the texts.
        texts: The texts.
        scores: How near each is.
    """

    numbers: list[int]
    texts: list[str]
    scores: list[float]

    def first(self, k: int) -> Found:
        """The best `k`."""
        return Found(self.numbers[:k], self.texts[:k], self.scores[:k])


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """What is kept at one moment: the texts, and for each row of the index the number of its text."""

    texts: tuple[str, ...]
    numbers: NDArray[np.int64]


class Passages:
    """Texts, numbered from 0 as in a list, each with its row.

    Args:
        index: Rows, as many as there are texts outside of `not_found`.
        texts: The texts of the rows, and those without one.
        not_found: Numbers of the texts that have no row.
    """

    def __init__(self, index: Index, texts: Iterable[str] = (), not_found: Iterable[int] = ()) -> None:
        import numpy as np

        self.index = index
        texts = tuple(texts)
        self._changing = threading.Lock()
        # None while the index is being changed.
        self._kept: _Kept | None = _Kept(texts, np.delete(np.arange(len(texts)), np.array(list(not_found), np.int64)))

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts, those that are never found among them."""
        return self._moment().texts

    @property
    def not_found(self) -> list[int]:
        """Numbers of the texts that are never found."""
        return _missing(self._moment())

    def append(self, texts: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Add texts with their rows behind those that are there; none if one is refused.

        Raises:
            ConfigError: See `Index.append`; a row of zeros is not refused.
        """
        import numpy as np

        _same_length(rows, self.index)
        found = np.flatnonzero(self._has_direction(rows))
        with self._changing:
            kept = self._moment()
            self._kept = None
            try:
                self.index.append(rows[found])
                kept = _Kept((*kept.texts, *texts), np.concatenate([kept.numbers, found + len(kept.texts)]))
            finally:
                self._kept = kept

    def remove(self, numbers: Iterable[int]) -> None:
        """Take texts out; those behind them move down, as in a list.

        Raises:
            ConfigError: There is no such text; all are still there.
        """
        import numpy as np

        with self._changing:
            kept = self._moment()
            gone = np.zeros(len(kept.texts), bool)
            for number in numbers:
                if isinstance(number, bool) or not isinstance(number, int | np.integer):
                    raise ConfigError(f"There is no passage {number!r}: give numbers of passages, which are whole.")
                if not 0 <= number < len(gone):
                    raise ConfigError(f"There is no passage {number}: there are {len(gone)}, from number 0 on.")
                gone[number] = True
            down = np.cumsum(gone)
            self._kept = None
            try:
                rows = gone[kept.numbers]
                self.index.remove(np.flatnonzero(rows))
                left = kept.numbers[~rows]
                texts = tuple(text for text, out in zip(kept.texts, gone.tolist(), strict=True) if not out)
                kept = _Kept(texts, left - down[left])
            finally:
                self._kept = kept

    def nearest(self, rows: NDArray[np.float32], k: int) -> list[Found]:
        """For each row the nearest texts, the best first.

        Args:
            rows: Of shape ``(queries, dimension)``; for one of zeros nothing is found by cosine.
            k: How many at most; there may be fewer texts that can be found.

        Raises:
            ConfigError: The rows are as `Index.search` refuses them.
        """
        _same_length(rows, self.index)
        has_direction = self._has_direction(rows)
        while True:
            kept = self._kept
            if kept is None:
                with self._changing:
                    continue
            try:
                found = iter(self._search(kept, rows[has_direction], k))
            except ConfigError:
                # In the middle of a change there may be fewer rows than a moment before.
                if self._kept is kept:
                    raise
                continue
            if self._kept is kept:
                return [next(found) if one else Found([], [], []) for one in has_direction.tolist()]

    def save(self, path: str | os.PathLike[str]) -> tuple[tuple[str, ...], list[int]]:
        """Write the rows; texts, and the numbers of those that have none, as they are at that moment."""
        with self._changing:
            self.index.save(path)
            kept = self._moment()
            return kept.texts, _missing(kept)

    def _moment(self) -> _Kept:
        while (kept := self._kept) is None:
            with self._changing:
                pass
        return kept

    def _has_direction(self, rows: NDArray[np.float32]) -> NDArray[np.bool_]:
        import numpy as np

        return np.asarray(rows.any(axis=1)) if self.index.metric == "cosine" else np.ones(len(rows), bool)

    def _search(self, kept: _Kept, rows: NDArray[np.float32], k: int) -> list[Found]:
        k = min(k, len(kept.numbers))
        if not k:
            return [Found([], [], []) for _ in range(len(rows))]
        places, scores = self.index.search(rows, k)
        if places.size and places.max() >= len(kept.numbers):
            raise ConfigError("There are more rows than texts: something changes the index beside its passages.")
        numbers = kept.numbers[places].tolist()
        return [
            Found(of_one, [kept.texts[number] for number in of_one], score)
            for of_one, score in zip(numbers, scores.tolist(), strict=True)
        ]


def _missing(kept: _Kept) -> list[int]:
    there = set(kept.numbers.tolist())
    return [number for number in range(len(kept.texts)) if number not in there]


def _same_length(rows: NDArray[np.float32], index: Index) -> None:
    if rows.shape[1] != index.dimension:
        raise ConfigError(
            f"The embedder brought rows of {rows.shape[1]} numbers, and those of the passages have {index.dimension}: "
            "they are of another embedder, or of one with other parameters."
        )
