"""DSPy's name for the optimizers: ``from burnish.teleprompt import *``."""

from typing import Any

from burnish.optimizers.base import Optimizer
from burnish.optimizers.base import Optimizer as Teleprompter
from burnish.optimizers.bootstrap_few_shot import BootstrapFewShot
from burnish.optimizers.copro import COPRO
from burnish.optimizers.ensemble import Ensemble
from burnish.optimizers.knn_few_shot import KNNFewShot
from burnish.optimizers.labeled_few_shot import LabeledFewShot
from burnish.optimizers.mipro import MIPROv2
from burnish.optimizers.random_search import BootstrapFewShotWithRandomSearch, BootstrapRS
from burnish.plugins.apart import OPTIMIZERS_APART, optimizer_apart

__all__ = [
    "COPRO",
    "BootstrapFewShot",
    "BootstrapFewShotWithRandomSearch",
    "BootstrapRS",
    "Ensemble",
    "KNNFewShot",
    "LabeledFewShot",
    "MIPROv2",
    "Optimizer",
    "Teleprompter",
]


def __getattr__(name: str) -> Any:
    if name in OPTIMIZERS_APART:
        return optimizer_apart(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
