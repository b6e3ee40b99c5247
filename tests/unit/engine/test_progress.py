"""The live display: fed with events, it renders anywhere."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from burnish.engine.progress import Progress


@pytest.fixture
def display():
    progress = Progress()
    yield progress
    progress.close()


def rendered(progress: Progress) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(progress._render())
    return console.file.getvalue()  # type: ignore[attr-defined]


def called(source: str = "backend", **fields: Any) -> dict[str, Any]:
    return {"kind": "lm_called", "source": source, "tokens": 10, "dollars": 0.5, "unpriced": 0, **fields}


def test_before_any_event(display: Progress) -> None:
    text = rendered(display)
    assert "starting" in text
    assert "none yet" in text


def test_everything_that_a_person_watches_for_is_there(display: Progress) -> None:
    display.watch(
        [
            {"kind": "run_started"},
            {"kind": "stage_started", "stage": "score", "cells": 40},
            *[{"kind": "rollout_done", "stage": "score"}] * 10,
            called(),
            called(unpriced=1, dollars=0.0),
            called("kept"),
            # Twice: it was measured on more examples.
            *[{"kind": "candidate_scored", "candidate": "bootstrap 3"}] * 2,
            {"kind": "best_changed", "mean": 0.625, "n": 8, "total": 10, "candidate": "bootstrap 3"},
            {"kind": "of a later version", "anything": 1},
        ]
    )
    text = rendered(display)
    for part in (
        "score",
        "10/40 runs",
        "s left",
        "1 scored",
        "62.5 (8/10) bootstrap 3",
        "2 calls (+1 kept)",
        "20 tokens",
    ):
        assert part in text
    assert "$0.5000 + 1 of unknown price" in text


def test_a_new_stage_counts_anew_and_one_that_goes_on_adds_up(display: Progress) -> None:
    done = {"kind": "rollout_done", "stage": "bootstrap"}
    display.watch([{"kind": "stage_started", "stage": "bootstrap", "cells": 1}, done])
    display.watch([{"kind": "stage_started", "stage": "bootstrap", "cells": 2}])
    assert "bootstrap  1/3 runs" in rendered(display)
    display.watch([{"kind": "stage_started", "stage": "score", "cells": 5}])
    assert "score  0/5 runs" in rendered(display)


def test_stages_that_go_on_side_by_side_are_counted_apart(display: Progress) -> None:
    display.watch([{"kind": "stage_started", "stage": "bootstrap", "cells": 3}])
    display.watch([{"kind": "stage_started", "stage": "propose", "cells": 2}])
    display.watch([{"kind": "rollout_done", "stage": "bootstrap"}] * 2 + [{"kind": "text_written", "stage": "propose"}])
    assert "propose  1/2 runs" in rendered(display)
    display.watch([{"kind": "stage_started", "stage": "bootstrap", "cells": 1}])
    assert "bootstrap  2/4 runs" in rendered(display)


def test_what_is_no_longer_needed_is_not_waited_for(display: Progress) -> None:
    display.watch([{"kind": "stage_started", "stage": "score", "cells": 9}])
    display.watch([{"kind": "cells_dropped", "stage": "score", "cells": 4}])
    assert "score  0/5 runs" in rendered(display)


def test_names_with_brackets_are_text(display: Progress) -> None:
    display.watch([{"kind": "best_changed", "mean": 1.0, "n": 1, "total": 1, "candidate": "[/odd] [bold]name"}])
    assert "[/odd] [bold]name" in rendered(display)


def test_without_a_terminal_it_writes_one_last_picture_to_standard_error(capfd: Any) -> None:
    progress = Progress()
    progress.watch([{"kind": "stage_started", "stage": "score", "cells": 5}])
    progress.close()
    said = capfd.readouterr()
    assert "score" in said.err
    assert said.out == ""


def test_two_displays_at_once() -> None:
    one, other = Progress(), Progress()
    one.close()
    other.close()
