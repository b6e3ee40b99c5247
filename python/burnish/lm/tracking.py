"""`track_usage`: what the model calls of a block of code used, by model."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from burnish.values.usage import Usage


class UsageTracker:
    """Adds up usage by model, from any number of tasks and threads.

    Args:
        outer: Adds up the same, as the tracker of the block around does.
        of_program: Whether it adds up what one call of a program uses.

    Attributes:
        totals: Model → what its calls used, in the order of the first calls.
    """

    def __init__(self, outer: UsageTracker | None = None, *, of_program: bool = False) -> None:
        self.of_program = of_program
        self.totals: dict[str, Usage] = {}
        self._outer = outer
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"UsageTracker({self.totals})"

    def add(self, model: str, usage: Usage) -> None:
        """Add one call."""
        with self._lock:
            self.totals = {**self.totals, model: self.totals.get(model, Usage()) + usage}
        if self._outer is not None:
            self._outer.add(model, usage)

    @property
    def total(self) -> Usage:
        """The sum over all models."""
        return sum(self.totals.values(), Usage())

    def get_total_tokens(self) -> dict[str, dict[str, Any]]:
        """The totals as DSPy has them: model → a dict of numbers, ``total_tokens`` among them."""
        return {model: {**used.to_dict(), "total_tokens": used.tokens} for model, used in self.totals.items()}


_tracker: contextvars.ContextVar[UsageTracker | None] = contextvars.ContextVar("tracker", default=None)


def current_tracker() -> UsageTracker | None:
    """What adds up the calls of this task, if anything does."""
    return _tracker.get()


@contextmanager
def track_usage() -> Iterator[UsageTracker]:
    """Add up what the model calls of the block use, in its tasks and threads too.

    Every attempt counts, a failed one as well; replies from cache or journal count nothing. Blocks may stand in
    each other: the outer one counts all.

    Example:
        >>> import burnish
        >>> from burnish.testing import ScriptedLM
        >>> with burnish.track_usage() as usage:
        ...     _ = ScriptedLM(["Paris"])("The capital of France?")
        >>> usage.total.calls, list(usage.totals)
        (1, ['scripted/model'])
    """
    tracker = UsageTracker(_tracker.get())
    with tracked_by(tracker):
        yield tracker


@contextmanager
def tracked_by(tracker: UsageTracker | None) -> Iterator[None]:
    """Let this tracker add up the calls of the block; None is nobody."""
    token = _tracker.set(tracker)
    try:
        yield
    finally:
        _tracker.reset(token)
