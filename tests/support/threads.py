"""Whether other threads get the interpreter while a call is under way."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable


def ran_before_and_during(call: Callable[[], object], *, short: Callable[[], object]) -> tuple[list[bool], list[bool]]:
    """What a thread that waits for the interpreter had done before the call, after a `short` one, and at its end.

    The interpreter is never taken away meanwhile: the thread gets it only where the call gives it.
    """
    gate, ran = threading.Semaphore(0), []

    def run() -> None:
        gate.acquire()
        ran.append(True)

    thread, interval = threading.Thread(target=run), sys.getswitchinterval()
    thread.start()
    sys.setswitchinterval(1000)
    try:
        gate.release()
        short()
        before = list(ran)
        call()
        during = list(ran)
    finally:
        sys.setswitchinterval(interval)
        thread.join()
    return before, during
