"""Writes THIRD_PARTY_LICENSES.txt: the crates that are compiled into the core, and the texts under which they are used.

`python .ci/licenses.py` writes it anew, `--check` fails where it is not what Cargo.lock asks for. A wheel holds these crates as machine
code, and their licences ask that their notices go along. The texts are those in the crates' own sources, which cargo has fetched for the
build; crates of every platform are listed, so that the file is the same wherever it is written.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parents[1]
FILE = TREE / "THIRD_PARTY_LICENSES.txt"
NAMES = re.compile(r"(?i)(un)?licen[cs]e|copying|copyright|notice")
RULE = "=" * 80
HEAD = """\
Burnish is under the Apache License 2.0, which is in LICENSE. Its core, burnish/_core, is compiled together with the
Rust standard library (MIT OR Apache-2.0, https://github.com/rust-lang/rust) and with the crates below, each under the
licence beside it. Their texts follow, each once, under the names of those that it came with.

`python .ci/licenses.py` writes this file from Cargo.lock.
"""


def main(arguments: list[str]) -> None:
    """Write the file, or hold it against what would be written."""
    text = written(compiled_in())
    if arguments == ["--check"]:
        if not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
            sys.exit(
                f"{FILE.name} is not what Cargo.lock asks for: run `python .ci/licenses.py`, and commit what it writes"
            )
    else:
        FILE.write_text(text, encoding="utf-8", newline="\n")


def compiled_in() -> list[dict[str, Any]]:
    """The crates of others that the bindings link on some platform, by name and version: not what builds or tests them."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    metadata = json.loads(subprocess.run(command, cwd=TREE, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    edges = {node["id"]: node["deps"] for node in metadata["resolve"]["nodes"]}
    waiting = [package["id"] for package in packages.values() if package["name"] == "burnish-bindings"]
    found = set(waiting)
    while waiting:
        for edge in edges[waiting.pop()]:
            linked = any(kind["kind"] is None for kind in edge["dep_kinds"])
            # What writes code while others are compiled is not in what they become.
            macros = any("proc-macro" in target["kind"] for target in packages[edge["pkg"]]["targets"])
            if linked and not macros and edge["pkg"] not in found:
                found.add(edge["pkg"])
                waiting.append(edge["pkg"])
    others = [packages[name] for name in found if packages[name]["source"] is not None]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def written(packages: list[dict[str, Any]]) -> str:
    """The whole file."""
    crates, owners, texts = [], defaultdict(list), {}
    for package in packages:
        brought = license_texts(package)
        crates.append(
            f"  {package['name']} {package['version']}: {package['license']}{'' if brought else ' (it brings no text)'}"
        )
        for text in brought:
            # Two that differ in their line breaks are one.
            words = " ".join(text.split())
            texts.setdefault(words, text)
            owners[words].append(package["name"])
    parts = [HEAD, "\n".join(crates) + "\n"]
    for words, names in sorted(owners.items(), key=lambda item: (item[1], item[0])):
        parts.append(f"{RULE}\n{', '.join(dict.fromkeys(names))}\n{RULE}\n\n{texts[words]}\n")
    return "\n".join(parts)


def license_texts(package: dict[str, Any]) -> list[str]:
    """The texts of licences and notices in a crate's source, without what differs by the editor that wrote them."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and NAMES.match(path.name) and path.suffix != ".rs"
    )
    texts = []
    for file in files:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        texts.append("\n".join(line.rstrip() for line in lines).strip("\n"))
    return list(dict.fromkeys(text for text in texts if text))


if __name__ == "__main__":
    main(sys.argv[1:])
