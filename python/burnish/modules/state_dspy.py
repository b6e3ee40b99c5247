"""What older DSPy wrote, as today's writes it.

============  ==================================================================================================
DSPy          how its files differ
============  ==================================================================================================
up to 2.5.x   ``signature_instructions`` and ``signature_prefix`` (that of the last field) in place of a signature
2.5           a `ChainOfThought` is a predictor at its own path, with an ``extended_signature`` beside the
              ``signature``; its reasoning is called ``rationale``; one that stands alone is called ``self``
2.6           ``ChainOfThought.predict``; credentials may stand in ``lm``
up to 2.6     a `Retrieve` has a state of its own, ``{"k": 3}``
============  ==================================================================================================

Learned from files that these versions wrote: see ``tests/cases/dspy``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OLD_NAME, _NAME = "rationale", "reasoning"


def is_predictor_state(part: Any) -> bool:
    """Whether this is the state of one predictor, of whatever age, and not of a program made of named ones."""
    if not isinstance(part, Mapping):
        return False
    signature = part.get("signature")
    return (isinstance(signature, Mapping) and "instructions" in signature) or isinstance(
        part.get("signature_instructions"), str
    )


def modern(part: Any) -> Any:
    """A predictor's state with what was asked under ``signature``; one of today's, or of no predictor, as it is."""
    if not isinstance(part, Mapping):
        return part
    rest = {name: value for name, value in part.items() if not name.startswith(("signature", "extended_signature"))}
    if isinstance(part.get("extended_signature"), Mapping):
        return {**rest, "signature": part["extended_signature"], "extended": True}
    if isinstance(part.get("signature_instructions"), str):
        # What is extended is what was asked.
        which = "extended_signature" if "extended_signature_instructions" in part else "signature"
        signature = {"instructions": part[f"{which}_instructions"], "last_prefix": part.get(f"{which}_prefix")}
        return {**rest, "signature": signature, "extended": which != "signature"}
    return part


def at_their_places(parts: Mapping[str, Any], predictors: Mapping[str, Any]) -> dict[str, Any]:
    """The states under the names that the predictors have in this program.

    Args:
        parts: Name → state, each as `modern` gives it.
        predictors: Name → predictor of the program.
    """
    placed = dict(parts)
    for name, predictor in predictors.items():
        old = _old_name(name)
        if name not in placed and _is_extended(placed.get(old)):
            placed[name] = _reasoned(placed.pop(old), predictor.signature)
    # In the order of the file, so that messages list what is there as it stands there.
    return placed


def retrievers(parts: Mapping[str, Any], modules: Mapping[str, Any]) -> dict[str, int]:
    """What DSPy kept of each `Retrieve` in a program, how many passages it asks for, by its name.

    Args:
        parts: Name → state, of retrievers among others.
        modules: Name → module of the program.
    """
    return {
        name: part["k"]
        for name, part in parts.items()
        if isinstance(part, Mapping)
        and part.keys() == {"k"}
        and type(part["k"]) is int
        and part["k"] > 0
        and isinstance(getattr(modules.get(name), "k", None), int)
    }


def _old_name(name: str) -> str:
    """Where 2.5 had the predictor that is now inside a `ChainOfThought`."""
    return "self" if name == "predict" else name.removesuffix(".predict")


def _is_extended(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("extended") is True


def _reasoned(part: Mapping[str, Any], signature: Any) -> dict[str, Any]:
    """The state with its reasoning under today's name, and described as the program does."""
    made = dict(part)
    if _NAME not in signature.fields or _OLD_NAME in signature.fields:
        return made
    demos = made.get("demos")
    if isinstance(demos, list):
        made["demos"] = [
            {_NAME if key == _OLD_NAME and _NAME not in demo else key: value for key, value in demo.items()}
            if isinstance(demo, Mapping)
            else demo
            for demo in demos
        ]
    fields = made["signature"].get("fields")
    place = list(signature.fields).index(_NAME)
    if isinstance(fields, list) and len(fields) == len(signature.fields):
        # 2.5 wrote a template there, to be finished by the model.
        own = signature.fields[_NAME].json_schema_extra
        restated = {"prefix": own["prefix"], "description": own["desc"]}
        made["signature"] = {**made["signature"], "fields": [*fields[:place], restated, *fields[place + 1 :]]}
    return made
