"""Writes what the installed DSPy saves, beside this file: `python tests/cases/dspy/write.py` with that DSPy's Python."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import dspy

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from programs import programs  # noqa: E402 - it lies beside this file


def main() -> None:
    version = importlib.metadata.version("dspy-ai" if "--ai" in sys.argv else "dspy")
    # DSPy 2.5 can write neither a model of the program's own nor a pydantic model in a demo.
    old = version.startswith("2.5")
    for name, program in programs(dspy, plain=old).items():
        if not old:
            program.set_lm(dspy.LM("openai/gpt-4o-mini", temperature=0.7, max_tokens=300, api_key="marker-of-a-key"))
        program.save(str(HERE / f"{name}-{version}.json"))


main()
