"""For authors of plugins, and for Burnish's own tests: scripted models, toy programs, contract suites.

A suite is a class of pytest tests to subclass; its docstring says what to give it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from burnish.testing import toy
from burnish.testing.scripted import ScriptedLM

if TYPE_CHECKING:
    from burnish.testing.contracts import BackendContract, MetricContract, OptimizerContract, PluginContract
    from burnish.testing.embedder_contract import EmbedderContract

__all__ = [
    "BackendContract",
    "EmbedderContract",
    "MetricContract",
    "OptimizerContract",
    "PluginContract",
    "ScriptedLM",
    "toy",
]

_SUITES = {
    "BackendContract": "contracts",
    "EmbedderContract": "embedder_contract",
    "MetricContract": "contracts",
    "OptimizerContract": "contracts",
    "PluginContract": "contracts",
}


def __getattr__(name: str) -> Any:
    # Only the suites need pytest, which nobody must install to use a scripted model.
    if name in _SUITES:
        import importlib

        import pytest

        home = f"burnish.testing.{_SUITES[name]}"
        pytest.register_assert_rewrite(home)
        return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
