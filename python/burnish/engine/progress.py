"""The live display of a run: stage, candidates, best score with n/N, calls, tokens, dollars, time left."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any


class Progress:
    """Draws a run's events on standard error, four times a second."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._started = time.monotonic()
        self._stage = "starting"
        self._begun: dict[str, float] = {}
        self._done: Counter[str] = Counter()
        self._total: Counter[str] = Counter()
        self._candidates: set[str] = set()
        self._best = "none yet"
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._kept = 0
        self._live = Live(
            get_renderable=self._render, console=Console(stderr=True), refresh_per_second=4, transient=False
        )
        self._live.start()

    def watch(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Take a batch of events."""
        for event in events:
            take = getattr(self, f"_on_{event['kind']}", None)
            if take is not None:
                take(event)

    def close(self) -> None:
        """Draw once more and let go of the terminal."""
        self._live.stop()

    def _on_stage_started(self, event: Mapping[str, Any]) -> None:
        stage = event["stage"]
        if stage != self._stage and self._done[stage] >= self._total[stage]:
            # Stages may go on side by side; one that has ended and comes again counts anew.
            self._begun[stage] = time.monotonic()
            self._done[stage] = self._total[stage] = 0
        self._stage = stage
        self._total[stage] += event["cells"]

    def _on_rollout_done(self, event: Mapping[str, Any]) -> None:
        self._done[event["stage"]] += 1

    _on_text_written = _on_rollout_done

    def _on_cells_dropped(self, event: Mapping[str, Any]) -> None:
        self._total[event["stage"]] -= event["cells"]

    def _on_lm_called(self, event: Mapping[str, Any]) -> None:
        if event["source"] == "backend":
            self._spent["calls"] += 1
            self._spent["tokens"] += event["tokens"]
            self._spent["dollars"] += event["dollars"]
            self._spent["unpriced"] += event["unpriced"]
        else:
            self._kept += 1

    def _on_candidate_scored(self, event: Mapping[str, Any]) -> None:
        self._candidates.add(event["candidate"])

    def _on_best_changed(self, event: Mapping[str, Any]) -> None:
        self._best = f"{100 * event['mean']:.1f} ({event['n']}/{event['total']}) {event['candidate']}"

    def _render(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        left = self._time_left()
        done, total = self._done[self._stage], self._total[self._stage]
        table.add_row("[bold]stage", Text(f"{self._stage}  {done}/{total} runs{left}"))
        table.add_row("[bold]candidates", f"{len(self._candidates)} scored")
        table.add_row("[bold]best", Text(self._best))
        price = f"${self._spent['dollars']:.4f}"
        if self._spent["unpriced"]:
            price = f"{price} + {self._spent['unpriced']:.0f} of unknown price"
        table.add_row(
            "[bold]spent",
            f"{self._spent['calls']:.0f} calls (+{self._kept} kept)  {self._spent['tokens']:.0f} tokens  {price}  "
            f"{time.monotonic() - self._started:.0f} s",
        )
        return table

    def _time_left(self) -> str:
        done, total = self._done[self._stage], self._total[self._stage]
        if not done or done >= total:
            return ""
        a_run = (time.monotonic() - self._begun[self._stage]) / done
        return f", {a_run * (total - done):.0f} s left"
