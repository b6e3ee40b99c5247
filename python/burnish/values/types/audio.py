"""`Audio`: a sound with its data."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from typing import Any, Self

import pydantic

from burnish.errors import ConfigError
from burnish.values.types.base import Type
from burnish.values.types.media import fetch, media_type_of, read_file, saved_by_dspy, size_of, take_apart

# Media types whose last part is not what providers call the format.
_FORMATS = {
    "mpeg": "mp3",
    "x-wav": "wav",
    "wave": "wav",
    "vnd.wave": "wav",
    "x-flac": "flac",
    "mp4": "m4a",
    "x-m4a": "m4a",
}


class Audio(Type):
    """A sound; a prompt has it as a content part.

    Attributes:
        data: The data in base64.
        audio_format: What providers call its format, such as ``"wav"`` and ``"mp3"``.

    Example:
        >>> Audio(data="UklGRg==", audio_format="wav").format()
        [{'type': 'input_audio', 'input_audio': {'data': 'UklGRg==', 'format': 'wav'}}]
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    data: str = pydantic.Field(min_length=1)
    audio_format: str = pydantic.Field(min_length=1)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """The sound in a file.

        Raises:
            ConfigError: It cannot be read, or is no sound.
        """
        return cls._held(read_file(path), name=os.fspath(path))

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> Self:
        """As `from_file`."""
        return cls.from_file(path)

    @classmethod
    def from_url(cls, url: str, *, timeout: float = 30.0) -> Self:
        """The sound at an address, fetched now: providers take data only.

        Raises:
            ConfigError: It cannot be fetched, or is no sound.
        """
        data, said = fetch(url, timeout=timeout)
        return cls._held(data, name=url, media_type=said if said and said.startswith("audio/") else None)

    @classmethod
    def from_array(cls, array: Any, sampling_rate: int, format: str = "wav") -> Self:  # noqa: A002 - DSPy's name
        """A sound from its samples, as WAV of 16 bits.

        Args:
            array: Samples in -1..1 or of int16; one row a sample and one column a channel where there are several.
            sampling_rate: Samples a second.
            format: ``"wav"``; other formats need an encoder.

        Raises:
            ConfigError: There are no samples, or another format is asked for.
        """
        import wave

        import numpy as np

        if format != "wav":
            raise ConfigError(
                f"format={format!r}: samples are written as 'wav'. Encode them yourself for another format."
            )
        samples = np.asarray(array)
        if not samples.size or samples.ndim > 2:
            raise ConfigError(
                f"An array of the shape {samples.shape} is no sound: give samples, or samples by channels."
            )
        if samples.dtype != np.int16:
            samples = (np.clip(samples.astype(np.float64), -1, 1) * 32767).round().astype(np.int16)
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(sampling_rate)
            file.writeframes(samples.astype("<i2").tobytes())
        return cls._held(buffer.getvalue())

    def format(self) -> list[dict[str, Any]]:
        """The sound as a content part."""
        return [{"type": "input_audio", "input_audio": {"data": self.data, "format": self.audio_format}}]

    @classmethod
    def description(cls) -> str:
        """What the type is, in words."""
        return "a sound"

    @classmethod
    def _held(cls, data: bytes, *, name: str = "", media_type: str | None = None) -> Self:
        found = media_type or media_type_of(data, name)
        if found is None or not found.startswith("audio/"):
            raise ConfigError(
                f"{name or 'The data'!r} is no known kind of sound{f', but {found}' if found else ''}: it begins with "
                f'{data[:8]!r}. Write Audio(data=..., audio_format="..."), with the data in base64.'
            )
        return cls(data=base64.b64encode(data).decode(), audio_format=_format_of(found))

    @pydantic.model_validator(mode="before")
    @classmethod
    def _taken(cls, value: Any) -> Any:
        held = take_apart(value) if isinstance(value, str) else None
        if held is not None and held[0].startswith("audio/"):
            return {"data": held[1], "audio_format": _format_of(held[0])}
        saved = saved_by_dspy(value, "input_audio") if isinstance(value, str) else None
        if saved is not None:
            return {"data": saved.get("data"), "audio_format": saved.get("format")}
        if isinstance(value, Mapping | Audio):
            return value
        raise ValueError(
            f"{value!r:.100} is no sound: read one with Audio.from_file(path), or give data:audio/...;base64,..."
        )

    def __repr__(self) -> str:
        return f"Audio({self.audio_format}, {size_of(self.data):,} bytes)"

    __str__ = __repr__


def _format_of(media_type: str) -> str:
    kind = media_type.partition("/")[2]
    return _FORMATS.get(kind, kind)
