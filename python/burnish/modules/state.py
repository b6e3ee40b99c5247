"""Programs on disk: one readable, versioned JSON without keys, code or pickle.

The file keeps DSPy's keys in place (predictor paths at top level, positional
``signature.fields``), so that either reads the other's; what is ours stands under ``"burnish"``.
Loading is all or nothing: the whole file is checked against the program before anything changes.
"""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from burnish.errors import ConfigError, StateError
from burnish.lm.lm import LM
from burnish.values.example import Example

# The second has what modules keep beside their predictors; without any of it, the first is written.
FORMAT = 2
_METADATA = ("metadata", "burnish")
# What DSPy keeps about an LM beside the parameters of its calls.
_DSPY_ONLY = frozenset(
    {"_dspy_lm_class", "model_type", "finetuning_model", "launch_kwargs", "train_kwargs", "use_developer_role"}
)


def dump(program: Any, *, save_field_meta: bool = False) -> dict[str, Any]:
    """A program's state as JSON-ready values.

    Args:
        program: The module.
        save_field_meta: Also keep each field's name, type and description.
    """
    from burnish import __version__

    predictors = program.named_predictors(frozen=True)
    if program.is_predictor:
        # DSPy has a lone predictor without a name.
        state = _dump_predictor(program, save_field_meta=save_field_meta)
    else:
        state = {name: _dump_predictor(one, save_field_meta=save_field_meta) for name, one in predictors}
    parts = {path: plain(dict(part.own_state())) for path, part in _keeping(program)}
    state["burnish"] = {"format": 2 if parts else 1, "version": __version__, **({"parts": parts} if parts else {})}
    # DSPy looks its own version of each of these up, and knows none of Burnish.
    state["metadata"] = {"dependency_versions": {"python": platform.python_version().rpartition(".")[0]}}
    return state


def load(program: Any, saved: Mapping[str, Any], *, beside: Path | None = None) -> None:
    """Put a dumped state into a program.

    Args:
        program: The module.
        saved: What `dump` gave.
        beside: The file that it was read from, where modules may have written more beside it.

    Raises:
        StateError: The state is not one, is of a newer format, or does not fit the program; the
            message names what does not fit. The program is unchanged then.
    """
    if not isinstance(saved, Mapping):
        raise StateError(f"A program's state is a JSON object, not {type(saved).__name__}.")
    version = saved.get("burnish", {})
    number = version.get("format", FORMAT) if isinstance(version, Mapping) else version
    if not isinstance(number, int):
        raise StateError(f"The state's format is {number!r}, which is no number. Was the file edited?")
    if number > FORMAT:
        raise StateError(
            f"The state is of format {number}, this Burnish reads up to {FORMAT}. Upgrade: pip install -U burnish."
        )
    predictors = dict(program.named_predictors(frozen=True))
    more = version.get("parts", {}) if isinstance(version, Mapping) else {}
    saved = parts_of(saved)
    there = list(saved)
    missing = [name for name in predictors if name not in saved]
    unknown = [name for name in there if name not in predictors]
    if missing or unknown:
        raise StateError(
            "The state does not fit this program: "
            + "; ".join(
                [f"no state for predictor {name!r}" for name in missing]
                + [f"no predictor for state {name!r}" for name in unknown]
            )
            + f". The program has {_listed(predictors)}, the state has {_listed(there)}."
        )
    changes = [_read_predictor(p, saved[name], name) for name, p in predictors.items()]
    taking_over = _read_parts(program, more, beside)
    for predictor, (signature, demos, lm) in zip(predictors.values(), changes, strict=True):
        predictor.signature = signature
        predictor.demos = demos
        if lm is not None:
            predictor.lm = lm
    for take_over in taking_over:
        take_over()


def _keeping(program: Any) -> list[tuple[str, Any]]:
    """The modules that keep more than their predictors do, by path."""
    return [(path, part) for path, part in program.named_modules() if part.keeps_more]


def _stems(program: Any, path: Path) -> dict[str, Path]:
    """Where each module that keeps more writes it: beside the state file, the first under its very name."""
    bare = path.with_suffix("")
    paths = [part for part, _ in _keeping(program)]
    # Those behind the first are named after the whole file, which no other program's is.
    return {part: path.with_name(f"{path.name}.{n}") if n else bare for n, part in enumerate(paths)}


def _read_parts(program: Any, saved: Any, beside: Path | None) -> list[Callable[[], None]]:
    """What modules keep beside their predictors, checked and not yet taken over."""
    if not isinstance(saved, Mapping) or not all(isinstance(part, Mapping) for part in saved.values()):
        raise StateError("What the state keeps of the program's parts is no JSON object. Was the file edited?")
    keeping = dict(_keeping(program))
    for path, part in saved.items():
        if path not in keeping:
            kind = part.get("kind")
            raise StateError(
                f"The state is of a program with a {kind} at {path!r}, and this one has none there. Make one like it, "
                f"such as burnish.{kind}(MyProgram()) where the path is 'self', and load the state into that."
            )
    for path, part in keeping.items():
        if path not in saved:
            raise StateError(
                f"The state is of a program without a {type(part).__name__} at {path!r}: load it into the program inside it."
            )
    stems = {} if beside is None else _stems(program, beside)
    return [part.read_own_state(saved[path], stems.get(path)) for path, part in keeping.items()]


def parts_of(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Name → state of each predictor in a program's state."""
    parts = {name: part for name, part in saved.items() if name not in _METADATA}
    signature = parts.get("signature")
    lone = isinstance(signature, Mapping) and "instructions" in signature
    return {"self": parts} if lone else parts


def save(program: Any, path: str | os.PathLike[str], *, save_field_meta: bool = False) -> None:
    """Write a program's state; each file is whole or not there, never half written.

    Raises:
        StateError: The path is not a ``.json`` file, or a demo holds what JSON has not.
    """
    target = Path(path)
    if target.suffix != ".json":
        raise StateError(f"Programs are saved as JSON: write {str(target) + '.json'!r}.")
    text = json.dumps(dump(program, save_field_meta=save_field_meta), indent=2, ensure_ascii=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    stems = _stems(program, target)
    draft = target.with_name(target.name + ".part")
    # What may fail comes first, so that what is there stays what it is.
    draft.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    try:
        for name, part in _keeping(program):
            part.save_beside(stems[name])
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(target)


def load_file(program: Any, path: str | os.PathLike[str]) -> None:
    """Read a state file into a program.

    Raises:
        StateError: No such file, not JSON, or see `load`.
    """
    load(program, read(path), beside=Path(path))


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A state file's content.

    Raises:
        StateError: No such file, or not a JSON object.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"Cannot read the program {str(path)!r}: {error}.") from error
    try:
        state = json.loads(text)
    except ValueError as error:
        raise StateError(
            f"{str(path)!r} is not a saved program: it is not JSON ({error}). Programs are "
            "written by program.save('name.json')."
        ) from error
    if not isinstance(state, dict):
        raise StateError(f"{str(path)!r} is not a saved program: it holds no JSON object.")
    return state


def _dump_predictor(predictor: Any, *, save_field_meta: bool) -> dict[str, Any]:
    return {
        "traces": [],
        "train": [],
        "demos": [plain(demo) for demo in predictor.demos],
        "signature": _dump_signature(predictor.signature, save_field_meta=save_field_meta),
        "lm": None if predictor.lm is None else predictor.lm.dump_state(),
    }


def _dump_signature(signature: Any, *, save_field_meta: bool) -> dict[str, Any]:
    fields = []
    for name, field in signature.fields.items():
        extra = field.json_schema_extra
        entry = {"prefix": extra["prefix"], "description": extra["desc"]}
        if save_field_meta:
            annotation = field.annotation
            entry = {
                "name": name,
                "field_type": extra["__dspy_field_type"],
                "type": getattr(annotation, "__name__", None)
                if isinstance(annotation, type)
                else str(annotation).removeprefix("typing."),
                **entry,
            }
        fields.append(entry)
    return {"instructions": signature.instructions, "fields": fields}


def plain(value: Any) -> Any:
    """The value as JSON has it; pydantic models as objects.

    Raises:
        StateError: JSON cannot keep it.
    """
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, Example):
        return plain(value.toDict())
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, set | frozenset):
        # In an order that is the same in every process.
        return [plain(part) for part in sorted(value, key=repr)]
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "value") and hasattr(type(value), "__members__"):
        return plain(value.value)
    raise StateError(
        f"A demo holds {value!r} of type {type(value).__name__}, which JSON cannot keep. Use "
        "texts, numbers, lists, dicts or pydantic models in demos."
    )


def _read_predictor(predictor: Any, saved: Any, name: str) -> tuple[Any, list[Example], LM | None]:
    if not isinstance(saved, Mapping) or not isinstance(saved.get("signature"), Mapping):
        raise StateError(f"The state of predictor {name!r} has no signature.")
    signature = predictor.signature
    fields = saved["signature"].get("fields", [])
    if not isinstance(fields, list) or not all(isinstance(field, Mapping) for field in fields):
        raise StateError(f"The fields in the state of predictor {name!r} are no list of JSON objects.")
    if len(fields) != len(signature.fields):
        raise StateError(
            f"Predictor {name!r} has {len(signature.fields)} fields "
            f"({_listed(signature.fields)}), the state has {len(fields)}."
        )
    others = [
        field["name"] for field, own in zip(fields, signature.fields, strict=True) if field.get("name", own) != own
    ]
    if others:
        raise StateError(
            f"Predictor {name!r} has the fields {_listed(signature.fields)}; in their places the state has {_listed(others)}."
        )
    instructions = saved["signature"].get("instructions")
    demos = saved.get("demos", [])
    if not isinstance(instructions, str) or not isinstance(demos, list):
        raise StateError(f"The state of predictor {name!r} lacks instructions or demos.")
    if not all(isinstance(demo, Mapping) for demo in demos):
        raise StateError(f"Predictor {name!r}: every demo must be a JSON object.")
    inputs = list(signature.input_fields)
    read_demos = [Example(demo).with_inputs(*(i for i in inputs if i in demo)) for demo in demos]
    restated = signature.load_state({"instructions": instructions, "fields": fields})
    return restated, read_demos, _read_lm(saved.get("lm"), name)


def _read_lm(saved: Any, name: str) -> LM | None:
    if saved is None:
        return None
    if not isinstance(saved, Mapping) or not isinstance(saved.get("model"), str):
        raise StateError(f"The LM of predictor {name!r} names no model.")
    if saved.get("api_base") is not None:
        # A file that chooses the address could have the user's key sent there.
        warnings.warn(
            f"The LM of predictor {name!r} was at {saved['api_base']!r}, which is not taken from a file. Set it "
            f"yourself: program.set_lm(burnish.LM({saved['model']!r}, api_base=...)).",
            UserWarning,
            stacklevel=2,
        )
        return None
    known = ("model", "cache", "num_retries")
    params = {
        key: value
        for key, value in saved.items()
        if key in known or (key not in _DSPY_ONLY and isinstance(value, str | int | float | bool | list | dict))
    }
    try:
        return LM(**params)
    except (ConfigError, TypeError) as error:
        raise StateError(f"The LM of predictor {name!r} cannot be made: {error}") from error


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "none"
