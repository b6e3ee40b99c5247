"""`PythonInterpreter`: runs code that a model wrote, in a process that can do little."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic_core

from burnish.errors import CodeError, ConfigError
from burnish.loop import on_loop, run_sync
from burnish.values.whole import check_whole

_CHILD = Path(__file__).with_name("sandbox_child.py")
_MOST_OUTPUT = 100_000
_MEGABYTE = 1 << 20
_SIGNALS = {"SIGXCPU": "too much CPU time", "SIGKILL": "too much CPU time or memory", "SIGSEGV": "a crash"}


class PythonInterpreter:
    r"""Runs Python code, each time in a new process of its own, with the standard library alone.

    Held by the operating system, on Linux and macOS: CPU seconds, memory, no file of more than 0 bytes, few open files,
    and the seconds until the process and its group are killed. On Linux, where namespaces of users are allowed, the process
    has a network of its own with nobody else in it. It begins with an empty environment, in an empty folder.

    Held by Python alone, through its audit events: no files but those of the standard library, no sockets, no other
    processes. That stops code that means no harm; code that knows Python's insides may get around it, and then
    can read what this user can read. So for code of strangers it is no wall: run the whole program in a container then.

    Args:
        timeout: Seconds that code may take.
        memory: Megabytes that it may take; macOS does not hold this.

    Raises:
        ConfigError: A limit is out of range, or this is Windows, where nothing can be limited so.

    Example:
        >>> PythonInterpreter().execute("total = sum(numbers)\ntotal", {"numbers": [1, 2, 3]})
        '6'
    """

    def __init__(self, *, timeout: float = 10.0, memory: int = 512) -> None:
        check_whole(64, memory=memory)
        if not timeout > 0:
            raise ConfigError(f"timeout={timeout!r}: give seconds above 0.")
        if sys.platform == "win32":
            raise ConfigError("PythonInterpreter cannot limit a process on Windows, so it runs none there.")
        self.timeout = timeout
        self.memory = memory

    def __call__(self, code: str, variables: Mapping[str, Any] | None = None) -> str:
        """The same as `execute`."""
        return self.execute(code, variables)

    def execute(self, code: str, variables: Mapping[str, Any] | None = None) -> str:
        """Run code and wait.

        Args:
            code: What to run.
            variables: Names that it finds, with values that JSON has.

        Returns:
            What it printed, and its last line's value where that line is an expression.

        Raises:
            CodeError: It raised, took too long or too much, or printed too much.
        """
        return run_sync(self.aexecute(code, variables))

    async def aexecute(self, code: str, variables: Mapping[str, Any] | None = None) -> str:
        """`execute`, from async code."""
        return await on_loop(self._run(code, variables or {}))

    async def _run(self, code: str, variables: Mapping[str, Any]) -> str:
        given = {"code": code, "variables": pydantic_core.to_jsonable_python(dict(variables), fallback=str)}
        sent = f"{json.dumps(self._limits())}\n{json.dumps(given)}".encode()
        with tempfile.TemporaryDirectory(prefix="burnish-") as folder:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-B", str(_CHILD)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=folder,
                env={name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ},
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(self.timeout):
                    output, errors = await _spoken(process, sent)
                    status = await process.wait()
            except TimeoutError:
                raise CodeError(f"The code took longer than {self.timeout:g} s.") from None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if status:
            raise CodeError(errors.strip() or f"The code was ended by {_reason(status)}.")
        return output.strip()

    def _limits(self) -> dict[str, int]:
        seconds = int(self.timeout) + 1
        memory = {} if sys.platform == "darwin" else {"RLIMIT_AS": self.memory * _MEGABYTE}
        files = {"RLIMIT_FSIZE": 0, "RLIMIT_NOFILE": 32, "RLIMIT_CORE": 0, "RLIMIT_NPROC": 0}
        return {"RLIMIT_CPU": seconds, **memory, **files}


async def _spoken(process: asyncio.subprocess.Process, sent: bytes) -> tuple[str, str]:
    """What a process writes, after it was sent something.

    Raises:
        CodeError: It writes too much.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with contextlib.suppress(ConnectionError):  # it may have ended already
        process.stdin.write(sent)
        await process.stdin.drain()
        process.stdin.close()
    output, errors = await asyncio.gather(_read(process.stdout), _read(process.stderr))
    return output.decode(errors="replace"), errors.decode(errors="replace")


async def _read(stream: asyncio.StreamReader) -> bytes:
    parts = b""
    while part := await stream.read(1 << 16):
        parts += part
        if len(parts) > _MOST_OUTPUT:
            raise CodeError(f"The code wrote more than {_MOST_OUTPUT} bytes.")
    return parts


def _reason(status: int) -> str:
    name = signal.Signals(-status).name if status < 0 else f"status {status}"
    return _SIGNALS.get(name, name)
