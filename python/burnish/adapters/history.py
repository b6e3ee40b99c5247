"""Conversations: an input of type `History` becomes turns, each written as a demo is.

The prompt does not name the field. A turn that shows no inputs or no outputs is left out, and one that lacks some of
them says so, like a demo.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pydantic

from burnish.adapters.base import Demo
from burnish.errors import ConfigError, SignatureError
from burnish.lm.request import Message
from burnish.values.signature import Signature
from burnish.values.types.history import History, is_history

Turn = Callable[[type[Signature], Demo], list[Message]]


def without_history(signature: type[Signature]) -> type[Signature]:
    """The signature without its conversation: what a prompt states."""
    return _taken_apart(signature)[1]


def turns(signature: type[Signature], values: Demo, format_demo: Turn) -> list[Message]:
    """The messages of the conversation in a call's inputs or in a demo; none where it has none.

    Args:
        signature: With its conversation.
        values: Inputs or a demo.
        format_demo: The adapter's.

    Raises:
        ConfigError: It is no conversation, or a turn has no field of the signature.
    """
    name, rest = _taken_apart(signature)
    if name is None or name not in values or values[name] is None:
        return []
    messages: list[Message] = []
    for number, turn in enumerate(_read(name, values[name]).messages, start=1):
        if not any(field in turn for field in rest.fields):
            raise ConfigError(
                f"Turn {number} of the conversation `{name}` has the fields {', '.join(map(repr, turn)) or 'none'}, and none of "
                f"{', '.join(map(repr, rest.fields))}. Each turn is a dict of the signature's inputs and outputs."
            )
        messages += format_demo(rest, turn)
    return messages


def _taken_apart(signature: type[Signature]) -> tuple[str | None, type[Signature]]:
    """The name of the conversation, and the signature without it; worked out once."""
    found: tuple[str | None, type[Signature]] | None = signature.kept.get(History)
    if found is None:
        names = [name for name, field in signature.input_fields.items() if is_history(field.annotation)]
        if len(names) > 1:
            raise SignatureError(
                f"Signature {signature.signature!r} has the conversations {', '.join(map(repr, names))}, and a prompt "
                "has room for one History."
            )
        found = (names[0], signature.delete(names[0])) if names else (None, signature)
        signature.kept[History] = found
    return found


def _read(name: str, value: Any) -> History:
    try:
        return History.model_validate({"messages": value} if isinstance(value, list) else dict(value))
    except (TypeError, ValueError, pydantic.ValidationError) as error:
        raise ConfigError(
            f"The input `{name}` is {value!r:.200}, and that is no conversation. Write "
            'History(messages=[{"question": "...", "answer": "..."}]), a dict of fields for each turn.'
        ) from error
