"""Plugins as pip leaves them: a module, and a dist-info folder with its entry points."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import burnish.errors

PACKAGE_ROOT = Path(burnish.errors.__file__).parents[1]


def install(folder: Path, name: str, source: str, *, version: str = "1.0", entry: str | None = None) -> None:
    """Put a plugin of one module into a folder of `sys.path`, under the entry point `entry` (default: `name`)."""
    module = f"plugin_{name}_module"
    (folder / f"{module}.py").write_text(
        "from burnish.plugins import hookimpl\n" + textwrap.dedent(source), encoding="utf-8"
    )
    info = folder / f"burnish_{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: burnish-{name}\nVersion: {version}\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(f"[burnish]\n{entry or name} = {module}\n", encoding="utf-8")


def run_python(folder: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a new Python that has the folder's plugins installed."""
    path = os.pathsep.join([str(folder), str(PACKAGE_ROOT)])
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
