"""Answers of many sizes for the model server: ``answer="tests.support.sized_answers:answer"``."""

from __future__ import annotations

from burnish import Request
from burnish.testing.server.faults import share


def answer(request: Request) -> str:
    """A kind, and up to 400 words more, by the question."""
    words = int(400 * share(request.messages[-1]["content"]))
    return "[[ ## kind ## ]]\nbird\n\n[[ ## completed ## ]]\n" + "word " * words
