"""From a candidate to a program: the only place where one is copied."""

from __future__ import annotations

from typing import Any

from burnish.values.space import Candidate


def build(student: Any, candidate: Candidate) -> Any:
    """A new program with the candidate's choices put in; the student is left as it is.

    Args:
        student: The program that was compiled.
        candidate: What to set; predictors that it does not name keep the student's settings.
    """
    program = student.deepcopy()
    for name, predictor in program.named_predictors(frozen=True):
        choice = candidate.choices.get(name)
        if choice is None:
            continue
        if choice.demos is not None:
            predictor.demos = list(choice.demos)
        if choice.instructions is not None:
            predictor.signature = predictor.signature.with_instructions(choice.instructions)
        if choice.lm is not None:
            predictor.lm = choice.lm
        if choice.config:
            predictor.config = {**predictor.config, **choice.config}
    if candidate.around is not None:
        program = candidate.around(program)
    program._compiled = True
    return program
