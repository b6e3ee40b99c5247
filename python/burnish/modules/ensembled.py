"""`EnsembledProgram`: several programs asked at once, their predictions reduced to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from burnish.loop import all_of, in_thread
from burnish.modules.module import Module
from burnish.values.seed import draw


class EnsembledProgram(Module):
    """Runs several programs on the same inputs and reduces their predictions.

    What `burnish.Ensemble` returns. Costs the LM calls of every program that is run.

    Args:
        programs: The programs; their predictors are ``programs[0].…`` and so on.
        reduce_fn: From the list of predictions, in the order of the programs, to what is returned; None returns the list.
        size: How many to run at each call, drawn; None runs all.
        deterministic: Whether the draw depends on the inputs alone, else also on how often the program was called.
        seed: Of the draws.
    """

    def __init__(
        self,
        programs: Sequence[Any],
        reduce_fn: Callable[[list[Any]], Any] | None = None,
        size: int | None = None,
        *,
        deterministic: bool = False,
        seed: int = 0,
    ) -> None:
        self.programs = list(programs)
        self.reduce_fn = reduce_fn
        self.size = size
        self.deterministic = deterministic
        self.seed = seed
        self._calls = 0

    async def aforward(self, *args: Any, **inputs: Any) -> Any:
        """Run the programs at once; the first error of any of them is raised."""
        chosen = self.programs
        if self.size is not None and self.size < len(self.programs):
            purpose = repr((args, sorted(inputs.items()))) if self.deterministic else self._calls
            self._calls += 1
            places = sorted(draw(self.seed, "ensemble", purpose).sample(range(len(self.programs)), self.size))
            chosen = [self.programs[place] for place in places]
        predictions = await all_of(program.acall(*args, **inputs) for program in chosen)
        if self.reduce_fn is None:
            return predictions
        return await in_thread(self.reduce_fn, predictions)
