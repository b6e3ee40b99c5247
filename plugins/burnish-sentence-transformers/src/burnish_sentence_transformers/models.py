"""Models by name or folder: each is loaded once a process, when it is first needed."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burnish import ConfigError, LMAccessDenied

PROVIDER = "sentence-transformers"
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, and whose turn it is: its tokenizer is for one thread at a time.

    Attributes:
        model: The `SentenceTransformer`.
        turn: Held while it is used.
    """

    model: Any
    turn: threading.Lock = field(default_factory=threading.Lock)


def source_of(model: str) -> str:
    """What a model's name says after its provider: a folder, or a name on the Hugging Face Hub.

    Args:
        model: ``"sentence-transformers/…"``.

    Returns:
        The folder's path where the rest is an absolute path or begins with ``~`` or ``.``; else the name on the hub, where
        one without an owner is of ``sentence-transformers``.

    Raises:
        ConfigError: There is no name, or no such folder.

    Example:
        >>> source_of("sentence-transformers/all-MiniLM-L6-v2"), source_of("sentence-transformers/BAAI/bge-small-en-v1.5")
        ('sentence-transformers/all-MiniLM-L6-v2', 'BAAI/bge-small-en-v1.5')
    """
    rest = model.removeprefix(f"{PROVIDER}/")
    if not rest or rest == model:
        raise ConfigError(
            f"{model!r} names no model: write {PROVIDER}/all-MiniLM-L6-v2, or {PROVIDER}//path/of/a/folder."
        )
    if not (Path(rest).is_absolute() or rest.startswith(("~", "."))):
        return rest if "/" in rest else f"{PROVIDER}/{rest}"
    folder = Path(rest).expanduser().resolve()
    if not folder.is_dir():
        raise ConfigError(f"There is no folder {str(folder)!r} with a model, as {model!r} says.")
    return str(folder)


def loaded(source: str, device: str | None) -> Loaded:
    """The model of a source, loaded now if it was not before.

    Args:
        source: See `source_of`.
        device: Where it computes, such as ``"cpu"``; None leaves the choice to Sentence Transformers.

    Raises:
        LMAccessDenied: There is no such model, or it is not on this machine and the hub cannot be reached.
    """
    with _loading:
        return _load(source, device)


@functools.cache
def _load(source: str, device: str | None) -> Loaded:
    from sentence_transformers import SentenceTransformer

    try:
        # A folder is complete or it is an error: nothing that it lacks is fetched.
        model = SentenceTransformer(source, device=device, local_files_only=Path(source).is_absolute())
    except (OSError, ValueError, RuntimeError) as error:
        raise LMAccessDenied(f"The model {source!r} cannot be loaded: {error}", model=f"{PROVIDER}/{source}") from error
    return Loaded(model)
