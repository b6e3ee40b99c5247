"""A metric's way to score many at once: `metric.batch`, checked, and never worth more than the metric itself.

``batch(examples, predictions)`` takes two lists of one length and returns a sequence of scores, one each and in their order: what the
metric would return for each pair alone. It may be async; sync, it runs in a worker thread unless it is
marked `computes_only`. Scores that are asked for in one turn of the event loop are one call.

What a batch does not bring is asked one by one: where it raises or returns another number of
scores, all that it was asked for; where it returns None or something else that is no score, that one. So a bad
example costs nobody else's score, an outage is one only for whom it meets, and errors name their own example.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from burnish.errors import BudgetExhausted, ConfigError, LMError, MetricError
from burnish.lm.scope import RolloutState, current_scope, use_scope
from burnish.loop import Together, in_thread, told_to_stop
from burnish.modules.binding import bound
from burnish.modules.module import Module
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.score import Score

_Pair = tuple[Any, Any]


class Batch:
    """The checked `batch` of a metric; make it with `Batch.of`."""

    def __init__(self, batch: Callable[..., Any], name: str) -> None:
        self._batch = batch
        self._name = name
        call = getattr(batch, "__call__", batch)  # noqa: B004  an object's async __call__
        is_async = inspect.iscoroutinefunction(batch) or inspect.iscoroutinefunction(call)
        self._in_place = is_async or getattr(batch, "computes_only", False)
        self._together: Together[_Pair, Score | None] = Together(self._scores)
        self._warned = False

    @classmethod
    def of(cls, metric: Any, name: str) -> Batch | None:
        """The batch that a metric offers; None where it has none of its own.

        A program used as a metric has a `batch` that runs it, which is another thing. One that ``functools.wraps`` copied from the
        function inside knows nothing of what the wrapper does.

        Raises:
            ConfigError: It cannot be called with two lists.
        """
        batch = getattr(metric, "batch", None)
        inner = getattr(metric, "__wrapped__", None)
        if batch is None or isinstance(metric, Module) or batch is getattr(inner, "batch", None):
            return None
        if not callable(batch):
            raise ConfigError(f"metric {name}: its batch is {batch!r}, which cannot be called. {_CONTRACT}")
        try:
            signature = inspect.signature(batch)
        except ValueError:  # some of C have none
            return cls(batch, name)
        try:
            signature.bind([], [])
        except TypeError:
            raise ConfigError(
                f"metric {name}: its batch{signature} cannot be called with two lists. {_CONTRACT}"
            ) from None
        return cls(batch, name)

    async def score(self, example: Any, prediction: Any) -> Score | None:
        """The score of one pair, computed with those that are asked for at the same time; None: ask the metric itself."""
        return await self._together.ask((example, prediction))

    async def probe(self, example: Example) -> None:
        """Try the batch on two copies of an example's own labels.

        Raises:
            ConfigError: It returns what no batch may.
        """
        try:
            returned = await self._call([(example, Prediction(example.labels()))] * 2)
        except _Refused as error:
            raise ConfigError(f"metric {self._name}: its batch {error}. {_CONTRACT}") from None
        # User code may raise anything, which on a made-up prediction, or without its model, says nothing of it.
        except Exception:
            return
        try:
            for one in returned:
                if one is not None:
                    Score.of(one)
        except MetricError as error:
            raise ConfigError(f"metric {self._name}, in its batch: {error} {_CONTRACT}") from error

    async def _scores(self, pairs: list[_Pair]) -> list[Score | None]:
        alone: list[Score | None] = [None] * len(pairs)
        scope = current_scope()
        # It is part of no one rollout, so an outage in it is none of the first one's.
        state = RolloutState()
        with contextlib.ExitStack() as inside:
            if scope is not None:
                inside.enter_context(use_scope(rollout=state))
            try:
                returned = await self._call(pairs)
            except (LMError, BudgetExhausted):
                return alone
            # A batch is user code and may raise anything.
            except Exception as error:
                self._warn(str(error) if isinstance(error, _Refused) else f"raised {type(error).__name__}: {error}")
                return alone
            except (asyncio.CancelledError, KeyboardInterrupt, SystemExit) as raised:
                if told_to_stop():
                    raise
                self._warn(f"raised {type(raised).__name__}: {raised}")
                return alone
            finally:
                if scope is not None and scope.rollout is not None:
                    scope.rollout.usage += state.usage
        # Nor was measured what a batch made of an outage that it swallowed.
        return alone if state.outage is not None else [_score(one) for one in returned]

    async def _call(self, pairs: Sequence[_Pair]) -> Sequence[Any]:
        columns = [example for example, _ in pairs], [prediction for _, prediction in pairs]
        with bound(None):
            returned = self._batch(*columns) if self._in_place else await in_thread(self._batch, *columns)
            if inspect.isawaitable(returned):
                returned = await returned
        if hasattr(returned, "tolist"):
            returned = returned.tolist()
        if not isinstance(returned, Sequence) or isinstance(returned, str | bytes):
            raise _Refused(f"returned {type(returned).__name__}, not a list of scores")
        if len(returned) != len(pairs):
            raise _Refused(f"returned {len(returned)} scores for {len(pairs)} pairs")
        return returned

    def _warn(self, fault: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"metric {self._name}: its batch {fault}. Where it fails, predictions are scored one by one.",
                stacklevel=2,
            )


class _Refused(Exception):
    """What a batch returned is no list of scores, one for each pair."""


def _score(returned: Any) -> Score | None:
    try:
        return Score.of(returned)
    except MetricError:
        return None


_CONTRACT = (
    "A metric's batch is `def batch(examples, predictions)` and returns one score for each pair, in their order: a bool, "
    "a number, burnish.Score, or None to be asked alone; it may be async."
)
