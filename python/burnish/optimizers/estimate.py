"""What a compile will cost, told before it makes a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from burnish.lm.settings import settings


@dataclass(frozen=True, slots=True)
class Estimate:
    """LM calls of a compile, at least and at most.

    Attributes:
        phases: Phase → (fewest, most) LM calls.
        dollars: The most it can cost, where all models are free; None is unknown.
    """

    phases: Mapping[str, tuple[int, int]]
    dollars: float | None

    @classmethod
    def of(cls, program: Any, runs: Mapping[str, tuple[int, int]], *, teacher_lm: Any = None) -> Estimate:
        """The estimate for so many program runs a phase, some of them with the teacher's model."""
        predictors = [p for _, p in program.named_predictors(frozen=True)]
        models = [p.lm or settings.lm for p in predictors] + ([] if teacher_lm is None else [teacher_lm])
        free = not runs or all(_is_free(model) for model in models)
        phases = {name: (low * len(predictors), high * len(predictors)) for name, (low, high) in runs.items()}
        return cls(phases, 0.0 if free else None)

    @property
    def calls(self) -> tuple[int, int]:
        """All phases together."""
        return sum(low for low, _ in self.phases.values()), sum(high for _, high in self.phases.values())

    def __str__(self) -> str:
        low, high = self.calls
        lines = [f"{low} to {high} LM calls" if low != high else f"{high} LM calls"]
        lines += [f"  {name}: {few} to {many}" for name, (few, many) in self.phases.items()]
        lines.append("price unknown" if self.dollars is None else f"at most ${self.dollars:.2f}")
        return "\n".join(lines)


def _is_free(model: Any) -> bool:
    price = None if model is None else model.capabilities.price
    return price is not None and price.of(1_000_000, 1_000_000) == 0
