"""`Parallel`: many programs on many examples at once, under one limit."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from burnish.errors import ConfigError
from burnish.lm.settings import settings
from burnish.loop import all_of, in_thread, on_loop, run_sync
from burnish.values.example import Example
from burnish.values.whole import check_whole

Results = list[Any] | tuple[list[Any], list[Any], list[Exception]]


class Parallel:
    """Runs pairs of program and inputs at once; results stand in the order of the pairs.

    An error ends the whole: the others are cancelled and it is raised. With `max_errors` so many may happen first, and with
    `return_failed_examples` any number, unless `max_errors` says otherwise; the result of a pair that failed is None.

    Args:
        num_threads: How many at once; default is the setting of that name. LM calls keep the limit of a run around this too.
        max_errors: How many pairs may fail; the next error is raised.
        access_examples: Whether an `Example` is taken apart into its inputs; otherwise a program gets it as it is.
        return_failed_examples: Whether to return ``(results, failed inputs, errors)`` in place of the results alone.
        provide_traceback: Whether the warning about errors that were let pass shows where they came from.
        disable_progress_bar: Whether to draw no progress; on what is no terminal none is drawn anyway.
        timeout: Taken so that code written for DSPy runs, and without effect: nothing is run a second time because it is
            slow. A model that hangs is what ``LM(timeout=..., resend_after=...)`` is for.
        straggler_limit: As `timeout`.

    Raises:
        ConfigError: An argument is out of range.

    Example:
        >>> import burnish
        >>> from burnish.testing import ScriptedLM
        >>> ask = burnish.Predict("question -> answer")
        >>> pairs = [(ask, {"question": "1?"}), (ask, burnish.Example(question="2?").with_inputs("question"))]
        >>> with burnish.context(lm=ScriptedLM(lambda request: {"answer": "Yes."})):
        ...     [prediction.answer for prediction in Parallel(num_threads=2)(pairs)]
        ['Yes.', 'Yes.']
    """

    def __init__(
        self,
        num_threads: int | None = None,
        max_errors: int | None = None,
        access_examples: bool = True,
        return_failed_examples: bool = False,
        provide_traceback: bool | None = None,
        disable_progress_bar: bool = False,
        timeout: float = 120,
        straggler_limit: int = 3,
    ) -> None:
        check_whole(1, num_threads=num_threads)
        check_whole(0, max_errors=max_errors)
        self.num_threads = num_threads
        self.max_errors = max_errors
        self.access_examples = access_examples
        self.return_failed_examples = return_failed_examples
        self.provide_traceback = bool(provide_traceback)
        self.disable_progress_bar = disable_progress_bar
        self.timeout = timeout
        self.straggler_limit = straggler_limit

    def __call__(self, exec_pairs: Sequence[tuple[Any, Any]], num_threads: int | None = None) -> Results:
        """Run the pairs and wait; see `acall`."""
        return run_sync(self.acall(exec_pairs, num_threads))

    def forward(self, exec_pairs: Sequence[tuple[Any, Any]], num_threads: int | None = None) -> Results:
        """The same as a call, under DSPy's name."""
        return self(exec_pairs, num_threads)

    async def acall(self, exec_pairs: Sequence[tuple[Any, Any]], num_threads: int | None = None) -> Results:
        """Run the pairs, from async code.

        Args:
            exec_pairs: Of each pair first a program, or a function; then its inputs: an Example, a dict of arguments by name,
                or a tuple or list of arguments by position.
            num_threads: How many at once, this time.

        Raises:
            ConfigError: Something is no such pair.
            Exception: The first error that is one too many; the other pairs are cancelled.
        """
        calls = [self._call(pair) for pair in exec_pairs]
        return await on_loop(self._run(calls, [pair[1] for pair in exec_pairs], num_threads))

    async def _run(self, calls: Sequence[Callable[[], Any]], given: Sequence[Any], num_threads: int | None) -> Results:
        limit = asyncio.Semaphore(num_threads or self.num_threads or settings.num_threads)
        errors: dict[int, Exception] = {}
        free = len(calls) if self.return_failed_examples else 0
        allowed = free if self.max_errors is None else self.max_errors

        async def one(place: int) -> Any:
            async with limit:
                try:
                    return await calls[place]()
                # Programs are user code and may raise anything; how much of it is too much is the caller's to say.
                except Exception as error:
                    errors[place] = error
                    if len(errors) > allowed:
                        raise
                    return None
                finally:
                    advance()

        with _progress(len(calls), shown=not self.disable_progress_bar) as advance:
            results = await all_of(one(place) for place in range(len(calls)))
        failed = sorted(errors)
        if self.return_failed_examples:
            return results, [given[place] for place in failed], [errors[place] for place in failed]
        if failed:
            self._warn(errors[failed[0]], len(failed), len(calls))
        return results

    def _warn(self, first: Exception, failed: int, total: int) -> None:
        text = f"{type(first).__name__}: {first}"
        if self.provide_traceback:
            text = "".join(traceback.format_exception(first))
        warnings.warn(f"{failed} of {total} runs failed, and their results are None. The first: {text}", stacklevel=2)

    def _call(self, pair: Any) -> Callable[[], Any]:
        """What runs a pair."""
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not callable(pair[0]):
            raise ConfigError(f"Parallel runs pairs of a program and its inputs, and got {pair!r:.200}.")
        program, given = pair
        args: Sequence[Any] = ()
        named: Mapping[str, Any] = {}
        if isinstance(given, Example) and self.access_examples:
            named = dict(given.inputs().items())
        elif isinstance(given, Mapping):
            named = given
        elif isinstance(given, tuple | list):
            args = given
        elif isinstance(given, Example):
            args = (given,)
        else:
            raise ConfigError(
                f"Parallel takes the inputs of a program as an Example, a dict, a tuple or a list, not as {given!r:.200}."
            )
        acall = getattr(program, "acall", None)
        if acall is not None:
            return lambda: acall(*args, **named)
        if inspect.iscoroutinefunction(program):
            return lambda: program(*args, **named)
        return lambda: in_thread(program, *args, **named)


@contextlib.contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """A bar on standard error, and what to call as each run ends."""
    if not shown or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("runs", total=total)
        yield lambda: progress.advance(task)
