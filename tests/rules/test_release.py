"""What a release needs: one version everywhere, and a workflow that publishes nothing that was not built and run on its platform."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import yaml  # of pre-commit and LiteLLM

import burnish
from tests.rules.source import ROOT

PLATFORMS = {
    "manylinux-x86_64",
    "manylinux-aarch64",
    "musllinux-x86_64",
    "musllinux-aarch64",
    "macos-x86_64",
    "macos-aarch64",
    "windows-x86_64",
}


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def workflow() -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))


def runs(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_version_is_the_same_everywhere() -> None:
    workspace = toml("Cargo.toml")["workspace"]
    crates = {toml(f"{member}/Cargo.toml")["package"]["name"] for member in workspace["members"]}
    locked = {package["version"] for package in toml("Cargo.lock")["package"] if package["name"] in crates}
    changes = re.search(r"^## ([\d.]+\S*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert changes is not None
    assert {toml("pyproject.toml")["project"]["version"], workspace["package"]["version"], changes[1]} | locked == {
        burnish.__version__
    }


def test_each_platform_builds_on_its_own_kind_of_machine() -> None:
    entries = workflow()["jobs"]["wheel"]["strategy"]["matrix"]["include"]
    assert {entry["name"] for entry in entries} == PLATFORMS
    for entry in entries:
        system, machine = entry["name"].split("-")
        assert entry["target"].startswith(machine), entry
        assert ("linux" in entry["target"]) == ("container" in entry) == ("manylinux" in entry), entry
        if "container" in entry:
            assert f"/{system}_" in entry["container"], entry
            assert entry["container"].endswith(f"_{machine}"), entry
            assert ("musl" in entry["target"]) == (system == "musllinux"), entry


def test_only_what_was_run_is_published() -> None:
    jobs = workflow()["jobs"]
    builders = set(jobs) - {"publish"}
    assert set(jobs["publish"]["needs"]) == builders
    for name in builders:
        assert any(".ci/smoke.py" in run for run in runs(jobs[name])), f"{name} runs no smoke test"
        assert "permissions" not in jobs[name], f"{name} needs no rights of its own"
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    for condition in ("github.event_name == 'push'", "github.ref_type == 'tag'", "!github.event.repository.fork"):
        assert condition in jobs["publish"]["if"]


def test_the_scripts_of_a_release_are_those_run_by_hand() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    scripts = {
        found for job in workflow()["jobs"].values() for run in runs(job) for found in re.findall(r"\.ci/\w+\.py", run)
    }
    assert scripts == set(re.findall(r"\.ci/\w+\.py", makefile))
    assert all((ROOT / script).is_file() for script in scripts)


def test_a_bare_musl_container_gets_what_the_smoke_test_needs() -> None:
    smokes = [run for run in runs(workflow()["jobs"]["wheel"]) if ".ci/smoke.py" in run and "alpine" in run]
    assert smokes, "no musl wheel is run on musl"
    for run in smokes:
        assert "apk add" in run, run
        assert run.index("apk add") < run.index(".ci/smoke.py"), run
