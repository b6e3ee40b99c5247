"""Burnish tunes language-model programs: a program, a metric and a few examples in, a better one out.

The names are those that DSPy's users know, so ``import burnish as dspy`` runs the code of its
optimizer documentation. Everything is imported when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from burnish.adapters.base import Adapter
    from burnish.adapters.chat import ChatAdapter
    from burnish.errors import (
        BudgetExhausted,
        BurnishError,
        ConfigError,
        LMAccessDenied,
        LMError,
        LMRejected,
        LMTransient,
        MetricError,
        PluginError,
        PromptTooLong,
        ReplyError,
        RunStopped,
        SignatureError,
        StateError,
    )
    from burnish.evaluate import Evaluate, EvaluationResult
    from burnish.lm.cache import Cache
    from burnish.lm.lm import LM
    from burnish.lm.request import Output, Request, Response
    from burnish.lm.settings import configure, context, settings
    from burnish.metrics.text import EM, F1, HotPotF1, answer_exact_match, answer_passage_match, normalize_text
    from burnish.modules.chain_of_thought import ChainOfThought
    from burnish.modules.module import Module
    from burnish.modules.predict import Predict
    from burnish.optimizers.base import Optimizer
    from burnish.optimizers.bootstrap_few_shot import BootstrapFewShot
    from burnish.optimizers.labeled_few_shot import LabeledFewShot
    from burnish.optimizers.random_search import BootstrapFewShotWithRandomSearch, BootstrapRS
    from burnish.optimizers.session import Session
    from burnish.plugins.hookspecs import hookimpl
    from burnish.values.budget import Budget
    from burnish.values.example import Example
    from burnish.values.prediction import Completions, Prediction
    from burnish.values.report import Report
    from burnish.values.score import Score
    from burnish.values.signature import InputField, OutputField, Signature, ensure_signature
    from burnish.values.space import Candidate, Choice
    from burnish.values.usage import Usage

# Module → the names that it gives the package, in the order of the flow.
_HOMES = {
    "values.example": ("Example",),
    "values.prediction": ("Prediction", "Completions"),
    "values.signature": ("Signature", "InputField", "OutputField", "ensure_signature"),
    "values.score": ("Score",),
    "values.space": ("Candidate", "Choice"),
    "values.budget": ("Budget",),
    "values.usage": ("Usage",),
    "values.report": ("Report",),
    "plugins.hookspecs": ("hookimpl",),
    "lm.lm": ("LM",),
    "lm.request": ("Request", "Response", "Output"),
    "lm.cache": ("Cache",),
    "lm.settings": ("settings", "configure", "context"),
    "adapters.base": ("Adapter",),
    "adapters.chat": ("ChatAdapter",),
    "modules.module": ("Module",),
    "modules.predict": ("Predict",),
    "modules.chain_of_thought": ("ChainOfThought",),
    "metrics.text": ("EM", "F1", "HotPotF1", "answer_exact_match", "answer_passage_match", "normalize_text"),
    "evaluate": ("Evaluate", "EvaluationResult"),
    "optimizers.base": ("Optimizer",),
    "optimizers.session": ("Session",),
    "optimizers.labeled_few_shot": ("LabeledFewShot",),
    "optimizers.bootstrap_few_shot": ("BootstrapFewShot",),
    "optimizers.random_search": ("BootstrapFewShotWithRandomSearch", "BootstrapRS"),
    "errors": (
        "BurnishError",
        "ConfigError",
        "SignatureError",
        "StateError",
        "PluginError",
        "ReplyError",
        "MetricError",
        "LMError",
        "LMTransient",
        "LMRejected",
        "LMAccessDenied",
        "PromptTooLong",
        "BudgetExhausted",
        "RunStopped",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME, "__version__"]  # noqa: PLE0604  the keys are names


def __getattr__(name: str) -> Any:
    """Import a name of the package at its first use."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'burnish' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"burnish.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
