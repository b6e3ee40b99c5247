"""Optuna's samplers as searchers: what they ask for depends on the board and the seed alone.

A candidate is one trial, and its value is the mean of the examples that it was measured on, be they few or many.
Samplers that know more of their own past than trials and values are not here: NSGA-II and NSGA-III keep their
generations, QMC its place in a sequence. QMC and CMA-ES have no use for choices without an order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

from burnish import ConfigError
from burnish_optuna.studies import STARTUP, Picks, ask, means


class _Sampled:
    """What every searcher of Optuna's is made of.

    Args:
        space: What to choose from.
        seed: Where chance comes from.
    """

    # Whether a candidate that was tried, and is not closed, may come again.
    comes_again: ClassVar[bool] = True

    def __init__(self, space: Any, seed: int) -> None:
        self._sizes = tuple(len(slot.choices) for slot in space.slots)
        self._seed = seed

    @staticmethod
    def sampler(seed: int) -> Any:
        """Optuna's sampler."""
        raise NotImplementedError("Define sampler(seed) in your subclass.")

    def ask(self, tried: Sequence[Picks], board: Any, n: int, *, closed: Collection[int] = ()) -> list[Picks]:
        """The candidates to measure next, the one wanted most first; all different.

        Args:
            tried: The candidates on the board, by their numbers there.
            board: The scores.
            n: How many to ask for; fewer come where the space has no more.
            closed: Numbers of candidates that are not to come again.
        """
        known = {tried[number]: mean for number, mean in means(board).items()}
        shut = frozenset(tried[number] for number in closed) if self.comes_again else frozenset(tried)
        return ask(self.sampler, self._sizes, known, n, seed=self._seed, step=len(tried) + len(board), shut=shut)


class TPE(_Sampled):
    """A tree-structured Parzen estimator over all slots together, MIPROv2's own searcher.

    Cheap: some milliseconds a candidate. The first ten are drawn by chance. Source: Bergstra et al. 2011, NeurIPS 24;
    multivariate: Falkner, Klein and Hutter 2018, arXiv:1807.01774.
    """

    @staticmethod
    def sampler(seed: int) -> Any:
        """`optuna.samplers.TPESampler`."""
        from optuna.samplers import TPESampler

        return TPESampler(seed=seed, multivariate=True, n_startup_trials=STARTUP)


class GP(_Sampled):
    """A Gaussian process over the slots, with expected improvement.

    Dear: tenths of a second a candidate, and PyTorch. The first ten are drawn by chance.

    Raises:
        ConfigError: PyTorch or SciPy is not installed.
    """

    def __init__(self, space: Any, seed: int) -> None:
        missing = [name for name in ("torch", "scipy") if find_spec(name) is None]
        if missing:
            raise ConfigError(
                f"The searcher 'optuna-gp' computes with {' and '.join(missing)}, which is not installed: "
                "pip install 'burnish-optuna[gp]', or take 'optuna-tpe'."
            )
        super().__init__(space, seed)

    @staticmethod
    def sampler(seed: int) -> Any:
        """`optuna.samplers.GPSampler`."""
        from optuna.samplers import GPSampler

        return GPSampler(seed=seed, n_startup_trials=STARTUP)


class Random(_Sampled):
    """Candidates by chance, none of them twice."""

    comes_again = False

    @staticmethod
    def sampler(seed: int) -> Any:
        """`optuna.samplers.RandomSampler`."""
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)
