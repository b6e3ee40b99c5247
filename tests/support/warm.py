"""Scripts, each in a process of its own that has imported the large libraries already.

What a page costs is the import of scikit-learn, for the most part. The standard library's fork server imports it once, and forks
a process for each script. Elsewhere than on Linux each is a new Python.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired

_PROCESSES = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
_PROCESSES.set_forkserver_preload(["sklearn.feature_extraction.text", __name__])


# After which a script is killed.
_SECONDS = 120


def run_warm(arguments: Sequence[str], *, cwd: Path, first: str = "", **environ: str) -> CompletedProcess[str]:
    """Run what stands behind `python`: a script's path, or `-m` and a module, with what they are given.

    Args:
        arguments: What stands behind `python`.
        cwd: Where it runs.
        first: Python that runs in the process before.
        environ: Environment variables besides those of this process.

    Raises:
        TimeoutExpired: It took longer than two minutes.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = (Path(folder, "out"), Path(folder, "err"))
        process = _PROCESSES.Process(
            target=_run, args=(list(arguments), cwd, first, {**os.environ, **environ}, written)
        )
        process.start()
        process.join(_SECONDS)
        late = process.exitcode is None
        if late:
            process.kill()
            process.join()
        out, err = (path.read_text(encoding="utf-8", errors="replace") if path.exists() else "" for path in written)
        if late:
            raise TimeoutExpired(arguments, _SECONDS, out, err)
        return CompletedProcess(arguments, process.exitcode, out, err)


def _run(arguments: list[str], cwd: Path, first: str, environ: Mapping[str, str], written: tuple[Path, Path]) -> None:
    for stream, path in zip((sys.stdout, sys.stderr), written, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream.fileno())
        stream.reconfigure(encoding="utf-8")
    os.chdir(cwd)
    # The server's are those of the time when it began.
    os.environ.clear()
    os.environ.update(environ)
    exec(first, {})
    try:
        if arguments[0] == "-m":
            sys.argv, sys.path[0] = arguments[1:], str(cwd)
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            script = cwd / arguments[0]
            sys.argv, sys.path[0] = arguments, str(script.parent)
            runpy.run_path(str(script), run_name="__main__")
    finally:
        # The fork server's processes end without them.
        atexit._run_exitfuncs()
