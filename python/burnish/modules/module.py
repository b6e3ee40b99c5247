"""`Module`: a program made of predictors and other modules, found through its attributes."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from burnish.errors import ConfigError
from burnish.lm.callbacks import BaseCallback
from burnish.lm.history import show
from burnish.lm.settings import settings
from burnish.loop import all_of, in_thread, on_loop, run_here, run_sync
from burnish.modules.calls import called
from burnish.modules.trace_log import logged

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from burnish.lm.lm import LM
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
    # Who is told of its calls, beside those of the settings: `burnish.BaseCallback` objects.
    callbacks: Sequence[BaseCallback] = ()

    def __init__(self, callbacks: Sequence[BaseCallback] | None = None) -> None:
        super().__init__()
        if callbacks is not None:
            self.callbacks = list(callbacks)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program and wait for its prediction."""
        if not _defines(self, "forward") and "_begins_here" not in type(self).__dict__:
            return run_sync(self.acall(*args, **kwargs))
        with logged(self), called(self, args, kwargs) as call:
            if _defines(self, "forward"):
                call.outputs = outputs = self.forward(*args, **kwargs)  # type: ignore[attr-defined]
            else:
                call.outputs = outputs = run_here(self.aforward(*args, **kwargs))  # type: ignore[attr-defined]
        return outputs

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program from async code; a `forward` that is not async runs in a thread."""
        with logged(self), called(self, args, kwargs) as call:
            if _defines(self, "aforward"):
                call.outputs = outputs = await on_loop(self.aforward(*args, **kwargs))  # type: ignore[attr-defined]
            elif _defines(self, "forward"):
                forward = self.forward  # type: ignore[attr-defined]
                call.outputs = outputs = await on_loop(in_thread(forward, *args, **kwargs))
            else:
                raise ConfigError(f"{type(self).__name__} has neither forward nor aforward. {HOW_TO_RUN}")
        return outputs

    def named_predictors(self, *, frozen: bool = False) -> list[tuple[str, Predict]]:
        """Every predictor with its dotted path, such as ``"steps[0].predict"``, each once.

        Args:
            frozen: Also those inside parts that are compiled already (``_compiled``).
        """
        return [(path, part) for path, part in _walk(self, "", set(), frozen=frozen, root=True) if part.is_predictor]

    def named_modules(self) -> list[tuple[str, Module]]:
        """This program, as ``"self"``, and every module in it with its dotted path, each once."""
        return list(_walk(self, "", set(), frozen=True, root=True))

    def predictors(self) -> list[Predict]:
        """Every predictor that an optimizer may change."""
        return [predictor for _, predictor in self.named_predictors()]

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
            twin.__dict__[name] = _copied(value, memo)
        return twin

    def reset_copy(self) -> Self:
        """A copy whose predictors have neither demos nor LM."""
        twin = self.deepcopy()
        for _, predictor in twin.named_predictors(frozen=True):
            predictor.reset()
        return twin

    def batch(self, examples: Iterable[Any], *, num_threads: int | None = None) -> list[Any]:
        """Run the program on many examples at once; predictions in the order of the examples.

        Args:
            examples: Examples whose `inputs` are set.
            num_threads: How many at once; default is the setting of that name.

        Raises:
            Exception: The first error of any of them; the others are cancelled.
        """
        limit = asyncio.Semaphore(num_threads or settings.num_threads)

        async def one(example: Any) -> Any:
            async with limit:
                return await self.acall(**example.inputs())

        return run_sync(all_of(one(example) for example in examples))

    def inspect_history(self, n: int = 1, file: IO[str] | None = None) -> None:
        """Show the last `n` LM calls of this program's predictors as text, in `file` or on standard output."""
        predictors = [predictor for _, predictor in self.named_predictors(frozen=True)]
        show(settings.history.of(predictors), n, file)

    @property
    def candidate_programs(self) -> list[dict[str, Any]]:
        """What the compile that made this program tried, best first, as DSPy lists it."""
        if self.report is None:
            raise AttributeError("candidate_programs: this program was not made by an optimizer.")
        programs: list[dict[str, Any]] = self.report.candidate_programs
        return programs

    def dump_state(self, *, save_field_meta: bool = False) -> dict[str, Any]:
        """The program's instructions, demos and LM settings, JSON-ready; see `burnish.modules.state`."""
        from burnish.modules import state

        return state.dump(self, save_field_meta=save_field_meta)

    def load_state(self, saved: dict[str, Any]) -> None:
        """Take over a dumped state: all of it, or an error and nothing."""
        from burnish.modules import state

        state.load(self, saved)

    def save(self, path: Any, *, save_field_meta: bool = False) -> None:
        """Write the state as one readable JSON file without keys, code or pickle."""
        from burnish.modules import state

        state.save(self, path, save_field_meta=save_field_meta)

    def load(self, path: Any) -> None:
        """Read a state file into this program: all of it, or an error and nothing."""
        from burnish.modules import state

        state.load_file(self, path)

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


HOW_TO_RUN = "Define `def forward(self, ...)` that returns a Prediction."


def forward_of(module: Module) -> Callable[..., Any] | None:
    """The method that runs the module: `aforward`, else `forward`, else None."""
    for name in ("aforward", "forward"):
        if _defines(module, name):
            method: Callable[..., Any] = getattr(module, name)
            return method
    return None


def _defines(module: Module, name: str) -> bool:
    return getattr(type(module), name, None) is not None


def _walk(value: Any, path: str, seen: set[int], *, frozen: bool, root: bool = False) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Module):
        left_alone = value._compiled and not (frozen or root or value.is_predictor)
        if id(value) in seen or left_alone:
            return
        seen.add(id(value))
        yield path or "self", value
        if value.is_predictor:
            return
        dot = f"{path}." if path else ""
        for name, part in value.__dict__.items():
            if name != "report":
                yield from _walk(part, dot + name, seen, frozen=frozen)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _walk(part, f"{path}[{index}]", seen, frozen=frozen)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _walk(part, f"{path}[{key!r}]", seen, frozen=frozen)


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    if type(value) is list:
        return [_copied(part, memo) for part in value]
    if type(value) is tuple:
        return tuple(_copied(part, memo) for part in value)
    if type(value) is dict:
        return {key: _copied(part, memo) for key, part in value.items()}
    try:
        return copy.deepcopy(value, memo)
    # Users keep locks, clients and models on their modules, whose copying raises anything.
    except Exception:
        return value
