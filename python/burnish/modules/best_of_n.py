"""`BestOfN`: several attempts, of which the best counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from burnish.errors import ConfigError
from burnish.modules.attempts import BEYOND_ATTEMPTS, Attempts, reward_of
from burnish.modules.binding import Binding
from burnish.modules.module import Module
from burnish.modules.replay import Advice
from burnish.values.whole import check_whole

Reward = Callable[[dict[str, Any], Any], float]


class BestOfN(Module):
    """Runs a module until a reward is reached, at most N times, and returns the prediction with the highest reward.

    The first attempt is the module as it is; each further one is another draw at temperature 1, where the model takes a
    temperature. Attempts are made one after the other, since each may be the last. Seen from outside, only the steps of
    the attempt that is returned were taken: demos are made from these. An attempt that raises has lost, but for outages and
    wrong settings, which are raised at once.

    Costs:
        The LM calls of the module, 1 to N times.

    Args:
        module: The module to run; it is never changed.
        N: Most attempts.
        reward_fn: ``reward_fn(inputs, prediction)`` → a number, the higher the better; sync or async.
        threshold: The reward that is good enough to stop.
        fail_count: How many attempts may raise; the next error is raised. Default: all but one.

    Raises:
        ConfigError: An argument is out of range.

    Example:
        >>> import burnish
        >>> from burnish.testing import ScriptedLM
        >>> short = BestOfN(burnish.Predict("question -> answer"), N=3, reward_fn=lambda i, p: len(p.answer) < 6, threshold=1)
        >>> with burnish.context(lm=ScriptedLM([{"answer": "It is Rome."}, {"answer": "Rome"}])):
        ...     short(question="The capital of Italy?").answer
        'Rome'
    """

    def __init__(
        self,
        module: Module,
        N: int,  # noqa: N803 - DSPy's name
        reward_fn: Reward,
        threshold: float,
        fail_count: int | None = None,
    ) -> None:
        kind = type(self).__name__
        if not isinstance(module, Module):
            raise ConfigError(f"{kind}(module={module!r:.200}): give a program, such as burnish.Predict(...).")
        check_whole(1, N=N)
        check_whole(0, fail_count=fail_count)
        if not callable(reward_fn):
            raise ConfigError(f"{kind}(reward_fn={reward_fn!r:.200}): give a function of inputs and prediction.")
        self.module = module
        self.N = N
        self.reward_fn = reward_fn
        self.threshold = threshold
        self.fail_count = fail_count

    async def aforward(self, **inputs: Any) -> Any:
        """The best prediction for these inputs.

        Raises:
            Exception: The last error, where every attempt raised or more than `fail_count` did.
        """
        attempts = Attempts(self.module)
        best: tuple[float, Binding, Any] | None = None
        advice: Sequence[Advice] = ()
        errors: list[Exception] = []
        most = self.N - 1 if self.fail_count is None else self.fail_count
        for number in range(self.N):
            try:
                binding, prediction = await attempts.make(lambda: self.module.acall(**inputs), advice=advice)
                reward = await reward_of(self.reward_fn, inputs, prediction)
            except BEYOND_ATTEMPTS:
                raise
            # Programs and rewards are user code and may raise anything; the next attempt may be better.
            except Exception as error:
                errors.append(error)
                if len(errors) > most:
                    raise
                continue
            if best is None or reward > best[0]:
                best = (reward, binding, prediction)
            if reward >= self.threshold:
                break
            if number + 1 < self.N:
                advice = await self._advice(binding, inputs, prediction, reward)
        if best is None:
            raise errors[-1]
        _, binding, prediction = best
        attempts.let_count(binding)
        return prediction

    async def _advice(
        self, binding: Binding, inputs: dict[str, Any], prediction: Any, reward: float
    ) -> Sequence[Advice]:
        """What the next attempt's predictors are told; here nothing."""
        return ()
