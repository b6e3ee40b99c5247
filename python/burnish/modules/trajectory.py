"""The steps of an agent so far: as fields that a program can read, and as text that a model can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burnish.adapters.field_text import shown

NOTHING_YET = "Nothing has been done yet."
_FIELDS = ("thought", "tool_name", "tool_args", "observation")


class Trajectory:
    """Thoughts, calls of tools and what they returned.

    Attributes:
        fields: ``thought_0``, ``tool_name_0``, ``tool_args_0``, ``observation_0`` and so on, as DSPy has them.

    Example:
        >>> trajectory = Trajectory()
        >>> trajectory.add("I must look.", "search", {"query": "Rome"}, ["Rome is in Italy."])
        >>> print(trajectory.text())
        Step 1
        Thought: I must look.
        Call: search {"query": "Rome"}
        Result: ["Rome is in Italy."]
    """

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self._hidden = 0

    def __len__(self) -> int:
        return len(self.fields) // len(_FIELDS)

    def add(self, thought: str, tool_name: str | None, tool_args: Mapping[str, Any], observation: Any) -> None:
        """Add a step; without a tool's name, one in which none was called."""
        number = len(self)
        values = (thought, tool_name, dict(tool_args), observation)
        self.fields.update({f"{name}_{number}": value for name, value in zip(_FIELDS, values, strict=True)})

    def hide_oldest(self) -> bool:
        """Leave the oldest step that is shown out of the text from now on; false where no more than one is left."""
        if len(self) - self._hidden < 2:
            return False
        self._hidden += 1
        return True

    def text(self) -> str:
        """The steps as a prompt shows them."""
        parts = [self._step(number) for number in range(self._hidden, len(self))]
        if self._hidden:
            parts.insert(0, f"(The first {self._hidden} steps are left out.)")
        return "\n\n".join(parts) or NOTHING_YET

    def _step(self, number: int) -> str:
        thought, tool, args, observation = (self.fields[f"{name}_{number}"] for name in _FIELDS)
        lines = [f"Step {number + 1}"]
        lines += [f"Thought: {thought}"] if thought else []
        lines += [f"Call: {tool} {shown(args)}"] if tool is not None else []
        return "\n".join([*lines, f"Result: {shown(observation)}"])
