"""Whole programs on disk: a folder with a pickle of the program, its classes and code included.

For those who want a program without the code that made it. A pickle is code that runs when it is
loaded, and it loads only into Pythons and packages like those that wrote it; the JSON of `state` has neither fault, and is what to share.
The layout is DSPy's: ``program.pkl``, and ``metadata.json`` with the versions. Credentials of LMs are never in it.
"""

from __future__ import annotations

import io
import json
import os
import platform
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from burnish.errors import StateError
from burnish.modules.state import read
from burnish.values.signature import SignatureMeta, rebuilt

_PROGRAM = "program.pkl"
_METADATA = "metadata.json"


def save(program: Any, path: str | os.PathLike[str], modules_to_serialize: Sequence[Any] | None = None) -> None:
    """Write a whole program to a folder.

    Args:
        program: The program.
        path: The folder; what it holds of an earlier one is replaced.
        modules_to_serialize: Modules whose code goes into the pickle, in place of being imported where it is loaded;
            that of ``__main__`` always does.

    Raises:
        StateError: The path is a file's, or something in the program cannot be pickled.
    """
    folder = Path(path)
    if folder.suffix or folder.is_file():
        raise StateError(
            f"A whole program is saved to a folder: write {str(folder.with_suffix(''))!r}, without a suffix."
        )
    try:
        with _by_value(modules_to_serialize or ()):
            content = _pickled(program)
    # What cannot be pickled raises anything: TypeError, PicklingError, RecursionError, what a user's __reduce__ raises.
    except Exception as error:
        raise StateError(
            f"The program cannot be pickled: {error}. Keep locks, clients and open files out of its attributes, or save "
            "its state alone: program.save('name.json')."
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    about = {"dependency_versions": _dspys_versions(), "burnish": {"version": _version()}}
    for name, written in ((_PROGRAM, content), (_METADATA, (json.dumps(about, indent=2) + "\n").encode())):
        draft = folder / f"{name}.part"
        draft.write_bytes(written)
        draft.replace(folder / name)


def load(path: str | os.PathLike[str], allow_pickle: bool = False) -> Any:
    """A whole program that was saved with ``program.save(folder, save_program=True)``.

    Args:
        path: The folder.
        allow_pickle: Whether the code in it may run. Say yes only to what you, or somebody you trust, wrote.

    Raises:
        StateError: It is not allowed, is no such folder, or cannot be unpickled here.
    """
    folder = Path(path)
    if folder.is_file():
        raise StateError(
            f"{str(path)!r} is a file, which holds a program's state and not the program. Make the program and load it "
            f"into that: program = MyProgram(); program.load({str(path)!r})."
        )
    if not (folder / _PROGRAM).is_file():
        raise StateError(
            f"{str(path)!r} is no saved program: there is no {_PROGRAM} in it. Whole programs are written by "
            "program.save('folder', save_program=True)."
        )
    if not allow_pickle:
        raise StateError(
            f"{str(path)!r} holds a pickle, and loading a pickle runs whatever code its author put into it. If you trust "
            f"who wrote it: burnish.load({str(path)!r}, allow_pickle=True). To share programs without code, save their "
            "state: program.save('name.json')."
        )
    _compare(read(folder / _METADATA) if (folder / _METADATA).is_file() else {}, str(path))
    program = _unpickled(folder / _PROGRAM)
    if not hasattr(program, "named_predictors"):
        raise StateError(f"{str(path)!r} holds {program!r:.200}, which is not a burnish.Module.")
    return program


def read_state(path: str | os.PathLike[str], allow_pickle: bool) -> dict[str, Any]:
    """A program's state from a pickle of it, as DSPy writes to a path that ends in ``.pkl``.

    Args:
        path: The file.
        allow_pickle: Whether the code in it may run.

    Raises:
        StateError: It is not allowed, or cannot be read.
    """
    if not allow_pickle:
        raise StateError(
            f"{str(path)!r} is a pickle, and loading a pickle runs whatever code its author put into it. If you trust who "
            f"wrote it: program.load({str(path)!r}, allow_pickle=True), with DSPy installed. Better have it saved as JSON."
        )
    state = _unpickled(Path(path))
    if not isinstance(state, dict):
        raise StateError(f"{str(path)!r} is not a saved program: it holds {type(state).__name__}, not a dict.")
    parts = [state, *(part for part in state.values() if isinstance(part, dict))]
    for part in (one for one in parts if isinstance(one.get("demos"), list)):
        # DSPy leaves its own examples there.
        part["demos"] = [dict(demo.items()) if hasattr(demo, "items") else demo for demo in part["demos"]]
    return state


def _unpickled(path: Path) -> Any:
    import cloudpickle

    try:
        return cloudpickle.loads(path.read_bytes())
    # A pickle runs its author's code, which may raise anything.
    except Exception as error:
        raise StateError(
            f"{str(path)!r} cannot be unpickled here: {type(error).__name__}: {error}. Import what it is made "
            "of first, or save it with modules_to_serialize=[...]."
        ) from error


@contextmanager
def _by_value(modules: Sequence[Any]) -> Iterator[None]:
    import cloudpickle

    known = cloudpickle.list_registry_pickle_by_value()
    fresh = [module for module in modules if module.__name__ not in known]
    for module in fresh:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in fresh:
            cloudpickle.unregister_pickle_by_value(module)


def _pickled(program: Any) -> bytes:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
        """Makes signatures anew from their fields: what adapters keep with them would tie the file to this version."""

        def reducer_override(self, thing: Any) -> Any:
            reduced = super().reducer_override(thing)
            by_value = isinstance(thing, SignatureMeta) and reduced is not NotImplemented
            return rebuilt(thing) if by_value else reduced

    file = io.BytesIO()
    Pickler(file).dump(program)
    return file.getvalue()


def _version() -> str:
    from burnish import __version__

    return __version__


def _dspys_versions() -> dict[str, str]:
    """Those that DSPy compares too; it knows none of Burnish."""
    return {
        "python": platform.python_version().rpartition(".")[0],
        "cloudpickle": metadata.version("cloudpickle").rpartition(".")[0],
    }


def _compare(saved: Mapping[str, Any], path: str) -> None:
    """Warn of versions that are other than when the program was saved."""
    here = {**_dspys_versions(), "burnish": _version()}
    own, theirs = saved.get("burnish"), saved.get("dependency_versions")
    there = {**(theirs if isinstance(theirs, Mapping) else {})}
    if isinstance(own, Mapping):
        there["burnish"] = own.get("version")
    others = [f"{name} {there[name]} (here {here[name]})" for name in here if there.get(name, here[name]) != here[name]]
    if others:
        warnings.warn(
            f"The program in {path!r} was saved with {', '.join(others)}. Pickles are made for the versions that wrote "
            "them: where it does not load or behaves otherwise, save it anew, or use its state, program.save('name.json').",
            UserWarning,
            stacklevel=3,
        )
