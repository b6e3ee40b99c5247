"""`Assert` and `Suggest`: constraints inside a program, which is run again with what went wrong as advice.

A constraint that fails ends the run. The program is run again, up to so many times: calls that nothing has changed get the
replies that are there already (`burnish.modules.replay`), and the call that is to blame is asked anew, told its own outputs and
the constraint's message. After the last run `Assert` raises `AssertionFailed`, and `Suggest` lets it pass with a warning.
(After Singhvi et al. 2023, "DSPy Assertions", arXiv:2312.13382.)
"""

from __future__ import annotations

import contextvars
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.adapters.field_text import shown
from burnish.errors import AssertionFailed, ConfigError
from burnish.lm.scope import current_scope
from burnish.modules.binding import Binding, binding_of, bound, current_binding
from burnish.modules.replay import Advice, Memory
from burnish.values.rollout import Step

MAX_BACKTRACKS = 2


@dataclass(slots=True)
class _Run:
    """One run of a program whose constraints are retried.

    Attributes:
        left: How many more runs there may be.
        passed_over: The suggestions that failed and were let pass.
    """

    left: int
    passed_over: list[str] = field(default_factory=list)


_run: contextvars.ContextVar[_Run | None] = contextvars.ContextVar("run_with_constraints", default=None)


def Assert(condition: Any, message: str = "", target_module: Any = None) -> bool:  # noqa: N802 - DSPy's name
    """A constraint that a run of a program must keep; for use inside `forward`.

    In a program with `Module.activate_assertions` a failed one is retried, see there.

    Args:
        condition: Whether it is kept, by truth.
        message: What is wanted, in words that help the model.
        target_module: The predictor, or the module of predictors, that is told; default is the predictor called last.

    Raises:
        AssertionFailed: It is not kept; inside a program the next run begins with that, as long as there is one.

    Example:
        >>> Assert(len("Rome") < 6, "Answer in one word.")
        True
    """
    if not condition:
        raise AssertionFailed(message or "A constraint of the program is not kept.", target=target_module)
    return True


def Suggest(condition: Any, message: str = "", target_module: Any = None) -> bool:  # noqa: N802 - DSPy's name
    """`Assert` that is let pass after the last run, with a warning and an event ``suggestion_failed``.

    Args:
        condition: Whether it is kept, by truth.
        message: What is wanted, in words that help the model.
        target_module: The predictor, or the module of predictors, that is told; default is the predictor called last.

    Returns:
        Whether it is kept.

    Raises:
        AssertionFailed: It is not, and there will be another run. Do not catch it.
    """
    if condition:
        return True
    text = message or "A constraint of the program is not kept."
    run = _run.get()
    if run is not None:
        binding = current_binding()
        if run.left and binding is not None and _to_blame(binding.trace, target_module) is not None:
            raise AssertionFailed(text, target=target_module)
        run.passed_over.append(text)
    warnings.warn(f"A suggestion failed, and the program goes on: {text}", UserWarning, stacklevel=2)
    return False


async def with_constraints(program: Any, run: Callable[[], Awaitable[Any]], *, backtracks: int) -> Any:
    """What `run` returns, run again where a constraint fails.

    The trace around it gets the steps of the last run alone.

    Args:
        program: Whose run it is.
        run: Runs it once.
        backtracks: How many more runs there may be.

    Raises:
        AssertionFailed: A constraint failed in the last run, or no predictor is to blame.
    """
    outer = binding_of(program)
    number = next(outer.numbers)
    memory = Memory(outer.memory)
    advice: list[Advice] = []
    left = backtracks
    while True:
        binding = outer.within(advice=advice, memory=memory)
        token = _run.set(state := _Run(left))
        try:
            with bound(binding):
                return await run()
        except AssertionFailed as failed:
            step = _to_blame(binding.trace, failed.target)
            _tell("assertion_failed", binding, step, message=str(failed), left=left)
            if step is None or not left:
                raise
            advice.append(Advice(step.predictor, _feedback(step, str(failed)), dict(step.inputs), len(advice) + 1))
            # The call to blame is another one with the advice, so it finds no reply there.
            memory.begin_again()
        finally:
            _run.reset(token)
            outer.steps[number] = binding.trace
            for text in state.passed_over:
                _tell("suggestion_failed", binding, None, message=text, left=left)
            left -= 1


def assert_transform_module(module: Any, handler: Any = None, *, max_backtracks: int = MAX_BACKTRACKS) -> Any:
    """`Module.activate_assertions` under the name that DSPy 2.5 has for it.

    Args:
        module: The program.
        handler: None, or `backtrack_handler`, or a partial of it with ``max_backtracks=``.
        max_backtracks: How many more runs there may be, where the handler does not say.

    Returns:
        The program itself.
    """
    keywords = dict(getattr(handler, "keywords", {}))
    return module.activate_assertions(max_backtracks=keywords.get("max_backtracks", max_backtracks))


def backtrack_handler(*_: Any, **__: Any) -> Any:
    """Stands in for DSPy's handler of that name in `assert_transform_module`; it is never called.

    Raises:
        ConfigError: It is.
    """
    raise ConfigError("backtrack_handler is only a name here: write program.activate_assertions(max_backtracks=2).")


def _to_blame(trace: Sequence[Step], target: Any) -> Step | None:
    """The last step of the target."""
    if target is None:
        return trace[-1] if trace else None
    if hasattr(target, "named_predictors"):
        of_it = [predictor for _, predictor in target.named_predictors(frozen=True)]
    else:
        of_it = [step.predictor for step in trace if step.predictor.signature is target]
    return next((step for step in reversed(trace) if any(step.predictor is one for one in of_it)), None)


def _feedback(step: Step, message: str) -> str:
    outputs = "\n".join(f"{name}: {shown(value)}" for name, value in step.outputs.items())
    return f"An earlier reply to the same inputs was not accepted. It was\n{outputs}\nand what is wanted is: {message}"


def _tell(kind: str, binding: Binding, step: Step | None, **fields: Any) -> None:
    scope = current_scope()
    if scope is not None and scope.watch is not None:
        predictor = "" if step is None else binding.names.get(id(step.predictor), "")
        scope.watch.emit(kind, stage=scope.stage, predictor=predictor, **fields)
