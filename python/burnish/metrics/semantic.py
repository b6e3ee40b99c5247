"""Metrics that a model judges: for answers that are right in many wordings, where exact match and F1 see only words.

They are programs: called as ``metric(example, prediction, trace=None)``, and asked under the same limit, cache and budget as the
run that they score. The model is that of the settings, or their own after ``metric.set_lm(...)``: let the judge be
at least as good as what it judges. A reply that cannot be read, or is out of range, fails the example as a metric that
raises does; an outage of the judge leaves it unmeasured.

Judged scores are noisy and favour long answers: check some of them by hand, read the feedback, and where an answer has one right
form use `answer_exact_match`, which costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from burnish.loop import all_of
from burnish.modules.chain_of_thought import ChainOfThought
from burnish.modules.module import Module
from burnish.modules.predict import Predict
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.signature import InputField, OutputField, Signature


class CompareAnswers(Signature):
    """Compare an answer with the reference answer to the same question.

    Only what is said counts, not how: another wording of the same fact is the same. Count the facts and ideas on either side, and
    judge which of them the other side states too.
    """

    question: str = InputField()
    reference: str = InputField(desc="an answer that is known to be right and complete")
    answer: str = InputField(desc="the answer to be judged")
    recall: float = OutputField(ge=0, le=1, desc="the share of what the reference says that the answer says too")
    precision: float = OutputField(ge=0, le=1, desc="the share of what the answer says that the reference bears out")


class CompareIdeas(Signature):
    """Compare an answer with the reference answer to the same question, idea by idea.

    First list the separate ideas of each, one short sentence an idea. Then say which ideas of either list the other one has too,
    whatever their wording, and only then give the two shares.
    """

    question: str = InputField()
    reference: str = InputField(desc="an answer that is known to be right and complete")
    answer: str = InputField(desc="the answer to be judged")
    reference_ideas: list[str] = OutputField(desc="every idea of the reference")
    answer_ideas: list[str] = OutputField(desc="every idea of the answer")
    reasoning: str = OutputField(desc="which ideas both have, and which only one of them")
    recall: float = OutputField(ge=0, le=1, desc="the share of the reference's ideas that the answer has")
    precision: float = OutputField(ge=0, le=1, desc="the share of the answer's ideas that the reference has")


class CheckCompleteness(Signature):
    """Judge how much of the reference answer to a question the given answer covers, whatever its wording."""

    question: str = InputField()
    reference: str = InputField(desc="an answer that is known to be right and complete")
    answer: str = InputField(desc="the answer to be judged")
    completeness: float = OutputField(ge=0, le=1, desc="the share of the reference's ideas that the answer has")


class CheckGroundedness(Signature):
    """Judge how much of an answer is borne out by the passages that it was written from.

    A claim counts as borne out only where a passage states it or it follows plainly from what passages state. That it is known to
    be true is not enough.
    """

    question: str = InputField()
    passages: list[str] = InputField(desc="all that the answer may rest on")
    answer: str = InputField(desc="the answer to be judged")
    groundedness: float = OutputField(ge=0, le=1, desc="the share of the answer's claims that the passages bear out")


class SemanticF1(Module):
    """How far a response says what the reference says, and nothing else: F1 of recall and precision, as a model judges them.

    The example has a ``question`` and its right ``response``, the prediction a ``response``. Costs 1 LM call an example.

    Args:
        threshold: From which score on a response passes while bootstrapping, where the metric has to say yes or no.
        decompositional: Whether the judge first lists the ideas of both sides: better on long responses, and more tokens.

    Returns:
        While scoring a prediction with ``score``, ``parts`` (``precision`` and ``recall``) and ``feedback``; while
        bootstrapping, with a trace, whether the score reaches the threshold.

    Example:
        >>> from burnish.testing import ScriptedLM
        >>> metric = SemanticF1()
        >>> metric.set_lm(ScriptedLM([{"reasoning": "It lacks the year.", "recall": 0.5, "precision": 1.0}]))
        >>> row = Example(question="When and where?", response="In Rome, in 1960.").with_inputs("question")
        >>> verdict = metric(row, Prediction(response="Rome."))
        >>> round(verdict.score, 2), verdict.feedback
        (0.67, 'It lacks the year.')

    Source:
        The F1 of judged recall and precision is that of DSPy's metric of the same name; the prompts are Burnish's own.
    """

    def __init__(self, threshold: float = 0.66, decompositional: bool = False) -> None:
        self.threshold = threshold
        self.judge = Predict(CompareIdeas) if decompositional else ChainOfThought(CompareAnswers)

    async def aforward(self, example: Example, pred: Any, trace: Any = None) -> Prediction | bool:
        """The verdict on one prediction; see the class."""
        said = await self.judge.acall(question=example.question, reference=example.response, answer=pred.response)
        parts = {"precision": said.precision, "recall": said.recall}
        return _verdict(parts, said.reasoning, None if trace is None else self.threshold)


class CompleteAndGrounded(Module):
    """Whether a response says all that the reference says, and only what its passages bear out: F1 of both, as a model judges them.

    The example has a ``question`` and its right ``response``, the prediction a ``response`` and the ``context`` that it was
    written from, a text or a list of them. Costs 2 LM calls an example, made at once.

    Args:
        threshold: From which score on a response passes while bootstrapping, where the metric has to say yes or no.

    Returns:
        While scoring a prediction with ``score``, ``parts`` (``completeness`` and ``groundedness``) and ``feedback``; while
        bootstrapping, with a trace, whether the score reaches the threshold.

    Source:
        The F1 of judged completeness and groundedness is that of DSPy's metric of the same name; the prompts are Burnish's own.
    """

    def __init__(self, threshold: float = 0.66) -> None:
        self.threshold = threshold
        self.completeness = ChainOfThought(CheckCompleteness)
        self.groundedness = ChainOfThought(CheckGroundedness)

    async def aforward(self, example: Example, pred: Any, trace: Any = None) -> Prediction | bool:
        """The verdict on one prediction; see the class."""
        asked = {"question": example.question, "answer": pred.response}
        reference, passages = example.response, _passages(pred.context)
        complete, grounded = await all_of(
            [
                self.completeness.acall(reference=reference, **asked),
                self.groundedness.acall(passages=passages, **asked),
            ]
        )
        parts = {"completeness": complete.completeness, "groundedness": grounded.groundedness}
        told = f"Completeness: {complete.reasoning}\nGroundedness: {grounded.reasoning}"
        return _verdict(parts, told, None if trace is None else self.threshold)


def _verdict(parts: dict[str, float], feedback: str, threshold: float | None) -> Prediction | bool:
    """The harmonic mean of the two parts, or whether it reaches the threshold."""
    first, second = parts.values()
    score = 2 * first * second / (first + second) if first + second else 0.0
    return Prediction(score=score, feedback=feedback, parts=parts) if threshold is None else score >= threshold


def _passages(context: Any) -> list[str]:
    if isinstance(context, Sequence) and not isinstance(context, str):
        return [str(passage) for passage in context]
    return [str(context)]
