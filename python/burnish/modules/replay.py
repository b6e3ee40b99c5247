"""What a program that is run again takes over from its last run: replies that nothing has changed, and advice for those that failed.

A retried run begins anew, since a `forward` cannot be entered in its middle. Each call of it that was made before, by the
same predictor with the same inputs, gets the reply that is there already: nothing is paid for twice, with or without a cache.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Advice:
    """What a predictor is told below its instructions; its signature and demos stay as they are.

    Attributes:
        predictor: Who is told.
        text: What.
        inputs: For the call with these inputs alone; None is for every call.
        draw: Tells replies to the same advice apart: 0 is the first.
    """

    predictor: Any
    text: str
    inputs: Mapping[str, Any] | None = None
    draw: int = 0

    def is_for(self, predictor: Any, inputs: Mapping[str, Any]) -> bool:
        """Whether this call is the one that is advised."""
        return predictor is self.predictor and (self.inputs is None or _same(self.inputs, inputs))


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply of the last run.

    Attributes:
        call: Predictor, attempt and advice of the call: what must be the same beside the inputs.
        inputs: The inputs.
        kept: A copy of the prediction as it came, since a program may change what it gets.
    """

    call: tuple[Any, ...]
    inputs: Mapping[str, Any]
    kept: Any


class Memory:
    """The replies of a program's last run, each to be had once more.

    Args:
        outer: That of the run around this one, which keeps everything too.
    """

    def __init__(self, outer: Memory | None = None) -> None:
        self._outer = outer
        self._past: list[_Reply] = []
        self._made: list[_Reply] = []
        self._lock = threading.Lock()  # a program may call its predictors from several threads

    def recall(self, call: tuple[Any, ...], inputs: Mapping[str, Any]) -> Any:
        """The prediction of such a call in the last run, or None; it counts as made in this one."""
        with self._lock:
            for place, reply in enumerate(self._past):
                if reply.call == call and _same(reply.inputs, inputs):
                    prediction = self._past.pop(place).kept
                    break
            else:
                prediction = None if self._outer is None else self._outer.recall(call, inputs)
        if prediction is None:
            return None
        with self._lock:
            self._made.append(_Reply(call, inputs, prediction))
        return _unpaid(prediction)

    def keep(self, call: tuple[Any, ...], inputs: Mapping[str, Any], prediction: Any) -> None:
        """Keep a reply that was paid for."""
        with self._lock:
            self._made.append(_Reply(call, dict(inputs), prediction.copy()))
        if self._outer is not None:
            self._outer.keep(call, inputs, prediction)

    def begin_again(self) -> None:
        """Make the run that ended the last one; what an earlier run brought and this one did not ask for stays to be had."""
        with self._lock:
            self._past, self._made = self._made + self._past, []


def _unpaid(prediction: Any) -> Any:
    copied = prediction.copy()
    copied.set_lm_usage({})
    return copied


def _same(some: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    if some.keys() != others.keys():
        return False
    try:
        return all(value is others[name] or bool(value == others[name]) for name, value in some.items())
    # Values are the user's, and an array's comparison, say, is no bool.
    except Exception:
        return False
