"""Support tickets of a fictional company, each with the one of a dozen intents that it is about.

Written for Burnish; see SUPPORT_TICKETS.md beside this file.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any, Literal, get_args

from burnish.datasets.jsonl import read_jsonl
from burnish.engine.judge import computes_only
from burnish.modules.module import Module
from burnish.modules.predict import Predict
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.signature import InputField, OutputField, Signature

Split = Literal["train", "val", "test"]


@functools.cache
def intents() -> tuple[str, ...]:
    """The labels, in alphabetical order."""
    return tuple(sorted({row.intent for split in get_args(Split) for row in load(split)}))


def load(split: Split) -> list[Example]:
    """The tickets of one split, input ``ticket``, label ``intent``."""
    path = resources.files("burnish.datasets") / "support_tickets.jsonl"
    with resources.as_file(path) as file:
        rows = read_jsonl(file)
    return [row.without("id", "split").with_inputs("ticket") for row in rows if row.split == split]


@computes_only
def right_intent(example: Example, prediction: Any, trace: Any = None) -> bool:
    """Whether the ticket went to the right intent."""
    return bool(example.intent == prediction.intent)


class Triage(Module):
    """One predictor: ticket to intent."""

    def __init__(self) -> None:
        class TriageTicket(Signature):
            """Sort the support ticket by what the customer wants done."""

            ticket: str = InputField(desc="what the customer wrote")
            intent: Literal[intents()] = OutputField(desc="the one thing that is asked for")  # type: ignore[valid-type]

        self.triage = Predict(TriageTicket)

    async def aforward(self, ticket: str) -> Prediction:
        """The ticket's intent."""
        return await self.triage.aforward(ticket=ticket)
