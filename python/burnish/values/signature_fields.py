"""Fields of a signature: pydantic's `FieldInfo`, marked as input or output.

What pydantic has no place for stands in ``json_schema_extra``: ``desc``, ``prefix`` and
``__dspy_field_type`` (``"input"`` or ``"output"``), the keys that users of DSPy read.
"""

from __future__ import annotations

import copy
import inspect
import keyword
import re
import types
from collections.abc import Iterable
from functools import cache
from typing import Any

import pydantic
from pydantic.fields import FieldInfo

from burnish.errors import SignatureError

FIELD_TYPE = "__dspy_field_type"
# Marks a field whose words the program makes by itself: a saved state does not change them.
MADE = "__made"
# Call arguments of a predictor: an input of such a name could not be passed.
RESERVED_INPUTS = frozenset({"self", "demos", "lm", "config", "signature"})

# Options of earlier DSPy that its own adapters pass over; here they would be silently ignored.
_OLD_OPTIONS = {
    "format": "give the field a type that says how it is shown (burnish.Type)",
    "parser": "give the field a type: replies are checked and turned into it",
    "type_": "annotate the field: `name: int = OutputField()`",
}


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
    _refuse_unknown(options, where=f"{side.capitalize()}Field")
    for name, text in (("desc", desc), ("prefix", prefix)):
        if text is not None and not isinstance(text, str):
            raise SignatureError(f"{side.capitalize()}Field({name}={text!r}): `{name}` is a text.")
    extra = dict(options.pop("json_schema_extra", None) or {})
    extra[FIELD_TYPE] = side
    desc = options.get("description") if desc is None else desc
    if desc is not None:
        extra["desc"] = desc
    if prefix is not None:
        extra["prefix"] = prefix
    return pydantic.Field(json_schema_extra=extra, **options)


def _refuse_unknown(options: Iterable[str], *, where: str) -> None:
    unknown = sorted(set(options) - _known_options())
    if not unknown:
        return
    old = [name for name in unknown if name in _OLD_OPTIONS]
    raise SignatureError(
        f"{where} has no option {', '.join(f'`{name}`' for name in unknown)}. It takes `desc`, `prefix` and the options of "
        "pydantic.Field, such as `ge`, `le`, `min_length`, `pattern` and `default`."
        + "".join(f" Instead of `{name}`, {_OLD_OPTIONS[name]}." for name in old)
    )


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
    """A copy of the field with its name's title, its type and the changes filled in.

    Args:
        name: Its name.
        annotation: Its type.
        field: The field as it was.
        changes: ``desc``, ``prefix`` and options of `pydantic.Field`.

    Raises:
        SignatureError: pydantic knows no such option.
    """
    done = copy.copy(field)
    done.annotation = annotation
    words = {key: value for key, value in changes.items() if key in ("desc", "prefix")}
    if "description" in changes:
        words.setdefault("desc", changes["description"])
    options = {key: value for key, value in changes.items() if key not in ("desc", "prefix")}
    done.json_schema_extra = {"desc": f"${{{name}}}", "prefix": infer_prefix(name), **extra_of(field), **words}
    if options:
        _refuse_unknown(options, where=f"The field {name!r}")
        _set(done, options)
    return done


def _set(field: FieldInfo, options: dict[str, Any]) -> None:
    """Give a field other options of pydantic's; a constraint takes the place of the one of its kind."""
    new = pydantic.Field(**options)
    kinds = {_kind(item) for item in new.metadata}
    field.metadata = [item for item in field.metadata if _kind(item) not in kinds] + new.metadata
    if "default" in options or "default_factory" in options:
        field.default, field.default_factory = new.default, new.default_factory
    for key in options.keys() & set(FieldInfo.__slots__) - {"default", "default_factory", "json_schema_extra"}:
        setattr(field, key, getattr(new, key))


def _kind(item: Any) -> Any:
    """What a constraint limits: its class, or for those of pydantic's own the names of what it sets."""
    return tuple(vars(item)) if hasattr(item, "__dict__") else type(item)


def checked(name: str, field: Any, type_: Any, *, where: str) -> FieldInfo:
    """The field as `named` completes it; its type is `type_`, else its own, else text.

    Raises:
        SignatureError: It is no field of a signature, or its name cannot be one's.
    """
    side = side_of(field) if isinstance(field, FieldInfo) else None
    if side is None:
        called = " Call it: InputField()." if field in (InputField, OutputField) else ""
        raise SignatureError(
            f"{where}: the field {name!r} needs InputField(...) or OutputField(...), not {field!r}.{called}"
        )
    check_name(name, side, where=where)
    if type_ is not None and not is_type(type_):
        raise SignatureError(f"{where}: the type of {name!r} is {type_!r}, which is no type.")
    return named(name, type_ if type_ is not None else field.annotation or str, field)


def is_type(found: Any) -> bool:
    """Whether an object can be the type of a field."""
    return (
        found is None
        or isinstance(found, type | types.GenericAlias | types.UnionType)
        or type(found).__module__ in {"typing", "typing_extensions"}
    )


def identity(field: FieldInfo) -> tuple[Any, ...]:
    """What two fields must share to be the same."""
    return (field.annotation, repr(field.metadata), repr(field.get_default()), field.default_factory, extra_of(field))


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
