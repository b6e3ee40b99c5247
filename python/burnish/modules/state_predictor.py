"""One predictor's part of a saved program: its signature, demos and LM, written and read."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from burnish.adapters.describe import bare, choices, without_none
from burnish.adapters.field_text import FieldText
from burnish.errors import ConfigError, ReplyError, StateError
from burnish.lm.lm import LM
from burnish.lm.secrets import is_secret
from burnish.modules.state_values import Typed, plain
from burnish.values.example import Example

# What DSPy keeps about an LM beside the parameters of its calls.
DSPY_ONLY = frozenset(
    {
        "_dspy_lm_class",
        "model_type",
        "finetuning_model",
        "launch_kwargs",
        "train_kwargs",
        "use_developer_role",
        "cache_in_memory",
        "engine",
        "async_engine",
        "prompt_cache",
    }
)
_ADDRESSES = ("api_base", "base_url", "api_url")


class Change(NamedTuple):
    """What a state makes of a predictor, checked and not yet set."""

    signature: Any
    demos: list[Example]
    lm: LM | None


def dump_predictor(predictor: Any, *, json_mode: bool, save_field_meta: bool) -> dict[str, Any]:
    """A predictor's state, with DSPy's keys.

    Args:
        predictor: The predictor.
        json_mode: Whether demos become JSON, or stay what they are.
        save_field_meta: Also keep each field's name and type in its place.

    Raises:
        StateError: A demo holds what JSON cannot keep.
    """
    return {
        "traces": [],
        "train": [],
        "demos": [plain(demo) if json_mode else dict(demo.items()) for demo in predictor.demos],
        "signature": _dump_signature(predictor.signature, save_field_meta=save_field_meta),
        "lm": None if predictor.lm is None else predictor.lm.dump_state(),
    }


def _dump_signature(signature: Any, *, save_field_meta: bool) -> dict[str, Any]:
    fields = []
    for name, field in signature.fields.items():
        extra = field.json_schema_extra
        entry = {"prefix": extra["prefix"], "description": extra["desc"]}
        if save_field_meta:
            about = {"name": name, "field_type": extra["__dspy_field_type"], "type": type_text(field.annotation)}
            entry = {**about, **entry}
        fields.append(entry)
    return {"instructions": signature.instructions, "fields": fields}


def field_types(signature: Any) -> dict[str, dict[str, str]]:
    """Name and type of each field, by side: ``{"inputs": {"question": "str"}, "outputs": {...}}``."""
    return {
        side: {name: type_text(field.annotation) for name, field in fields.items()}
        for side, fields in (("inputs", signature.input_fields), ("outputs", signature.output_fields))
    }


def type_text(annotation: Any) -> str:
    """A type as a reader of the file knows it."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).removeprefix("typing.")


def read_predictor(predictor: Any, saved: Any, name: str, *, told: Any = None, trust_lm: bool = False) -> Change:
    """What a state makes of a predictor.

    Args:
        predictor: The predictor, which stays as it is.
        saved: Its state.
        name: Its name, for messages.
        told: The names of its fields, where the file has them elsewhere.
        trust_lm: Whether the file may say where the LM is.

    Raises:
        StateError: The state is none, or does not fit.
    """
    if not isinstance(saved, Mapping) or not isinstance(saved.get("signature"), Mapping):
        raise StateError(f"The state of predictor {name!r} has no signature.")
    restated = _read_signature(predictor.signature, saved["signature"], name, told)
    demos = saved.get("demos", [])
    if not isinstance(demos, list):
        raise StateError(f"The state of predictor {name!r} lacks instructions or demos.")
    if not all(isinstance(demo, Mapping) for demo in demos):
        raise StateError(f"Predictor {name!r}: every demo must be a JSON object.")
    readers = {key: Typed(field.annotation) for key, field in restated.fields.items()} if demos else {}
    _warn_of_others(demos, restated, name)
    inputs = list(restated.input_fields)
    read = [
        Example(
            {key: readers[key].read(value) if key in readers else value for key, value in demo.items()}
        ).with_inputs(*(i for i in inputs if i in demo))
        for demo in demos
    ]
    return Change(restated, read, _read_lm(saved.get("lm"), name, trusted=trust_lm))


def _warn_of_others(demos: Sequence[Mapping[str, Any]], signature: Any, name: str) -> None:
    """Say which demo answers with what is none of an output's choices any more; it is shown all the same."""
    for key, field in signature.output_fields.items():
        known = choices(without_none(bare(field.annotation)[0])[0])
        if known is None:
            continue
        reader = FieldText(key, field)
        for place, demo in enumerate(demos):
            try:
                if demo[key] is not None:
                    reader.read_kept(demo[key])
            except KeyError:
                continue
            except ReplyError:
                warnings.warn(
                    f"Predictor {name!r}: demo {place} of the state answers {key}={demo[key]!r}, which is none of "
                    f"{' | '.join(known)}. It was saved with other choices; it is kept, and misleads a model.",
                    UserWarning,
                    stacklevel=2,
                )
                break


def _read_signature(signature: Any, saved: Mapping[str, Any], name: str, told: Any) -> Any:
    instructions = saved.get("instructions")
    if not isinstance(instructions, str):
        raise StateError(f"The state of predictor {name!r} lacks instructions or demos.")
    if "fields" not in saved and "last_prefix" in saved:
        # The oldest files say no more of the fields than how the last one is titled.
        restated = signature.with_instructions(instructions)
        last = next(reversed(signature.fields))
        return restated.with_updated_fields(last, prefix=str(saved["last_prefix"] or f"{last}:"))
    fields = saved.get("fields", [])
    if not isinstance(fields, list) or not all(isinstance(field, Mapping) for field in fields):
        raise StateError(f"The fields in the state of predictor {name!r} are no list of JSON objects.")
    if len(fields) != len(signature.fields):
        raise StateError(
            f"Predictor {name!r} has {len(signature.fields)} fields "
            f"({listed(signature.fields)}), the state has {len(fields)}."
        )
    there = [field.get("name", known) for field, known in zip(fields, _names(told, signature), strict=True)]
    others = [found for found, own in zip(there, signature.fields, strict=True) if found != own]
    if others:
        raise StateError(
            f"Predictor {name!r} has the fields {listed(signature.fields)}; in their places the state has {listed(others)}."
        )
    return signature.load_state({"instructions": instructions, "fields": fields})


def _names(told: Any, signature: Any) -> list[Any]:
    """The names of the fields that the file tells of beside them; the predictor's own where it tells of none."""
    sides = [told.get(side) for side in ("inputs", "outputs")] if isinstance(told, Mapping) else []
    names = [name for side in sides if isinstance(side, Mapping) for name in side]
    return names if len(names) == len(signature.fields) else list(signature.fields)


def _read_lm(saved: Any, name: str, *, trusted: bool) -> LM | None:
    if saved is None:
        return None
    if not isinstance(saved, Mapping) or not isinstance(saved.get("model"), str):
        raise StateError(f"The LM of predictor {name!r} names no model.")
    address = next((saved[key] for key in _ADDRESSES if saved.get(key) is not None), None)
    if address is not None and not trusted:
        # A file that chooses the address could have the user's key sent there.
        warnings.warn(
            f"The LM of predictor {name!r} was at {address!r}, which is not taken from a file. Set it "
            f"yourself: program.set_lm(burnish.LM({saved['model']!r}, api_base=...)).",
            UserWarning,
            stacklevel=2,
        )
        return None
    keys = [key for key, value in saved.items() if is_secret(key) and value is not None]
    if keys:
        warnings.warn(
            f"The LM of predictor {name!r} was saved with {listed(keys)}, which is not taken from a file. Take it out "
            "of there, and give it to burnish.LM(...) or set it in the environment.",
            UserWarning,
            stacklevel=2,
        )
    known = ("model", "cache", "num_retries")
    left_out = DSPY_ONLY | {*keys, *_ADDRESSES}
    params = {
        key: value
        for key, value in saved.items()
        if key in known or (key not in left_out and isinstance(value, str | int | float | bool | list | dict))
    }
    try:
        return LM(**params, api_base=address)
    except (ConfigError, TypeError) as error:
        raise StateError(f"The LM of predictor {name!r} cannot be made: {error}") from error


def listed(names: Iterable[Any]) -> str:
    """The names as a message lists them."""
    return ", ".join(map(str, names)) or "none"
