"""What a stream brings beside the prediction: pieces of fields, and messages of what the program is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from burnish.lm.callbacks import BaseCallback


@dataclass(frozen=True, slots=True)
class StreamResponse:
    """A piece of an output field.

    Attributes:
        predict_name: The predictor's name in the program, such as ``"steps[0].predict"``.
        signature_field_name: The field.
        chunk: What comes next of its text.
        is_last_chunk: Whether the field ends with it.
        restarted: Whether the field begins anew with it, and what came before is void: an attempt failed half-way and the
            next one wrote something else, or the reply, once it was whole, read differently.
    """

    predict_name: str
    signature_field_name: str
    chunk: str
    is_last_chunk: bool
    restarted: bool = False


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """What the program is doing.

    Attributes:
        message: In words.
    """

    message: str


class StatusMessageProvider:
    """Puts what a program does into words. Subclass it and define the methods that matter; None, or an empty text, says nothing.

    Example:
        >>> class Mine(StatusMessageProvider):
        ...     def lm_start_status_message(self, instance, inputs):
        ...         return f"Asking {instance.model}"
    """

    def module_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str | None:
        """A module is called with ``inputs["args"]`` and ``inputs["kwargs"]``."""

    def module_end_status_message(self, outputs: Any) -> str | None:
        """It has returned."""

    def lm_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str | None:
        """An LM is asked ``inputs["messages"]``."""

    def lm_end_status_message(self, outputs: Any) -> str | None:
        """It has answered with these texts."""

    def tool_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str | None:
        """A tool is called with these arguments."""
        return f"Using the tool {getattr(instance, 'name', type(instance).__name__)}."

    def tool_end_status_message(self, outputs: Any) -> str | None:
        """It has returned."""


class StatusWatcher(BaseCallback):
    """Tells a stream what its provider says of each start and end.

    Args:
        provider: Puts it into words.
        tell: Takes each message.
    """

    def __init__(self, provider: StatusMessageProvider, tell: Callable[[StatusMessage], None]) -> None:
        self._provider = provider
        self._tell = tell

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """Part of `BaseCallback`."""
        self._say(self._provider.module_start_status_message(instance, inputs))

    def on_module_end(self, call_id: str, outputs: Any | None, exception: BaseException | None = None) -> None:
        """Part of `BaseCallback`."""
        self._say(self._provider.module_end_status_message(outputs))

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """Part of `BaseCallback`."""
        self._say(self._provider.lm_start_status_message(instance, inputs))

    def on_lm_end(self, call_id: str, outputs: Any | None, exception: BaseException | None = None) -> None:
        """Part of `BaseCallback`."""
        self._say(self._provider.lm_end_status_message(outputs))

    def on_tool_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """Part of `BaseCallback`."""
        self._say(self._provider.tool_start_status_message(instance, inputs))

    def on_tool_end(self, call_id: str, outputs: Any | None, exception: BaseException | None = None) -> None:
        """Part of `BaseCallback`."""
        self._say(self._provider.tool_end_status_message(outputs))

    def _say(self, message: str | None) -> None:
        if message:
            self._tell(StatusMessage(message))
