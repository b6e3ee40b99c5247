"""Chance without a generator: every draw is a hash of the request and of what is drawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draw:
    """The chance that one completion has.

    Attributes:
        key: What names the completion: the request and the place among its completions.
        temperature: How much chance may change; 0 for nothing.
    """

    key: str
    temperature: float = 0.0

    def uniform(self, purpose: str) -> float:
        """A number in [0, 1), always the same for the same completion and purpose."""
        digest = hashlib.blake2b(f"{purpose}\n{self.key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2.0**64
