"""Instructions proposed by a model, grounded in the program, its data and what was tried before.

A proposal is one call. What comes back is checked before it may enter a pool: it has words, no unfinished thought, no
header of a reply's form, a bearable length, and is no other proposal again. What fails is asked for once more, as another
draw, and where it did not parse in the adapter's other form; what fails twice is left out and told. No reply, however bad,
costs more than its own two calls.

Source: Opsahl-Ong et al. 2024, "Optimizing Instructions and Demonstrations for Multi-Stage Language Model Programs",
arXiv:2406.11695, sections 3.1 and 4 (grounded proposals); Yang et al. 2023, "Large Language Models as Optimizers",
arXiv:2309.03409 (proposals from scored attempts). Prompts and tips are worded here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from burnish.adapters.base import Adapter
from burnish.adapters.chat import ChatAdapter
from burnish.errors import LMAccessDenied, LMError, LMRejected, LMTransient, ReplyError, RunStopped
from burnish.lm.settings import context, settings
from burnish.modules.predict import Predict
from burnish.stages.writing import written
from burnish.values.signature import InputField, OutputField, Signature

_LONGEST = 20_000
# What may stand around the whole of the text: a fence, with a language or without, and quotes that are not used inside.
_WRAPPINGS = (
    re.compile(r"```(?:[\w+-]*[ \t]*\n)?((?:(?!```).)*)(?:```)?", re.DOTALL),
    re.compile("`([^`]*)`"),
    re.compile('"([^"]*)"'),
    re.compile("'([^']*)'"),
)
# Instructions may ask for thoughts in tags of their own, such as <thinking>.
_THOUGHT = re.compile(r"</?think\b|^<thinking", re.IGNORECASE)
TIPS = MappingProxyType(
    {
        "plain": "",
        "creative": "Try a fresh angle that the present wording does not take.",
        "simple": "Keep it short and plain: one or two sentences.",
        "descriptive": "Be thorough: say what each answer means and how to tell it from the others.",
        "high stakes": "Put the reader into a situation in which a wrong answer would have grave consequences.",
        "persona": "Begin by saying who the reader is: an expert in just this kind of work.",
    }
)


class WriteInstructions(Signature):
    """Write the instructions for one step of a program that asks a language model.

    They go in front of every question of this step, so they must fit all of its inputs, and lead to right answers more often
    than the present ones do.
    """

    program: str = InputField(desc="what the whole program does")
    data: str = InputField(desc="what its data is like")
    step: str = InputField(desc="the step to write for")
    current_instructions: str = InputField(desc="what the step is told now")
    attempts: str = InputField(desc="what it was told before, each with its score from 0 to 100, the best last")
    examples: str = InputField(desc="inputs of the step with right outputs, one JSON object a line")
    tip: str = InputField(desc="how to write them this time")
    instructions: str = OutputField(desc="the new instructions and nothing else")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One proposal that is wanted, and what it is grounded on; what is empty is not shown.

    Attributes:
        predictor: For which predictor.
        draw: Its number: another one is another draw of the same question.
        step: The predictor in words.
        current: Its present instructions.
        program: The program in words.
        data: The data in words.
        attempts: Instructions tried before, each with its mean score from 0 to 1.
        examples: Rows to look at, as text.
        tip: How to write, by its name in `TIPS`.
    """

    predictor: str
    draw: int
    step: str
    current: str
    program: str = ""
    data: str = ""
    attempts: Sequence[tuple[str, float]] = ()
    examples: str = ""
    tip: str = "plain"

    def inputs(self) -> dict[str, str]:
        """The inputs of `WriteInstructions` that there are."""
        tried = sorted(self.attempts, key=lambda attempt: attempt[1])
        attempts = "\n\n".join(f"Score {100 * score:.1f}:\n{text}" for text, score in tried)
        told = {
            "program": self.program,
            "data": self.data,
            "step": self.step,
            "current_instructions": self.current,
            "attempts": attempts,
            "examples": self.examples,
            "tip": TIPS[self.tip],
        }
        return {name: text for name, text in told.items() if text}


@dataclass(slots=True)
class Proposed:
    """What came of it.

    Attributes:
        instructions: For each predictor what may enter its pool, in the order in which it was wanted.
        asked: How many proposals were wanted.
        dropped: Why those that failed twice did: reason → how many.
    """

    instructions: dict[str, list[str]] = field(default_factory=dict)
    asked: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        usable = sum(map(len, self.instructions.values()))
        text = f"{self.asked} instructions were asked for, {usable} can be used"
        if not self.dropped:
            return f"{text}."
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.dropped.items()))
        return f"{text}; of the others, after a second try each, {reasons}."


async def proposed(
    wanted: Sequence[Wanted], known: Mapping[str, Sequence[str]], *, lm: Any, temperature: float
) -> Proposed:
    """Ask for all proposals at once, and once more for those that cannot be used.

    Args:
        wanted: What to ask for.
        known: For each predictor the instructions that it has already.
        lm: Who proposes.
        temperature: Of the calls; a model that takes none is sent none.

    Returns:
        What can be used; the same for the same replies at any concurrency.

    Raises:
        RunStopped: The model answered not one call.
        LMAccessDenied: It refuses every call.
        BudgetExhausted: A cap of the run's budget was reached.
    """
    pools = {name: list(texts) for name, texts in known.items()}
    found = Proposed({name: [] for name in known}, asked=len(wanted))
    left = list(wanted)
    heard = False
    # One for all that show the same inputs, so that its prompt is made once.
    writers = {shown: _writer(shown) for shown in {tuple(one.inputs()) for one in wanted}}
    adapter: Adapter = settings.adapter or ChatAdapter()
    # Whose reply does not parse in one form is asked for the other one, where the adapter has such.
    unread: set[int] = set()

    async def asked(one: Wanted, attempt: int) -> str | Exception:
        inputs = one.inputs()
        config = {"temperature": temperature, "rollout_id": 2 * one.draw + attempt + 1}
        form = (adapter.fallback if id(one) in unread else None) or adapter
        try:
            with context(adapter=form):
                reply = await writers[tuple(inputs)].acall(**inputs, lm=lm, config=config)
        except LMAccessDenied:
            raise
        except (ReplyError, LMTransient, LMRejected) as error:
            return error
        return str(reply.instructions)

    for attempt in range(2):
        replies = await written(partial(asked, attempt=attempt), left)
        heard = heard or not all(isinstance(reply, LMError) for reply in replies)
        if attempt and left and not heard:
            raise RunStopped(
                f"Stopped: not one of {2 * len(left)} calls for instructions was answered: {replies[0]} "
                "Mend the cause and run again; with run_dir= set, nothing that was received is asked for again."
            )
        again = []
        for one, reply in zip(left, replies, strict=True):
            text, fault = (
                ("", _fault_of(reply)) if isinstance(reply, Exception) else _checked(reply, pools[one.predictor])
            )
            if not fault:
                pools[one.predictor].append(text)
                found.instructions[one.predictor].append(text)
            elif attempt == 0:
                again.append(one)
                if isinstance(reply, ReplyError):
                    unread.add(id(one))
            else:
                found.dropped[fault] = found.dropped.get(fault, 0) + 1
        left = again
    return found


class _Writer(Predict):
    # Instructions without their end may parse, and are none; and what does not parse is asked for again here.
    _is_strict = True


def _writer(shown: Sequence[str]) -> Predict:
    """Who writes instructions from these inputs."""
    signature: type[Signature] = WriteInstructions
    for name in WriteInstructions.input_fields:
        if name not in shown:
            signature = signature.delete(name)
    return _Writer(signature)


def _fault_of(error: Exception) -> str:
    if isinstance(error, ReplyError):
        return "were cut off" if error.cut_off else "did not parse"
    return "were refused" if isinstance(error, LMRejected) else "were not answered"


def _checked(reply: str, pool: Sequence[str]) -> tuple[str, str]:
    """The instructions in a reply and nothing, or whatever they are and why they cannot be used."""
    # Half of a character, as the end of a reply may be, fits into no program's file.
    text = reply.encode(errors="ignore").decode().strip()
    for wrapping in _WRAPPINGS:
        if whole := wrapping.fullmatch(text):
            text = whole[1].strip()
    if not any(character.isalpha() for character in text):
        return text, "were empty"
    if _THOUGHT.search(text):
        return text, "were unfinished thoughts"
    if "[[ ##" in text:
        return text, "were cut off"
    if len(text) > _LONGEST:
        return text, f"were longer than {_LONGEST} characters"
    if _plain(text) in map(_plain, pool):
        return text, "repeated another"
    return text, ""


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
