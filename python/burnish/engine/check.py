"""What is checked before the first call: every mistake that can be known without paying for it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

from burnish.errors import ConfigError
from burnish.lm.settings import settings
from burnish.modules.module import ASYNC_FORWARD, HOW_TO_RUN, Module, forward_of
from burnish.modules.predict import NO_LM
from burnish.values.budget import Budget
from burnish.values.example import Example
from burnish.values.held_out import HeldOut, TestSet

_SEALED = (
    "It is kept from all who learn from examples, so that its score stays true: give the train and val parts here, and the test "
    "set to Evaluate(devset=...)."
)


def check_program(program: Any, role: str, *, asks: bool, tunes: bool) -> None:
    """This is a program that can be run.

    Args:
        program: What the user passed.
        role: What it is to be, for messages, such as ``"program to compile"``.
        asks: Whether it will be run, and so needs a model to ask.
        tunes: Whether it needs predictors that may be changed.

    Raises:
        ConfigError: It is no such program; the message says what it lacks.
    """
    if not isinstance(program, Module):
        raise ConfigError(
            f"The {role} is {program!r} ({type(program).__name__}), not a burnish.Module. "
            "Pass the program object: MyProgram(), not its class, text or model."
        )
    name = type(program).__name__
    everything = program.named_predictors(frozen=True)
    if tunes and not program.named_predictors():
        why = (
            "all of them are inside compiled parts"
            if everything
            else "keep them as attributes (self.answer = Predict(...))"
        )
        raise ConfigError(f"{name} has no predictor to tune: {why}.")
    if not asks:
        return
    if inspect.iscoroutinefunction(getattr(program, "forward", None)):
        raise ConfigError(ASYNC_FORWARD.format(name))
    if forward_of(program) is None:
        raise ConfigError(f"{name} has neither forward nor aforward. {HOW_TO_RUN}")
    for model in _models(program):
        model.prepare()
    if settings.lm is None:
        lacking = [path for path, predictor in everything if predictor.lm is None]
        if lacking:
            raise ConfigError(f"{NO_LM}\nWithout one: {', '.join(lacking)}.")


def check_prices(budget: Budget | None, program: Any, *others: Any) -> None:
    """A cap on dollars can be kept: the price of every model that will be asked is known, as far as is known which.

    Args:
        budget: The caps.
        program: Whose models are asked.
        others: More models, None among them.

    Raises:
        ConfigError: A price is unknown, or the budget is none.
    """
    if budget is not None and not isinstance(budget, Budget):
        raise ConfigError(f"budget={budget!r}: give a burnish.Budget, such as burnish.Budget(dollars=5).")
    if budget is None or budget.dollars is None:
        return
    for model in (*_models(program), *(lm for lm in others if lm is not None)):
        if not model.priced:
            raise ConfigError(
                f"Budget(dollars={budget.dollars:g}) cannot be kept: the price of {model.model!r} is unknown. Give "
                f"LM({model.model!r}, prices=(dollars per million prompt tokens, dollars per million completion "
                "tokens)), or cap calls or tokens."
            )


def _models(program: Any) -> list[Any]:
    """The models that a program is known to ask, each once."""
    own = (predictor.lm for _, predictor in program.named_predictors(frozen=True))
    return list({id(lm): lm for lm in (settings.lm, *own) if lm is not None}.values())


def check_inputs(program: Any, rows: Sequence[Example], name: str) -> None:
    """The program takes the inputs that the examples have, as far as its arguments tell.

    Raises:
        ConfigError: It does not; every run would fail.
    """
    try:
        signature = _arguments(program)
    except (TypeError, ValueError):
        return
    seen: set[tuple[str, ...]] = set()
    for place, row in enumerate(rows):
        inputs = tuple(row.inputs().keys())
        if inputs in seen:
            continue
        seen.add(inputs)
        try:
            signature.bind(**dict.fromkeys(inputs))
        except TypeError as error:
            raise ConfigError(
                f"{name}[{place}] has the inputs {', '.join(inputs)}, and {type(program).__name__} takes {signature}: "
                f"{error}. Say which fields are inputs with .with_inputs(...), or rename them."
            ) from error


def _arguments(program: Any) -> inspect.Signature:
    """What the program takes: its signature's inputs where it is a predictor, else what `forward` takes."""
    if program.is_predictor:
        kind = inspect.Parameter.KEYWORD_ONLY
        inputs = program.signature.input_fields.items()
        # What a call may leave out has a default here too; which, makes no difference to what can be bound.
        defaults = {name: inspect.Parameter.empty if field.is_required() else None for name, field in inputs}
        return inspect.Signature([inspect.Parameter(name, kind, default=one) for name, one in defaults.items()])
    return inspect.signature(forward_of(program))  # type: ignore[arg-type]


def check_examples(examples: Any, name: str, *, held_out: bool = False) -> list[Example]:
    """The examples as a list.

    Args:
        examples: What the user passed.
        name: The argument's name, for messages.
        held_out: Whether those of a test set will do; who learns from examples must not see them.

    Raises:
        ConfigError: There are none, or one is no Example with inputs, or of a test set.
    """
    if isinstance(examples, TestSet) and not held_out:
        raise ConfigError(f"{name} is a {examples!r}. {_SEALED}")
    if examples is None or isinstance(examples, str | Example) or not isinstance(examples, Iterable):
        files = " burnish.datasets reads files." if isinstance(examples, str | PathLike) else ""
        raise ConfigError(f"{name}={examples!r}: give a list of burnish.Example.{files}")
    rows = list(examples)
    if not rows:
        raise ConfigError(f"{name} is empty. Give at least one Example.")
    for place, row in enumerate(rows):
        if not isinstance(row, Example):
            raise ConfigError(
                f"{name}[{place}] is {type(row).__name__}, not a burnish.Example. "
                "Write Example(**row).with_inputs('question')."
            )
        if isinstance(row, HeldOut) and not held_out:
            raise ConfigError(f"{name}[{place}] is a row of a test set. {_SEALED}")
        if row.input_keys is None:
            first = next(iter(row.keys()), "question")
            raise ConfigError(
                f"{name}[{place}] does not say which of its fields are inputs. Write "
                f".with_inputs({first!r}) on every example; its fields are {', '.join(row.keys())}."
            )
        if not any(key in row for key in row.input_keys):
            raise ConfigError(f"{name}[{place}] has none of its inputs {sorted(row.input_keys)}.")
    return rows


def refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse those of the options given that do not exist.

    Raises:
        ConfigError: There are any; the message names the nearest that exist.
    """
    names = sorted(known)
    for option in given:
        if option in names:
            continue
        near = difflib.get_close_matches(option, names, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ConfigError(f"{where} has no option {option!r}.{hint} Its options: {', '.join(names) or 'none'}.")
