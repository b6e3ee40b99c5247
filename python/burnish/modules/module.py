"""`Module`: a program made of predictors and other modules, found through its attributes."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import IO, TYPE_CHECKING, Any

from burnish.errors import ConfigError
from burnish.lm.callbacks import BaseCallback
from burnish.lm.history import show
from burnish.lm.settings import settings
from burnish.loop import in_thread, on_loop, run_here, run_sync
from burnish.modules.binding import traced_together
from burnish.modules.calls import called
from burnish.modules.parts import copied, mapped, walk
from burnish.modules.trace_log import logged
from burnish.values.whole import check_whole

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from burnish.lm.lm import LM
    from burnish.modules.parallel import Parallel
    from burnish.modules.predict import Predict


class Module:
    """The base class of programs.

    A subclass keeps its parts as attributes and defines `forward`, or `aforward` as a coroutine,
    or both. Calling the program runs it; `acall` does so from async code. Works without
    ``super().__init__()``.

    Args:
        callbacks: Who is told of each call, beside those of the settings.

    Example:
        >>> import burnish
        >>> class Answer(Module):
        ...     def __init__(self):
        ...         self.steps = [burnish.Predict("question -> answer")]
        ...     def forward(self, question):
        ...         return self.steps[0](question=question)
        >>> [name for name, _ in Answer().named_predictors()]
        ['steps[0]']
    """

    # Whether this is itself what optimizers tune, and not only made of such parts.
    is_predictor = False
    # Whether it has a state of its own beside its predictors: see `own_state`.
    keeps_more = False
    # Set on what an optimizer returned: as a part of another program it stays as it is.
    _compiled = False
    # What the compile found: a `burnish.Report`.
    report: Any = None
    # How many more times a run may begin anew where a constraint in it fails; None: constraints are not retried.
    _backtracks: int | None = None
    # Who is told of its calls, beside those of the settings: `burnish.BaseCallback` objects.
    callbacks: Sequence[BaseCallback] = ()

    def __init__(self, callbacks: Sequence[BaseCallback] | None = None) -> None:
        super().__init__()
        if callbacks is not None:
            self.callbacks = list(callbacks)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program and wait for its prediction."""
        if self._backtracks is not None:
            return run_sync(self.acall(*args, **kwargs))
        if not _defines(self, "forward") and "_begins_here" not in type(self).__dict__:
            return run_sync(self.acall(*args, **kwargs))
        with logged(self), called(self, args, kwargs) as call:
            if _defines(self, "forward"):
                call.outputs = outputs = self.forward(*args, **kwargs)  # type: ignore[attr-defined]
                if inspect.iscoroutine(outputs):
                    outputs.close()
                    raise ConfigError(ASYNC_FORWARD.format(type(self).__name__))
            else:
                call.outputs = outputs = run_here(self.aforward(*args, **kwargs))  # type: ignore[attr-defined]
        return outputs

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program from async code; a `forward` that is not async runs in a thread."""
        together = nullcontext() if self.is_predictor else traced_together()
        with logged(self), called(self, args, kwargs) as call, together:
            if self._backtracks is None:
                call.outputs = outputs = await _run(self, args, kwargs)
            else:
                from burnish.modules.assertions import with_constraints

                run = with_constraints(self, lambda: _run(self, args, kwargs), backtracks=self._backtracks)
                call.outputs = outputs = await on_loop(run)
        return outputs

    def activate_assertions(self, handler: Any = None, *, max_backtracks: int = 2) -> Self:
        """Let runs of this program begin anew where a constraint (`burnish.Assert`, `burnish.Suggest`) in them fails.

        The call that is to blame is asked again, told its own outputs and the constraint's message; calls that nothing has
        changed are not asked again, with or without a cache. So `forward` runs up to 1 + `max_backtracks` times, and should
        do nothing besides that must not be done twice. Copies of the program keep this; saved files do not.

        Costs:
            One LM call for each run more, and one for each later call whose inputs changed with it.

        Args:
            handler: As in `burnish.assert_transform_module`, for code that was written for DSPy 2.5.
            max_backtracks: How many more runs there may be; 0 retries nothing.

        Returns:
            The program itself.

        Raises:
            ConfigError: `max_backtracks` is no such number.
        """
        most = getattr(handler, "keywords", {}).get("max_backtracks", max_backtracks)
        check_whole(0, max_backtracks=most)
        self._backtracks = most
        return self

    def named_predictors(self, *, frozen: bool = False) -> list[tuple[str, Predict]]:
        """Every predictor with its dotted path, such as ``"steps[0].predict"``, each once.

        Args:
            frozen: Also those inside parts that are compiled already (``_compiled``).
        """
        return [
            (path, part)
            for path, part in walk(self, "", set(), of=Module, frozen=frozen, root=True)
            if part.is_predictor
        ]

    def named_modules(self) -> list[tuple[str, Module]]:
        """This program, as ``"self"``, and every module in it with its dotted path, each once."""
        return list(walk(self, "", set(), of=Module, frozen=True, root=True))

    def predictors(self) -> list[Predict]:
        """Every predictor that an optimizer may change."""
        return [predictor for _, predictor in self.named_predictors()]

    def named_parameters(self) -> list[tuple[str, Predict]]:
        """What an optimizer may change, with dotted paths: the predictors."""
        return self.named_predictors()

    def parameters(self) -> list[Predict]:
        """What an optimizer may change: the predictors."""
        return self.predictors()

    def named_sub_modules(
        self, type_: type[Any] | None = None, skip_compiled: bool = False
    ) -> Iterator[tuple[str, Module]]:
        """This program, as ``"self"``, and the modules in it, each once with its dotted path.

        Args:
            type_: Only those of this class.
            skip_compiled: Whether to pass over parts that are compiled already, and what is in them.
        """
        for path, part in walk(self, "", set(), of=Module, frozen=not skip_compiled, root=True):
            if type_ is None or isinstance(part, type_):
                yield path, part

    def map_named_predictors(self, func: Callable[[Predict], Any]) -> Self:
        """Put what `func` makes of each predictor in its place.

        Args:
            func: From a predictor to what takes its place, often a predictor again.

        Returns:
            The program itself.

        Raises:
            ConfigError: The program is itself a predictor, so there is no place to put another in.
        """
        if self.is_predictor:
            raise ConfigError("map_named_predictors: this program is itself a predictor. Call func(program) on it.")
        mapped(self, func, {}, of=Module, root=True)
        return self

    def set_lm(self, lm: LM | None) -> None:
        """Let every predictor ask this model."""
        for _, predictor in self.named_predictors(frozen=True):
            predictor.lm = lm

    def get_lm(self) -> LM | None:
        """The model that all predictors ask.

        Raises:
            ConfigError: They ask different ones.
        """
        models = {id(p.lm): p.lm for _, p in self.named_predictors(frozen=True)}
        if len(models) > 1:
            raise ConfigError("The predictors of this program ask different LMs; look at each.lm.")
        return next(iter(models.values()), None)

    def deepcopy(self) -> Self:
        """A copy that shares nothing that can be copied, and what cannot (locks, clients) as is."""
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        for name, value in self.__dict__.items():
            twin.__dict__[name] = copied(value, memo)
        return twin

    def reset_copy(self) -> Self:
        """A copy whose predictors have neither demos nor LM."""
        twin = self.deepcopy()
        for _, predictor in twin.named_predictors(frozen=True):
            predictor.reset()
        return twin

    def batch(
        self,
        examples: Iterable[Any],
        num_threads: int | None = None,
        max_errors: int | None = None,
        return_failed_examples: bool = False,
        provide_traceback: bool | None = None,
        disable_progress_bar: bool = False,
        timeout: float = 120,
        straggler_limit: int = 3,
    ) -> Any:
        """Run the program on many examples at once; predictions in the order of the examples.

        Args:
            examples: Examples whose `inputs` are set, or dicts of inputs.
            num_threads: How many at once; default is the setting of that name.
            max_errors: How many may fail; the prediction of one that did is None. Default: none, or any number with
                `return_failed_examples`.
            return_failed_examples: Whether to return ``(predictions, failed examples, errors)``.
            provide_traceback: As in `burnish.Parallel`, like all that follow.
            disable_progress_bar: Whether to draw no progress.
            timeout: Without effect, see there.
            straggler_limit: Without effect, see there.

        Raises:
            Exception: The first error that is one too many; the others are cancelled.
        """
        from burnish.modules.parallel import Parallel

        parallel = Parallel(
            num_threads=num_threads,
            max_errors=max_errors,
            return_failed_examples=return_failed_examples,
            provide_traceback=provide_traceback,
            disable_progress_bar=disable_progress_bar,
            timeout=timeout,
            straggler_limit=straggler_limit,
        )
        return run_sync(self._batched(list(examples), parallel))

    async def _batched(self, examples: Sequence[Any], parallel: Parallel) -> Any:
        """What `batch` does, for those that can do better than one by one."""
        return await parallel.acall([(self, example) for example in examples])

    def inspect_history(self, n: int = 1, file: IO[str] | None = None) -> None:
        """Show the last `n` LM calls of this program's predictors as text, in `file` or on standard output."""
        predictors = [predictor for _, predictor in self.named_predictors(frozen=True)]
        show(settings.history.of(predictors), n, file)

    if TYPE_CHECKING:
        # What the compile that made this program tried, best first, as DSPy lists it.
        candidate_programs: list[dict[str, Any]]
    else:  # where it would let every misspelt attribute pass

        def __getattr__(self, name: str) -> Any:
            # Reached only where the program has no such attribute itself: then the report is asked, under DSPy's names.
            if name not in {"candidate_programs", "mb_candidate_programs", "score", "trial_logs"}:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if self.report is None:
                raise AttributeError(f"{name}: this program was not made by an optimizer.")
            return getattr(self.report, name)

    def dump_state(self, json_mode: bool = True, *, save_field_meta: bool = False) -> dict[str, Any]:
        """The program's instructions, demos and LM settings, JSON-ready; see `burnish.modules.state`.

        Args:
            json_mode: Whether the values in demos become JSON, or stay the objects that they are.
            save_field_meta: Also keep each field's name and type beside its description.
        """
        from burnish.modules import state

        return state.dump(self, json_mode=json_mode, save_field_meta=save_field_meta)

    def load_state(self, saved: dict[str, Any], *, allow_unsafe_lm_state: bool = False) -> None:
        """Take over a dumped state: all of it, or an error and nothing.

        Args:
            saved: What `dump_state` gave, or DSPy's from 2.5 on.
            allow_unsafe_lm_state: Whether it may say at which address its LMs are, which are sent your key.

        Raises:
            StateError: It does not fit; the message names what.
        """
        from burnish.modules import state

        state.load(self, saved, allow_unsafe_lm_state=allow_unsafe_lm_state)

    def save(
        self,
        path: Any,
        save_program: bool = False,
        modules_to_serialize: Sequence[Any] | None = None,
        *,
        save_field_meta: bool = False,
    ) -> None:
        """Write the state as one readable JSON file without keys, code or pickle.

        Args:
            path: A ``.json`` file; with `save_program`, a folder.
            save_program: Pickle the whole program instead, code of ``__main__`` included, which `burnish.load` reads.
            modules_to_serialize: Modules whose code goes into the pickle too.
            save_field_meta: Also keep each field's name and type beside its description.

        Raises:
            StateError: The path is of the other kind, or something in the program cannot be kept.
        """
        from burnish.modules import pickled, state

        if save_program:
            pickled.save(self, path, modules_to_serialize)
        elif modules_to_serialize is not None:
            raise ConfigError("modules_to_serialize=... is about pickles: add save_program=True, or leave it out.")
        else:
            state.save(self, path, save_field_meta=save_field_meta)

    def load(self, path: Any, allow_pickle: bool = False, allow_unsafe_lm_state: bool = False) -> None:
        """Read a state file into this program: all of it, or an error and nothing.

        Args:
            path: The ``.json`` file, Burnish's or DSPy's, or a ``.pkl`` of DSPy's.
            allow_pickle: Whether a ``.pkl`` may be read, which runs the code in it and needs DSPy installed.
            allow_unsafe_lm_state: Whether it may say at which address its LMs are, which are sent your key.

        Raises:
            StateError: It cannot be read, or does not fit; the message names what.
        """
        from burnish.modules import pickled, state

        if str(path).endswith(".pkl"):
            self.load_state(pickled.read_state(path, allow_pickle), allow_unsafe_lm_state=allow_unsafe_lm_state)
        else:
            state.load_file(self, path, allow_unsafe_lm_state=allow_unsafe_lm_state)

    def own_state(self) -> Mapping[str, Any]:
        """For a subclass with `keeps_more`: what is saved beside its predictors, JSON-ready, its ``"kind"`` among it."""
        return {"kind": type(self).__name__}

    def save_beside(self, stem: Path) -> None:
        """For a subclass with `keeps_more`: write what is no JSON to files whose names begin with `stem`."""

    def read_own_state(self, saved: Mapping[str, Any], stem: Path | None) -> Callable[[], None]:
        """For a subclass with `keeps_more`: check all of a saved state; calling what comes back takes it over.

        Args:
            saved: What `own_state` gave.
            stem: As `save_beside` had it; None where the state was not read from a file.

        Raises:
            StateError: It cannot be taken over.
        """
        return lambda: None


ASYNC_FORWARD = "{}.forward is async, and forward is the plain one. Name it aforward."
HOW_TO_RUN = "Define `def forward(self, ...)` that returns a Prediction."


async def _run(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if _defines(module, "aforward"):
        return await on_loop(module.aforward(*args, **kwargs))  # type: ignore[attr-defined]
    if _defines(module, "forward"):
        forward = module.forward  # type: ignore[attr-defined]
        if inspect.iscoroutinefunction(forward):
            raise ConfigError(ASYNC_FORWARD.format(type(module).__name__))
        return await on_loop(in_thread(forward, *args, **kwargs))
    raise ConfigError(f"{type(module).__name__} has neither forward nor aforward. {HOW_TO_RUN}")


def forward_of(module: Module) -> Callable[..., Any] | None:
    """The method that runs the module: `aforward`, else `forward`, else None."""
    for name in ("aforward", "forward"):
        if _defines(module, name):
            method: Callable[..., Any] = getattr(module, name)
            return method
    return None


def _defines(module: Module, name: str) -> bool:
    return getattr(type(module), name, None) is not None
