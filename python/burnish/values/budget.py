"""How much a run may spend."""

from __future__ import annotations

from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Self

from burnish.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Budget:
    """Caps on one run; None is no cap.

    A cap holds for the run as a whole: what a killed run had spent counts when it is resumed.
    Replies from the cache or the journal cost nothing.

    Attributes:
        calls: LM calls.
        tokens: Tokens sent and received.
        dollars: US dollars. Needs known prices: a call of unknown price is refused.
        seconds: Wall-clock seconds, of this process. Looked at before each call; calls in flight
            are waited for, as they are paid for.

    Raises:
        ConfigError: A cap is not a number above 0, or there is none of that name.

    Example:
        >>> Budget(calls=100, dollars=2.5)
        Budget(calls=100, tokens=None, dollars=2.5, seconds=None)
    """

    calls: int | None = None
    tokens: int | None = None
    dollars: float | None = None
    seconds: float | None = None

    def __new__(cls, *_caps: Any, **named: Any) -> Self:
        """A budget; a cap of another name is told as a mistake, not as a TypeError."""
        caps = [field.name for field in fields(cls)]
        unknown = next((name for name in named if name not in caps), None)
        if unknown is not None:
            near = get_close_matches(unknown, caps, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Its caps are {', '.join(caps)}."
            raise ConfigError(f"Budget has no cap {unknown!r}. {hint}")
        return object.__new__(cls)

    def __post_init__(self) -> None:
        for field in fields(self):
            cap = getattr(self, field.name)
            if cap is None:
                continue
            if isinstance(cap, str):
                raise ConfigError(f"Budget({field.name}={cap!r}) is a text, not a number: leave the quotes out.")
            if isinstance(cap, bool) or not isinstance(cap, int | float) or not cap > 0:
                raise ConfigError(
                    f"Budget({field.name}={cap!r}) leaves no room for a single call. "
                    f"Give a number above 0, or leave {field.name} out for no cap."
                )
