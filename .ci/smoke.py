"""Proves a wheel or an sdist: what is inside, and that it installs and runs in an environment of nothing else.

`python .ci/smoke.py dist` takes each distribution in that folder by itself: lists what it holds, installs it into a fresh environment in a folder
outside of the tree, asks for every public name and for an answer of the core, and tunes the demo. For a wheel the PATH has no cargo and
no rustc on it; an sdist is compiled on the way, so that it needs both. Nothing is reached but the package registries. It runs on every
system and takes nothing but a Python, so that a release runs what `make smoke` runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

TREE = Path(__file__).resolve().parents[1]
WHEEL = re.compile(r"burnish-[\w.]+-cp311-abi3-(manylinux|musllinux|macosx|win)_[\w.]+\.whl")
# What users of either need, and what only a build needs; an sdist has the package below `python`.
PACKAGE = {"burnish/py.typed", "burnish/_core.pyi", "burnish/datasets/support_tickets.jsonl"}
LICENSES = {"LICENSE", "THIRD_PARTY_LICENSES.txt"}
CRATES = {f"rust/{crate}/{file}" for crate in ("core", "client", "bindings") for file in ("Cargo.toml", "src/lib.rs")}
SOURCES = {"Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md", *CRATES}
# Folders of the workshop at the top, folders that belong nowhere, and what a build or a run leaves behind.
WORKSHOP = {"benches", "docs", "plugins", "target", "dist"}
NOWHERE = {"tests", "__pycache__"}
LEFTOVERS = {".pyc", ".so", ".pyd", ".dylib", ".db"}

# Runs inside of the environment: every public name, the core, and that both are those that were installed.
ASK = """
import importlib.metadata, sys, burnish
from burnish import _core
from burnish.retrieve.knn import Index
for name in burnish.__all__:
    getattr(burnish, name)
for module in (burnish, _core):
    assert module.__file__.startswith(sys.prefix), module.__file__
assert burnish.__version__ == importlib.metadata.version("burnish") == sys.argv[1], burnish.__version__
index = Index(3)
index.append([[1, 0, 0], [0, 1, 0], [1, 1, 0]])
assert index.search([1, 0.2, 0], 3)[0].tolist() == [0, 2, 1]
assert burnish.EM("The  answer.", ["answer"]) == 1
print("burnish", burnish.__version__, "of", len(burnish.__all__), "names on Python", sys.version.split()[0])
"""


def main(given: list[str]) -> None:
    """Check each distribution that is named, or lies in a folder that is."""
    named = [Path(name).resolve() for name in given]
    paths = [path for name in named for path in (sorted(name.iterdir()) if name.is_dir() else [name])]
    if not paths:
        sys.exit(
            "usage: python .ci/smoke.py FILE_OR_FOLDER…  (nothing there: `make wheel` builds a wheel and an sdist)"
        )
    for path in paths:
        check_contents(path)
        check_install(path)
        print(f"{path.name}: holds what it should, installs and runs", flush=True)


def check_contents(path: Path) -> None:
    """Refuse a distribution that lacks a file, or brings one that is not for users."""
    wheel = path.suffix == ".whl"
    if wheel:
        if not WHEEL.fullmatch(path.name):
            sys.exit(f"{path.name}: its tag must be cp311-abi3 and a platform that PyPI takes")
        with zipfile.ZipFile(path) as archive:
            names = {name for name in archive.namelist() if not name.endswith("/")}
        # Beside the package stands one folder, with the licences in it.
        info = f"{'-'.join(path.name.split('-')[:2])}.dist-info"
        needed = PACKAGE | {f"{info}/licenses/{name}" for name in LICENSES} | {f"{info}/entry_points.txt"}
        strange = {name for name in names if name.split("/")[0] not in {"burnish", info}}
        core = {name for name in names if re.fullmatch(r"burnish/_core\.(abi3\.so|pyd)", name)}
        if len(core) != 1:
            sys.exit(f"{path.name}: holds {sorted(core)}, where there must be one core")
    else:
        with tarfile.open(path) as archive:
            names = {str(PurePosixPath(*PurePosixPath(file.name).parts[1:])) for file in archive if file.isfile()}
        needed = SOURCES | LICENSES | {f"python/{name}" for name in PACKAGE}
        core, strange = set(), set()
    for name in names - core:
        parts = PurePosixPath(name).parts
        workshop = parts[0] in WORKSHOP or parts[0].startswith(".") or NOWHERE & set(parts[:-1])
        if workshop or PurePosixPath(name).suffix in LEFTOVERS:
            strange.add(name)
    if needed - names or strange:
        sys.exit(f"{path.name}: lacks {sorted(needed - names)} and should not hold {sorted(strange)}")


def check_install(path: Path) -> None:
    """Install a distribution into an environment of its own and run it there."""
    version = path.name.removesuffix(".tar.gz").split("-")[1]
    with tempfile.TemporaryDirectory(prefix="burnish-smoke-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        if folder.is_relative_to(TREE):
            sys.exit(f"{folder} lies in the tree: set TMPDIR to a folder outside of it")
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        environment = clean_environment(rust=path.suffix != ".whl")
        environment["BURNISH_CACHE_DIR"] = str(folder / "cache")

        def run(*command: str) -> None:
            subprocess.run([str(scripts / command[0]), *command[1:]], cwd=folder, env=environment, check=True)

        run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(path))
        run("python", "-m", "pip", "check")
        run("python", "-c", ASK, version)
        run("burnish", "--version")
        run("burnish", "demo", "--candidates", "2", "--out", "demo")


def clean_environment(*, rust: bool) -> dict[str, str]:
    """What the shell brings, less what leads to another Burnish; without Rust also less every folder of the PATH that has it."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "BURNISH_", "VIRTUAL_ENV"))
    }
    # What a pipe takes is UTF-8 on every system, as a terminal's is.
    kept["PYTHONUTF8"] = "1"
    if not rust:
        kept = {name: value for name, value in kept.items() if not name.startswith(("CARGO", "RUST"))}
        folders = kept.get("PATH", "").split(os.pathsep)
        clean = [
            folder for folder in folders if not any(shutil.which(tool, path=folder) for tool in ("cargo", "rustc"))
        ]
        kept["PATH"] = os.pathsep.join(clean)
    return kept


if __name__ == "__main__":
    main(sys.argv[1:])
