"""The metric contract: one way to call whatever metric a user wrote.

A metric is ``metric(example, prediction, trace=None)``, or the five-argument form ``(gold, pred,
trace, pred_name, pred_trace)``, sync or async. Sync metrics run in a worker thread, so that one
which calls a model or sleeps blocks nobody; Burnish's own, which only compute, run in place, and a program that
judges runs as programs do. While
scoring, a metric that offers ``metric.batch`` is asked for many at once (`engine/batch.py`); while bootstrapping, where the trace
is given, it is asked for one.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from burnish.engine.batch import Batch
from burnish.errors import BudgetExhausted, BurnishError, ConfigError, LMError, MetricError
from burnish.lm.capabilities import Price
from burnish.lm.scope import Reservation, Scope, use_scope
from burnish.loop import in_thread
from burnish.modules.binding import bound
from burnish.modules.module import Module, forward_of
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.score import Score

Metric = Callable[..., Any]


def computes_only(metric: Metric) -> Metric:
    """Mark a metric that neither waits nor calls a model: it runs on the loop itself."""
    metric.computes_only = True  # type: ignore[attr-defined]
    return metric


class Judge:
    """A checked metric.

    Args:
        metric: The user's metric.

    Raises:
        ConfigError: It, or the `batch` that it offers, cannot be called as metrics are.
    """

    def __init__(self, metric: Metric) -> None:
        if not callable(metric):
            raise ConfigError(f"metric={metric!r} cannot be called. {_CONTRACT}")
        self.name = getattr(metric, "__name__", type(metric).__name__)
        self._of = metric
        # A program is asked by its async face, so that it needs a thread only where its `forward` does.
        self._metric = metric.acall if isinstance(metric, Module) else metric
        self._arguments = _arguments(_asked(metric), self.name)
        call = getattr(metric, "__call__", metric)  # noqa: B004  an object's async __call__
        is_async = inspect.iscoroutinefunction(self._metric) or inspect.iscoroutinefunction(call)
        self._in_place = is_async or getattr(metric, "computes_only", False)
        self._batch = Batch.of(metric, self.name)

    async def score(self, example: Any, prediction: Any, trace: Any = None, *, together: bool = True) -> Score:
        """The metric's verdict.

        Args:
            example: The example with its labels.
            prediction: What the program returned.
            trace: The list of steps while bootstrapping, None while scoring.
            together: Whether others may be asked for at the same time, which a batch is for.

        Raises:
            MetricError: It raised, or returned what is no score.
            LMError: A model that the metric asks brought no reply.
        """
        if together and trace is None and self._batch is not None:
            found = await self._batch.score(example, prediction)
            if found is not None:
                return found
        return Score.of(await self._call(example, prediction, trace))

    def aggregate(self, verdicts: Sequence[Score]) -> dict[str, float]:
        """What the metric makes of all verdicts together: nothing where it has no ``aggregate``.

        ``metric.aggregate(verdicts)`` is for what is no mean over examples, such as an F1 over a corpus from counts that
        stand in each verdict's parts. It takes the verdicts that count, in the order of the examples, those of failed
        ones being the failure score, and returns a number, or numbers by name. Where it raises there is a warning:
        nothing that was paid for is worth less.
        """
        aggregate = getattr(self._of, "aggregate", None)
        # A program that judges may have a part of that name.
        if aggregate is None or isinstance(aggregate, Module) or not verdicts:
            return {}
        try:
            returned = aggregate(list(verdicts))
            named = returned if isinstance(returned, Mapping) else {"aggregate": returned}
            return {str(name): Score.of(value).value for name, value in named.items()}
        # It is user code and may raise anything.
        except Exception as error:
            warnings.warn(
                f"metric {self.name}: its aggregate failed: {type(error).__name__}: {error}. The scores of the examples "
                "are not touched.",
                stacklevel=2,
            )
            return {}

    async def _call(self, example: Any, prediction: Any, trace: Any) -> Any:
        arguments = (example, prediction, trace, None, None)[: self._arguments]
        with bound(None):
            try:
                if self._in_place:
                    returned = self._metric(*arguments)
                else:
                    returned = await in_thread(self._metric, *arguments)
                return await returned if inspect.isawaitable(returned) else returned
            except (LMError, BudgetExhausted):
                raise
            # A metric is user code and may raise anything.
            except Exception as error:
                raise MetricError(f"metric {self.name} raised {type(error).__name__}: {error}") from error

    async def probe(self, example: Example) -> None:
        """Try the metric, and its batch, on an example's own labels, without a single model call.

        Raises:
            ConfigError: It returns something that is no score, or the batch something else than one for each pair.
        """
        closed = _Closed()
        with use_scope(Scope(meter=closed)):
            try:
                await self._probe_one(example)
                if self._batch is not None:
                    await self._batch.probe(example)
            except ConfigError:
                # What it makes of a model that does not answer says nothing of it.
                if not closed.asked:
                    raise

    async def _probe_one(self, example: Example) -> None:
        try:
            returned = await self._call(example, Prediction(example.labels()), None)
        # Nor does what it raises on a made-up prediction, or without its model.
        except BurnishError as error:
            raised = error.__cause__
            if isinstance(raised, AttributeError) and raised.obj is example:
                warnings.warn(f"The metric may not fit the examples: {error}", stacklevel=2)
            return
        try:
            Score.of(returned)
        except MetricError as error:
            raise ConfigError(f"metric {self.name}: {error} {_CONTRACT}") from error


class _Closed:
    """A meter that lets nothing through, and knows whether anybody tried."""

    def __init__(self) -> None:
        self.asked = False

    async def reserve(self, tokens: int, *, most: int | None = None, price: Price | None = None) -> Reservation:
        self.asked = True
        raise self.out_of_time()

    def seconds_left(self) -> float | None:
        return None

    def out_of_time(self) -> BudgetExhausted:
        return BudgetExhausted("A probe makes no model calls.", cap="calls")


_CONTRACT = (
    "A metric is `def metric(example, prediction, trace=None)` and returns a bool, a number or "
    "burnish.Score(value, feedback=...); it may be async."
)


def _asked(metric: Metric) -> Metric:
    """What says how a metric is called: of a program, the method that runs it."""
    if not isinstance(metric, Module):
        return metric
    forward = forward_of(metric)
    if forward is None:
        raise ConfigError(f"metric {type(metric).__name__} has neither forward nor aforward. {_CONTRACT}")
    return forward


def _arguments(metric: Metric, name: str) -> int:
    """How many positional arguments to call the metric with: 5, 3 or 2."""
    try:
        signature = inspect.signature(metric)
    except (TypeError, ValueError):
        return 3
    for count in (5, 3, 2):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        if count == 5 and not _names_five(signature):
            continue
        return count
    raise ConfigError(f"metric {name}{signature} cannot be called with three arguments. {_CONTRACT}")


def _names_five(signature: inspect.Signature) -> bool:
    """Whether the five-argument form is meant, and not merely bearable (``*args``)."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds for p in signature.parameters.values()) >= 5
