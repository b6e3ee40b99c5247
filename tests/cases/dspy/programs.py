"""Programs written once for either library: `programs(dspy)`, and `programs(burnish)`."""

from __future__ import annotations

import enum
from typing import Any, Literal

import pydantic


class Colour(enum.Enum):
    """A value that JSON has not."""

    RED = "red"
    BLUE = "blue"


class Place(pydantic.BaseModel):
    """A value with parts."""

    name: str
    tags: list[str] = []
    inside: Place | None = None


HARBOUR = Place(name="Hafen »Süd«", tags=["a\nb", "東京"], inside=Place(name="pier"))


def programs(library: Any, *, plain: bool = False) -> dict[str, Any]:
    """Name → a program with demos and instructions of its own, as an optimizer would leave it.

    Args:
        library: The module `dspy` or `burnish`.
        plain: Whether demos hold dicts in place of pydantic models.
    """
    harbour: Any = HARBOUR.model_dump() if plain else HARBOUR

    class Describe(library.Signature):
        """Describe the place."""

        place: Place = library.InputField(desc="where")
        text: str = library.InputField()
        colour: Literal["red", "blue"] = library.OutputField()
        near: list[Place] = library.OutputField(desc="what lies near")
        counts: dict[str, int] = library.OutputField()
        sure: bool = library.OutputField()
        share: float = library.OutputField()

    class Reasoned(library.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generate = library.ChainOfThought("context, question -> answer")

    class Several(library.Module):
        def __init__(self) -> None:
            super().__init__()
            self.describe = library.Predict(Describe)
            self.steps = [library.Predict("question -> query"), library.ChainOfThought("query -> answer")]
            self.named = {"first": library.Predict("a -> b"), "second": Inner()}
            self.again = self.steps[0]

    class Inner(library.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ask = library.Predict("question -> answer: int")

    example = library.Example
    reasoned = Reasoned()
    (predictor,) = reasoned.predictors()
    asked = signature_of(predictor)
    setattr(
        predictor, asked, getattr(predictor, asked).with_instructions("Answer from the context, in one word — »kurz«.")
    )
    predictor.demos = [
        example(augmented=True, context=["a", "b"], question="1?", answer="eins", **{thought(predictor): "as told"}),
        example(context=["c"], question="2?", answer="zwei").with_inputs("context", "question"),
    ]
    several = Several()
    several.describe.demos = [
        example(place=harbour, text="t", colour="blue", near=[harbour], counts={"a": 1}, sure=True, share=0.5)
    ]
    several.steps[0].demos = [example(question="what\u2028is", query="it"), example(question="who", query="she")]
    several.named["second"].ask.demos = [example(question="6 × 7?", answer=42)]
    lone = library.Predict("question -> answer")
    lone.demos = [example(question="?", answer="!")]
    alone = library.ChainOfThought("question -> answer")
    for demos_of in alone.predictors():
        demos_of.demos = [example(augmented=True, question="?", answer="!", **{thought(demos_of): "so"})]
    return {"reasoned": reasoned, "several": several, "lone": lone, "alone": alone}


def signature_of(predictor: Any) -> str:
    """The attribute with what is asked, which up to DSPy 2.5 may be the one with the field of the reasoning."""
    return "extended_signature" if hasattr(predictor, "extended_signature") else "signature"


def thought(predictor: Any) -> str:
    """The name of the field of the reasoning, which DSPy had called `rationale` up to 2.5."""
    return next(iter(getattr(predictor, signature_of(predictor)).output_fields))
