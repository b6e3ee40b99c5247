"""Programs, metrics and data that a command line names."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from burnish.datasets.jsonl import read_jsonl
from burnish.errors import ConfigError
from burnish.modules.module import Module
from burnish.modules.predict import Predict
from burnish.plugins.manager import lookup, names
from burnish.values.example import Example


def load_object(address: str) -> Any:
    """What stands at ``file.py:name`` or ``package.module:name``.

    Raises:
        ConfigError: There is no such file, module or name.
    """
    place, colon, name = address.rpartition(":")
    if not colon:
        raise ConfigError(f"{address!r} names no object. Write file.py:Name or package.module:Name.")
    module = _module(place)
    if not hasattr(module, name):
        public = [n for n in vars(module) if not n.startswith("_")]
        raise ConfigError(f"{place} has no {name!r}. It has: {', '.join(public) or 'nothing'}.")
    return getattr(module, name)


def _module(place: str) -> Any:
    if not place.endswith(".py"):
        try:
            return importlib.import_module(place)
        except ImportError as error:
            raise ConfigError(f"Cannot import {place!r}: {error}.") from error
    path = Path(place).resolve()
    if not path.is_file():
        raise ConfigError(f"There is no file {place!r}.")
    # A file may be called random.py: its module has a name that is nobody else's.
    name = f"{path.stem}_of_the_command_line"
    # Program and metric of one file must be of one module, or its classes would exist twice.
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    # From its own folder, so that it can import what lies beside it.
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{place!r} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        del sys.modules[name]
        raise ConfigError(f"{error.filename}, line {error.lineno}: {error.msg}.") from error
    return module


def load_program(address: str) -> Module:
    """The program at an address: a module object, or a class that is made without arguments.

    Raises:
        ConfigError: It is neither.
    """
    program = _made(load_object(address), address)
    if not isinstance(program, Module):
        raise ConfigError(f"{address} is {program!r}, not a burnish.Module.")
    return program


def _made(found: Any, address: str) -> Any:
    """The object itself, or the one that a class makes without arguments."""
    if not isinstance(found, type):
        return found
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise ConfigError(
            f"{address} cannot be made without arguments: {error}. Name an object instead, such as "
            f"made = {found.__name__}(...) in that file."
        ) from error
    return found()


def load_metric(name: str) -> Any:
    """A metric by its registered name, or by its address; a class stands for the object made of it.

    Raises:
        ConfigError: There is no such metric.
    """
    if ":" in name:
        return _made(load_object(name), name)
    try:
        return _made(lookup("metrics", name), name)
    except ConfigError as error:
        if name in names("metrics"):
            raise
        raise ConfigError(f"{error} Or name your own as file.py:function.") from error


def load_examples(path: str, program: Module, inputs: Sequence[str]) -> list[Example]:
    """The examples of a JSONL file; without `inputs`, the program's own arguments are the inputs.

    Raises:
        ConfigError: The file cannot be read, or has none of the program's inputs.
    """
    rows = read_jsonl(path)
    chosen = list(inputs) or [name for name in _arguments(program) if name in rows[0]]
    if not chosen:
        raise ConfigError(
            f"{path} has the fields {', '.join(rows[0].keys())}, of which the program takes none "
            f"({', '.join(_arguments(program)) or 'no named arguments'}). Say which are inputs: --inputs a,b"
        )
    return [row.with_inputs(*chosen) for row in rows]


def _arguments(program: Module) -> list[str]:
    if isinstance(program, Predict):
        return list(program.signature.input_fields)
    forward = getattr(program, "aforward", None) or getattr(program, "forward", None)
    if forward is None:
        return []
    parameters = inspect.signature(forward).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        predictors = program.predictors()
        return list(predictors[0].signature.input_fields) if predictors else []
    return [p.name for p in parameters]


def place_for(path: str, *, suffix: str = ".json") -> Path:
    """Where a file will be written: looked at, and its folder made, before anything is paid for.

    Args:
        path: The file.
        suffix: What its name must end with.

    Raises:
        ConfigError: Nothing can be written there.
    """
    place = Path(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"Cannot write {path!r}: {error}.") from error
    if place.is_dir() or not os.access(place if place.exists() else place.parent, os.W_OK):
        why = "it is a folder" if place.is_dir() else "permission denied"
        raise ConfigError(f"Cannot write {path!r}: {why}.")
    if place.suffix != suffix:
        what = "Programs are saved as JSON" if suffix == ".json" else "It is written as JSON lines"
        raise ConfigError(f"{what}: write {path + suffix!r}.")
    return place


def read_options(options: Iterable[str]) -> dict[str, Any]:
    """``key=value`` pairs; values are JSON or Python's ``None``, ``True`` and ``False`` where they read as such, else text.

    Raises:
        ConfigError: One has no ``=``.
    """
    read = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise ConfigError(f"--option {option!r}: write --option name=value.")
        try:
            read[key] = json.loads({"None": "null", "True": "true", "False": "false"}.get(value, value))
        except ValueError:
            read[key] = value
    return read
