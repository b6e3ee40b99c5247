"""A folder with passages: one JSON with the texts, and beside it their rows in the index's own format.

The JSON names the file with the rows, and is put in its place last, in one step: whenever a save is broken
off, the folder holds what it held before. Rows are read from the disk as they are searched.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from burnish.errors import StateError
from burnish.retrieve.knn import Index
from burnish.retrieve.passages import Passages

FORMAT = 1
_JSON = "passages.json"


class Saved(BaseModel):
    """What the JSON holds.

    Attributes:
        format: The version of this format.
        embedder: The name of the embedder that made the rows.
        k: How many passages a search brings.
        normalize: Whether they are found by cosine, and else by the inner product.
        rows: The file with the rows.
        not_found: Numbers of the texts that have no row.
        corpus: The texts.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    format: PositiveInt
    embedder: str
    k: PositiveInt
    normalize: bool
    rows: str
    not_found: list[NonNegativeInt]
    corpus: list[str]


def write(folder: str | os.PathLike[str], passages: Passages, **about: Any) -> None:
    """Save passages, in place of those that were saved there before.

    Args:
        folder: Where to; it is made where it is missing.
        passages: What to save.
        about: The fields of `Saved` that passages do not know.

    Raises:
        OSError: The folder cannot be written to.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    before = None
    # What stands there and cannot be read is replaced.
    with contextlib.suppress(StateError):
        before = _read_json(target).rows
    name = f"rows-{uuid.uuid4().hex}.knn"
    draft = target / f"{name}.json"
    try:
        texts, not_found = passages.save(target / name)
        saved = Saved(format=FORMAT, rows=name, not_found=not_found, corpus=list(texts), **about)
        draft.write_text(json.dumps(saved.model_dump(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        draft.replace(target / _JSON)
    except BaseException:
        draft.unlink(missing_ok=True)
        (target / name).unlink(missing_ok=True)
        raise
    if before is not None:
        # Where somebody still reads it, Windows keeps it.
        with contextlib.suppress(OSError):
            (target / before).unlink(missing_ok=True)


def read(folder: str | os.PathLike[str]) -> tuple[Saved, Passages]:
    """What was saved in a folder.

    Raises:
        StateError: There is nothing that was saved whole, or its parts do not fit each other.
    """
    source = Path(folder)
    saved = _read_json(source)
    try:
        try:
            index = Index.load(source / saved.rows)
        except FileNotFoundError:
            # Another save may have put others in their place since the JSON was read.
            saved = _read_json(source)
            index = Index.load(source / saved.rows)
    except OSError as error:
        raise StateError(f"The rows of the passages in {str(source)!r} cannot be read: {error}.") from error
    metric = "cosine" if saved.normalize else "ip"
    without = set(saved.not_found)
    if index.metric != metric:
        raise StateError(f"The passages in {str(source)!r} are compared by {metric}, and their rows by {index.metric}.")
    if len(index) + len(without) != len(saved.corpus) or max(without, default=-1) >= len(saved.corpus):
        raise StateError(
            f"The folder {str(source)!r} holds {len(saved.corpus)} passages, {len(without)} of them without a row, and "
            f"{len(index)} rows: its files are of different saves."
        )
    return saved, Passages(index, saved.corpus, without)


def _read_json(folder: Path) -> Saved:
    path = folder / _JSON
    try:
        saved = Saved.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"There are no saved passages in {str(folder)!r}: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise StateError(f"{str(path)!r} is not what a retriever saved: {place}: {first['msg']}.") from error
    if saved.format > FORMAT:
        raise StateError(
            f"{str(path)!r} is of format {saved.format}, this Burnish reads up to {FORMAT}. Upgrade: pip install -U burnish."
        )
    # A file may name no other place than its own folder.
    if saved.rows != Path(saved.rows).name or not saved.rows.endswith(".knn"):
        raise StateError(f"{str(path)!r} names {saved.rows!r} as its rows: it must be a file beside it.")
    return saved
