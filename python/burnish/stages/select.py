"""Which examples and which rollouts become demos.

Two sources: labelled examples, drawn as they are, and passing rollouts, whose steps show each
predictor what went in and what came out. Which steps to show the trace table chooses: exact copies are
dropped, one step a rollout and predictor, as many as fit. Calls that a log tells of come from there too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from burnish.adapters.field_text import FieldText
from burnish.errors import ReplyError
from burnish.stages.traces import Traced, TraceTable
from burnish.values.example import Example
from burnish.values.rollout import Rollout
from burnish.values.seed import draw
from burnish.values.space import Candidate, Choice

# Calls that are picked for each that is wanted.
_SPARE = 4
# The fields of a call whose messages have no sections.
_CHAT = ("user", "assistant")


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
    table = TraceTable()
    table.add(rollouts, lambda predictor: names.get(id(predictor)))
    demos: dict[str, list[Demo]] = {}
    for call in table.pick(per_predictor=per_predictor, max_tokens=max_tokens, near=False, variety=False, seed=seed):
        demos.setdefault(call.predictor, []).append(Demo(_demo(call.inputs, call.outputs), call.example))
    return demos


def recorded(
    table: TraceTable,
    signatures: Mapping[str, Any],
    *,
    per_predictor: int,
    min_score: float | None,
    seed: int,
) -> dict[str, list[Example]]:
    """The calls in a table as demos, for each predictor.

    Args:
        table: What was recorded. A predictor's calls are those under its name; else those with its fields, or, where it has one
            input and one output, the bare turns of a chat.
        signatures: Each predictor's name → its signature, whose types the outputs must be of.
        per_predictor: How many demos to keep for each at most.
        min_score: The lowest score that is good enough; None takes every call.
        seed: Chooses among several calls of one predictor in a rollout.

    Returns:
        Predictor name → demos, the most different in front.
    """
    # Some may not fit a signature, so more are picked than are wanted.
    calls = table.pick(min_score=min_score, per_predictor=_SPARE * per_predictor, seed=seed)
    demos: dict[str, list[Example]] = {}
    for name, signature in signatures.items():
        fitting = (_fitted(call, name, signature) for call in calls)
        demos[name] = [demo for demo in fitting if demo is not None][:per_predictor]
    return demos


def _fitted(call: Traced, name: str, signature: Any) -> Example | None:
    """A recorded call as a demo of a predictor; None where it is not one of its calls."""
    inputs, outputs = call.inputs, call.outputs
    bare = (*inputs, *outputs) == _CHAT and call.predictor in (name, " -> ".join(_CHAT))
    if bare and len(signature.input_fields) == len(signature.output_fields) == 1:
        inputs = dict.fromkeys(signature.input_fields, inputs["user"])
        outputs = dict.fromkeys(signature.output_fields, outputs["assistant"])
    elif call.predictor != name and call.predictor != _fields_of(signature):
        return None
    if not (signature.input_fields.keys() <= inputs.keys() and signature.output_fields.keys() <= outputs.keys()):
        return None
    read = {}
    for field, about in signature.output_fields.items():
        try:
            read[field] = FieldText(field, about).read_kept(outputs[field])
        except ReplyError:
            return None
    return _demo({field: inputs[field] for field in signature.input_fields}, read)


def _fields_of(signature: Any) -> str:
    return f"{', '.join(signature.input_fields)} -> {', '.join(signature.output_fields)}"


def _demo(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Example:
    return Example({"augmented": True, **inputs, **outputs}).with_inputs(*inputs)


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
