"""Sets of demos to choose from: none, labelled ones, and bootstraps of the trainset in several orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from burnish.optimizers.bootstrap_few_shot import few_shot
from burnish.optimizers.labeled_few_shot import labelled_few_shot
from burnish.optimizers.session import Session
from burnish.stages.select import showing
from burnish.values.seed import draw
from burnish.values.space import Candidate

ZERO_SHOT, LABELLED, UNSHUFFLED = -3, -2, -1


async def demo_sets(
    session: Session,
    seeds: Sequence[int],
    *,
    bootstrapped: int,
    room: int,
    teaching: Mapping[str, Any],
    sample: bool = True,
) -> list[Candidate]:
    """A candidate for each seed: -3 shows nothing, -2 labelled demos, -1 and 0… bootstrapped ones.

    Teacher runs are shared between the orders: each example is run at most as often as one order needs.

    Args:
        session: The compile.
        seeds: Which sets.
        bootstrapped: Demos from runs, a predictor at most; shuffled orders draw from 1 up to so many.
        room: Demos in all, a predictor, once labelled ones are added.
        teaching: How the teacher is run, see `Session.bootstrap`.
        sample: Whether the labelled set is drawn, or is the first of the trainset.
    """
    places = list(range(len(session.trainset)))
    orders = {seed: _order(session, seed, places, bootstrapped) for seed in seeds if seed >= UNSHUFFLED}
    passing = await session.bootstrap(list(orders.values()), **teaching)
    rollouts = dict(zip(orders, passing, strict=True))
    candidates = []
    for seed in seeds:
        if seed == ZERO_SHOT:
            candidates.append(showing("zero-shot", {name: [] for name in session.predictors}))
        elif seed == LABELLED:
            candidates.append(labelled_few_shot(session, k=room, sample=sample))
        else:
            name = "bootstrap" if seed == UNSHUFFLED else f"bootstrap {seed}"
            candidates.append(few_shot(session, name, session.demos_of(rollouts[seed]), room=room))
    return candidates


def _order(session: Session, seed: int, places: list[int], most: int) -> tuple[list[int], int]:
    """Which examples to bootstrap first, and how many demos to make of them."""
    if seed == UNSHUFFLED:
        return places, most
    generator = draw(session.seed, "shuffle", seed)
    order = generator.sample(places, len(places))
    return order, generator.randint(min(1, most), most)
