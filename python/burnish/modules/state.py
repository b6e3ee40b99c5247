"""Programs on disk: one readable, versioned JSON without keys, code or pickle.

The file keeps DSPy's keys in place (predictor paths at top level, positional
``signature.fields``), so that either reads the other's; what is ours, such as the fields' names and types, stands
under ``"burnish"``. Loading is all or nothing: the whole file is checked against the program before anything changes.
What one predictor's part holds is in `state_predictor`, what old files look like in `state_dspy`.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from burnish.errors import StateError
from burnish.modules.state_dspy import at_their_places, is_predictor_state, modern, retrievers
from burnish.modules.state_predictor import dump_predictor, field_types, listed, read_predictor
from burnish.modules.state_values import plain
from burnish.values.report import Report

# The second has what modules keep beside their predictors; without any of it, the first is written.
FORMAT = 2
_METADATA = ("metadata", "burnish")


def dump(program: Any, *, json_mode: bool = True, save_field_meta: bool = False) -> dict[str, Any]:
    """A program's state as JSON-ready values.

    Args:
        program: The module.
        json_mode: Whether the values in demos become JSON, or stay the objects that they are.
        save_field_meta: Also keep each field's name and type beside its description.

    Raises:
        StateError: A demo holds what JSON cannot keep.
    """
    from burnish import __version__

    predictors = program.named_predictors(frozen=True)
    if program.is_predictor:
        # DSPy has a lone predictor without a name.
        state = dump_predictor(program, json_mode=json_mode, save_field_meta=save_field_meta)
    else:
        state = {
            name: dump_predictor(one, json_mode=json_mode, save_field_meta=save_field_meta) for name, one in predictors
        }
    parts = {path: plain(dict(part.own_state())) for path, part in _keeping(program)}
    state["burnish"] = {
        "format": 2 if parts else 1,
        "version": __version__,
        "fields": {name: field_types(one.signature) for name, one in predictors},
        **({"parts": parts} if parts else {}),
    }
    # DSPy looks its own version of each of these up, and knows none of Burnish.
    state["metadata"] = {"dependency_versions": {"python": platform.python_version().rpartition(".")[0]}}
    return state


def load(
    program: Any, saved: Mapping[str, Any], *, beside: Path | None = None, allow_unsafe_lm_state: bool = False
) -> None:
    """Put a dumped state into a program.

    Args:
        program: The module.
        saved: What `dump` gave, or DSPy from 2.5 on.
        beside: The file that it was read from, where modules may have written more beside it.
        allow_unsafe_lm_state: Whether the state may say where its LMs are: their addresses are sent the user's key.

    Raises:
        StateError: The state is not one, is of a newer format, or does not fit the program; the
            message names what does not fit. The program is unchanged then.
    """
    if not isinstance(saved, Mapping):
        raise StateError(f"A program's state is a JSON object, not {type(saved).__name__}.")
    own = _own_part(saved)
    predictors = dict(program.named_predictors(frozen=True))
    states = at_their_places(parts_of(saved), predictors)
    modules = dict(program.named_modules())
    asking_for = retrievers(states, modules)
    states = {name: state for name, state in states.items() if name not in asking_for}
    # DSPy does not save what is compiled already inside another program.
    tuned = dict(program.named_predictors()) if "burnish" not in saved else predictors
    missing = [name for name in tuned if name not in states]
    unknown = [name for name in states if name not in predictors]
    if missing or unknown:
        raise StateError(
            "The state does not fit this program: "
            + "; ".join(
                [f"no state for predictor {name!r}" for name in missing]
                + [f"no predictor for state {name!r}" for name in unknown]
            )
            + f". The program has {listed(predictors)}, the state has {listed(states)}."
        )
    fields = own.get("fields")
    told = fields if isinstance(fields, Mapping) else {}
    changes = [
        (
            predictor,
            read_predictor(predictor, states[name], name, told=told.get(name), trust_lm=allow_unsafe_lm_state),
        )
        for name, predictor in predictors.items()
        if name in states
    ]
    taking_over = _read_parts(program, own.get("parts", {}), beside)
    for predictor, change in changes:
        predictor.signature = change.signature
        predictor.demos = change.demos
        if change.lm is not None:
            predictor.lm = change.lm
    for name, k in asking_for.items():
        modules[name].k = k
    for take_over in taking_over:
        take_over()


def _own_part(saved: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is Burnish's own in a state; nothing where DSPy wrote it.

    Raises:
        StateError: It is of a newer format, or edited.
    """
    own = saved.get("burnish", {})
    number = own.get("format", FORMAT) if isinstance(own, Mapping) else own
    if not isinstance(number, int):
        raise StateError(f"The state's format is {number!r}, which is no number. Was the file edited?")
    if number > FORMAT:
        raise StateError(
            f"The state is of format {number}, this Burnish reads up to {FORMAT}. Upgrade: pip install -U burnish."
        )
    return own if isinstance(own, Mapping) else {}


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
    """Name → state of each predictor in a program's state, those of old files as today's."""
    parts = {name: part for name, part in saved.items() if name not in _METADATA}
    if is_predictor_state(parts):
        return {"self": modern(parts)}
    return {name: modern(part) for name, part in parts.items()}


def save(program: Any, path: str | os.PathLike[str], *, save_field_meta: bool = False) -> None:
    """Write a program's state; each file is whole or not there, never half written.

    Raises:
        StateError: The path is not a ``.json`` file, or a demo holds what JSON has not.
    """
    target = Path(path)
    if target.suffix != ".json":
        raise StateError(f"Programs are saved as JSON: write {str(target) + '.json'!r}.")
    state = dump(program, save_field_meta=save_field_meta)
    if isinstance(program.report, Report) and program.report.effects is not None:
        # Of the report only what says of the choices in the file which of them count: no bill, and the same in every run.
        state["burnish"]["effects"] = program.report.effects.to_dict()
    text = json.dumps(state, indent=2, ensure_ascii=False)
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


def load_file(program: Any, path: str | os.PathLike[str], *, allow_unsafe_lm_state: bool = False) -> None:
    """Read a state file into a program.

    Raises:
        StateError: No such file, not JSON, or see `load`.
    """
    load(program, read(path), beside=Path(path), allow_unsafe_lm_state=allow_unsafe_lm_state)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A state file's content.

    Raises:
        StateError: No such file, or not a JSON object.
    """
    if Path(path).is_dir():
        raise StateError(
            f"{str(path)!r} is a folder. A whole program that was saved with save_program=True is loaded by "
            f"program = burnish.load({str(path)!r}, allow_pickle=True), which runs the code in it."
        )
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
