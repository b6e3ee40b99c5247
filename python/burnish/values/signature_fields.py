"""Fields of a signature: pydantic's `FieldInfo`, marked as input or output.

What pydantic has no place for stands in ``json_schema_extra``: ``desc``, ``prefix`` and
``__dspy_field_type`` (``"input"`` or ``"output"``), the keys that users of DSPy read.
"""

from __future__ import annotations

import copy
import inspect
import keyword
import re
from functools import cache
from typing import Any

import pydantic
from pydantic.fields import FieldInfo

from burnish.errors import SignatureError

FIELD_TYPE = "__dspy_field_type"
# Call arguments of a predictor: an input of such a name could not be passed.
RESERVED_INPUTS = frozenset({"self", "demos", "lm", "config", "signature"})


def InputField(*, desc: str | None = None, prefix: str | None = None, **options: Any) -> Any:  # noqa: N802 - DSPy's name
    """What a program is given.

    Args:
        desc: What it holds, in words; shown to the model.
        prefix: How it is titled where a title is shown; made from the name otherwise.
        options: Any option of `pydantic.Field`, such as ``max_length=200``.

    Raises:
        SignatureError: pydantic knows no such option.
    """
    return _field("input", desc, prefix, options)


def OutputField(*, desc: str | None = None, prefix: str | None = None, **options: Any) -> Any:  # noqa: N802 - DSPy's name
    """What a program is to produce.

    Args:
        desc: What it should hold, in words; shown to the model.
        prefix: How it is titled where a title is shown; made from the name otherwise.
        options: Any option of `pydantic.Field`, such as ``ge=0, le=1``; replies are held to them.

    Raises:
        SignatureError: pydantic knows no such option.
    """
    return _field("output", desc, prefix, options)


def _field(side: str, desc: str | None, prefix: str | None, options: dict[str, Any]) -> Any:
    unknown = options.keys() - _known_options()
    if unknown:
        named = ", ".join(f"`{name}`" for name in sorted(unknown))
        raise SignatureError(
            f"{side.capitalize()}Field has no option {named}. It takes `desc`, `prefix` and the options of "
            "pydantic.Field, such as `ge`, `le`, `min_length`, `pattern` and `default`."
        )
    extra = dict(options.pop("json_schema_extra", None) or {})
    extra[FIELD_TYPE] = side
    desc = options.get("description") if desc is None else desc
    if desc is not None:
        extra["desc"] = desc
    if prefix is not None:
        extra["prefix"] = prefix
    return pydantic.Field(json_schema_extra=extra, **options)


@cache
def _known_options() -> frozenset[str]:
    parameters = inspect.signature(pydantic.Field).parameters.values()
    return frozenset(p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD)


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """The field's ``json_schema_extra``; empty where it has none."""
    extra = field.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def side_of(field: FieldInfo) -> str | None:
    """``"input"``, ``"output"``, or None for a field of pydantic alone."""
    side = extra_of(field).get(FIELD_TYPE)
    return side if isinstance(side, str) else None


def description(name: str, field: FieldInfo) -> str:
    """What the field's author wrote about it; empty where that is nothing."""
    desc = extra_of(field).get("desc")
    return "" if desc is None or desc == f"${{{name}}}" else str(desc)


def default_of(field: FieldInfo) -> Any:
    """The field's default, made anew where it could be changed; only for a field that is not required."""
    return field.get_default(call_default_factory=True, validated_data={})


def named(name: str, annotation: Any, field: FieldInfo, **changes: Any) -> FieldInfo:
    """A copy of the field with its name's title, its type and the changes to its extra keys filled in."""
    done = copy.copy(field)
    done.annotation = annotation
    extra = {"desc": f"${{{name}}}", "prefix": infer_prefix(name), **extra_of(field), **changes}
    done.json_schema_extra = extra
    return done


def checked(name: str, field: Any, type_: Any, *, where: str) -> FieldInfo:
    """The field as `named` completes it; its type is `type_`, else its own, else text.

    Raises:
        SignatureError: It is no field of a signature, or its name cannot be one's.
    """
    side = side_of(field) if isinstance(field, FieldInfo) else None
    if side is None:
        raise SignatureError(f"{where}: the field {name!r} needs InputField(...) or OutputField(...), not {field!r}.")
    check_name(name, side, where=where)
    return named(name, type_ if type_ is not None else field.annotation or str, field)


def identity(field: FieldInfo) -> tuple[Any, ...]:
    """What two fields must share to be the same."""
    return (field.annotation, repr(field.metadata), repr(field.get_default()), extra_of(field))


def check_name(name: Any, side: str, *, where: str) -> None:
    """Refuse names that cannot be fields.

    Raises:
        SignatureError: The name is none, or taken.
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise SignatureError(
            f"{where}: {name!r} cannot be the name of a field. "
            "Use letters, digits and underscores, a letter first, and no Python keyword."
        )
    if side == "input" and name in RESERVED_INPUTS:
        raise SignatureError(
            f"{where}: the input {name!r} has the name of an argument of every predictor call, "
            f"so it could not be passed. Name it otherwise, for instance `{name}_text`."
        )


def infer_prefix(name: str) -> str:
    """A title made from a field's name.

    Example:
        >>> [infer_prefix(name) for name in ("some_text", "someText", "HTMLPage", "top10")]
        ['Some Text:', 'Some Text:', 'HTML Page:', 'Top 10:']
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[^\W\d_A-Z]+|[A-Z][^\W\d_A-Z]*|\d+", name)
    return " ".join(word[0].upper() + word[1:] for word in words) + ":"
