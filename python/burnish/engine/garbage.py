"""Python's garbage collector while programs run: seldom.

Calls in flight are thousands of young objects that all end by themselves. By default the collector goes through them every 700
new ones (2,000 from Python 3.13 on), and now and then through everything that the process holds; no call is sent meanwhile.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

# New objects before the collector looks at them.
_NEW_OBJECTS = 20_000


class _Seldom:
    """The thresholds as they were before the runs that go on now."""

    def __init__(self) -> None:
        self.runs = 0
        self.before = (0, 0, 0)

    def begin(self) -> None:
        if not self.runs:
            self.before = gc.get_threshold()
            if 0 < self.before[0] < _NEW_OBJECTS:
                gc.set_threshold(_NEW_OBJECTS, *self.before[1:])
        self.runs += 1

    def end(self) -> None:
        self.runs -= 1
        # Whoever has set others meanwhile keeps them.
        if not self.runs and gc.get_threshold() == (_NEW_OBJECTS, *self.before[1:]):
            gc.set_threshold(*self.before)

    def end_all(self) -> None:
        """No run goes on in the child of a fork."""
        while self.runs:
            self.end()


_seldom = _Seldom()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_seldom.end_all)


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Let the collector look every 20,000 new objects, unless it is off or does so less often; used on the one loop only."""
    _seldom.begin()
    try:
        yield
    finally:
        _seldom.end()
