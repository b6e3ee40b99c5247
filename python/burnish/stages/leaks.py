"""Which rows of one part of the data stand in another part too: the same, or nearly.

Rows are compared by their input fields, since a question that was seen with its answer is no test, whatever label it has now. Texts are compared by their
sketches in Rust (`docs/design/012-the-trace-table.md`): near are those with some nine tenths of their pairs of neighbouring words in common, in all input fields
together and in the shortest one; of fewer than 32 pairs, those with the same words in the same order, whatever their case and marks. Copies of near copies are near.

Cost: no LM calls; some 5 µs a row in Python and, for rows of 50 words, 2 µs in Rust (`rust/core/src/traces/near.rs`). Where one template makes most texts nearly
alike, pairs of rows are compared, and 20,000 rows take seconds.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from burnish import _core
from burnish.engine.identity import stable_text
from burnish.errors import ConfigError
from burnish.loop import in_thread, on_loop
from burnish.modules.module import Module
from burnish.retrieve.nearest_demos import NearestDemos
from burnish.values.example import Example

# Leaks that a message names.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Leak:
    """A row that stands in an earlier part of the data too.

    Attributes:
        part: The part that it was found in, such as ``"test"``.
        place: Its place there.
        source: The part in which it stands too.
        source_place: The first place there that has it.
        exact: Whether the compared fields are the same, character by character.
    """

    part: str
    place: int
    source: str
    source_place: int
    exact: bool

    def __str__(self) -> str:
        return f"{self.part}[{self.place}] {'is' if self.exact else 'is nearly'} {self.source}[{self.source_place}]"


@dataclass(frozen=True, slots=True)
class Leaks:
    """What `leaks` found; false where it is nothing.

    Attributes:
        found: Each row that stands in an earlier part too, once for each such part, in the order of the parts and places.
        sizes: Rows of each part that was compared.
    """

    found: tuple[Leak, ...]
    sizes: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Leak]:
        return iter(self.found)

    @property
    def exact(self) -> list[Leak]:
        """The rows that are the same."""
        return [leak for leak in self.found if leak.exact]

    @property
    def near(self) -> list[Leak]:
        """The rows that are nearly the same."""
        return [leak for leak in self.found if not leak.exact]

    def __str__(self) -> str:
        compared = ", ".join(f"{size} {name}" for name, size in self.sizes.items())
        if not self.found:
            return f"No row stands in two parts ({compared} rows compared)."
        lines = [f"Rows that stand in two parts ({compared} rows compared):"]
        for one, other in combinations(self.sizes, 2):
            some = [leak for leak in self.found if (leak.source, leak.part) == (one, other)]
            if some:
                exact = sum(leak.exact for leak in some)
                lines.append(f"  {other} and {one}: {exact} the same, {len(some) - exact} nearly ({named(some)})")
        return "\n".join(lines)


def leaks(
    *,
    train: Iterable[Example] = (),
    val: Iterable[Example] = (),
    test: Iterable[Example] = (),
    demos: Module | Iterable[Example] = (),
    fields: Sequence[str] | None = None,
) -> Leaks:
    """The rows that stand in more than one part of the data, the same or nearly.

    Args:
        train: Examples to learn from.
        val: Examples to choose by.
        test: Examples to score the result on; a `TestSet` or a list.
        demos: A program, whose predictors' demos are looked at, or a list. A demo counts where it has all fields compared.
        fields: What to compare; default is each field that some row has as an input, or all fields where none is marked.

    Raises:
        ConfigError: A part is no list of examples, or rows lack every one of the fields.

    Example:
        >>> rows = [Example(question=q).with_inputs("question") for q in ("What is 1 + 1?", "What is 2 + 2?", "what is 1 + 1")]
        >>> print(leaks(train=rows[:2], test=rows[2:]))
        Rows that stand in two parts (2 train, 1 test rows compared):
          test and train: 0 the same, 1 nearly (test[0] is nearly train[0])
    """
    given = {"train": train, "val": val, "test": test}
    parts = {name: _examples(name, rows) for name, rows in given.items()}
    compared = _names(fields, [row for rows in parts.values() for row in rows])
    parts["demos"] = demos_of(demos) if isinstance(demos, Module) else _examples("demos", demos)
    if fields is None and not compared:
        compared = _names(None, parts["demos"])
    # A step inside a program is shown other fields than the program was given: it repeats a row where it has all of its inputs.
    kept = [
        (name, place, row)
        for name, rows in parts.items()
        for place, row in enumerate(rows)
        if name != "demos" or all(field in row for field in compared)
    ]
    sizes = Counter(name for name, _, _ in kept)
    if not compared:
        return Leaks((), sizes)
    texts = [[text_of(row.get(field, "")) for field in compared] for _, _, row in kept]
    return Leaks(tuple(_found([(name, place) for name, place, _ in kept], texts)), sizes)


def near_groups(rows: Sequence[Example]) -> list[int]:
    """For each row the place of the first that it is a near copy of, by its input fields; its own where there is none."""
    names = _names(None, rows)
    if not names:
        return list(range(len(rows)))
    places: list[int] = _core.near_copies([[text_of(row.get(name, "")) for name in names] for row in rows]).tolist()
    return places


async def warn_of_overlap(trainset: Sequence[Example], valset: Sequence[Example]) -> None:
    """Warn when examples of the valset stand in the trainset too."""
    # Many rows are milliseconds of computing, which nobody else's calls should wait for.
    found = await on_loop(in_thread(leaks, train=trainset, val=valset))
    if found:
        nearly = f", {len(found.near)} of them nearly" if found.near else ""
        warnings.warn(
            f"{len(found)} of {len(valset)} valset examples stand in the trainset too{nearly} ({named(found.found)}): demos can hold "
            "their answers, so scores on them say little.",
            UserWarning,
            stacklevel=3,
        )


async def warn_of_demos(program: Module, devset: Sequence[Example]) -> None:
    """Warn when demos of the program show examples of the devset; without demos it costs nothing."""
    demos = demos_of(program)
    if not demos:
        return
    found = await on_loop(in_thread(leaks, test=devset, demos=demos))
    if found:
        shown = len({leak.source_place for leak in found})
        warnings.warn(
            f"Demos of the program show {shown} of {len(devset)} devset examples or near copies of them ({named(found.found)}, where test is "
            "the devset): it was shown their answers, so its scores on them say little.",
            UserWarning,
            stacklevel=3,
        )


def demos_of(program: Module) -> list[Example]:
    """The demos of a program's predictors, one predictor after the other, and the examples that it looks demos up from."""
    demos = [demo for _, predictor in program.named_predictors(frozen=True) for demo in predictor.demos]
    for _, module in program.named_modules():
        if isinstance(module, NearestDemos):
            demos += module.looked_up
    return [demo if isinstance(demo, Example) else Example(demo) for demo in demos]


def named(found: Sequence[Leak]) -> str:
    """The first few of them, in words."""
    return ", ".join(map(str, found[:_NAMED])) + (", …" if len(found) > _NAMED else "")


def text_of(value: Any) -> str:
    """A field's value as the text that is compared."""
    if not isinstance(value, str):
        try:
            value = stable_text(value)
        # Whatever a user's object does when it is written down, it is no copy of another then.
        except Exception:
            value = f"{type(value).__name__} {id(value)}"
    # The core takes UTF-8, which has no half characters.
    text: str = value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    return text


def _found(places: Sequence[tuple[str, int]], texts: Sequence[Sequence[str]]) -> Iterator[Leak]:
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for number, first in enumerate(_core.near_copies(texts).tolist()):
        groups[first].append(number)
    leaking = [Leak(*found) for group in groups.values() for found in _in_group(group, places, texts)]
    order = {place: number for number, place in enumerate(places)}
    yield from sorted(leaking, key=lambda leak: (order[leak.part, leak.place], order[leak.source, leak.source_place]))


def _in_group(
    group: Sequence[int], places: Sequence[tuple[str, int]], texts: Sequence[Sequence[str]]
) -> Iterator[tuple[str, int, str, int, bool]]:
    """Each row of a group of near copies beside the first of each earlier part, the same one before a near one."""
    firsts: dict[str, int] = {}
    same: dict[tuple[str, tuple[str, ...]], int] = {}
    for number in group:
        part, place = places[number]
        text = tuple(texts[number])
        for source in [name for name in firsts if name != part]:
            exact = same.get((source, text))
            yield part, place, source, places[firsts[source] if exact is None else exact][1], exact is not None
        firsts.setdefault(part, number)
        same.setdefault((part, text), number)


def _examples(name: str, rows: Any) -> list[Example]:
    if isinstance(rows, str | Example) or not isinstance(rows, Iterable):
        raise ConfigError(f"leaks({name}={rows!r}): give a list of burnish.Example.")
    found = list(rows)
    for place, row in enumerate(found):
        if not isinstance(row, Example):
            raise ConfigError(f"leaks: {name}[{place}] is {type(row).__name__}, not a burnish.Example.")
    return found


def _names(fields: Sequence[str] | None, rows: Sequence[Example]) -> list[str]:
    """What is compared: the fields given, else every field that some row has as an input; all fields where no row marks any."""
    if fields is None:
        # Rows that mark none are held against the inputs of those that do: with their labels they would be like nothing.
        marked = {key for row in rows for key in row.input_keys or () if key in row}
        return sorted(marked or {key for row in rows for key in row.keys()})  # noqa: SIM118  an Example
    if isinstance(fields, str):
        raise ConfigError(f"fields={fields!r} is one text: write fields=[{fields!r}].")
    lacking = [field for field in fields if rows and not any(field in row for row in rows)]
    if lacking:
        known = ", ".join(dict.fromkeys(key for row in rows for key in row.keys()))  # noqa: SIM118  an Example
        raise ConfigError(f"fields={list(fields)!r}: no row has {lacking[0]!r}. Their fields: {known}.")
    return list(fields)
