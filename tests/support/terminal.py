"""A process in a terminal of its own, at whose keyboard a test sits."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.processes import environment

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]")


class Terminal:
    """What stands on the screen, and the keys to press."""

    def __init__(self, process: subprocess.Popen[bytes], keyboard: int, screen: int) -> None:
        self.process = process
        self._keyboard = keyboard
        # Held open here until the end, so that reading does not end before the process has opened it.
        self._screen = screen
        self._shown = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # The other side hangs up when the process ends, which Linux tells as an error.
        with contextlib.suppress(OSError):
            while data := os.read(self._keyboard, 65536):
                self._shown += data

    @property
    def screen(self) -> str:
        """All that was written so far, without the codes that move the cursor and colour it."""
        text = _CONTROL.sub("", self._shown.decode("utf-8", errors="replace"))
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def press_ctrl_c(self) -> None:
        """Press Ctrl-C, which the terminal makes a signal of."""
        os.write(self._keyboard, b"\x03")

    def ends_in(self, *, seconds: float) -> float:
        """Wait for the end of the process; how many seconds it took.

        Raises:
            subprocess.TimeoutExpired: It did not end.
        """
        start = time.monotonic()
        self.process.wait(timeout=seconds)
        took = time.monotonic() - start
        self.close()
        return took

    def close(self) -> None:
        """Read what is left, and switch it off."""
        if self._screen >= 0:
            os.close(self._screen)
            self._reader.join(5)
            os.close(self._keyboard)
            self._screen = -1


@contextlib.contextmanager
def terminal(command: Sequence[str], folder: Path, **more: str) -> Iterator[Terminal]:
    """The command, running in a terminal with that folder as its own."""
    keyboard, screen = pty.openpty()
    # The first terminal that the leader of a session opens becomes its own.
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$@" <"$TTY_OF_TEST" >"$TTY_OF_TEST" 2>&1', "sh", *command],
        env=environment(TTY_OF_TEST=os.ttyname(screen), TERM="xterm", COLUMNS="120", **more),
        cwd=folder,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    shown = Terminal(process, keyboard, screen)
    try:
        yield shown
    finally:
        process.kill()
        process.wait()
        shown.close()
