"""`Retrieve`: passages from whatever retrieves by the settings, ``burnish.configure(rm=...)``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from burnish.errors import ConfigError
from burnish.lm.settings import settings
from burnish.loop import in_thread
from burnish.modules.module import Module
from burnish.values.prediction import Prediction
from burnish.values.whole import check_whole


class Retrieve(Module):
    """Asks the retriever of the settings for passages.

    The retriever is a `ColBERTv2`, an `Embeddings`, or any function ``(query, k)`` that returns texts, objects or dicts with a
    ``long_text`` or ``text``, or a prediction with ``passages``. Its coroutine `acall` is used where it has one.

    Args:
        k: How many passages.
        callbacks: None; others are refused, since nothing would call them.

    Raises:
        ConfigError: `k` is no whole number of at least 1; where it is called, no retriever is set.

    Example:
        >>> import burnish
        >>> retriever = burnish.Embeddings(["The card has not come.", "The rate is 1.1."], "offline/hashing")
        >>> with burnish.context(rm=retriever):
        ...     burnish.Retrieve(k=1)("Where is my card?").passages
        ['The card has not come.']
    """

    def __init__(self, k: int = 3, callbacks: Any = None) -> None:
        if callbacks:
            raise ConfigError("Retrieve(callbacks=...): nothing would call them. Leave it out.")
        if k is None:
            raise ConfigError("Retrieve(k=None): give a whole number of at least 1.")
        check_whole(1, k=k)
        self.k = k

    def __repr__(self) -> str:
        return f"Retrieve(k={self.k})"

    async def aforward(self, query: str, k: int | None = None) -> Prediction:
        """The passages nearest to a query, as ``passages``.

        Args:
            query: A text.
            k: How many; as many as the module says unless given.
        """
        retriever = settings.rm
        if retriever is None:
            raise ConfigError(
                "Retrieve has no retriever to ask. Set one: burnish.configure(rm=burnish.ColBERTv2('http://…')), or an "
                "Embeddings, or a function (query, k)."
            )
        check_whole(1, k=k)
        most = self.k if k is None else k
        if hasattr(retriever, "acall"):
            found = await retriever.acall(query, k=most)
        else:
            found = await in_thread(retriever, query, k=most)
            found = await found if inspect.isawaitable(found) else found
        return Prediction(passages=_texts(found))


def _texts(found: Any) -> list[str]:
    passages = getattr(found, "passages", found)
    if isinstance(passages, str | Mapping) or not isinstance(passages, Iterable):
        raise ConfigError(f"The retriever rm returned {type(found).__name__}, and not a list of passages.")
    return [_text(passage) for passage in passages]


def _text(passage: Any) -> str:
    if isinstance(passage, str):
        return passage
    for name in ("long_text", "text"):
        text = passage.get(name) if isinstance(passage, Mapping) else getattr(passage, name, None)
        if isinstance(text, str):
            return text
    raise ConfigError(f"The retriever rm returned {passage!r}, which is no text and has no long_text or text.")
