"""What pictures, sounds and files share: reading data, telling its media type, and writing it as a data URI."""

from __future__ import annotations

import base64
import json
import mimetypes
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from burnish.errors import ConfigError

_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64,", re.ASCII)
# How data of a kind begins. A name can be wrong, so the data is asked first.
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_DSPYS_MARKS = ("<<CUSTOM-TYPE-START-IDENTIFIER>>", "<<CUSTOM-TYPE-END-IDENTIFIER>>")
# More than any provider takes.
_LARGEST = 512 * 1024 * 1024


def read_file(path: str | os.PathLike[str]) -> bytes:
    """A file's bytes.

    Raises:
        ConfigError: It is not there, cannot be read, or is empty.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"Cannot read {os.fspath(path)!r}: {error.strerror or error}.") from error
    if not data:
        raise ConfigError(f"The file {os.fspath(path)!r} is empty.")
    return data


def fetch(url: str, *, timeout: float) -> tuple[bytes, str | None]:
    """What an address gives, and which media type it says that is.

    Raises:
        ConfigError: It is no http address, or gave nothing.
    """
    import urllib.error
    import urllib.request

    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"Cannot download {url!r:.200}: give an address that begins with http:// or https://.")
    try:
        with urllib.request.urlopen(url, timeout=timeout) as reply:  # noqa: S310 - the scheme is checked above
            data, said = reply.read(_LARGEST + 1), reply.headers.get_content_type()
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise ConfigError(f"Cannot download {url!r:.200}: {error}.") from error
    if not data or len(data) > _LARGEST:
        gave = "nothing" if not data else f"more than {_LARGEST:,} bytes"
        raise ConfigError(f"Downloading {url!r:.200} gave {gave}.")
    return data, None if said == "application/octet-stream" else said


def media_type_of(data: bytes, name: str = "") -> str | None:
    """The media type, by how the data begins, else by the end of the name; None where neither is known."""
    if data[:4] == b"RIFF" and data[8:12] in _RIFF:
        return _RIFF[data[8:12]]
    for beginning, media_type in _BEGINNINGS:
        if data.startswith(beginning):
            return media_type
    return mimetypes.guess_type(name)[0]


def data_uri(data: bytes, media_type: str) -> str:
    """The data as a URI that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def take_apart(uri: str) -> tuple[str, str] | None:
    """Media type and base64 of a data URI; None where it is none, or holds nothing."""
    head = _DATA_URI.match(uri)
    return None if head is None or head.end() == len(uri) else (head[1], uri[head.end() :])


def size_of(data: str) -> int:
    """How many bytes a text of base64 holds."""
    return len(data) * 3 // 4 - data[-2:].count("=")


def saved_by_dspy(text: str, kind: str) -> Mapping[str, Any] | None:
    """What a content part of this kind says in a file that DSPy saved, where it has the parts between two marks."""
    if not (text.startswith(_DSPYS_MARKS[0]) and text.endswith(_DSPYS_MARKS[1])):
        return None
    try:
        (part,) = json.loads(text[len(_DSPYS_MARKS[0]) : -len(_DSPYS_MARKS[1])])
        said = part[kind]
    except (ValueError, TypeError, KeyError):
        return None
    return said if isinstance(said, Mapping) else None


def short(uri: str) -> str:
    """A URI for people to read: data is said by its size."""
    parts = take_apart(uri)
    return uri if parts is None else f"{parts[0]}, {size_of(parts[1]):,} bytes"
