"""`MultiChainComparison`: what it shows of the attempts, and that it is one predictor."""

from __future__ import annotations

import pytest

import burnish
from burnish import BootstrapFewShot, ChainOfThought, Example, Module, MultiChainComparison, Prediction
from burnish.errors import ConfigError
from burnish.testing import ScriptedLM


def test_the_attempts_are_shown_with_their_reasons() -> None:
    lm = ScriptedLM([{"rationale": "Two say Rome.", "answer": "Rome"}])
    compare = MultiChainComparison("question -> answer", M=2)
    attempts = [Prediction(reasoning="It is old.", answer="Rome"), {"rationale": "It is big.", "answer": "Milan"}]
    with burnish.context(lm=lm):
        prediction = compare(attempts, question="The capital?")
    assert (prediction.rationale, prediction.answer) == ("Two say Rome.", "Rome")
    asked = lm.requests[0].messages[-1]["content"]
    assert "It is old.\nanswer: Rome" in asked
    assert "It is big.\nanswer: Milan" in asked
    assert lm.requests[0].params["temperature"] == 0.7


def test_completions_of_one_prediction_will_do() -> None:
    replies = [[{"reasoning": f"r{n}", "answer": f"a{n}"} for n in range(3)], {"rationale": "x", "answer": "a1"}]
    with burnish.context(lm=ScriptedLM(replies)):
        several = ChainOfThought("question -> answer", n=3)(question="?")
        assert MultiChainComparison("question -> answer")(several.completions, question="?").answer == "a1"


def test_another_number_of_attempts_is_told() -> None:
    with pytest.raises(ConfigError, match="compares 3 completions, and got 1"):
        MultiChainComparison("question -> answer")([Prediction(answer="a")], question="?")
    with pytest.raises(ConfigError, match="M=0"):
        MultiChainComparison("question -> answer", M=0)


class Compared(Module):
    def __init__(self) -> None:
        self.think = ChainOfThought("question -> answer", n=2)
        self.compare = MultiChainComparison("question -> answer", M=2)

    async def aforward(self, question: str) -> Prediction:
        several = await self.think.acall(question=question)
        return await self.compare.acall(several.completions, question=question)  # type: ignore[no-any-return]


def test_optimizers_give_its_predictor_demos() -> None:
    def reply(request: burnish.Request) -> object:
        if "reasoning_attempt_1" in request.messages[-1]["content"]:
            return {"rationale": "x", "answer": "a"}
        return [{"reasoning": "r", "answer": "a"}, {"reasoning": "s", "answer": "b"}]

    rows = [Example(question=f"{n}?").with_inputs("question") for n in range(2)]
    with burnish.context(lm=ScriptedLM(reply)):  # type: ignore[arg-type]
        optimizer = BootstrapFewShot(lambda e, p, trace=None: True, max_labeled_demos=0)
        compiled = optimizer.compile(Compared(), trainset=rows)
    assert [(name, len(p.demos)) for name, p in compiled.named_predictors()] == [
        ("think.predict", 2),
        ("compare.predict", 2),
    ]
    assert compiled.compare.predict.demos[0]["reasoning_attempt_2"] == "s\nanswer: b"
