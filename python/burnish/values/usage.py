"""What model calls used: calls, tokens and dollars, where an unknown price stays unknown."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """What some model calls used together.

    Attributes:
        calls: Requests that a backend answered. Replies from cache or journal count 0.
        prompt_tokens: Tokens sent.
        completion_tokens: Tokens received.
        dollars: Price of the priced calls, in US dollars.
        unpriced: How many of the calls have no known price; where it is not 0, `dollars` is a
            lower bound.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float = 0.0
    unpriced: int = 0

    @property
    def tokens(self) -> int:
        """Tokens sent and received."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def price(self) -> str:
        """Dollars as text; says when the price of some calls is unknown."""
        if self.unpriced == 0:
            return f"${self.dollars:.4f}"
        if self.unpriced == self.calls:
            return "price unknown"
        return f"${self.dollars:.4f} + {self.unpriced} calls of unknown price"

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.dollars + other.dollars,
            self.unpriced + other.unpriced,
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields as a JSON-ready dict."""
        return {name: getattr(self, name) for name in self.__slots__}


class Ledger:
    """Adds up usage by stage, predictor and model; every total is a sum over the same entries.

    Args:
        parent: Books the same, such as the ledger of the run around a nested one.
    """

    def __init__(self, parent: Ledger | None = None) -> None:
        self._parent = parent
        self._entries: dict[tuple[str, str, str], Usage] = defaultdict(Usage)

    def add(self, usage: Usage, *, stage: str, predictor: str, model: str) -> None:
        """Book one call's usage."""
        self._entries[stage, predictor, model] += usage
        if self._parent is not None:
            self._parent.add(usage, stage=stage, predictor=predictor, model=model)

    def total(self, *, stage: str | None = None, predictor: str | None = None, model: str | None = None) -> Usage:
        """The sum over all entries that match every argument given."""
        wanted = (stage, predictor, model)
        return sum(
            (
                usage
                for key, usage in self._entries.items()
                if all(w is None or w == k for w, k in zip(wanted, key, strict=True))
            ),
            Usage(),
        )

    def stages(self) -> dict[str, Usage]:
        """Usage of each stage, in the order in which the stages first called a model."""
        names = dict.fromkeys(stage for stage, _, _ in self._entries)
        return {name: self.total(stage=name) for name in names}

    def predictors(self) -> dict[str, Usage]:
        """Usage of each predictor by name; calls outside any predictor stand under ``""``."""
        names = dict.fromkeys(predictor for _, predictor, _ in self._entries)
        return {name: self.total(predictor=name) for name in names}
