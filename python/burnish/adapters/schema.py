"""The schema that an endpoint holds replies to: one object with a key for each output.

Written in what every implementation of OpenAI's strict mode takes: all keys required, no others allowed, and of
constraints none, since replies are checked against them in any case. Types that this cannot say (open dicts, `Any`,
tuples) have no schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from burnish.values.signature import Signature
from burnish.values.signature_fields import description

# What a schema may say; everything else is left out.
_SAID = ("type", "enum", "description")
_JSON_TYPES: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class _NotSaid(Exception):
    """The types have no schema in strict mode."""


def response_format(signature: type[Signature]) -> dict[str, Any]:
    """The call parameter for replies of this signature.

    Example:
        >>> response_format(Signature("question -> rows: dict[str, int]"))
        {'type': 'json_object'}
        >>> response_format(Signature("question -> answer: int"))["json_schema"]["schema"]["properties"]
        {'answer': {'type': 'integer'}}
    """
    schema = strict_schema(signature)
    if schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}


def strict_schema(signature: type[Signature]) -> dict[str, Any] | None:
    """The schema of a signature's outputs; None where strict mode cannot say it."""
    fields: dict[str, Any] = {}
    for name, field in signature.output_fields.items():
        desc = description(name, field)
        more = (*field.metadata, *((Field(description=desc),) if desc else ()))
        fields[name] = Annotated[(field.annotation, *more)] if more else field.annotation
    try:
        # A TypedDict, since a model's fields must not be called as its methods are.
        schema = TypeAdapter(TypedDict("reply", fields)).json_schema()  # type: ignore[operator]
        return _strict(schema)
    except _NotSaid:
        return None
    # Whatever a type of the user raises here, the prompt says what it is.
    except Exception:
        return None


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    # Beside a reference nothing else may stand.
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    said = {key: schema[key] for key in _SAID if key in schema}
    if "const" in schema:
        said["enum"] = [schema["const"]]
    if "enum" in said:
        kinds = list(dict.fromkeys(_json_type(value) for value in said["enum"]))
        said["type"] = kinds[0] if len(kinds) == 1 else kinds
    elif "anyOf" in schema or "oneOf" in schema:
        said["anyOf"] = [_strict(part) for part in schema.get("anyOf") or schema["oneOf"]]
    elif schema.get("type") == "object":
        said |= _object(schema)
    elif schema.get("type") == "array":
        if not isinstance(schema.get("items"), Mapping) or "prefixItems" in schema:
            raise _NotSaid
        said["items"] = _strict(schema["items"])
    elif "type" not in schema:
        raise _NotSaid
    if "$defs" in schema:
        said["$defs"] = {name: _strict(part) for name, part in schema["$defs"].items()}
    return said


def _object(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    if not properties or schema.get("additionalProperties"):
        raise _NotSaid
    inside = {name: _strict(part) for name, part in properties.items()}
    return {"properties": inside, "required": list(inside), "additionalProperties": False}


def _json_type(value: Any) -> str:
    kind = _JSON_TYPES.get(type(value))
    if kind is None:
        raise _NotSaid
    return kind
