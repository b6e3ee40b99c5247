"""Python's collector is called seldom while runs go on, and as before when they have ended."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import burnish
from burnish import Evaluate
from burnish.engine.garbage import collected_seldom
from burnish.testing import toy


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.enable()
    gc.set_threshold(*before)


def test_it_is_so_while_a_program_is_evaluated_and_not_afterwards() -> None:
    seen = set()

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        seen.add(gc.get_threshold())
        return toy.metric(example, prediction)

    with burnish.context(lm=toy.lm()):
        Evaluate(devset=toy.valset(), metric=metric)(toy.Chain())
    # The metric is tried once before the run.
    assert (20_000, 10, 10) in seen
    assert gc.get_threshold() == (700, 10, 10)


def test_it_lasts_as_long_as_the_last_run() -> None:
    with collected_seldom():
        with collected_seldom():
            pass
        assert gc.get_threshold() == (20_000, 10, 10)
    assert gc.get_threshold() == (700, 10, 10)


def test_an_error_ends_it_too() -> None:
    with pytest.raises(ZeroDivisionError), collected_seldom():
        _ = 1 / 0
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("own", [(0, 10, 10), (50_000, 5, 5)])
def test_who_has_turned_it_off_or_calls_it_more_seldom_is_left_alone(own: tuple[int, int, int]) -> None:
    gc.set_threshold(*own)
    with collected_seldom():
        assert gc.get_threshold() == own
    assert gc.get_threshold() == own


def test_what_is_set_while_a_run_goes_on_stays() -> None:
    with collected_seldom():
        gc.set_threshold(1000, 10, 10)
    assert gc.get_threshold() == (1000, 10, 10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_the_child_of_a_fork_has_no_run_and_collects_as_before() -> None:
    script = (
        "import gc, os\n"
        "from burnish.engine.garbage import collected_seldom\n"
        "gc.set_threshold(700, 10, 10)\n"
        "with collected_seldom(), collected_seldom():\n"
        "    if os.fork() == 0:\n"
        "        print(gc.get_threshold()[0], flush=True)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "    print(gc.get_threshold()[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["700", "20000"]
