"""Demos from recorded calls: what a log tells of a program's predictors, without running it."""

from __future__ import annotations

import math

import numpy as np

from burnish.errors import ConfigError
from burnish.optimizers.session import Session
from burnish.stages.select import Demo, recorded, traced_back
from burnish.stages.traces import TraceTable


def recorded_demos(session: Session, table: TraceTable, *, k: int, threshold: float | None) -> dict[str, list[Demo]]:
    """Recorded calls as demos for each predictor, traced back to the examples whose inputs they show.

    Args:
        session: The compile.
        table: What was recorded.
        k: Demos a predictor at most.
        threshold: The score that passes; None takes what is above 0, and every call where none has a score.

    Raises:
        ConfigError: No call of the table is one of the student's predictors', or none is good enough.
    """
    least = threshold
    if least is None and np.isfinite(table.scores()).any():
        least = math.ulp(0.0)
    signatures = {name: session.predictor(name).signature for name in session.predictors}
    shown = recorded(table, signatures, per_predictor=k, min_score=least, seed=session.seed)
    counts = ", ".join(f"{name!r} {len(demos)}" for name, demos in shown.items())
    if k and not any(shown.values()):
        raise ConfigError(
            f"No recorded call became a demo, of {table!r}: either none scored "
            f"{'above 0' if threshold is None else f'at least {threshold}'}, or none has a predictor's name and fields. The program's "
            f"predictors are {', '.join(f'{name!r} ({signature.signature})' for name, signature in signatures.items())}."
        )
    session.decisions.append(f"Demos came from {len(table)} recorded calls: {counts}.")
    return {name: traced_back(demos, session.trainset) for name, demos in shown.items()}
