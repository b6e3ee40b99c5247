# ruff: noqa: SLF001 - an example makes others of its kind, and sets up what only it knows
"""One row of data: named fields, some of which are the inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self, SupportsIndex

from burnish.errors import ConfigError

_DSPYS_OWN = "dspy_"


class Example:
    """Named values, read as attributes or as items.

    Two examples are equal when their fields are; which fields are the inputs makes no difference.
    A field that has the name of a method, such as ``items``, is read as an item: ``example["items"]``.

    Args:
        base: An example or mapping to start from; its fields are copied, and the inputs marked in an example.
        fields: More fields; they win over those of `base`.

    Example:
        >>> example = Example(question="6 × 7?", answer=42).with_inputs("question")
        >>> example.answer, example["question"]
        (42, '6 × 7?')
        >>> example.inputs()
        Example({'question': '6 × 7?'}, inputs=['question'])
    """

    _store: dict[str, Any]
    _input_keys: frozenset[str] | None

    def __init__(self, base: Example | Mapping[str, Any] | None = None, **fields: Any) -> None:
        if base is None:
            self._store, self._input_keys = fields, None
        elif isinstance(base, Example):
            self._store, self._input_keys = {**base._store, **fields}, base._input_keys
        elif isinstance(base, Mapping):
            self._store, self._input_keys = {**base, **fields}, None
        else:
            raise ConfigError(
                f"{type(self).__name__}(base=...) takes an Example or a dict to start from, and got {base!r}. "
                f'For a field with the name "base", write {type(self).__name__}({{"base": ...}}).'
            )

    @property
    def input_keys(self) -> frozenset[str] | None:
        """The names given to `with_inputs`; None before it was called."""
        return self._input_keys

    def with_inputs(self, *keys: str) -> Self:
        """A copy in which the named fields are the inputs and all others are labels.

        Names that this example lacks are kept, since rows of one dataset may differ.

        Raises:
            ConfigError: The names are not strings, or the example has none of them.
        """
        if not all(isinstance(key, str) for key in keys):
            raise ConfigError(
                f'with_inputs takes field names, as in with_inputs("question", "context"), and got {keys!r}.'
            )
        if keys and not any(key in self._store for key in keys):
            raise ConfigError(
                f"with_inputs({', '.join(map(repr, keys))}): the example has none of them. {self._have()}"
            )
        copied = self.copy()
        copied._input_keys = frozenset(keys)
        return copied

    def inputs(self) -> Self:
        """The input fields alone, still marked as inputs.

        Raises:
            ConfigError: `with_inputs` was not called.
        """
        return self._part(inputs=True)

    def labels(self) -> Self:
        """The fields that are not inputs.

        Raises:
            ConfigError: `with_inputs` was not called.
        """
        return self._part(inputs=False)

    def _part(self, *, inputs: bool) -> Self:
        names = self._input_keys
        if names is None:
            first = next(iter(self._store), "question")
            raise ConfigError(
                "It is not known which fields of this example are inputs. Say so when making it, for instance "
                f'Example(...).with_inputs("{first}"). {self._have()}'
            )
        part = type(self)({key: value for key, value in self._store.items() if (key in names) is inputs})
        part._input_keys = names if inputs else None
        return part

    def without(self, *keys: str) -> Self:
        """A copy that lacks the named fields."""
        copied = self.copy()
        for key in keys:
            copied._store.pop(key, None)
        return copied

    def copy(self, **fields: Any) -> Self:
        """A copy with the given fields set; the values themselves are shared."""
        return type(self)(self, **fields)

    def toDict(self) -> dict[str, Any]:  # noqa: N802 - DSPy's users know it by this name
        """The fields as a dict, with examples and pydantic models inside turned into dicts too."""
        return {key: _plain(value) for key, value in self._store.items()}

    def keys(self, include_dspy: bool = False) -> list[str]:
        """The names of the fields.

        Args:
            include_dspy: Also those that begin with ``dspy_``, which DSPy's datasets keep beside the row's own. Only they,
                `toDict` and equality see these.
        """
        return list(self._store) if include_dspy else list(self)

    def values(self, include_dspy: bool = False) -> list[Any]:
        """The values of the fields, in the order of `keys`."""
        return [self._store[key] for key in self.keys(include_dspy)]

    def items(self, include_dspy: bool = False) -> list[tuple[str, Any]]:
        """Names and values of the fields, in the order of `keys`."""
        return [(key, self._store[key]) for key in self.keys(include_dspy)]

    def get(self, key: str, default: Any = None) -> Any:
        """The field's value, or `default` where there is no such field."""
        return self._store.get(key, default)

    def _have(self) -> str:
        names = ", ".join(f"`{name}`" for name in self._store)
        return f"It has the fields {names}." if names else "It has no fields."

    def __getattr__(self, name: str) -> Any:
        # Reached only where there is no such attribute. While unpickling there is no store yet.
        store = self.__dict__.get("_store")
        if store is not None and name in store:
            return store[name]
        if store is None or name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"{type(self).__name__} has no field `{name}`. {self._have()}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        elif hasattr(type(self), name):
            raise AttributeError(
                f"`{name}` belongs to {type(self).__name__}; for a field of that name write example[{name!r}] = ..."
            )
        else:
            self._store[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._store:
            raise AttributeError(f"{type(self).__name__} has no field `{name}`. {self._have()}", name=name, obj=self)
        del self._store[name]

    def __getitem__(self, key: str) -> Any:
        try:
            return self._store[key]
        except KeyError:
            raise KeyError(f"{type(self).__name__} has no field {key!r}. {self._have()}") from None

    def __setitem__(self, key: str, value: Any) -> None:
        self._store[key] = value

    def __delitem__(self, key: str) -> None:
        del self._store[key]

    def __contains__(self, key: object) -> bool:
        return key in self._store

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._store if not key.startswith(_DSPYS_OWN))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __eq__(self, other: object) -> bool:
        return self._store == other._store if isinstance(other, Example) else NotImplemented

    def __hash__(self) -> int:
        return hash(_frozen(self._store))

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        # Stated, since object's own way would ask for attributes before there is a store.
        return _bare, (type(self),), self.__dict__

    def __repr__(self) -> str:
        marked = "" if self._input_keys is None else f", inputs={sorted(self._input_keys)}"
        return f"{type(self).__name__}({self._store!r}{marked})"


def _bare(kind: type[Example]) -> Example:
    return kind.__new__(kind)


def _plain(value: Any) -> Any:
    if isinstance(value, Example):
        return value.toDict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    # By name, so that rows can be read without importing pydantic.
    dump = getattr(type(value), "model_dump", None)
    return dump(value) if callable(dump) else value


def _frozen(value: Any) -> Any:
    """Something hashable that is the same for equal values; equal hashes of unequal values are allowed."""
    if isinstance(value, Mapping):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, set):
        return frozenset(value)
    try:
        hash(value)
    except TypeError:
        return None
    return value


def column(rows: Sequence[Any], name: str) -> list[Any]:
    """One field of many rows, read as an attribute of each.

    Of examples and predictions a value costs 0.05 µs; the attribute, which Python looks for in the class first, costs 1.4 µs.

    Raises:
        Exception: What a row raises that lacks the field; an `AttributeError` if it is an example.
    """
    kinds = set(map(type, rows))
    if all(issubclass(kind, Example) and not hasattr(kind, name) for kind in kinds):
        try:
            return [row._store[name] for row in rows]
        except KeyError:
            pass  # the attribute says better what is missing
    return [getattr(row, name) for row in rows]
