"""One call of a program: told to callbacks, and its usage added up where that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from burnish.lm.callbacks import watched
from burnish.lm.settings import settings
from burnish.lm.tracking import UsageTracker, current_tracker, tracked_by
from burnish.values.prediction import Prediction

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self


class Call(watched):
    """A `with` block around a call of a module; set `outputs` in it to what the call returns.

    With the setting ``track_usage``, the prediction of the outermost program gets what all calls in it used.
    """

    __slots__ = ("_tracked", "_tracker", "_watches")

    def __init__(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__("module", module, {"args": args, "kwargs": kwargs})
        # A predictor tells of its calls itself, since its coroutine is also called by modules around it.
        self._watches = not module.is_predictor
        self._tracker: UsageTracker | None = None

    def __enter__(self) -> Self:
        if settings.track_usage:
            outer = current_tracker()
            if outer is None or not outer.of_program:
                self._tracker = UsageTracker(outer, of_program=True)
                self._tracked: AbstractContextManager[None] = tracked_by(self._tracker)
                self._tracked.__enter__()
        return super().__enter__() if self._watches else self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._tracker is not None:
            self._tracked.__exit__(kind, error, at)
            if error is None and isinstance(self.outputs, Prediction):
                self.outputs.set_lm_usage(self._tracker.get_total_tokens())
        if self._watches:
            super().__exit__(kind, error, at)
