"""Credentials: how they are recognised, and how they are kept out of everything that is shown or kept.

They live in an `Endpoint` and are handed to the provider's client only. Whatever a provider, a client
or a plugin writes about a call passes through `cleared` before it becomes an error's text.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit, urlunsplit

# What a provider's client takes as credentials; OpenAI's `prompt_cache_key` names a group of prompts.
_NAME = re.compile(
    r"(^|_)(?<!prompt_cache_)((api)?key|token|secret|password|headers?|credentials?|authorization|key_id)$"
)
# What else is one in an address: functions, signed links and gateways take theirs by these names.
_IN_AN_ADDRESS = re.compile(r"^code$|(^|_)(auth|sig|signature)$")
_IN_THE_ENVIRONMENT = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
# Shorter ones would blank out ordinary words.
_SHORTEST = 6


def is_secret(name: str) -> bool:
    """Whether a parameter of this name holds a credential."""
    return _NAME.search(_plain(name)) is not None


def cleared(text: str, secrets: Mapping[str, Any]) -> str:
    """The text with ``***`` for every credential among `secrets` and in the environment."""
    names = (name for name in os.environ if name.upper().endswith(_IN_THE_ENVIRONMENT))
    known = {*_texts(secrets), *(os.environ[name] for name in names)}
    # Longest first, since one may be part of another.
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    return text


def without_secrets(value: Any) -> Any:
    """Parameters without what is named like a credential, however deep: ``extra_body`` is a place for any."""
    if isinstance(value, Mapping):
        # Objects stay: a schema may well describe a field with the name of a credential.
        kept = {
            key: part
            for key, part in value.items()
            if not (isinstance(part, str | list | tuple) and is_secret(str(key)))
        }
        return {key: without_secrets(part) for key, part in kept.items()}
    return [without_secrets(part) for part in value] if isinstance(value, list | tuple) else value


def bare_address(address: str) -> str:
    """The address without its credentials: user and password, and what the query has under such a name.

    What else stands in the query says what is asked, such as a version, and stays.

    Example:
        >>> bare_address("https://me:pass@models.example/v1?api-version=2&api-key=sk-1")
        'https://models.example/v1?api-version=2'
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        # No address at all; its user and its query are where they would be in one.
        return address.partition("?")[0].rpartition("@")[2]
    kept = (pair for pair in parts.query.split("&") if not _is_credential(pair))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "&".join(kept), ""))


def basic_authorization(address: str) -> str | None:
    """What an address with a user says in the header ``authorization``; None where it has none."""
    parts = urlsplit(address)
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def of_address(address: str) -> list[str]:
    """What `bare_address` leaves out, as it stands in the address and as it is meant."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return []  # nobody can be asked there, so nobody can repeat it
    user = parts.netloc.rpartition("@")[0]
    values = [pair.partition("=")[2] for pair in parts.query.split("&") if _is_credential(pair)]
    written = [*user.split(":"), *values]
    return [*written, *map(unquote, written), *map(unquote_plus, written)]


def _is_credential(pair: str) -> bool:
    name = unquote_plus(pair.partition("=")[0])
    return is_secret(name) or _IN_AN_ADDRESS.search(_plain(name)) is not None


def _plain(name: str) -> str:
    """The name as parameters are written: ``X-Api-Key`` is the header of ``x_api_key``."""
    return name.lower().replace("-", "_")


def _texts(value: Any) -> Iterator[str]:
    """Every text in a credential, and the words of one such as ``"Bearer ..."``."""
    if isinstance(value, str):
        yield value
        yield from value.split()[1:]
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
