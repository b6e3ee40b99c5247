"""For authors of plugins, and for Burnish's own tests: scripted models, toy programs, contract suites.

A suite is a class of pytest tests to subclass; its docstring says what to give it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from burnish.testing import toy as toy
    from burnish.testing.adapter_contract import AdapterContract
    from burnish.testing.backend_contract import BackendContract
    from burnish.testing.contracts import MetricContract, OptimizerContract, PluginContract
    from burnish.testing.embedder_contract import EmbedderContract
    from burnish.testing.scripted import ScriptedLM
    from burnish.testing.searcher_contract import SearcherContract
    from burnish.testing.server import serving

__all__ = [
    "AdapterContract",
    "BackendContract",
    "EmbedderContract",
    "MetricContract",
    "OptimizerContract",
    "PluginContract",
    "ScriptedLM",
    "SearcherContract",
    "serving",
    "toy",
]

_HOME = {
    "AdapterContract": "adapter_contract",
    "BackendContract": "backend_contract",
    "EmbedderContract": "embedder_contract",
    "MetricContract": "contracts",
    "OptimizerContract": "contracts",
    "PluginContract": "contracts",
    "ScriptedLM": "scripted",
    "SearcherContract": "searcher_contract",
    "serving": "server",
}


def __getattr__(name: str) -> Any:
    if name == "toy":
        return importlib.import_module("burnish.testing.toy")
    if name in _HOME:
        home = f"burnish.testing.{_HOME[name]}"
        if name.endswith("Contract"):
            # Only the suites need pytest, which nobody must install to use a scripted model.
            import pytest

            pytest.register_assert_rewrite(home)
        return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
