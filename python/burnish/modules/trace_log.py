"""`TraceLog`: what programs do, a JSON line a run, to be scanned for demos later (`burnish.TraceTable`).

A line is the event ``rollout_done`` of the stream of events with the run's ``trace``: each step's predictor, inputs and outputs.
In an evaluation or a compile it has the score too. Elsewhere, as in production, a run of a program outside of any other is a line
without a score; whoever knows later how good it was writes one into the line.
"""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pydantic_core

from burnish.errors import ConfigError
from burnish.lm.scope import current_scope
from burnish.lm.settings import settings
from burnish.modules.binding import Binding, bound, current_binding, names_of
from burnish.values.example import Example
from burnish.values.rollout import Step

VERSION = 1
_UNLOGGED = nullcontext()


class TraceLog:
    """A file to which runs are appended, from any number of threads and processes.

    Set it with ``burnish.configure(trace_log=...)`` or ``burnish.context(trace_log=...)``. A line is one write, and stays in the
    operating system's hands: it survives the death of the process. Inputs and outputs are written as they are, so what is
    private in them is in the log.

    Args:
        path: The file; its folder is made.

    Raises:
        ConfigError: Nothing can be written there.

    Example:
        >>> import burnish, tempfile
        >>> from burnish.testing import toy
        >>> path = Path(tempfile.mkdtemp(), "traces.jsonl")
        >>> with burnish.context(lm=toy.lm(), trace_log=TraceLog(path)):
        ...     _ = toy.Classifier()(text=toy.trainset()[0].text)
        >>> [call.predictor for call in burnish.TraceTable.scan(path).pick()]
        ['classify']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise ConfigError(f"Cannot write the trace log {str(path)!r}: {error.strerror}.") from error

    def __repr__(self) -> str:
        return f"TraceLog({str(self.path)!r})"

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def log_run(self, names: Mapping[int, str], trace: Sequence[Step], **fields: Any) -> None:
        """Append a run.

        Args:
            names: `id` of each predictor → its name in the program; steps of others are left out.
            trace: Its steps, in order.
            fields: What else is known of it, such as ``status`` and ``score``.
        """
        steps = [
            {"predictor": names[id(step.predictor)], "inputs": _plain(step.inputs), "outputs": _plain(step.outputs)}
            for step in trace
            if id(step.predictor) in names
        ]
        if not steps:
            return
        event = {"v": VERSION, "time": time.time(), "kind": "rollout_done", **fields, "trace": steps}
        line = (json.dumps(event, ensure_ascii=False, default=str) + "\n").encode(errors="backslashreplace")
        try:
            with self._lock:
                left = memoryview(line)
                while left:
                    left = left[os.write(self._file, left) :]
        except OSError as error:
            # The run was paid for, and a log is never worth more than what it tells of.
            warnings.warn(
                f"{self!r} cannot be written: {error.strerror}. Runs go on without it.", UserWarning, stacklevel=2
            )


def logged(program: Any) -> AbstractContextManager[None]:
    """A run of a program, which is logged if it is part of no other and there is a log."""
    log = settings.trace_log
    # What an engine runs it logs itself, with the score; a metric's own questions are part of that run.
    if log is None or current_binding() is not None or current_scope() is not None:
        return _UNLOGGED
    return _logged(program, log)


@contextmanager
def _logged(program: Any, log: TraceLog) -> Iterator[None]:
    binding = Binding(names_of(program), {})
    try:
        with bound(binding):
            yield
    # A program may raise anything, and all of it is the caller's.
    except BaseException:
        log.log_run(binding.names, binding.trace, status="failed", score=None)
        raise
    log.log_run(binding.names, binding.trace, status="ran", score=None)


def _plain(values: Any) -> Any:
    """Fields as JSON has them."""
    fields = values.toDict() if isinstance(values, Example) else dict(values)
    return pydantic_core.to_jsonable_python(fields, fallback=str)
