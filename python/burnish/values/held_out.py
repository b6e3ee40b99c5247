"""Examples that no optimizer may see: a test set that can be scored, and not learned from.

The seal is held in two ways. Inside a running compile a `TestSet` hands out nothing. And its rows are of a kind of their own, which
stays with them when they are copied, listed, pickled or marked anew: whatever takes examples to learn from refuses them. Who makes
a new `Example` of a row's values breaks the seal on purpose; `burnish.datasets.leaks` finds such rows by what they say.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import overload

from burnish.errors import ConfigError
from burnish.values.example import Example

_compiling: contextvars.ContextVar[bool] = contextvars.ContextVar("compiling", default=False)


class HeldOut(Example):
    """A row of a test set. It is an `Example` in all else, and equal to one with the same fields."""


class TestSet(Sequence[HeldOut]):
    """A test set: a list of examples for `Evaluate`, and for nobody who learns from examples.

    Args:
        examples: The rows.

    Example:
        >>> test = TestSet([Example(question="1 + 1?", answer=2).with_inputs("question")])
        >>> len(test), test[0].answer
        (1, 2)
        >>> test
        TestSet of 1 example
    """

    # Its name is no wish to be collected by pytest.
    __test__ = False

    def __init__(self, examples: Iterable[Example] = ()) -> None:
        self._rows = [HeldOut(row) for row in examples]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> HeldOut: ...
    @overload
    def __getitem__(self, place: slice) -> TestSet: ...
    def __getitem__(self, place: int | slice) -> HeldOut | TestSet:
        """A row, or some of them as a test set.

        Raises:
            ConfigError: Asked for inside a running compile.
        """
        _refuse_while_compiling()
        return TestSet(self._rows[place]) if isinstance(place, slice) else self._rows[place]

    def __iter__(self) -> Iterator[HeldOut]:
        _refuse_while_compiling()
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return self._rows == other._rows if isinstance(other, TestSet) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._rows))

    def __repr__(self) -> str:
        return f"TestSet of {len(self)} example{'s' * (len(self) != 1)}"


@contextmanager
def compiling() -> Iterator[None]:
    """A block in which an optimizer runs: no test set hands out anything, in its tasks and threads neither."""
    token = _compiling.set(True)
    try:
        yield
    finally:
        _compiling.reset(token)


def _refuse_while_compiling() -> None:
    if _compiling.get():
        raise ConfigError(
            "A test set was read inside a running compile. What an optimizer, its metric or its program has seen tests nothing "
            "any more: give it the train and val parts, and score the program that comes back with Evaluate(devset=test)."
        )
