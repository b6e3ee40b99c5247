"""The one event loop, and the doors between it and everybody else's threads and loops.

All of Burnish runs as coroutines on one background loop, which starts at the first call. The sync
faces hand a coroutine over with `run_sync` and wait; the async faces use `on_loop`, which works
from any running loop. User code that is not async runs in worker threads (`in_thread`), from which
it may call the sync faces again. Context variables travel along, and so does cancellation.

A hop to the loop and back costs 50 to 150 microseconds of CPU; work that stays on the loop costs
none. A coroutine that may need no loop at all (a prompt, a look into the cache, a model that only
computes) runs where it is called, with `run_here`, and sends to the loop what needs it, with `over_loop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from burnish.errors import ConfigError

A = TypeVar("A")
T = TypeVar("T")

# Worker threads wait for nested calls, so a small pool could wait for itself. This one makes a
# thread only where none is idle; the engine's concurrency limit is what bounds their number.
_MOST_WORKERS = 10_000
# How long a waiting thread may not notice that Ctrl-C was pressed.
_SECONDS_DEAF = 0.2


class _Background:
    """The loop with its daemon thread and workers: made at first use, anew in a forked child."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread_id: int | None = None
        self.workers = ThreadPoolExecutor(_MOST_WORKERS, thread_name_prefix="burnish-worker")

    def get(self) -> asyncio.AbstractEventLoop:
        with self.lock:
            if self.loop is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=_run_on, args=(loop,), name="burnish-loop", daemon=True)
                thread.start()
                self.thread_id = thread.ident
                self.loop = loop
            return self.loop


def _run_on(loop: asyncio.AbstractEventLoop) -> None:
    # asyncio lets these two out of the loop, whichever task raised them; that task's caller gets
    # them too, and everybody else's calls must go on.
    while not loop.is_closed():
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            loop.run_forever()


_background = _Background()
if hasattr(os, "register_at_fork"):
    # The child of a fork inherits the objects but not the threads behind them.
    os.register_at_fork(after_in_child=_background.__init__)  # type: ignore[misc]


class _Visit:
    """The calls that one worker thread has open on the loop, to cancel them with their owner."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        for task in self.tasks:
            task.cancel()


_visit: contextvars.ContextVar[_Visit | None] = contextvars.ContextVar("visit", default=None)


class _Call(Generic[T]):
    """A coroutine handed to the loop, and where its outcome arrives.

    A bare lock is all that a waiting thread needs; a `concurrent.futures.Future` costs more.
    """

    __slots__ = ("arrived", "context", "coroutine", "error", "loop", "task", "value", "visit")

    def __init__(
        self, coroutine: Coroutine[Any, Any, T], context: contextvars.Context, arrived: Callable[[], Any]
    ) -> None:
        self.coroutine = coroutine
        self.context = context
        self.arrived = arrived
        self.value: Any = None
        self.error: BaseException | None = None
        self.visit = _visit.get()
        self.task: asyncio.Task[T] | None = None
        self.loop = _background.get()
        self.loop.call_soon_threadsafe(self._start)

    def outcome(self) -> T:
        """The coroutine's result, once it has arrived."""
        if self.error is not None:
            raise self.error
        result: T = self.value
        return result

    def cancel_task(self) -> None:
        """Cancel the coroutine; its outcome arrives once it has cleaned up."""
        self.loop.call_soon_threadsafe(lambda: self.task and self.task.cancel())

    def _start(self) -> None:
        # The loop's own work has no visit: only what a worker thread opened belongs to it.
        self.context.run(_visit.set, None)
        self.task = self.loop.create_task(self.coroutine, context=self.context)
        self.task.add_done_callback(self._finish)
        if self.visit is not None:
            self.visit.tasks.add(self.task)
            if self.visit.cancelled:
                self.task.cancel()

    def _finish(self, task: asyncio.Task[T]) -> None:
        if self.visit is not None:
            self.visit.tasks.discard(task)
        if task.cancelled():
            self.error = asyncio.CancelledError()
        else:
            self.error = task.exception()
            self.value = task.result() if self.error is None else None
        self.arrived()


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the one loop and wait for it.

    Works in scripts, threads, Jupyter and inside other event loops' handlers (which it blocks).
    Ctrl-C cancels the coroutine, waits until it has cleaned up, and is raised again.

    Raises:
        ConfigError: Called on Burnish's own loop, where waiting would block everything.
    """
    _refuse_on_loop(coroutine)
    return _wait(coroutine, contextvars.copy_context())


def run_here(coroutine: Coroutine[Any, Any, T]) -> T:
    """`run_sync` in this thread: only what the coroutine awaits through `over_loop` runs on the loop.

    Apart from that it must not touch asyncio, whose loop is elsewhere.
    """
    _refuse_on_loop(coroutine)
    # One context for all parts, so that what one sets another can reset.
    context = contextvars.copy_context()
    try:
        errand: _Errand = context.run(coroutine.send, None)
        while True:
            try:
                brought = _wait(errand.coroutine, context)
            except BaseException as error:  # handed on to the coroutine, whose call it was
                errand = context.run(coroutine.throw, error)
            else:
                errand = context.run(coroutine.send, brought)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def over_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that needs the loop; where this thread is another, it waits meanwhile."""
    if threading.get_ident() == _background.thread_id:
        return await coroutine
    result: T = await _Errand(coroutine)
    return result


class _Errand:
    """What a coroutine in `run_here` yields in order to have something done on the loop."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine

    def __await__(self) -> Generator[_Errand, Any, Any]:
        return (yield self)


def _refuse_on_loop(coroutine: Coroutine[Any, Any, Any]) -> None:
    if threading.get_ident() == _background.thread_id:
        coroutine.close()
        raise ConfigError(
            "A sync call was made from async code that Burnish is running, which would block all "
            "of it. Use the async face there: await program.acall(...), await lm.acall(...)."
        )


def _wait(coroutine: Coroutine[Any, Any, T], context: contextvars.Context) -> T:
    waiting = threading.Lock()
    waiting.acquire()
    call = _Call(coroutine, context, waiting.release)
    try:
        _acquire(waiting)
    except KeyboardInterrupt:
        call.cancel_task()
        _acquire(waiting)
        raise
    return call.outcome()


def _acquire(lock: threading.Lock) -> None:
    """Wait for a lock, and hear of Ctrl-C meanwhile.

    A signal that another thread took does not end the main thread's wait, and on Windows none does.
    """
    while not lock.acquire(timeout=_SECONDS_DEAF):
        pass


async def on_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine on the one loop, from whichever loop is running.

    Cancelled, it waits until the coroutine has cleaned up; cancelled once more, it does not.
    """
    if threading.get_ident() == _background.thread_id:
        return await coroutine
    theirs = asyncio.get_running_loop()
    arrived = asyncio.Event()

    def arrive() -> None:
        # A loop that was closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            theirs.call_soon_threadsafe(arrived.set)

    call = _Call(coroutine, contextvars.copy_context(), arrive)
    try:
        await arrived.wait()
    except asyncio.CancelledError:
        call.cancel_task()
        await arrived.wait()
        raise
    return call.outcome()


def told_to_stop() -> bool:
    """Whether this task was cancelled from outside, and `CancelledError` is not merely something that its code raised."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def all_of(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Every result, in order; the first error cancels the others and comes out as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
        raise first from first.__cause__
    return [task.result() for task in tasks]


async def in_thread(function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Run a blocking function in a worker thread, in a copy of this task's context.

    When the awaiting task is cancelled, so are the calls that the function has open on the loop;
    plain blocking code in it runs on to its end, unheeded.
    """
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()
    visit = _Visit()
    context.run(_visit.set, visit)
    result: asyncio.Future[T] = loop.create_future()

    def finish(value: Any, error: BaseException | None) -> None:
        if result.done():
            return
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    def work() -> None:
        value: Any = None
        problem: BaseException | None = None
        try:
            value = context.run(function, *args, **kwargs)
        except BaseException as error:  # handed on to whoever awaits, whatever it is
            problem = error
            # A future takes no StopIteration, and sys.exit() must not end everybody's loop.
            if isinstance(error, StopIteration) or not isinstance(error, Exception):
                problem = RuntimeError(f"{type(error).__name__} raised in a worker thread: {error}")
                problem.__cause__ = error
        loop.call_soon_threadsafe(finish, value, problem)

    _background.workers.submit(work)
    try:
        return await result
    except asyncio.CancelledError:
        visit.cancel()
        raise


class Together(Generic[A, T]):
    """Answers at once what was asked in one turn of the loop, where many together cost less than one by one.

    It waits for nobody: what is asked alone is answered alone. What nobody waits for any more is cancelled. Used on the one
    loop only.

    Args:
        answer: From the things asked to an answer each, in their order. It runs in the context of whoever asked first. An
            error in the place of an answer is raised to who asked; one that it raises, to all.
    """

    def __init__(self, answer: Callable[[list[A]], Coroutine[Any, Any, Sequence[T | Exception]]]) -> None:
        self._answer = answer
        self._asked: list[tuple[A, asyncio.Future[T]]] = []
        # The task of each list of what was asked; the loop itself keeps only weak references to tasks.
        self._under_way: dict[int, asyncio.Task[None]] = {}

    async def ask(self, thing: A) -> T:
        """The answer to one thing."""
        loop = asyncio.get_running_loop()
        asked = self._asked
        if not asked:
            loop.call_soon(self._go)
        answer: asyncio.Future[T] = loop.create_future()
        asked.append((thing, answer))
        try:
            return await answer
        except asyncio.CancelledError:
            task = self._under_way.get(id(asked))
            if task is not None and all(future.cancelled() for _, future in asked):
                task.cancel()
            raise

    def _go(self) -> None:
        asked, self._asked = self._asked, []
        task = asyncio.get_running_loop().create_task(self._hand_out(asked))
        self._under_way[id(asked)] = task
        # It holds the list, so that no other one has the same number meanwhile.
        task.add_done_callback(lambda _: self._under_way.pop(id(asked)))

    async def _hand_out(self, everything: list[tuple[A, asyncio.Future[T]]]) -> None:
        # Who was cancelled meanwhile asks no more.
        asked = [(thing, future) for thing, future in everything if not future.done()]
        if not asked:
            return
        answers: Sequence[T | Exception]
        try:
            answers = await self._answer([thing for thing, _ in asked])
            if len(answers) != len(asked):
                raise RuntimeError(f"{len(asked)} things were asked and {len(answers)} answered.")
        except Exception as error:  # handed on to whoever asked
            answers = [error] * len(asked)
        except BaseException:
            # What ends the answering itself leaves nobody waiting.
            for _, future in asked:
                future.cancel()
            raise
        for (_, future), answer in zip(asked, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
