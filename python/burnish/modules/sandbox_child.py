"""The process in which `PythonInterpreter` runs code: a script of the standard library alone, run by its path.

It limits itself, and only then reads the code. What each measure holds and what it does not stands in `sandbox`.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import sysconfig
from types import CodeType
from typing import Any

# Linux's names of new namespaces: of users, which a process without rights may make, and of the network.
_NEW_USERS, _NEW_NETWORK = 0x10000000, 0x40000000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# What leaves the process, or reaches around this list.
_REFUSED = (
    *("socket.", "subprocess.", "ctypes.", "pty.", "shutil.", "winreg.", "webbrowser.", "urllib.", "http.", "ftplib."),
    *("smtplib.", "imaplib.", "poplib.", "telnetlib.", "sqlite3.", "mmap.", "gc.get_", "syslog."),
    *("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.kill", "os.remove"),
    *("os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.lchown", "os.chflags"),
    *(
        "os.truncate",
        "os.utime",
        "os.setxattr",
        "os.putenv",
        "os.chdir",
        "os.add_dll",
        "signal.",
        "resource.",
        "sys.set",
    ),
)
_REFUSED_IMPORTS = frozenset(
    {"ctypes", "_ctypes", "socket", "_socket", "subprocess", "_posixsubprocess", "multiprocessing"}
)


def limit(limits: dict[str, int]) -> None:
    """Limit this process by what the operating system offers."""
    if sys.platform == "linux":
        import ctypes

        system = ctypes.CDLL(None)
        if system.unshare(_NEW_USERS | _NEW_NETWORK):
            system.unshare(_NEW_NETWORK)
        for name in [name for name in sys.modules if "ctypes" in name]:
            del sys.modules[name]
    import resource

    for name, most in limits.items():
        number = getattr(resource, name, None)
        if number is not None:
            allowed = resource.getrlimit(number)[1]
            least = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
            resource.setrlimit(number, (least, least))


def watch() -> None:
    """Refuse what Python itself reports of files, processes and the network, from here on."""
    roots = tuple(
        os.path.join(os.path.realpath(sysconfig.get_path(name)), "")  # noqa: PTH118  pathlib is one import more
        for name in ("stdlib", "platstdlib")
    )
    # Bound here, since the code that is watched may change the modules.
    realpath, fsdecode, refused, imports, writing = os.path.realpath, os.fsdecode, _REFUSED, _REFUSED_IMPORTS, _WRITING

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event.startswith(refused):
            raise PermissionError(f"{event} is not allowed here")
        if event == "import" and str(args[0]).partition(".")[0] in imports:
            raise PermissionError(f"the module {args[0]} is not allowed here")
        if event in ("open", "os.listdir", "os.scandir"):
            path, flags = args[0], args[2] if event == "open" else 0
            own = isinstance(path, int) or (fsdecode(path or ".") + "/").startswith(roots)
            own = own or (not isinstance(path, int) and (realpath(fsdecode(path or ".")) + "/").startswith(roots))
            if not own or (isinstance(flags, int) and flags & writing):
                raise PermissionError(f"the file {path!r} is not open to code that runs here")

    sys.addaudithook(hook)


def compiled(code: str) -> list[CodeType]:
    """The code, of which a last line that is an expression is shown as an interactive Python shows it."""
    tree = ast.parse(code, "<code>")
    if not (tree.body and isinstance(tree.body[-1], ast.Expr)):
        return [compile(tree, "<code>", "exec")]
    last = ast.Interactive([tree.body.pop()])
    return [compile(tree, "<code>", "exec"), compile(last, "<code>", "single")]


def main() -> None:
    """Run what stands on standard input."""
    limits = json.loads(sys.stdin.readline())
    limit(limits)
    given = json.loads(sys.stdin.read())
    sys.path = [path for path in sys.path if path]
    watch()
    names: dict[str, Any] = {"__name__": "__main__", **given["variables"]}
    try:
        for part in compiled(given["code"]):
            exec(part, names)  # noqa: S102  what this process is for
    except SystemExit:
        pass
    # The code may raise anything, which is for its author to read.
    except BaseException as error:
        sys.stdout.flush()
        line = _line_of(error)
        sys.stderr.write(f"{type(error).__name__}{'' if line is None else f' in line {line}'}: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


def _line_of(error: BaseException) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<code>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


if __name__ == "__main__":
    main()
