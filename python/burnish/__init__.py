"""Burnish tunes language-model programs: a program, a metric and a few examples in, a better one out.

The names are those that DSPy's users know, so ``import burnish as dspy`` runs the code of its
optimizer documentation. Everything is imported when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from burnish.adapters.base import Adapter as Adapter
    from burnish.adapters.chat import ChatAdapter as ChatAdapter
    from burnish.adapters.json import JSONAdapter as JSONAdapter
    from burnish.adapters.two_step import TwoStepAdapter as TwoStepAdapter
    from burnish.adapters.xml import XMLAdapter as XMLAdapter
    from burnish.errors import (
        AssertionFailed as AssertionFailed,
    )
    from burnish.errors import (
        BudgetExhausted as BudgetExhausted,
    )
    from burnish.errors import (
        BurnishError as BurnishError,
    )
    from burnish.errors import (
        CodeError as CodeError,
    )
    from burnish.errors import (
        ConfigError as ConfigError,
    )
    from burnish.errors import (
        LMAccessDenied as LMAccessDenied,
    )
    from burnish.errors import (
        LMError as LMError,
    )
    from burnish.errors import (
        LMRejected as LMRejected,
    )
    from burnish.errors import (
        LMTransient as LMTransient,
    )
    from burnish.errors import (
        MetricError as MetricError,
    )
    from burnish.errors import (
        PluginError as PluginError,
    )
    from burnish.errors import (
        PromptTooLong as PromptTooLong,
    )
    from burnish.errors import (
        ReplyError as ReplyError,
    )
    from burnish.errors import (
        RunStopped as RunStopped,
    )
    from burnish.errors import (
        SignatureError as SignatureError,
    )
    from burnish.errors import (
        StateError as StateError,
    )
    from burnish.errors import (
        ToolError as ToolError,
    )
    from burnish.evaluate import Evaluate as Evaluate
    from burnish.evaluate import EvaluationResult as EvaluationResult
    from burnish.evaluate import compare as compare
    from burnish.evaluation.compare import Comparison as Comparison
    from burnish.lm.backends.base import (
        Embedded as Embedded,
    )
    from burnish.lm.backends.base import (
        Endpoint as Endpoint,
    )
    from burnish.lm.cache import Cache as Cache
    from burnish.lm.callbacks import BaseCallback as BaseCallback
    from burnish.lm.callbacks import active_call_id as active_call_id
    from burnish.lm.lm import LM as LM
    from burnish.lm.request import Output as Output
    from burnish.lm.request import Request as Request
    from burnish.lm.request import Response as Response
    from burnish.lm.settings import (
        configure as configure,
    )
    from burnish.lm.settings import (
        context as context,
    )
    from burnish.lm.settings import inspect_history as inspect_history
    from burnish.lm.settings import (
        settings as settings,
    )
    from burnish.lm.tracking import track_usage as track_usage
    from burnish.metrics.majority import majority as majority
    from burnish.metrics.semantic import CompleteAndGrounded as CompleteAndGrounded
    from burnish.metrics.semantic import SemanticF1 as SemanticF1
    from burnish.metrics.text import (
        EM as EM,
    )
    from burnish.metrics.text import (
        F1 as F1,
    )
    from burnish.metrics.text import (
        HotPotF1 as HotPotF1,
    )
    from burnish.metrics.text import (
        answer_exact_match as answer_exact_match,
    )
    from burnish.metrics.text import (
        answer_passage_match as answer_passage_match,
    )
    from burnish.metrics.text import (
        normalize_text as normalize_text,
    )
    from burnish.modules.assertions import Assert as Assert
    from burnish.modules.assertions import Suggest as Suggest
    from burnish.modules.assertions import (
        assert_transform_module as assert_transform_module,
    )
    from burnish.modules.assertions import backtrack_handler as backtrack_handler
    from burnish.modules.asyncify import asyncify as asyncify
    from burnish.modules.best_of_n import BestOfN as BestOfN
    from burnish.modules.chain_of_thought import ChainOfThought as ChainOfThought
    from burnish.modules.mcp import MCPTools as MCPTools
    from burnish.modules.module import Module as Module
    from burnish.modules.multi_chain import MultiChainComparison as MultiChainComparison
    from burnish.modules.parallel import Parallel as Parallel
    from burnish.modules.pickled import load as load
    from burnish.modules.predict import Predict as Predict
    from burnish.modules.program_of_thought import ProgramOfThought as ProgramOfThought
    from burnish.modules.react import ReAct as ReAct
    from burnish.modules.refine import Refine as Refine
    from burnish.modules.sandbox import PythonInterpreter as PythonInterpreter
    from burnish.modules.trace_log import TraceLog as TraceLog
    from burnish.optimizers.base import Optimizer as Optimizer
    from burnish.optimizers.bootstrap_few_shot import BootstrapFewShot as BootstrapFewShot
    from burnish.optimizers.copro import COPRO as COPRO
    from burnish.optimizers.ensemble import Ensemble as Ensemble
    from burnish.optimizers.knn_few_shot import KNNFewShot as KNNFewShot
    from burnish.optimizers.labeled_few_shot import LabeledFewShot as LabeledFewShot
    from burnish.optimizers.mipro import MIPROv2 as MIPROv2
    from burnish.optimizers.random_search import (
        BootstrapFewShotWithRandomSearch as BootstrapFewShotWithRandomSearch,
    )
    from burnish.optimizers.random_search import (
        BootstrapRS as BootstrapRS,
    )
    from burnish.optimizers.session import Session as Session
    from burnish.plugins.admission import PluginWarning as PluginWarning
    from burnish.plugins.hookspecs import hookimpl as hookimpl
    from burnish.retrieve.colbert import ColBERTv2 as ColBERTv2
    from burnish.retrieve.embedder import Embedder as Embedder
    from burnish.retrieve.embeddings import Embeddings as Embeddings
    from burnish.retrieve.embeddings import EmbeddingsWithScores as EmbeddingsWithScores
    from burnish.retrieve.nearest import KNN as KNN
    from burnish.retrieve.nearest_demos import NearestDemos as NearestDemos
    from burnish.retrieve.retrieve import Retrieve as Retrieve
    from burnish.stages.traces import TraceTable as TraceTable
    from burnish.streaming.streamify import streamify as streamify
    from burnish.values.budget import Budget as Budget
    from burnish.values.example import Example as Example
    from burnish.values.prediction import Completions as Completions
    from burnish.values.prediction import Prediction as Prediction
    from burnish.values.prediction import ScoreWithFeedback as ScoreWithFeedback
    from burnish.values.report import Report as Report
    from burnish.values.score import Score as Score
    from burnish.values.signature import (
        InputField as InputField,
    )
    from burnish.values.signature import (
        OutputField as OutputField,
    )
    from burnish.values.signature import (
        Signature as Signature,
    )
    from burnish.values.signature import (
        ensure_signature as ensure_signature,
    )
    from burnish.values.signature import (
        make_signature as make_signature,
    )
    from burnish.values.space import Candidate as Candidate
    from burnish.values.space import Choice as Choice
    from burnish.values.tools import Tool as Tool
    from burnish.values.tools import ToolCalls as ToolCalls
    from burnish.values.types.audio import Audio as Audio
    from burnish.values.types.base import Type as Type
    from burnish.values.types.code import Code as Code
    from burnish.values.types.file import File as File
    from burnish.values.types.history import History as History
    from burnish.values.types.image import Image as Image
    from burnish.values.usage import Usage as Usage

# Module → the names that it gives the package, in the order of the flow.
_HOMES = {
    "values.example": ("Example",),
    "values.prediction": ("Prediction", "Completions", "ScoreWithFeedback"),
    "values.signature": ("Signature", "InputField", "OutputField", "ensure_signature", "make_signature"),
    "values.tools": ("Tool", "ToolCalls"),
    "values.types.base": ("Type",),
    "values.types.image": ("Image",),
    "values.types.audio": ("Audio",),
    "values.types.file": ("File",),
    "values.types.code": ("Code",),
    "values.types.history": ("History",),
    "values.score": ("Score",),
    "values.space": ("Candidate", "Choice"),
    "values.budget": ("Budget",),
    "values.usage": ("Usage",),
    "values.report": ("Report",),
    "plugins.admission": ("PluginWarning",),
    "plugins.hookspecs": ("hookimpl",),
    "lm.lm": ("LM",),
    "lm.request": ("Request", "Response", "Output"),
    "lm.backends.base": ("Endpoint", "Embedded"),
    "lm.cache": ("Cache",),
    "lm.settings": ("settings", "configure", "context", "inspect_history"),
    "lm.callbacks": ("BaseCallback", "active_call_id"),
    "lm.tracking": ("track_usage",),
    "adapters.base": ("Adapter",),
    "adapters.chat": ("ChatAdapter",),
    "adapters.json": ("JSONAdapter",),
    "adapters.two_step": ("TwoStepAdapter",),
    "adapters.xml": ("XMLAdapter",),
    "modules.module": ("Module",),
    "modules.predict": ("Predict",),
    "modules.chain_of_thought": ("ChainOfThought",),
    "modules.react": ("ReAct",),
    "modules.multi_chain": ("MultiChainComparison",),
    "modules.best_of_n": ("BestOfN",),
    "modules.refine": ("Refine",),
    "modules.parallel": ("Parallel",),
    "modules.program_of_thought": ("ProgramOfThought",),
    "modules.sandbox": ("PythonInterpreter",),
    "modules.assertions": ("Assert", "Suggest", "assert_transform_module", "backtrack_handler"),
    "modules.mcp": ("MCPTools",),
    "modules.trace_log": ("TraceLog",),
    "metrics.majority": ("majority",),
    "modules.pickled": ("load",),
    "modules.asyncify": ("asyncify",),
    "streaming.streamify": ("streamify",),
    "metrics.text": ("EM", "F1", "HotPotF1", "answer_exact_match", "answer_passage_match", "normalize_text"),
    "metrics.semantic": ("SemanticF1", "CompleteAndGrounded"),
    "retrieve.embedder": ("Embedder",),
    "retrieve.embeddings": ("Embeddings", "EmbeddingsWithScores"),
    "retrieve.nearest": ("KNN",),
    "retrieve.colbert": ("ColBERTv2",),
    "retrieve.retrieve": ("Retrieve",),
    "stages.traces": ("TraceTable",),
    "retrieve.nearest_demos": ("NearestDemos",),
    "evaluation.compare": ("Comparison",),
    "evaluate": ("Evaluate", "EvaluationResult", "compare"),
    "optimizers.base": ("Optimizer",),
    "optimizers.session": ("Session",),
    "optimizers.labeled_few_shot": ("LabeledFewShot",),
    "optimizers.bootstrap_few_shot": ("BootstrapFewShot",),
    "optimizers.knn_few_shot": ("KNNFewShot",),
    "optimizers.copro": ("COPRO",),
    "optimizers.mipro": ("MIPROv2",),
    "optimizers.ensemble": ("Ensemble",),
    "optimizers.random_search": ("BootstrapFewShotWithRandomSearch", "BootstrapRS"),
    "errors": (
        "BurnishError",
        "ConfigError",
        "SignatureError",
        "StateError",
        "PluginError",
        "ReplyError",
        "ToolError",
        "AssertionFailed",
        "CodeError",
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
# Modules that people reach as attributes, as in `burnish.evaluate.answer_exact_match`.
_MODULES = frozenset({"datasets", "evaluate", "retrievers", "streaming", "teleprompt", "testing"})
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME, "__version__"]  # noqa: PLE0604  the keys are names


# DSPy's, and not here.
_NOT_YET = frozenset({"BetterTogether", "BootstrapFinetune", "CodeAct", "GEPA", "InferRules", "SIMBA"})


def __getattr__(name: str) -> Any:
    """Import a name of the package at its first use."""
    if name in _MODULES:
        return importlib.import_module(f"burnish.{name}")
    home = _HOME.get(name)
    if home is None:
        from burnish.plugins.apart import OPTIMIZERS_APART, optimizer_apart

        if name in OPTIMIZERS_APART:
            return optimizer_apart(name)
        yet = " yet: the README says what it does not do" if name in _NOT_YET else ""
        raise AttributeError(f"module 'burnish' has no attribute {name!r}{yet}")
    value = getattr(importlib.import_module(f"burnish.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
