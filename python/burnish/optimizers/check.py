"""What is checked before the first call: every mistake that can be known without paying for it."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from burnish.errors import ConfigError
from burnish.lm.settings import settings
from burnish.modules.module import Module
from burnish.modules.predict import NO_LM
from burnish.values.example import Example


def check_program(student: Any, *, asks: bool) -> None:
    """The student is a program with something to tune, and has a model to ask.

    Raises:
        ConfigError: It is not, or `asks` and some predictor has no LM.
    """
    if not isinstance(student, Module):
        raise ConfigError(
            f"The program to compile is {student!r} ({type(student).__name__}), not a burnish.Module. "
            "Pass the program object: compile(MyProgram(), trainset=...)."
        )
    predictors = student.named_predictors()
    if not predictors:
        frozen = student.named_predictors(frozen=True)
        why = (
            "all of them are inside compiled parts"
            if frozen
            else "keep them as attributes (self.answer = Predict(...))"
        )
        raise ConfigError(f"{type(student).__name__} has no predictor to tune: {why}.")
    if asks and settings.lm is None:
        lacking = [name for name, p in student.named_predictors(frozen=True) if p.lm is None]
        if lacking:
            raise ConfigError(f"{NO_LM}\nWithout one: {', '.join(lacking)}.")


def check_examples(examples: Any, name: str) -> list[Example]:
    """The examples as a list.

    Args:
        examples: What the user passed.
        name: The argument's name, for messages.

    Raises:
        ConfigError: There are none, or one is no Example with inputs.
    """
    if examples is None or isinstance(examples, str | Example) or not isinstance(examples, Iterable):
        raise ConfigError(f"{name}={examples!r}: give a list of burnish.Example.")
    rows = list(examples)
    if not rows:
        raise ConfigError(f"{name} is empty: there is nothing to learn from. Give at least one Example.")
    for place, row in enumerate(rows):
        if not isinstance(row, Example):
            raise ConfigError(
                f"{name}[{place}] is {type(row).__name__}, not a burnish.Example. "
                "Write Example(**row).with_inputs('question')."
            )
        if row.input_keys is None:
            first = next(iter(row.keys()), "question")
            raise ConfigError(
                f"{name}[{place}] does not say which of its fields are inputs. Write "
                f".with_inputs({first!r}) on every example; its fields are {', '.join(row.keys())}."
            )
        if not any(key in row for key in row.input_keys):
            raise ConfigError(f"{name}[{place}] has none of its inputs {sorted(row.input_keys)}.")
    return rows


def warn_of_overlap(trainset: Sequence[Example], valset: Sequence[Example]) -> None:
    """Warn when examples of the valset stand in the trainset too."""
    seen = {hash(example) for example in trainset}
    shared = sum(hash(example) in seen for example in valset)
    if shared:
        warnings.warn(
            f"{shared} of {len(valset)} valset examples stand in the trainset too: demos can hold their "
            "answers, so scores on them say little.",
            UserWarning,
            stacklevel=3,
        )


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
        raise ConfigError(f"{where} has no option {option!r}.{hint} Its options: {', '.join(names)}.")
