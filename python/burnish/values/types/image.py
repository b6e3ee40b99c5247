"""`Image`: a picture, by its address or with its data."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any, Self

import pydantic

from burnish.errors import ConfigError
from burnish.values.types.base import Type
from burnish.values.types.media import data_uri, fetch, media_type_of, read_file, saved_by_dspy, short, take_apart

_ADDRESSES = ("http://", "https://", "gs://")


class Image(Type):
    """A picture; a prompt has it as a content part.

    As a field's value, a picture may also be given as an address, a data URI, bytes or a PIL image. A path is read only by
    `Image` itself: what a reply or a row says must never make this machine read its files.

    Args:
        source: An address, a data URI, a path, bytes, a PIL image, or another `Image`.
        download: Fetch an address now, and hold the data. Otherwise the provider fetches it.
        url: The address or data URI, instead of `source`.

    Raises:
        ConfigError: The file or address cannot be read, or holds no picture.
        ValueError: `url` is neither an address nor a data URI.

    Example:
        >>> Image("https://example.com/cat.png").format()
        [{'type': 'image_url', 'image_url': {'url': 'https://example.com/cat.png'}}]
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    url: str

    def __init__(self, source: Any = None, /, *, download: bool = False, **data: Any) -> None:
        if source is not None:
            data["url"] = _url_of(source, paths=True)
        if download and str(data.get("url", "")).startswith(_ADDRESSES):
            data["url"] = self.from_url(data["url"], download=True).url
        super().__init__(**data)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """The picture in a file.

        Raises:
            ConfigError: It cannot be read, or is no picture.
        """
        return cls(url=_held(read_file(path), name=os.fspath(path)))

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> Self:
        """As `from_file`."""
        return cls.from_file(path)

    @classmethod
    def from_bytes(cls, data: bytes, media_type: str | None = None) -> Self:
        """A picture from its data; the media type is read from the data where it is not given.

        Raises:
            ConfigError: The data is empty, or of no known kind.
        """
        return cls(url=_held(data, media_type=media_type))

    @classmethod
    def from_url(cls, url: str, *, download: bool = False, timeout: float = 30.0) -> Self:
        """The picture at an address, fetched now only where asked for; waits for it then.

        Raises:
            ConfigError: It cannot be fetched, or is no picture.
        """
        if not download:
            return cls(url=url)
        data, said = fetch(url, timeout=timeout)
        return cls(url=_held(data, name=url, media_type=said if said and said.startswith("image/") else None))

    @classmethod
    def from_PIL(cls, image: Any) -> Self:  # noqa: N802 - DSPy's name
        """A PIL image, as PNG where it does not say another format."""
        return cls(url=_of_pil(image))

    def format(self) -> list[dict[str, Any]]:
        """The picture as a content part."""
        return [{"type": "image_url", "image_url": {"url": self.url}}]

    @classmethod
    def description(cls) -> str:
        """What the type is, in words."""
        return "a picture"

    @pydantic.model_validator(mode="before")
    @classmethod
    def _taken(cls, value: Any) -> Any:
        if isinstance(value, str):
            return saved_by_dspy(value, "image_url") or {"url": value}
        return value if isinstance(value, Mapping | Image) else {"url": _url_of(value, paths=False)}

    @pydantic.field_validator("url")
    @classmethod
    def _checked(cls, url: str) -> str:
        held = take_apart(url)
        if (held and held[0].startswith("image/")) or (url.startswith(_ADDRESSES) and len(url.split()) == 1):
            return url
        raise ValueError(
            f"{short(url)[:200]!r} is no picture: give an address (https://...), data:image/...;base64,..., "
            "or read a file with Image.from_file(path)"
        )

    def __repr__(self) -> str:
        return f"Image({short(self.url)})"

    __str__ = __repr__


def _url_of(source: Any, *, paths: bool) -> str:
    if isinstance(source, Image):
        return source.url
    if isinstance(source, Mapping) and isinstance(source.get("url"), str):
        return str(source["url"])
    if isinstance(source, bytes):
        return _held(source)
    if type(source).__module__.startswith("PIL."):
        return _of_pil(source)
    if isinstance(source, str) and (not paths or source.strip().startswith((*_ADDRESSES, "data:"))):
        return source
    if paths and isinstance(source, str | os.PathLike):
        return _held(read_file(source), name=os.fspath(source))
    raise ConfigError(f"No picture can be made of {source!r:.200}. Give an address, a path, bytes or a PIL image.")


def _held(data: bytes, *, name: str = "", media_type: str | None = None) -> str:
    if not data:
        raise ConfigError("A picture of 0 bytes is none.")
    found = media_type or media_type_of(data, name)
    if found is None or not found.startswith("image/"):
        raise ConfigError(
            f"{name or 'The data'!r} is no known kind of picture{f', but {found}' if found else ''}: it begins with "
            f"{data[:8]!r}. PNG, JPEG, GIF, WebP, BMP and TIFF are known; say another one by "
            'Image.from_bytes(data, media_type="image/...").'
        )
    return data_uri(data, found)


def _of_pil(image: Any) -> str:
    kind = getattr(image, "format", None) or "PNG"
    buffer = io.BytesIO()
    image.save(buffer, format=kind)
    return _held(buffer.getvalue(), media_type=f"image/{kind.lower()}")
