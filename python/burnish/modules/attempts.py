"""Several attempts at one part of a program, of which one counts.

The user's objects stay as they are: what an attempt changes (another draw, a higher temperature, advice) reaches the
predictors through the binding. Each attempt has a trace of its own, and only that of the attempt that counts becomes part of
the trace around it, in the place where the first attempt began. So demos are made from the steps that led to what was
returned, and from no others. All attempts are on the bill.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from burnish.errors import BudgetExhausted, ConfigError, LMError, MetricError, RunStopped
from burnish.loop import in_thread
from burnish.modules.binding import Binding, binding_of, bound
from burnish.modules.replay import Advice

# What another draw does not mend: the model is away, the budget is used up, a setting is wrong, a reward is no number.
BEYOND_ATTEMPTS = (LMError, BudgetExhausted, RunStopped, ConfigError, MetricError)
# From the second attempt on; the first is the program as it is.
_OTHERWISE: Mapping[str, Any] = {"temperature": 1.0}


class Attempts:
    """The attempts at one part, made one after the other.

    Args:
        program: The part.
    """

    def __init__(self, program: Any) -> None:
        self._outer = binding_of(program)
        self._number = next(self._outer.numbers)
        self._made = 0

    async def make(self, run: Callable[[], Awaitable[Any]], *, advice: Sequence[Advice] = ()) -> tuple[Binding, Any]:
        """One more attempt: its binding with its trace, and what `run` returned.

        It counts until another one does, so that also what ends in an error is seen.

        Raises:
            Exception: What `run` raises.
        """
        number, self._made = self._made, self._made + 1
        changes = {"config": {**self._outer.config, **_OTHERWISE}} if number else {}
        binding = self._outer.within(attempt=number, advice=advice, **changes)
        try:
            with bound(binding):
                return binding, await run()
        finally:
            self.let_count(binding)

    def let_count(self, binding: Binding) -> None:
        """Make this attempt's steps those of the part."""
        self._outer.steps[self._number] = binding.trace


async def reward_of(reward: Callable[..., Any], inputs: Mapping[str, Any], prediction: Any) -> float:
    """What a reward function, async or not, says of a prediction; the calls that it makes are no steps of the program.

    Raises:
        MetricError: It returns no number.
        Exception: What it raises.
    """
    with bound(Binding({}, {})):
        given = dict(inputs)
        value = reward(given, prediction) if _is_async(reward) else await in_thread(reward, given, prediction)
        if inspect.isawaitable(value):
            value = await value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise MetricError(
            f"reward_fn returned {value!r:.200}, which is no number. It is called as reward_fn(inputs, prediction)."
        )
    return number


def _is_async(function: Any) -> bool:
    call = getattr(function, "__call__", function)  # noqa: B004  an object's async __call__
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
