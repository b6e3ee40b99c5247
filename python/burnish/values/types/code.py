"""`Code`: source text of a language, shown and read in a code fence."""

from __future__ import annotations

import copyreg
import functools
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pydantic

from burnish.errors import ConfigError
from burnish.values.types.base import Type

_OPENING = re.compile(r"^[ \t]*(`{3,})[^\n`]*$", re.MULTILINE)
_TICKS = re.compile(r"`+")


class _CodeMeta(type(pydantic.BaseModel)):  # type: ignore[misc]
    """So that the classes of languages, which have no place in a module, can be pickled."""


class Code(Type, metaclass=_CodeMeta):
    r"""Source text. ``Code["sql"]`` is that of a language; `Code` alone is Python.

    A reply's text is taken out of its first code fence; without any fence, all of it is the code. A fence that is never
    closed is refused, since the code was cut off.

    Attributes:
        code: The text itself.
        language: The language's name.

    Example:
        >>> Code["sql"]("select 1").format()
        '```sql\nselect 1\n```'
        >>> Code.model_validate("Here it is:\n```python\nprint(1)\n```").code
        'print(1)'
    """

    language: ClassVar[str] = "python"

    code: str

    def __init__(self, source: str | None = None, /, **data: Any) -> None:
        super().__init__(**({"code": source} if source is not None else {}), **data)

    # Any, since pydantic has another meaning for brackets behind a model.
    def __class_getitem__(cls, language: Any) -> Any:
        """The code of a language; the same class each time."""
        if cls is not Code:
            raise ConfigError(f"{cls.__name__} is of a language already: write Code[{language!r}].")
        if not isinstance(language, str) or not re.fullmatch(r"[\w.+#-]+", language):
            raise ConfigError(f'Code[{language!r}]: name a language, as in Code["python"].')
        return _of(language)

    def format(self) -> str:
        """The code in a fence that is longer than any row of backticks in it."""
        longest = max(map(len, _TICKS.findall(self.code)), default=0)
        fence = "`" * max(3, longest + 1)
        return f"{fence}{self.language}\n{self.code}\n{fence}"

    @classmethod
    def description(cls) -> str:
        """What the type is, in words."""
        return f"{cls.language} code in a code fence"

    @pydantic.model_validator(mode="before")
    @classmethod
    def _taken(cls, value: Any) -> Any:
        if isinstance(value, Code):
            return {"code": value.code}
        if isinstance(value, Mapping):
            return value
        if isinstance(value, str):
            return {"code": _unfenced(value)}
        raise ValueError(f"{value!r:.100} is no code: give a text")

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "description": cls.description()}

    def __str__(self) -> str:
        return self.code


def _unfenced(text: str) -> str:
    """What stands in the first fence of a text, or all of it where there is none.

    Raises:
        ValueError: The fence is never closed, so that the code was cut off.
    """
    opening = _OPENING.search(text)
    if opening is None:
        whole = text.startswith("```") and text.endswith("```") and "\n" not in text
        return text.strip("`").strip() if whole else text
    # Only the first is looked at, so that a long reply of fences costs no more than its length.
    start = opening.end() + 1
    closing = re.compile(rf"^[ \t]*{opening[1]}[ \t]*$", re.MULTILINE).search(text, start)
    if closing is None:
        raise ValueError("the code fence is not closed")
    return text[start : max(start, closing.start() - 1)]


@functools.cache
def _of(language: str) -> type[Code]:
    if language == Code.language:
        return Code
    body = {"language": language, "__module__": __name__, "__annotations__": {"language": ClassVar[str]}}
    made: type[Code] = _CodeMeta(f"Code[{language!r}]", (Code,), body)
    return made


def _reduce(cls: type[Code]) -> str | tuple[Any, ...]:
    """How to pickle the class: by its language, or by its name as any other."""
    return (_of, (cls.language,)) if cls.__name__.startswith("Code[") else cls.__qualname__


copyreg.pickle(_CodeMeta, _reduce)
