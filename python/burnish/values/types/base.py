"""`Type`: values that say themselves how a prompt shows them.

The protocol is two methods: ``format()`` gives a text or OpenAI's content parts, and ``description()`` says in
words what the type is. Any class with both counts where it is the whole value, or stands in a list or dict;
inside a pydantic model, and as a pydantic model inside anything, it has to be a `Type`, which is the convenient base.

Only a prompt is written that way: `model_dump` and saved demos have the data itself. Whoever writes a prompt
serialises with a context that has a function under `MARK`; that function is handed each value of the protocol,
and gives the text that stands for it, or None where the value's data should stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard

import pydantic
from pydantic_core import CoreSchema

MARK = "burnish_mark"
"""The key of the serialisation context under which a prompt's writer has its function."""


class Formatted(Protocol):
    """What `Type` promises."""

    def format(self) -> str | list[dict[str, Any]]:
        """The value in a prompt: a text, or content parts in OpenAI's shapes."""

    @classmethod
    def description(cls) -> str:
        """What the type is, in words; empty where its name and schema say it."""


class Type(pydantic.BaseModel):
    """The base of types that say themselves how a prompt shows them.

    As an input, a value is shown as `format` gives it. As an output, a model is asked for JSON by the class's schema. A
    class that accepts a text in a ``model_validator(mode="before")`` is handed the reply's text first; where that
    reads back what `format` wrote, demos show it too.

    Example:
        >>> class Celsius(Type):
        ...     degrees: float
        ...
        ...     def format(self) -> str:
        ...         return f"{self.degrees} °C"
        ...
        ...     @classmethod
        ...     def description(cls) -> str:
        ...         return "a temperature"
        >>> Celsius(degrees=20).format(), Celsius(degrees=20).model_dump()
        ('20.0 °C', {'degrees': 20.0})
    """

    def format(self) -> str | list[dict[str, Any]]:
        """The value in a prompt: a text, or content parts in OpenAI's shapes; its JSON where a class does not say."""
        return self.model_dump_json()

    @classmethod
    def description(cls) -> str:
        """What the type is, in words; empty where its name and schema say it."""
        return ""

    @pydantic.model_serializer(mode="wrap")
    def _serialized(self, handler: pydantic.SerializerFunctionWrapHandler, info: pydantic.SerializationInfo) -> Any:
        context = info.context
        mark = context.get(MARK) if isinstance(context, Mapping) else None
        # Without a way of its own it is shown as any other model, so as JSON within JSON rather than as a text there.
        written = None if mark is None or type(self).format is Type.format else mark(self)
        return handler(self) if written is None else written

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: pydantic.GetJsonSchemaHandler) -> dict[str, Any]:
        # A model reads the description rather than the docstring, which is for people who program.
        made = handler(schema)
        if cls.description():
            handler.resolve_ref_schema(made)["description"] = cls.description()
        return made


def is_formatted(value: Any) -> TypeGuard[Formatted]:
    """Whether a value, or a class, follows the protocol; texts have a `format` of another kind."""
    kind = value if isinstance(value, type) else type(value)
    return callable(getattr(kind, "format", None)) and callable(getattr(kind, "description", None))
