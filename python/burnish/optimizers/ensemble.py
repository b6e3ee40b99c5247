"""`Ensemble`: several programs made into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from burnish.errors import ConfigError
from burnish.modules.ensembled import EnsembledProgram
from burnish.modules.module import Module
from burnish.values.whole import check_whole


class Ensemble:
    """Makes one program of several.

    What it does:
        The program that comes back runs all of them, or `size` drawn ones, on the same inputs at once, and reduces what they
        return. ``Ensemble(reduce_fn=burnish.majority).compile(optimized.report.top(5))`` takes the best five of a compile.

    When it helps:
        Where programs err in different ways, and an answer is worth several calls.

    What it costs (LM calls):
        None to compile; at each call those of every program that is run.

    Example:
        >>> import burnish
        >>> several = [burnish.Predict("question -> answer") for _ in range(3)]
        >>> len(Ensemble(size=2).compile(several).programs)
        3

    Source:
        Program ensembles: Khattab et al. 2023, "DSPy", arXiv:2310.03714, section 4; votes: Wang et al. 2022,
        "Self-Consistency Improves Chain of Thought Reasoning", arXiv:2203.11171.

    Args:
        reduce_fn: From the list of predictions to what is returned, such as `burnish.majority`; None returns the list.
        size: How many programs to run at each call; None runs all.
        deterministic: Whether the same inputs always draw the same programs.
        seed: Of the draws.

    Raises:
        ConfigError: A setting cannot be used.
    """

    def __init__(
        self,
        *,
        reduce_fn: Callable[[list[Any]], Any] | None = None,
        size: int | None = None,
        deterministic: bool = False,
        seed: int = 0,
    ) -> None:
        check_whole(1, size=size)
        if reduce_fn is not None and not callable(reduce_fn):
            raise ConfigError(f"reduce_fn={reduce_fn!r} cannot be called. Give a function of a list of predictions.")
        self.reduce_fn = reduce_fn
        self.size = size
        self.deterministic = deterministic
        self.seed = seed

    def compile(self, programs: Sequence[Any]) -> EnsembledProgram:
        """One program of several; each is copied, so that it may go on being changed.

        Raises:
            ConfigError: There are none, one is no program, or `size` is more than there are.
        """
        given = [] if isinstance(programs, Module) else list(programs or ())
        if not given:
            raise ConfigError(
                f"Ensemble needs programs, not {programs!r}: give a list, such as optimized.report.top(5)."
            )
        for number, program in enumerate(given):
            if not isinstance(program, Module):
                raise ConfigError(f"Program {number} of the ensemble is {program!r}, which is no burnish.Module.")
        if self.size is not None and self.size > len(given):
            raise ConfigError(f"size={self.size} is more than the {len(given)} programs of the ensemble.")
        return EnsembledProgram(
            [program.deepcopy() for program in given],
            self.reduce_fn,
            self.size,
            deterministic=self.deterministic,
            seed=self.seed,
        )
