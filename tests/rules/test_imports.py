"""What importing Burnish costs: each check starts a fresh Python and looks at what was loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"aiohttp", "dspy", "httpx", "litellm", "openai", "optuna", "rich", "scipy", "sklearn"}
LIGHT = {"click", "json_repair", "numpy", "pluggy", "pydantic", "sqlite3"}


def loaded_after(statement: str) -> set[str]:
    """The top-level packages in `sys.modules` of a new process once a statement has run."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def bare() -> set[str]:
    """What a Python of this environment loads by itself, through `.pth` files for example."""
    return loaded_after("pass")


def test_importing_burnish_loads_no_dependency(bare: set[str]) -> None:
    loaded = loaded_after("import burnish") - bare
    faults = sorted(loaded & (HEAVY | LIGHT))
    assert not faults, f"`import burnish` loads {faults}: see `python -X importtime -c 'import burnish'` for who asks"


@pytest.mark.parametrize("name", ["Predict", "ChainOfThought", "Example", "Signature", "LM", "BootstrapFewShot"])
def test_a_program_is_written_without_the_heavy_packages(name: str, bare: set[str]) -> None:
    loaded = loaded_after(f"import burnish; burnish.{name}") - bare
    faults = sorted(loaded & HEAVY)
    assert not faults, f"`burnish.{name}` loads {faults}: import them inside the function that needs them"
