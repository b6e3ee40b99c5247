"""`split`: examples in a part to learn from, a part to choose by, and a sealed part to score with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from burnish.engine.check import check_examples
from burnish.errors import ConfigError
from burnish.stages.leaks import near_groups, text_of
from burnish.values.example import Example
from burnish.values.held_out import TestSet
from burnish.values.seed import draw

_REST = "rest"


class Split(NamedTuple):
    """The parts; ``train, val, test = split(...)`` takes them apart.

    Attributes:
        train: Examples to learn from.
        val: Examples to choose by.
        test: Examples to score the result on, which no optimizer takes.
    """

    train: list[Example]
    val: list[Example]
    test: TestSet


def split(
    examples: Iterable[Example],
    train: float = 0.2,
    val: float = 0.8,
    test: float = 0.2,
    *,
    seed: int = 0,
    by: str | Callable[[Example], Any] | None = None,
    near: bool = True,
) -> Split:
    """Parts of a data set that share no row, nor near copies of one.

    The test part is taken first; `train` and `val` share what is left. Prompts are learned from few examples and chosen
    by many, so val is the larger one by default. Rows are drawn by the seed alone, and each part is in the order of the draw.

    Rows that `leaks` calls the same or near, by their input fields, stay in one part: a part may then be a few
    rows larger or smaller than asked for; where most rows are copies, a part may be empty, with a warning. Cost: no LM calls; see `leaks`.

    Args:
        examples: The rows, their inputs marked.
        train: A whole number of rows, or a share of what the test part leaves (0.0 to 1.0).
        val: Likewise. Where the two do not use up all rows, the others are left out.
        test: A whole number of rows, or a share of all.
        seed: Another seed is another draw.
        by: A field, or a function of an example, whose values have the same shares in each part.
        near: Whether near copies stay together; without it rows are not compared.

    Raises:
        ConfigError: The examples cannot be used, or there are not enough of them.

    Example:
        >>> rows = [Example(number=n, even=n % 2 == 0).with_inputs("number") for n in range(100)]
        >>> parts = split(rows, test=20, by="even")
        >>> len(parts.train), len(parts.val), parts.test, sum(row.even for row in parts.test)
        (16, 64, TestSet of 20 examples, 10)
    """
    rows = check_examples(examples, "examples")
    sizes = _sizes(len(rows), {"test": test, "train": train, "val": val})
    groups = _groups(rows, near=near)
    draw(seed, "split").shuffle(groups)
    label = _labels(by, rows)
    # Groups first: the rows that stand alone even out what these leave uneven. The sort keeps the order of the draw.
    groups.sort(key=lambda group: (len(group) == 1, label(group[0])))
    parts = _dealt(groups, sizes, len(rows))
    empty = [name for name, size in sizes.items() if size and name != _REST and not parts[name]]
    if empty:
        warnings.warn(
            f"Nothing is left for {' and '.join(empty)}: {max(map(len, groups))} of {len(rows)} examples are near copies of each other, and "
            "stay in one part. near=False takes them apart.",
            UserWarning,
            stacklevel=2,
        )
    for name, places in parts.items():
        draw(seed, "split", name).shuffle(places)
    given = {name: [rows[place] for place in places] for name, places in parts.items()}
    return Split(given["train"], given["val"], TestSet(given["test"]))


def _sizes(rows: int, asked: Mapping[str, Any]) -> dict[str, int]:
    """How many rows each part gets; what nobody asked for is the rest."""
    for name, size in asked.items():
        whole = isinstance(size, int) and not isinstance(size, bool)
        if not (whole or isinstance(size, float)) or size < 0 or (not whole and not size <= 1):
            raise ConfigError(f"{name}={size!r}: give a whole number of rows, or a share from 0.0 to 1.0.")
    test = _rows(asked["test"], rows)
    train, val = (_rows(asked[name], max(rows - test, 0)) for name in ("train", "val"))
    shares = [asked[name] for name in ("train", "val") if isinstance(asked[name], float)]
    if sum(shares) > 1 + 1e-9:
        raise ConfigError(
            f"train={asked['train']!r} and val={asked['val']!r} are more than all: they are shares of what the test part leaves."
        )
    if len(shares) == 2 and abs(sum(shares) - 1) < 1e-9:
        val = max(rows - test - train, 0)
    sizes = {"test": test, "train": train, "val": val}
    if sum(sizes.values()) > rows:
        told = ", ".join(f"{name}={asked[name]!r} ({size})" for name, size in sizes.items())
        raise ConfigError(f"There are {rows} examples, fewer than asked for: {told}.")
    return {**sizes, _REST: rows - sum(sizes.values())}


def _rows(size: Any, of: int) -> int:
    return size if isinstance(size, int) else round(size * of)


def _groups(rows: Sequence[Example], *, near: bool) -> list[list[int]]:
    if not near:
        return [[place] for place in range(len(rows))]
    members: dict[int, list[int]] = {}
    for place, first in enumerate(near_groups(rows)):
        members.setdefault(first, []).append(place)
    groups = list(members.values())
    copies = len(rows) - len(groups)
    if copies:
        place, other = next(group for group in groups if len(group) > 1)[:2]
        warnings.warn(
            f"{copies} of {len(rows)} examples are the same as others in their inputs, or nearly, as examples[{other}] and "
            f"examples[{place}]. They stay in one part with those; near=False takes them apart.",
            UserWarning,
            stacklevel=3,
        )
    return groups


def _labels(by: str | Callable[[Example], Any] | None, rows: Sequence[Example]) -> Callable[[int], str]:
    if by is None:
        return lambda place: ""
    if callable(by):
        return lambda place: text_of(by(rows[place]))
    lacking = next((place for place, row in enumerate(rows) if by not in row), None)
    if lacking is not None:
        raise ConfigError(
            f"by={by!r}: examples[{lacking}] has no such field. Its fields: {', '.join(rows[lacking].keys())}."
        )
    return lambda place: text_of(rows[place][by])


def _dealt(groups: Sequence[Sequence[int]], sizes: Mapping[str, int], total: int) -> dict[str, list[int]]:
    """The groups dealt out in their order, each to the part that is furthest behind its share by then.

    So labels that stand side by side are spread over the parts by their shares, and single rows fill every part exactly.
    """
    parts: dict[str, list[int]] = {name: [] for name in sizes}
    dealt = 0
    for group in groups:
        dealt += len(group)
        # In whole numbers, times the total: what is due so far less what is there.
        behind = {name: size * dealt - total * len(parts[name]) for name, size in sizes.items()}
        parts[max(behind, key=behind.__getitem__)].extend(group)
    return parts
