"""Which examples and which rollouts become demos.

Two sources: labelled examples, drawn as they are, and passing rollouts, whose steps show each
predictor what went in and what came out. Which steps to show is chosen in Rust (`pick_traces`):
filtered by score, exact copies dropped, one step a rollout and predictor, as many as fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from burnish._core import digests, pick_traces
from burnish.values.example import Example
from burnish.values.rollout import Rollout
from burnish.values.seed import draw
from burnish.values.space import Candidate, Choice

_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo and the training example that it comes from.

    Attributes:
        example: What is shown.
        source: The example's place in the trainset.
    """

    example: Example
    source: int


def labelled(
    trainset: Sequence[Example], *, k: int, seed: int, purpose: str, skip: frozenset[int] = frozenset()
) -> list[Demo]:
    """`k` labelled examples, drawn without repeats, in the order of the draw.

    Args:
        trainset: Where to draw from.
        k: How many; fewer where the trainset is smaller.
        seed: The run's seed.
        purpose: Names the draw: the same seed and purpose draw the same.
        skip: Places that are not drawn.
    """
    places = [place for place in range(len(trainset)) if place not in skip]
    drawn = draw(seed, purpose).sample(places, min(k, len(places)))
    return [Demo(trainset[place], place) for place in drawn]


def bootstrapped(
    rollouts: Sequence[Rollout],
    names: Mapping[int, str],
    *,
    per_predictor: int,
    seed: int,
    max_tokens: int | None = None,
) -> dict[str, list[Demo]]:
    """The steps of passing rollouts as demos, for each predictor.

    Args:
        rollouts: Rollouts that passed, in the order in which they are wanted.
        names: `id` of each predictor → its name.
        per_predictor: How many demos to keep for each at most.
        seed: Chooses among several calls of one predictor in a rollout: half the time the last,
            else one of the earlier.
        max_tokens: Room for all of one predictor's demos, estimated at 4 characters a token.

    Returns:
        Predictor name → demos, each ``Example(augmented=True, **inputs, **outputs)``.
    """
    rows = [
        (number, rollout, name, _demo(step))
        for number, rollout in enumerate(rollouts)
        for step in rollout.trace
        if (name := names.get(id(step.predictor))) is not None
    ]
    if not rows:
        return {}
    order = list(dict.fromkeys(names.values()))
    texts = [repr(sorted(demo.toDict().items())) for _, _, _, demo in rows]
    picked = pick_traces(
        np.ones(len(rows)),
        np.array([order.index(name) for _, _, name, _ in rows], dtype=np.int64),
        np.array([number for number, _, _, _ in rows], dtype=np.int64),
        np.array([len(text) // _CHARACTERS_A_TOKEN for text in texts], dtype=np.int64),
        digests(texts),
        min_score=1.0,
        per_predictor=per_predictor,
        max_tokens=max_tokens,
        # Any whole number is a seed; the core takes 64 bits of it.
        seed=(seed + 2**63) % 2**64 - 2**63,
    )
    demos: dict[str, list[Demo]] = {}
    for row in picked:
        _, rollout, name, demo = rows[row]
        demos.setdefault(name, []).append(Demo(demo, rollout.cell.example_id))
    return demos


def _demo(step: Any) -> Example:
    return Example({"augmented": True, **step.inputs, **step.outputs}).with_inputs(*step.inputs)


def traced_back(demos: Sequence[Any], trainset: Sequence[Example]) -> list[Demo]:
    """A program's own demos, each with the example whose inputs it shows; -1 where there is none."""
    places = {repr(sorted(example.inputs().items())): place for place, example in reversed(list(enumerate(trainset)))}
    names = {key for example in trainset for key in example.inputs().keys()}  # noqa: SIM118  an Example iterates fields
    found = []
    for demo in demos:
        shown = demo if isinstance(demo, Example) else Example(demo)
        inputs = repr(sorted((key, value) for key, value in shown.items() if key in names))
        found.append(Demo(shown, places.get(inputs, -1)))
    return found


def showing(name: str, demos: Mapping[str, Sequence[Demo]], *, config: Mapping[str, Any] | None = None) -> Candidate:
    """The candidate that shows these demos, for each predictor named."""
    choices = {
        predictor: Choice(
            demos=tuple(demo.example for demo in shown),
            sources=tuple(demo.source for demo in shown),
            config=config or {},
        )
        for predictor, shown in demos.items()
    }
    return Candidate(name, choices)


def leaving_out(candidate: Candidate, source: int) -> Candidate:
    """The candidate without the demos that come from one example, which it is about to answer."""
    if not any(source in (choice.sources or ()) for choice in candidate.choices.values()):
        return candidate
    return Candidate(
        candidate.name,
        {name: _without(choice, source) for name, choice in candidate.choices.items()},
    )


def _without(choice: Choice, source: int) -> Choice:
    if choice.demos is None or choice.sources is None or source not in choice.sources:
        return choice
    kept = [d for d, s in zip(choice.demos, choice.sources, strict=True) if s != source]
    sources = tuple(s for s in choice.sources if s != source)
    return replace(choice, demos=tuple(kept), sources=sources, prompts={})
