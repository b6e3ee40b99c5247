"""For authors of plugins, and for Burnish's own tests: scripted models, toy programs, contract suites.

A suite is a class of pytest tests to subclass; its docstring says what to give it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from burnish.testing import toy
from burnish.testing.scripted import ScriptedLM

if TYPE_CHECKING:
    from burnish.testing.contracts import BackendContract, MetricContract, OptimizerContract, PluginContract

__all__ = ["BackendContract", "MetricContract", "OptimizerContract", "PluginContract", "ScriptedLM", "toy"]

_SUITES = ("BackendContract", "MetricContract", "OptimizerContract", "PluginContract")


def __getattr__(name: str) -> Any:
    # Only the suites need pytest, which nobody must install to use a scripted model.
    if name in _SUITES:
        import pytest

        pytest.register_assert_rewrite("burnish.testing.contracts")
        from burnish.testing import contracts

        return getattr(contracts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
