"""`File`: a document with its data, or one that the provider holds already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pydantic

from burnish.errors import ConfigError
from burnish.values.types.base import Type
from burnish.values.types.media import data_uri, media_type_of, read_file, saved_by_dspy, short, take_apart


class File(Type):
    """A document such as a PDF; a prompt has it as a content part.

    Attributes:
        file_data: The data as a data URI.
        file_id: The name under which the provider holds it.
        filename: What it is called.

    Raises:
        ValueError: There is neither data nor an id.

    Example:
        >>> File.from_file_id("file-abc").format()
        [{'type': 'file', 'file': {'file_id': 'file-abc'}}]
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None

    @classmethod
    def from_path(
        cls, file_path: str | os.PathLike[str], filename: str | None = None, mime_type: str | None = None
    ) -> Self:
        """A file of this machine.

        Args:
            file_path: Where it is.
            filename: What to call it; the last part of its path where not given.
            mime_type: Its media type; read from the data or the name where not given.

        Raises:
            ConfigError: It cannot be read, or its media type is not known.
        """
        data = read_file(file_path)
        name = filename or Path(file_path).name
        found = mime_type or media_type_of(data, name)
        if found is None:
            raise ConfigError(
                f'What kind of file is {os.fspath(file_path)!r}? Neither its name nor its data says so; give mime_type="...".'
            )
        return cls(file_data=data_uri(data, found), filename=name)

    @classmethod
    def from_bytes(
        cls, file_bytes: bytes, filename: str | None = None, mime_type: str = "application/octet-stream"
    ) -> Self:
        """A file from its data.

        Raises:
            ConfigError: There is none.
        """
        if not file_bytes:
            raise ConfigError(f"A file of 0 bytes is none{f': {filename!r}' if filename else ''}.")
        return cls(file_data=data_uri(file_bytes, mime_type), filename=filename)

    @classmethod
    def from_file_id(cls, file_id: str, filename: str | None = None) -> Self:
        """A file that was uploaded to the provider."""
        return cls(file_id=file_id, filename=filename)

    def format(self) -> list[dict[str, Any]]:
        """The file as a content part."""
        said = {"file_data": self.file_data, "file_id": self.file_id, "filename": self.filename}
        return [{"type": "file", "file": {key: value for key, value in said.items() if value is not None}}]

    @classmethod
    def description(cls) -> str:
        """What the type is, in words."""
        return "a file"

    @pydantic.model_validator(mode="before")
    @classmethod
    def _taken(cls, value: Any) -> Any:
        if isinstance(value, str) and take_apart(value):
            return {"file_data": value}
        saved = saved_by_dspy(value, "file") if isinstance(value, str) else value
        if isinstance(saved, Mapping | File):
            return saved
        raise ValueError(f"{value!r:.100} is no file: read one with File.from_path(path), or give a data URI")

    @pydantic.model_validator(mode="after")
    def _checked(self) -> Self:
        if self.file_data is None and not self.file_id:
            raise ValueError("a File needs file_data or file_id: use File.from_path(path) or File.from_file_id(id)")
        if self.file_data is not None and take_apart(self.file_data) is None:
            raise ValueError(
                f"file_data is {self.file_data[:60]!r}, and has to be a data URI: use File.from_bytes(data)"
            )
        return self

    def __repr__(self) -> str:
        held = [self.filename, self.file_id, self.file_data and short(self.file_data)]
        return f"File({', '.join(part for part in held if part)})"

    __str__ = __repr__
