"""`Index`: rows of numbers, and for each query the nearest of them, exactly.

The door to Rust, where rows are kept and compared: it makes arrays of what numbers it is given, and
takes one query as well as several. An index can be searched by several threads at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from burnish import _core
from burnish.errors import ConfigError

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class Index:
    """Rows of numbers to be searched for the nearest to a query.

    A row's number is its place, as in a list, and of rows that are equally near the lower number comes first.
    Scores do not depend on the machine, the threads, or on what else is asked for in the same call.

    Args:
        dimension: Numbers of a row.
        metric: What makes a row near: ``"cosine"``, a small angle, whatever the lengths; or ``"ip"``, a large
            inner product.
        storage: How a value is kept: ``"f32"`` as it came; ``"f16"`` in half the memory; ``"i8"`` in a quarter of
            it, where queries are rounded too. What rounding costs is in ``benches/records/knn.md``.

    Raises:
        ConfigError: An argument is wrong.

    Example:
        >>> index = Index(2)
        >>> index.append([[1, 0], [0, 1], [3, 3]])
        >>> numbers, scores = index.search([2, 1], 2)
        >>> numbers.tolist(), [f"{score:.3f}" for score in scores]
        ([2, 0], ['0.949', '0.894'])
    """

    def __init__(
        self,
        dimension: int,
        *,
        metric: Literal["cosine", "ip"] = "cosine",
        storage: Literal["f32", "f16", "i8"] = "f32",
    ) -> None:
        self._rows = _core.KnnIndex(dimension, metric, storage)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"Index({self.dimension}, metric={self.metric!r}, storage={self.storage!r}) of {len(self)} rows"

    @property
    def dimension(self) -> int:
        """Numbers of a row."""
        return self._rows.dimension

    @property
    def metric(self) -> Literal["cosine", "ip"]:
        """What makes a row near."""
        return self._rows.metric

    @property
    def storage(self) -> Literal["f32", "f16", "i8"]:
        """How a value is kept."""
        return self._rows.storage

    def append(self, rows: ArrayLike) -> None:
        """Add rows behind those that are there; none if one is refused.

        Args:
            rows: Numbers of shape ``(rows, dimension)``, finite and of size 1e16 at most.

        Raises:
            ConfigError: The shape is another, a number is NaN or too large, or a row is all zeros where the
                cosine is wanted.
        """
        self._rows.append(_floats("rows", rows))

    def remove(self, numbers: ArrayLike) -> None:
        """Take rows out; those behind them move down, as in a list.

        Args:
            numbers: Of the rows, in any order.

        Raises:
            ConfigError: There is no such row; all are still there.
        """
        import numpy as np

        given = np.asarray(numbers)
        if given.size and given.dtype.kind not in "iu":
            raise ConfigError(f"numbers are {given.dtype}: give row numbers, which are whole.")
        self._rows.remove(np.ascontiguousarray(given, np.int64))

    def search(
        self, queries: ArrayLike, k: int, *, threads: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the nearest rows, the best first.

        Args:
            queries: One query of shape ``(dimension,)``, or several of shape ``(queries, dimension)``; several
                together cost much less than one by one.
            k: How many rows, up to as many as there are.
            threads: At most so many; as many as there are processors unless given.

        Returns:
            Row numbers and scores: of shape ``(k,)`` for one query, else ``(queries, k)``.

        Raises:
            ConfigError: `k` is below 1 or above the number of rows, or the queries are as `append` refuses them.
        """
        floats = _floats("queries", queries)
        numbers, scores = self._rows.search(floats[None] if floats.ndim == 1 else floats, k, threads)
        return (numbers[0], scores[0]) if floats.ndim == 1 else (numbers, scores)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to a file, whole or not at all.

        Args:
            path: Where to; a file that is there is replaced.

        Raises:
            OSError: The file cannot be written.
        """
        self._rows.save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Index:
        """Open an index that was saved. The file is read as it is searched, and copied once rows come or go.

        Args:
            path: The file. Nobody may write to it meanwhile; to save over it is no harm.

        Raises:
            StateError: It is no index, or a damaged one.
            OSError: It cannot be read.
        """
        index = cls.__new__(cls)
        index._rows = _core.KnnIndex.load(path)  # noqa: SLF001  it is one of this class
        return index


def _floats(name: str, values: Any) -> NDArray[np.float32]:
    """An array of float32, row after row in memory."""
    import numpy as np

    if isinstance(values, np.ndarray) and values.dtype == np.float32 and values.flags.c_contiguous:
        return values
    try:
        given = np.asarray(values)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} are rows of different lengths: give an array of numbers.") from None
    if given.size and given.dtype.kind not in "iuf":
        raise ConfigError(f"{name} are {given.dtype}: give an array of numbers.")
    with np.errstate(over="ignore"):
        # What float32 does not hold becomes infinite, which is refused with its place.
        return np.ascontiguousarray(given, np.float32)
