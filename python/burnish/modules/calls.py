"""One call of a program: told to callbacks, and its usage added up where that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from burnish.lm.callbacks import UNWATCHED, Unwatched, Watched, watchers_of
from burnish.lm.settings import settings
from burnish.lm.tracking import UsageTracker, current_tracker, tracked_by
from burnish.values.prediction import Prediction

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


def called(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Watched | Unwatched | _Tracked:
    """A `with` block around a call of a module; set `outputs` of what it gives to what the call returns.

    With the setting ``track_usage``, the prediction of the outermost program gets what all calls in it used.
    """
    # A predictor tells of its calls itself, since its coroutine is also called by modules around it.
    watchers = () if module.is_predictor else watchers_of(module)
    seen = Watched(watchers, "module", module, {"args": args, "kwargs": kwargs}) if watchers else UNWATCHED
    if settings.track_usage:
        outer = current_tracker()
        if outer is None or not outer.of_program:
            return _Tracked(seen, UsageTracker(outer, of_program=True))
    return seen


class _Tracked:
    """A call whose usage is added up.

    Args:
        seen: Who is told of it.
        tracker: What adds up.
    """

    def __init__(self, seen: Watched | Unwatched, tracker: UsageTracker) -> None:
        self._seen = seen
        self._tracker = tracker
        self._tracked = tracked_by(tracker)
        self.outputs: Any = None

    def __enter__(self) -> Self:
        self._tracked.__enter__()
        self._seen.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._tracked.__exit__(kind, error, at)
        if error is None and isinstance(self.outputs, Prediction):
            self.outputs.set_lm_usage(self._tracker.get_total_tokens())
        self._seen.outputs = self.outputs
        self._seen.__exit__(kind, error, at)
