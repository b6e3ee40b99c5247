"""DSPy's name for the optimizers: ``from burnish.teleprompt import *``."""

from burnish.optimizers.base import Optimizer
from burnish.optimizers.base import Optimizer as Teleprompter
from burnish.optimizers.bootstrap_few_shot import BootstrapFewShot
from burnish.optimizers.knn_few_shot import KNNFewShot
from burnish.optimizers.labeled_few_shot import LabeledFewShot
from burnish.optimizers.random_search import BootstrapFewShotWithRandomSearch, BootstrapRS

__all__ = [
    "BootstrapFewShot",
    "BootstrapFewShotWithRandomSearch",
    "BootstrapRS",
    "KNNFewShot",
    "LabeledFewShot",
    "Optimizer",
    "Teleprompter",
]
