"""How the server answers: one value, checked where it is made."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.errors import ConfigError
from burnish.testing.server.faults import FAULTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the server answers.

    Attributes:
        model: The model's name in replies and in ``GET /v1/models``.
        models: The names that may be asked for; any other is refused (404). None, as by default, takes every name. Every
            key is taken, and none is asked for, but for the fault ``denied``.
        answer: ``"any"`` (the default: ``"toy"`` for the programs of `burnish.testing.toy`, else ``"offline/icl"``),
            ``"toy"`` (as `burnish.testing.toy.lm` answers), ``"echo"`` (the last message), ``"offline/icl"`` (the embedded
            model), ``"package.module:function"`` (from `burnish.Request` to a text, output fields, a `burnish.Output`
            such as one with tool calls, or a list of them),
            output fields, or a text. The last two are the fastest.
        latency: Seconds that each answer takes.
        jitter: Up to so many seconds more, by content.
        capacity: Requests that are served at once; more are refused (429), at once.
        rpm: Requests a minute that are served, over any 60 seconds; more are refused (429).
        retry_after: Seconds that a refusal by `capacity`, `rpm` or the fault ``rate_limit_retry_after`` asks to
            wait. None: the first two do not say, the third says 1.
        faults: Which share of requests meets which fault; the names are those of `burnish.testing.server.faults.FAULTS`.
        faulty_attempts: Only the first so many times that a content is asked can it meet a fault; None is every time.
        seed: Another seed is another choice of requests that fail.
        pace: Seconds from byte to byte of a reply that trickles.
        gap: Seconds from chunk to chunk of a reply that is streamed.
        dimensions: Length of an embedding, where the request does not say.
        bodies: Whether the log holds each request's body.
    """

    model: str = "toy"
    models: Sequence[str] | None = None
    answer: str | Mapping[str, Any] = "any"
    latency: float = 0.0
    jitter: float = 0.0
    capacity: int | None = None
    rpm: int | None = None
    retry_after: float | None = None
    faults: Mapping[str, float] = field(default_factory=dict)
    faulty_attempts: int | None = None
    seed: int = 0
    pace: float = 0.05
    gap: float = 0.0
    dimensions: int = 64
    bodies: bool = False

    def __post_init__(self) -> None:
        answer: Any = self.answer
        if not isinstance(answer, str | Mapping):
            name = getattr(answer, "__qualname__", type(answer).__qualname__)
            address = f"{getattr(answer, '__module__', 'package.module')}:{name}"
            raise ConfigError(
                f"answer={answer!r}: the server runs in a process of its own, so give a function by its address, "
                f"answer={address!r}, from where it can be imported."
            )
        if isinstance(self.models, str) or (self.models is not None and not self.models):
            raise ConfigError(f"models={self.models!r}: give a list of names, such as ['small', 'large'].")
        for name in (
            "latency",
            "jitter",
            "capacity",
            "rpm",
            "retry_after",
            "faulty_attempts",
            "pace",
            "gap",
            "dimensions",
        ):
            number = getattr(self, name)
            if number is not None and not (number >= 0 and math.isfinite(number)):
                raise ConfigError(f"{name}={number!r}: give a number that is not negative.")
        unknown = sorted(set(self.faults) - set(FAULTS))
        if unknown:
            raise ConfigError(f"There is no fault {unknown[0]!r}; the faults are {', '.join(FAULTS)}.")
        shares = self.faults.values()
        if not all(0 <= share <= 1 for share in shares) or sum(shares) > 1 + 1e-9:
            raise ConfigError(f"faults={dict(self.faults)}: shares lie between 0 and 1, and so does their sum.")

    @property
    def names(self) -> tuple[str, ...]:
        """The models that are listed."""
        return (self.model,) if self.models is None else tuple(self.models)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Options:
        """The options of these names.

        Raises:
            ConfigError: One is unknown or out of range.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(options) - set(names))
        if unknown:
            raise ConfigError(f"The server has no option {unknown[0]!r}; its options are {', '.join(names)}.")
        return cls(**options)

    def to_dict(self) -> dict[str, Any]:
        """The options as JSON values, which `of` reads back."""
        return dataclasses.asdict(self)
