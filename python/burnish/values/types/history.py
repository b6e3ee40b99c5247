"""`History`: an input that is a conversation so far."""

from __future__ import annotations

import typing
from typing import Any

import pydantic


class History(pydantic.BaseModel):
    """The turns before this one. An input of this type becomes messages of its own, before the last user turn.

    Attributes:
        messages: The turns, first to last, each a dict of the signature's input and output fields.

    Example:
        >>> History(messages=[{"question": "6 × 7?", "answer": "42"}]).messages[0]["answer"]
        '42'
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    messages: list[dict[str, Any]]

    @pydantic.field_validator("messages", mode="before")
    @classmethod
    def _as_dicts(cls, messages: Any) -> Any:
        """Examples and predictions are turns as they are."""
        if not isinstance(messages, list | tuple):
            return messages
        return [dict(turn.items()) if callable(getattr(turn, "items", None)) else turn for turn in messages]


def is_history(annotation: Any) -> bool:
    """Whether a field of this type is a conversation: `History`, or a union with it."""
    return annotation is History or History in typing.get_args(annotation)
