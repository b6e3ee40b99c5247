"""One input field as text: what a call is given, as the prompt shows it."""

from __future__ import annotations

from typing import Any

import pydantic_core
from pydantic.fields import FieldInfo

from burnish.adapters.describe import bare, holds_type, without_none
from burnish.adapters.field_text import shown, validator_of
from burnish.adapters.native_tools import holds_tools, tools_of
from burnish.errors import ConfigError
from burnish.values.signature_fields import default_of


class InputText:
    """How one input field is shown.

    Values of any type are shown. Only where a field's type is or holds a `Type` is a value turned into it first:
    a picture that was read back from a file is a dict, and its data must not be shown as text.

    Attributes:
        name: The field's name.
        nullable: Whether None is one of its values.
        has_default: Whether a call may leave it out.
    """

    __slots__ = ("_field", "_tools", "_validator", "has_default", "name", "nullable")

    def __init__(self, name: str, field: FieldInfo) -> None:
        self.name = name
        self._field = field
        self.has_default = not field.is_required()
        self.nullable = without_none(bare(field.annotation)[0])[1]
        self._tools = holds_tools(field.annotation)
        self._validator = validator_of(name, field, side="input") if holds_type(field.annotation) else None

    def default(self) -> Any:
        """What it is where a call leaves it out, made anew each time."""
        return default_of(self._field)

    def show(self, value: Any) -> str:
        """The value in a prompt.

        Raises:
            ConfigError: The field wants a `Type`, and the value is none.
        """
        if self._tools:
            # A function says of itself where it lies in memory, a tool what it does.
            return shown(tools_of(value))
        if self._validator is None:
            return value if type(value) is str else shown(value)
        try:
            return shown(self._validator.validate_python(value))
        except pydantic_core.ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise ConfigError(
                f"The input `{self.name}` is {value!r:.200}, which does not fit: {first['msg']}"
            ) from error
