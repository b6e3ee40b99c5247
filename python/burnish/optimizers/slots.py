"""The space of a student: instructions and demos of its predictors as slots, before a search and, where it had none, after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from burnish.optimizers.session import Session
from burnish.stages.effects import effects_of
from burnish.values.space import Candidate, Choice, Slot, Space


def told_apart(session: Session, tried: Sequence[tuple[str, ...]]) -> Candidate:
    """The leader among candidates that differ in instructions alone; what these did is told to the report.

    Args:
        session: The compile.
        tried: The instructions of each candidate, a text for each predictor, by its number on the board.
    """
    choices = [list(dict.fromkeys(texts)) for texts in zip(*tried, strict=True)]
    slots = [Slot(name, "instructions", texts) for name, texts in zip(session.predictors, choices, strict=True)]
    picks = [tuple(known.index(text) for known, text in zip(choices, texts, strict=True)) for texts in tried]
    leader = session.leader()
    won = picks[session.candidates.index(leader)]
    session.searched.effects = effects_of(Space(slots), picks, session.board, won)
    return leader


def space_of(session: Session, proposals: Mapping[str, Sequence[str]], shown: Sequence[Candidate]) -> Space:
    """Instructions and demos of each predictor; the first of both are the student's own."""
    baseline = session.baseline().choices
    slots = []
    for name in session.predictors:
        own = baseline.get(name, Choice(demos=(), sources=()))
        slots.append(
            Slot(name, "instructions", [session.predictor(name).signature.instructions, *proposals.get(name, [])])
        )
        sets = [own, *(candidate.choices[name] for candidate in shown if name in candidate.choices)]
        different = [choice for place, choice in enumerate(sets) if choice.demos not in [c.demos for c in sets[:place]]]
        slots.append(Slot(name, "demos", different))
    return Space([slot for slot in slots if len(slot.choices) > 1] or slots[:1])


def telling(base: Candidate, told: Mapping[str, str], number: int) -> Candidate:
    """The program as given with these instructions; as it is for number 0."""
    if number == 0:
        return base
    own = {name: base.choices.get(name, Choice()) for name in told}
    choices = {name: replace(own[name], instructions=text, prompts={}) for name, text in told.items()}
    return Candidate(f"instructions {number}", choices)
