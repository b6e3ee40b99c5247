"""What a compile will cost, told before it makes a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from burnish.lm.settings import settings


@dataclass(frozen=True, slots=True)
class Estimate:
    """LM calls of a compile, at least and at most, where every reply parses; one that does not may be asked for once more.

    Attributes:
        phases: Phase → (fewest, most) LM calls.
        dollars: The most it can cost, where all models are free; None is unknown.
        priced: Whether the prices of all models are known.
    """

    phases: Mapping[str, tuple[int, int]]
    dollars: float | None
    priced: bool = False

    @classmethod
    def of(cls, program: Any, runs: Mapping[str, tuple[int, int]], *, teacher_lm: Any = None) -> Estimate:
        """The estimate for so many program runs a phase, some of them with the teacher's model."""
        predictors = [p for _, p in program.named_predictors(frozen=True)]
        models = [p.lm or settings.lm for p in predictors] + ([] if teacher_lm is None else [teacher_lm])
        prices = [None if model is None else model.capabilities.price for model in models] if runs else []
        free = all(price is not None and price.of(1_000_000, 1_000_000) == 0 for price in prices)
        phases = {name: (low * len(predictors), high * len(predictors)) for name, (low, high) in runs.items()}
        return cls(phases, 0.0 if free else None, priced=None not in prices)

    @property
    def calls(self) -> tuple[int, int]:
        """All phases together."""
        return sum(low for low, _ in self.phases.values()), sum(high for _, high in self.phases.values())

    def __str__(self) -> str:
        low, high = self.calls
        lines = [f"{low} to {high} LM calls" if low != high else "1 LM call" if high == 1 else f"{high} LM calls"]
        lines += [f"  {name}: {few} to {many}" for name, (few, many) in self.phases.items()]
        if high and (settings.adapter is None or settings.adapter.fallback is not None):
            lines.append("and one more for each reply that does not parse")
        if self.dollars is not None:
            lines.append(f"at most ${self.dollars:.2f}")
        else:
            lines.append("no dollars: prompts are not sized before they are made" if self.priced else "price unknown")
        return "\n".join(lines)
