"""`Refine`: attempts that learn from the ones before (after Madaan et al. 2023, "Self-Refine", arXiv:2303.17651)."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.adapters.field_text import shown
from burnish.errors import ReplyError
from burnish.modules.best_of_n import BestOfN
from burnish.modules.binding import Binding, bound
from burnish.modules.predict import Predict
from burnish.modules.replay import Advice
from burnish.values.rollout import Step
from burnish.values.signature import InputField, OutputField, Signature


class Advise(Signature):
    """A program made of parts was run, and what it returned falls short of what is wanted.

    Find the parts that are to blame, and tell each of them what to do otherwise when the same inputs come again. Speak to
    the part itself, be concrete, and do not give the final result away. Leave out parts that did well.
    """

    wanted: str = InputField(desc="how results are judged; more is better")
    parts: str = InputField(desc="the program's parts: name, task, fields")
    run: str = InputField(desc="what each part was given and what it replied, in order")
    result: str = InputField(desc="what the program returned")
    judged: str = InputField(desc="what the result was judged to be worth, and what would do")
    advice: dict[str, str] = OutputField(desc="name of a part → what it should do otherwise")


class Refine(BestOfN):
    """`BestOfN` in which each attempt is told what was wrong with the one before.

    After an attempt below the threshold a predictor of this module's own looks at its trace and writes advice for
    the inner predictors. The next attempt sees the advice below its instructions; signatures, demos and the module itself
    stay as they are, and no demo that is made from the trace shows the advice. The advice is asked of the model that
    the module's first step was asked of. A reply without readable advice costs no more than that: the next attempt has none.

    Costs:
        The LM calls of the module, 1 to N times, and one call for the advice between two attempts.

    Args:
        module: The module to run; it is never changed.
        N: Most attempts.
        reward_fn: ``reward_fn(inputs, prediction)`` → a number, the higher the better; sync or async. Its source, where it
            can be read, is shown to the model that advises.
        threshold: The reward that is good enough to stop.
        fail_count: How many attempts may raise; the next error is raised. Default: all but one.

    Raises:
        ConfigError: An argument is out of range.

    Example:
        >>> import burnish
        >>> from burnish.testing import ScriptedLM
        >>> lm = ScriptedLM([{"answer": "It is Rome."}, {"advice": {"self": "Answer in one word."}}, {"answer": "Rome"}])
        >>> short = Refine(burnish.Predict("question -> answer"), N=3, reward_fn=lambda i, p: len(p.answer) < 6, threshold=1)
        >>> with burnish.context(lm=lm):
        ...     short(question="The capital of Italy?").answer
        'Rome'
        >>> "Answer in one word." in lm.requests[2].messages[0]["content"]
        True
    """

    async def _advice(
        self, binding: Binding, inputs: dict[str, Any], prediction: Any, reward: float
    ) -> Sequence[Advice]:
        parts = dict(self.module.named_predictors(frozen=True))
        names = {id(part): name for name, part in parts.items()}
        trace = binding.trace
        advise = Predict(Advise)
        # Its steps are none of the program's, so they are kept nowhere.
        with bound(Binding({id(advise): "advise"}, {})):
            try:
                told = await advise.acall(
                    wanted=_source(self.reward_fn),
                    parts="\n\n".join(_part(name, part) for name, part in parts.items()),
                    run="\n\n".join(_step(names.get(id(step.predictor), "(another)"), step) for step in trace),
                    result=_fields(prediction),
                    judged=f"{reward:g}, and {self.threshold:g} would do",
                    lm=_model(binding, trace),
                )
            except ReplyError:
                return ()
        return [
            Advice(parts[name], f"What an earlier attempt at the same inputs teaches you:\n{text.strip()}")
            for name, text in told.advice.items()
            if name in parts and text.strip()
        ]


def _model(binding: Binding, trace: Sequence[Step]) -> Any:
    """Whom the first step was asked of, where that is not the model of the settings."""
    for step in trace:
        choice = binding.choices.get(binding.names.get(id(step.predictor), ""))
        return (None if choice is None else choice.lm) or step.predictor.lm
    return None


def _source(function: Any) -> str:
    try:
        return inspect.getsource(function).strip()
    except (OSError, TypeError):
        return inspect.getdoc(function) or str(getattr(function, "__name__", "by a function"))


def _part(name: str, predictor: Any) -> str:
    signature = predictor.signature
    return f"{name}: {signature.signature}\n{signature.instructions}"


def _step(name: str, step: Step) -> str:
    return f"{name} was given\n{_fields(step.inputs)}\nand replied\n{_fields(step.outputs)}"


def _fields(values: Any) -> str:
    if not isinstance(values, Mapping) and not hasattr(values, "items"):
        return shown(values)
    return "\n".join(f"{name}: {shown(value)}" for name, value in values.items())
