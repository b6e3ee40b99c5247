"""Callbacks: objects that are told when a module, an LM, an adapter, a tool, an evaluation or a compile starts and ends.

They only watch. A callback gets the live objects at once, in the thread or task where they are at work, inside a run and outside;
who wants the record of a run, as JSON and in batches, takes its events instead (`burnish_watch`). The callbacks
of the settings come first, then those of the object. Where there are none, a call costs a look at the settings.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import uuid
import warnings
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from burnish.lm.settings import settings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")


class BaseCallback:
    """Subclass it and define the methods that matter; each of the others does nothing.

    Set callbacks for everything with ``burnish.configure(callbacks=[...])``, for one model with ``LM(callbacks=[...])``, for
    one module by its attribute ``callbacks``. A start and its end have the same `call_id`; inside a method,
    `active_call_id` is that of the call around. One that raises is warned of and left out from then on.

    Attributes:
        left_out: What it raised, after which it is not called any more; None it again to go on.

    Example:
        >>> import burnish
        >>> from burnish.testing import ScriptedLM
        >>> class Shout(burnish.BaseCallback):
        ...     def on_lm_end(self, call_id, outputs, exception=None):
        ...         print(outputs)
        >>> with burnish.context(callbacks=[Shout()]):
        ...     _ = ScriptedLM(["Paris"])("The capital of France?")
        ['Paris']
    """

    left_out: Exception | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # A copy of a program is watched by whoever watches the program.
        return self

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """A module is called; `inputs` has its ``args`` and ``kwargs``."""

    def on_module_end(self, call_id: str, outputs: Any | None, exception: BaseException | None = None) -> None:
        """It has returned `outputs`, or raised."""

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """An LM is asked; `inputs` has ``prompt`` (None), ``messages`` and ``kwargs``."""

    def on_lm_end(self, call_id: str, outputs: list[str] | None, exception: BaseException | None = None) -> None:
        """It has answered with these texts, from cache or backend, or raised."""

    def on_adapter_format_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """An adapter makes messages; `inputs` has ``signature``, ``demos`` and ``inputs``."""

    def on_adapter_format_end(
        self, call_id: str, outputs: list[dict[str, Any]] | None, exception: BaseException | None = None
    ) -> None:
        """It has made these messages, or raised."""

    def on_adapter_parse_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """An adapter reads a completion; `inputs` has ``signature`` and ``completion``."""

    def on_adapter_parse_end(
        self, call_id: str, outputs: dict[str, Any] | None, exception: BaseException | None = None
    ) -> None:
        """It has read these fields, or raised."""

    def on_tool_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """A tool is called with these arguments."""

    def on_tool_end(self, call_id: str, outputs: Any | None, exception: BaseException | None = None) -> None:
        """It has returned `outputs`, or raised."""

    def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """An evaluation begins; `inputs` has ``program``, ``metric`` and ``devset``."""

    def on_evaluate_end(self, call_id: str, outputs: Any | None, exception: BaseException | None = None) -> None:
        """It has come to this result, or raised."""

    def on_compile_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """An optimizer begins; `inputs` has ``student``, ``trainset``, ``teacher``, ``valset`` and its other options."""

    def on_compile_end(self, call_id: str, outputs: Any | None, exception: BaseException | None = None) -> None:
        """It has made this program, or raised."""


_active: contextvars.ContextVar[str | None] = contextvars.ContextVar("active_call", default=None)


def active_call_id() -> str | None:
    """The id of the innermost watched call that this code is part of; None where there is none."""
    return _active.get()


class Watched:
    """A `with` block that callbacks are told of; set `outputs` in it to what the call returns.

    Attributes:
        outputs: What the call returns.
    """

    __slots__ = ("_before", "_id", "_inputs", "_instance", "_kind", "_watchers", "outputs")

    def __init__(self, watchers: Sequence[Any], kind: str, instance: Any, inputs: dict[str, Any]) -> None:
        self._watchers = watchers
        self._kind = kind
        self._instance = instance
        self._inputs = inputs
        self.outputs: Any = None

    def __enter__(self) -> Self:
        self._id = uuid.uuid4().hex
        for watcher in self._watchers:
            _tell(watcher, f"on_{self._kind}_start", call_id=self._id, instance=self._instance, inputs=self._inputs)
        self._before = _active.set(self._id)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _active.reset(self._before)
        outputs = None if error is not None else self.outputs
        for watcher in self._watchers:
            _tell(watcher, f"on_{self._kind}_end", call_id=self._id, outputs=outputs, exception=error)


class Unwatched:
    """The same where nobody is told: it keeps nothing, so one is enough."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to tell."""

    outputs = property(lambda self: None, lambda self, outputs: None)


UNWATCHED = Unwatched()


def watchers_of(instance: Any) -> Sequence[Any]:
    """Who is told of the calls of an object: the callbacks of the settings, then its own."""
    everybody: Sequence[Any] = settings.callbacks
    own = getattr(instance, "callbacks", ())
    # A user's program may mean something of its own by the name.
    return [*everybody, *own] if own and isinstance(own, list | tuple) else everybody


def watched(kind: str, instance: Any, inputs: dict[str, Any]) -> Watched | Unwatched:
    """A `with` block that callbacks are told of; set `outputs` of what it gives to what the call returns.

    Args:
        kind: ``"module"``, ``"lm"``, ``"adapter_format"``, ``"adapter_parse"``, ``"tool"``,
            ``"evaluate"`` or ``"compile"``.
        instance: Whose call it is; its own callbacks stand in its attribute ``callbacks``.
        inputs: What it was called with.
    """
    watchers = watchers_of(instance)
    return Watched(watchers, kind, instance, inputs) if watchers else UNWATCHED


def watched_await(
    kind: str,
    instance: Any,
    inputs: dict[str, Any],
    call: Coroutine[Any, Any, T],
    *,
    outputs: Callable[[T], Any] | None = None,
) -> Coroutine[Any, Any, T]:
    """The call, of which callbacks are told as in `watched`; the call as it is where there are none.

    Args:
        kind: As for `watched`.
        instance: Likewise.
        inputs: Likewise.
        call: What to await.
        outputs: What to tell of its result; None is the result itself.
    """
    watchers = watchers_of(instance)
    return _told(call, Watched(watchers, kind, instance, inputs), outputs) if watchers else call


def watched_call(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The coroutine method, of which callbacks are told as of a call of the module that it belongs to."""

    @functools.wraps(method)
    def told(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        call = method(*args, **kwargs)
        return watched_await("module", args[0], {"args": args[1:], "kwargs": kwargs}, call)

    return told


async def _told(call: Coroutine[Any, Any, T], seen: Watched, outputs: Callable[[T], Any] | None) -> T:
    with seen:
        result = await call
        seen.outputs = result if outputs is None else outputs(result)
    return result


def _tell(watcher: Any, method: str, **told: Any) -> None:
    if getattr(watcher, "left_out", None) is not None or not hasattr(watcher, method):
        return
    try:
        getattr(watcher, method)(**told)
    # A callback only looks: whatever it raises must not touch the call.
    except Exception as error:
        with contextlib.suppress(AttributeError):  # one that takes no attributes is warned of each time
            watcher.left_out = error
        warnings.warn(
            f"{type(watcher).__name__}.{method} raised {type(error).__name__}: {error}; it is not called any more.",
            stacklevel=4,
        )
