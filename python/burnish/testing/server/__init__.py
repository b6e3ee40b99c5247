"""A real OpenAI-compatible server in a process of its own, for tests and benches.

It answers any program, under any model name and without a key. It is slow, busy or faulty as much as
it is told to, and writes down every request before it answers. What fails depends on the content of a
request and on how often that was asked before, so that a test can count on it::

    with serving(latency=0.05, faults={"error": 0.3, "rate_limit": 0.1}) as server:
        with burnish.context(lm=server.lm()):
            ...
    assert server.count() == 120

From a shell: ``python -m burnish.testing.server --port 8000 --latency 0.05 --fault error=0.3``.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burnish.errors import ConfigError
from burnish.testing.server.options import Options

if TYPE_CHECKING:
    from burnish.lm.lm import LM

__all__ = ["Options", "Server", "serving"]

Log = str | os.PathLike[str] | bool | None


@contextlib.contextmanager
def serving(log: Log = None, **options: Any) -> Iterator[Server]:
    """A running server, stopped at the end.

    Args:
        log: Where to write the request log, appended to; None is a temporary file, False is no log.
        options: See `Options`.

    Raises:
        ConfigError: An option is unknown or out of range.

    Example:
        >>> with serving(answer={"answer": "Paris"}) as server, burnish.context(lm=server.lm()):
        ...     burnish.Predict("question -> answer")(question="The capital of France?").answer
        ...     server.count()
        'Paris'
        1
    """
    with contextlib.ExitStack() as stack:
        if log is None or log is True:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="burnish-server-"))
            path: Path | None = Path(folder, "requests.jsonl")
        else:
            path = None if log is False else Path(log)
        server = Server(path, Options.of(options))
        server.start()
        stack.callback(server.stop)
        yield server
        if path is not None:
            server.seen()  # read once more, since a temporary log is gone after the end


class Server:
    """The handle of a server process.

    Args:
        log: Where the process writes the request log; None is nowhere.
        options: How it answers.
        port: Where it serves; 0 takes a free port at the first start, and keeps it.
    """

    def __init__(self, log: Path | None = None, options: Options | None = None, *, port: int = 0) -> None:
        self.log = log
        self.options = options or Options()
        self.port = port
        self._process: subprocess.Popen[str] | None = None
        self._seen: list[dict[str, Any]] = []
        self._read_to = 0

    def __repr__(self) -> str:
        return f"Server({self.url!r})" if self._process is not None else "Server(stopped)"

    @property
    def url(self) -> str:
        """What goes into ``api_base``: ``"http://127.0.0.1:PORT/v1"``."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def process_id(self) -> int | None:
        """The process's id; None while it is stopped."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process and wait until it serves; on the same port as before, if there was one.

        Raises:
            ConfigError: It could not start, with the reason.
        """
        if self._process is not None:
            return
        # So that the address of an answer function leads to the same place there as here.
        path = os.pathsep.join(place or os.getcwd() for place in sys.path)  # noqa: PTH109  a text is wanted
        process = subprocess.Popen(
            [sys.executable, "-m", "burnish.testing.server", "--started-by-program"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        order = {"port": self.port, "log": None if self.log is None else str(self.log.absolute())}
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps({**order, "options": self.options.to_dict()}) + "\n")
            process.stdin.flush()
        port = process.stdout.readline().strip()
        if not port.isdigit():
            process.communicate()
            why = port or f"exit status {process.returncode}, see standard error above."
            raise ConfigError(f"The server did not start: {why}")
        self.port = int(port)
        self._process = process

    def stop(self) -> None:
        """Kill the process, as a power cut would; replies that are under way are lost."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def seen(self) -> list[dict[str, Any]]:
        """The request log so far, in the order of arrival.

        Each entry has ``number, time, path, content`` (a hash of the body), ``attempt`` (how often that content was
        asked before), ``fault`` (None for a right answer), ``status`` (None for no reply), ``authorization``
        (whether the header was there), ``prompt_tokens`` and ``completion_tokens`` as billed, and, with
        ``Options.bodies``, ``body``.

        Raises:
            ConfigError: The server keeps no log.
        """
        self._read()
        return list(self._seen)

    def count(self) -> int:
        """How many requests have arrived."""
        self._read()
        return len(self._seen)

    def lm(self, **options: Any) -> LM:
        """A `burnish.LM` that asks this server, without a cache unless told otherwise."""
        from burnish.lm.lm import LM

        return LM(f"local/{self.options.names[0]}", **{"api_base": self.url, "cache": False, **options})

    def _read(self) -> None:
        if self.log is None:
            raise ConfigError("This server keeps no log; start it with serving() or serving(log=path).")
        if self.log.exists():
            with self.log.open("rb") as file:
                file.seek(self._read_to)
                text = file.read()
            # The last line may be half written.
            whole = text[: text.rfind(b"\n") + 1]
            self._read_to += len(whole)
            self._seen += [json.loads(line) for line in whole.splitlines()]
