"""One versioned stream of what happens in a run.

Events are dicts with ``v`` (the version of the stream), ``time`` (Unix seconds), ``kind`` and the
kind's own fields. Kinds: ``run_started, stage_started, lm_called, lm_failed, lm_cut_off, lm_resent, rollout_done, text_written,
cells_dropped, candidate_scored, best_changed, run_finished``, and of what is worth a second look ``demos_dropped,
steps_dropped, assertion_failed, suggestion_failed``. They are handed on in batches, in order, so that
watching costs nothing per call.

An attempt at a call is one of ``lm_called, lm_failed, lm_cut_off``, with when it was ``sent`` and for how many ``seconds`` it
flew; a call that was answered by the journal or the cache has neither. ``stage_started`` says how many ``cells`` of work are there
to be begun; ``rollout_done`` or ``text_written`` ends one of them, and ``cells_dropped`` those that are no longer needed. So the
stream says how many calls were in flight at any time, and for how much there was to do (`burnish.report.flight`).
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

VERSION = 1
_SECONDS_BETWEEN_BATCHES = 0.1

Watcher = Callable[[list[dict[str, Any]]], None]


class EventStream:
    """Collects a run's events and feeds the watchers; used on the one loop only.

    Args:
        watchers: Called with each batch. One that raises is warned of and left out from then on.
    """

    def __init__(self, watchers: Sequence[Watcher] = ()) -> None:
        self._watchers = list(watchers)
        self._batch: list[dict[str, Any]] = []
        self._timer: asyncio.TimerHandle | None = None

    def emit(self, kind: str, **fields: Any) -> None:
        """Add an event; the watchers see it within a tenth of a second."""
        if not self._watchers:
            return
        self._batch.append({"v": VERSION, "time": time.time(), "kind": kind, **fields})
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_SECONDS_BETWEEN_BATCHES, self.flush)

    def flush(self) -> None:
        """Hand on what has gathered, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._batch = self._batch, []
        if not batch:
            return
        for watcher in list(self._watchers):
            try:
                watcher(batch)
            # A watcher only looks: whatever it raises must not touch the run.
            except Exception as error:
                self._watchers.remove(watcher)
                warnings.warn(
                    f"{watcher!r} raised {type(error).__name__}: {error}; it sees no more events.",
                    stacklevel=2,
                )
