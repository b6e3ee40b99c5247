"""What `NearestDemos` saves: its demos and limits as JSON, its index in a file beside it.

The JSON names the embedder and the index's fingerprint, so that neither is taken for another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pydantic

from burnish.errors import StateError
from burnish.retrieve.demo_table import DemoTable
from burnish.retrieve.embedder import Embedder
from burnish.retrieve.knn import Index
from burnish.retrieve.neighbours import Neighbours, opened
from burnish.values.example import Example


class _SavedIndex(pydantic.BaseModel):
    rows: int
    dimension: int
    digest: str


class _SavedDemos(pydantic.BaseModel):
    example: int = pydantic.Field(ge=0)
    demos: dict[str, dict[str, Any]]


class _Saved(pydantic.BaseModel):
    kind: Literal["NearestDemos"]
    k: int = pydantic.Field(ge=1)
    max_bootstrapped_demos: int = pydantic.Field(ge=0)
    max_labeled_demos: int = pydantic.Field(ge=0)
    embedder: str | None
    index: _SavedIndex
    inputs: list[str]
    examples: list[dict[str, Any]]
    bootstrapped: list[_SavedDemos]


def state_of(table: DemoTable, near: Neighbours) -> dict[str, Any]:
    """The state, of which the demos' values may not be JSON yet."""
    return {
        "kind": "NearestDemos",
        "k": near.k,
        "max_bootstrapped_demos": table.max_bootstrapped,
        "max_labeled_demos": table.max_labelled,
        "embedder": _name(near.embedder),
        "index": {"rows": len(near.index), "dimension": near.index.dimension, "digest": near.digest},
        "inputs": sorted(table.inputs),
        "examples": [example.toDict() for example in table.labelled],
        "bootstrapped": [
            {"example": place, "demos": {name: demo.toDict() for name, demo in made.items()}}
            for place, made in enumerate(table.bootstrapped)
            if made
        ],
    }


def read_state(
    saved: Any, embedder: Embedder, path: Path | None, *, own: Neighbours | None
) -> tuple[DemoTable, Neighbours]:
    """The demos and the index of a state.

    Args:
        saved: What `state_of` gave.
        embedder: What the program was given.
        path: Where its index is; None where the state came without one.
        own: The index that the program has already, which may be the same.

    Raises:
        StateError: Something is missing, damaged, or of another program or embedder.
    """
    if "index" not in saved:
        raise StateError(
            "The program was saved before it held any examples. Compile it with KNNFewShot, and save it then."
        )
    try:
        state = _Saved.model_validate(saved)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StateError(
            f"The state of NearestDemos cannot be read: {place}: {first['msg']}. Was the file edited?"
        ) from error
    made: list[dict[str, Example]] = [{} for _ in state.examples]
    if not len(made) == state.index.rows >= state.k or any(one.example >= len(made) for one in state.bootstrapped):
        raise StateError(
            f"The state of NearestDemos does not fit together: k={state.k}, {state.index.rows} rows, {len(made)} examples, "
            f"demos of {[one.example for one in state.bootstrapped][-3:]}. Was the file edited?"
        )
    for one in state.bootstrapped:
        made[one.example] = {name: Example(demo) for name, demo in one.demos.items()}
    _check_embedder(state, embedder)
    index = _index(state, path, own)
    examples = [_example(row, state.inputs) for row in state.examples]
    table = DemoTable.of(examples, made, state.max_bootstrapped_demos, state.max_labeled_demos)
    return table, Neighbours(embedder, index, state.k)


def _index(state: _Saved, path: Path | None, own: Neighbours | None) -> Index:
    """The index that the state speaks of: that of the file, else the program's own where it is the same."""
    if path is not None:
        index = opened(path, state.index.digest)
    elif own is not None and own.digest == state.index.digest:
        index = own.index
    else:
        raise StateError(
            "The index is no part of this state: it is in the .knn file beside the .json file. Save the program with "
            ".save('x.json') and load that file, .load('x.json')."
        )
    if (len(index), index.dimension) != (state.index.rows, state.index.dimension):
        raise StateError(f"{index!r} is not the index that was saved with the program. Compile the program anew.")
    return index


def _example(row: dict[str, Any], inputs: list[str]) -> Example:
    return Example(row).with_inputs(*(name for name in inputs if name in row))


def _check_embedder(state: _Saved, embedder: Embedder) -> None:
    if _name(embedder) == state.embedder:
        return
    if state.embedder is None:
        wanted = "a function: give the same one, NearestDemos(MyProgram(), embedder=the_function)"
    else:
        wanted = f"{state.embedder!r}: write NearestDemos(MyProgram(), embedder={state.embedder!r})"
    raise StateError(f"The program has {embedder!r}, and was compiled with {wanted}.")


def _name(embedder: Embedder) -> str | None:
    """The model's name; a function has none by which it could be known again."""
    return embedder.model if isinstance(embedder.model, str) else None
