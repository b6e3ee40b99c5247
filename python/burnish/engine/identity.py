"""What makes a run the run that it is: a directory that holds another one must not be resumed.

Budget, concurrency, progress and the directory itself may change between two attempts at one run;
program, data, metric, seed and the optimizer's settings may not.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from burnish.adapters.chat import ChatAdapter
from burnish.lm.request import digest
from burnish.lm.settings import settings
from burnish.modules.module import Module
from burnish.modules.state import parts_of
from burnish.values.example import Example

_MAY_CHANGE = frozenset({"budget", "num_threads", "max_errors", "progress", "run_dir", "metric"})


def run_identity(
    optimizer: Any,
    student: Any,
    teacher: Any,
    trainset: Sequence[Example],
    valset: Sequence[Example] | None,
    options: Mapping[str, Any],
) -> dict[str, str]:
    """Name of each part → a fingerprint of it."""
    parts = {
        "optimizer": {
            "name": type(optimizer).__name__,
            **{name: value for name, value in vars(optimizer).items() if name not in _MAY_CHANGE},
        },
        "options": dict(options),
        "metric": _metric(optimizer.metric),
        "program": _program(student),
        "teacher": None if teacher is None else _program(teacher),
        "trainset": [[row.toDict(), sorted(row.input_keys or ())] for row in trainset],
        "valset": None if valset is None else [[row.toDict(), sorted(row.input_keys or ())] for row in valset],
        "lm": None if settings.lm is None else settings.lm.dump_state(),
        "adapter": (settings.adapter or ChatAdapter()).dump_state(),
    }
    return {name: digest(stable_text(part)) for name, part in parts.items()}


def stable_text(value: Any) -> str:
    """The value as text that is the same in every process, as far as its types allow."""
    try:
        return json.dumps(value, sort_keys=True, default=_stable)
    # Keys that are no texts, or not all of them: rare, and slower.
    except TypeError:
        return json.dumps(_with_text_keys(value), sort_keys=True, default=_stable)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {repr(key): _with_text_keys(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_with_text_keys(part) for part in value]
    return value


def _program(program: Any) -> list[Any]:
    state = program.dump_state()
    more = state["burnish"].get("parts")
    return [_source(type(program)), parts_of(state), *([] if more is None else [more])]


def _metric(metric: Any) -> Any:
    """A metric's name and code; of a program that judges also its prompts and what else it is set to."""
    if not isinstance(metric, Module):
        return _source(metric)
    settings_of_it = {name: value for name, value in vars(metric).items() if isinstance(value, str | int | float)}
    return [*_program(metric), settings_of_it]


def _source(thing: Any) -> str | None:
    """Name and code of a function or class, as far as Python can find the code."""
    if thing is None:
        return None
    if isinstance(thing, functools.partial):
        bound = stable_text([thing.args, thing.keywords])
        return f"{_source(thing.func)}\n{bound}"
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    name = f"{named.__module__}.{named.__qualname__}"
    # Code typed at a prompt, or of an extension, has no source; the name must do.
    try:
        return f"{name}\n{inspect.getsource(named)}"
    except (OSError, TypeError):
        return name


def _stable(value: Any) -> Any:
    # Models and programs can be called too: what they are set to says more than their class.
    if hasattr(value, "dump_state"):
        return value.dump_state()
    if isinstance(value, Callable):  # type: ignore[arg-type]
        return _source(value)
    if hasattr(value, "toDict"):
        return value.toDict()
    return repr(value)
