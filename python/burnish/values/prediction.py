# ruff: noqa: SLF001 - an example makes others of its kind, and sets up what only it knows
"""What a program returns: an example's outputs, with all completions and what they used."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, Sequence
from typing import Any, Self, overload

from burnish.errors import ConfigError
from burnish.values.example import Example


class Completions:
    """All completions of one call, by field or by number.

    Args:
        completions: One dict a completion, or one dict of equally long lists.
        signature: The signature that they answer, where known.

    Raises:
        ConfigError: The lists differ in length, or the dicts in their fields.

    Example:
        >>> several = Completions([{"answer": "yes"}, {"answer": "no"}])
        >>> several.answer, several[1].answer, len(several)
        (['yes', 'no'], 'no', 2)
    """

    def __init__(
        self, completions: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]], signature: Any = None
    ) -> None:
        self._columns = _columns(completions)
        self.signature = signature

    def items(self) -> ItemsView[str, list[Any]]:
        """Field name and list of values, for each field."""
        return self._columns.items()

    @overload
    def __getitem__(self, key: str) -> list[Any]: ...
    @overload
    def __getitem__(self, key: int) -> Prediction: ...
    def __getitem__(self, key: str | int) -> list[Any] | Prediction:
        if isinstance(key, str):
            return self._columns[key]
        if not -len(self) <= key < len(self):
            raise IndexError(f"There is no completion {key}: there are {len(self)}.")
        return Prediction({name: values[key] for name, values in self._columns.items()})

    def __getattr__(self, name: str) -> list[Any]:
        columns: dict[str, list[Any]] = self.__dict__.get("_columns", {})
        if name in columns:
            return columns[name]
        fields = ", ".join(f"`{field}`" for field in columns)
        raise AttributeError(f"The completions have no field `{name}`. They have {fields}.", name=name, obj=self)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[Prediction]:
        return (self[number] for number in range(len(self)))

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __eq__(self, other: object) -> bool:
        return self._columns == other._columns if isinstance(other, Completions) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Completions({self._columns!r})"


def _columns(completions: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    if isinstance(completions, Mapping):
        columns = {name: list(values) for name, values in completions.items()}
        if len({len(values) for values in columns.values()}) > 1:
            lengths = ", ".join(f"{name}: {len(values)}" for name, values in columns.items())
            raise ConfigError(f"Completions need one value of each field for each completion, and got {lengths}.")
        return columns
    rows = [dict(row) for row in completions]
    if any(row.keys() != rows[0].keys() for row in rows):
        raise ConfigError(f"Completions need the same fields each, and got {[list(row) for row in rows]}.")
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


class Prediction(Example):
    """What a program returned for one set of inputs.

    With a ``score`` field it counts as that number: ``float(p)``, ``p > 0.5``, ``sum(predictions)``.

    Example:
        >>> Prediction(answer="yes", score=0.5) + 1
        1.5
    """

    _completions: Completions | None = None
    _usage: Any = None

    def __init__(self, base: Example | Mapping[str, Any] | None = None, **fields: Any) -> None:
        super().__init__(base, **fields)
        if isinstance(base, Prediction):
            self._completions, self._usage = base._completions, base._usage

    @classmethod
    def from_completions(
        cls, completions: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]], signature: Any = None
    ) -> Self:
        """A prediction with the fields of the first completion, keeping all of them in `completions`.

        Args:
            completions: One dict a completion, or one dict of equally long lists.
            signature: The signature that they answer, where known.

        Raises:
            ConfigError: There is no completion, or they differ in their fields.
        """
        every = Completions(completions, signature)
        if not every:
            raise ConfigError("A prediction needs at least one completion, and got none.")
        prediction = cls({name: values[0] for name, values in every.items()})
        prediction._completions = every
        return prediction

    @property
    def completions(self) -> Any:
        """All completions of the call; a field of this name comes first."""
        if "completions" in self._store:
            return self._store["completions"]
        return Completions([self._store]) if self._completions is None else self._completions

    @property
    def usage(self) -> Any:
        """What `get_lm_usage` gives; a field of this name comes first."""
        return self._store.get("usage", self._usage)

    def get_lm_usage(self) -> Any:
        """What the model calls behind this prediction used; None where it was not tracked."""
        return self._usage

    def set_lm_usage(self, usage: Any) -> None:
        """Keep what the model calls behind this prediction used."""
        self._usage = usage

    def __float__(self) -> float:
        score = self._store.get("score")
        if score is None:
            raise TypeError(f"This prediction has no score, so it does not count as a number. {self._have()}")
        return float(score)

    def __add__(self, other: Any) -> float:
        return float(self) + float(other) if _counts(other) else NotImplemented

    __radd__ = __add__

    def __truediv__(self, other: Any) -> float:
        return float(self) / float(other) if _counts(other) else NotImplemented

    def __rtruediv__(self, other: Any) -> float:
        return float(other) / float(self) if _counts(other) else NotImplemented

    def __lt__(self, other: Any) -> bool:
        return float(self) < float(other) if _counts(other) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return float(self) <= float(other) if _counts(other) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return float(self) > float(other) if _counts(other) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return float(self) >= float(other) if _counts(other) else NotImplemented


class ScoreWithFeedback(Prediction):
    """A metric's verdict as DSPy's GEPA knows it: a prediction with ``score`` and ``feedback``; `Score` is the shorter way.

    Example:
        >>> verdict = ScoreWithFeedback(score=0.5, feedback="The year is missing.")
        >>> float(verdict), verdict.feedback
        (0.5, 'The year is missing.')
    """


def _counts(other: Any) -> bool:
    return isinstance(other, int | float | Prediction) or hasattr(other, "__float__")
