"""A saved program as it is looked at: the parts of its file under plain names, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from burnish.errors import StateError
from burnish.lm.secrets import bare_address, without_secrets
from burnish.modules.state import parts_of
from burnish.modules.state_predictor import ADDRESSES, DSPY_ONLY
from burnish.values.effects import Effects

_ITS_NAME = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class SavedField:
    """One field of a saved signature; what the file does not say is None.

    Attributes:
        name: Its name.
        side: ``"input"`` or ``"output"``.
        kind: Its type, in words.
        prefix: Its title.
        description: What its author wrote about it; empty where that is nothing.
    """

    name: str | None
    side: str | None
    kind: str | None
    prefix: str
    description: str


@dataclass(frozen=True, slots=True)
class SavedPredictor:
    """One predictor of a saved program.

    Attributes:
        instructions: Its task.
        fields: Its fields, in order.
        demos: Its demos, as the file has them.
        lm: Its LM's settings without credentials; empty where it has none of its own.
    """

    instructions: str
    fields: list[SavedField]
    demos: list[Mapping[str, Any]]
    lm: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SavedProgram:
    """A saved program.

    Attributes:
        origin: Who wrote the file, in words; empty where it does not say.
        predictors: Name → predictor, in the order of the file.
        parts: Path → what a module keeps beside its predictors.
        effects: Which slots made the difference in the search that it came of; None where the file does not say.
    """

    origin: str
    predictors: dict[str, SavedPredictor]
    parts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    effects: Effects | None = None

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> SavedProgram:
        """The program in a state.

        Args:
            state: What `Module.dump_state` gives, or DSPy's, from 2.5 on.

        Raises:
            StateError: The state is that of something else.
        """
        own = state.get("burnish")
        own = own if isinstance(own, Mapping) else {}
        told = own.get("fields")
        names = told if isinstance(told, Mapping) else {}
        states = parts_of(state)
        if not states:
            raise StateError("This is no saved program: there is no predictor in it.")
        predictors = {name: _predictor(name, part, names.get(name)) for name, part in states.items()}
        parts = own.get("parts")
        kept = parts if isinstance(parts, Mapping) else {}
        return cls(
            _origin(state, own),
            predictors,
            {path: part for path, part in kept.items() if isinstance(part, Mapping)},
            _effects(own.get("effects")),
        )


def _effects(saved: Any) -> Effects | None:
    if saved is None:
        return None
    try:
        return TypeAdapter(Effects).validate_python(saved)
    except ValidationError as error:
        raise StateError(f"What the file says of effects is not as it was saved: {error}. Was it edited?") from error


def _origin(state: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    if "version" in own:
        return f"Burnish {own['version']}"
    metadata = state.get("metadata")
    versions = metadata.get("dependency_versions") if isinstance(metadata, Mapping) else None
    return f"DSPy {versions['dspy']}" if isinstance(versions, Mapping) and "dspy" in versions else ""


def _predictor(name: str, part: Any, told: Any) -> SavedPredictor:
    if not isinstance(part, Mapping) or not {"demos", "signature"} <= part.keys():
        raise StateError(f"This is no saved program: {name!r} has neither demos nor a signature.")
    signature, demos, lm = part["signature"], part["demos"], part.get("lm")
    fields = signature.get("fields", []) if isinstance(signature, Mapping) else None
    lists = (("demos", demos), ("fields of its signature", fields))
    for what, found in lists:
        if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
            raise StateError(f"This is no saved program: the {what} of {name!r} are no list of JSON objects.")
    return SavedPredictor(
        str(signature.get("instructions", "")),
        list(_fields(fields or [], told)),
        demos,
        _settings(lm) if isinstance(lm, Mapping) else {},
    )


def _settings(lm: Mapping[str, Any]) -> dict[str, Any]:
    """What an LM is set to, but for credentials, what is not set, and what says nothing outside of DSPy."""
    kept = {
        key: bare_address(value) if key in ADDRESSES and isinstance(value, str) else value
        for key, value in without_secrets(lm).items()
    }
    return {key: value for key, value in kept.items() if key not in DSPY_ONLY and value not in (None, {}, [])}


def _fields(saved: list[Mapping[str, Any]], told: Any) -> Iterator[SavedField]:
    sides = {side: told.get(f"{side}s") for side in ("input", "output")} if isinstance(told, Mapping) else {}
    known: list[tuple[Any, Any, Any]] = [
        (name, side, kind)
        for side, fields in sides.items()
        if isinstance(fields, Mapping)
        for name, kind in fields.items()
    ]
    if len(known) != len(saved):
        known = [(None, None, None)] * len(saved)
    for entry, (name, side, kind) in zip(saved, known, strict=True):
        description = str(entry.get("description") or "")
        # A field that nobody described is described by its own name.
        bare = _ITS_NAME.fullmatch(description)
        place, type_ = entry.get("field_type") or side, entry.get("type") or kind
        named = entry.get("name") or name or (bare[1] if bare else None)
        # Anybody may have edited the file, and what is in it is shown whatever it is.
        yield SavedField(
            None if named is None else str(named),
            place if place in ("input", "output") else None,
            None if type_ is None else str(type_),
            str(entry.get("prefix") or ""),
            "" if bare else description,
        )
