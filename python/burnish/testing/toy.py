"""Small programs, data and a model with which an optimizer really has something to gain.

The task: a sentence mentions a thing, and the program says of which kind it is. `lm()` knows
every thing, yet names a kind only where a demo in the prompt shows that kind; otherwise it
says ``bird``. So a program without demos is right about birds alone, and one whose demos show
every kind is right about everything.
"""

from __future__ import annotations

import re
from typing import Any

from burnish.adapters.json_text import decoded
from burnish.errors import ConfigError
from burnish.lm.request import Request
from burnish.modules.module import Module
from burnish.modules.predict import Predict
from burnish.testing.scripted import ScriptedLM
from burnish.values.example import Example
from burnish.values.prediction import Prediction
from burnish.values.rollout import Cell, Rollout, Step
from burnish.values.score import Score, Status
from burnish.values.seed import draw
from burnish.values.space import Candidate
from burnish.values.usage import Usage

THINGS = {
    "bird": ("heron", "wren", "magpie", "plover", "kestrel", "siskin"),
    "fish": ("trout", "herring", "perch", "halibut", "tench", "grayling"),
    "tree": ("alder", "hornbeam", "larch", "rowan", "aspen", "hazel"),
    "stone": ("granite", "basalt", "slate", "gneiss", "chalk", "flint"),
    "tool": ("chisel", "mallet", "spanner", "auger", "trowel", "pliers"),
    "cloth": ("linen", "velvet", "denim", "muslin", "tweed", "calico"),
}
_PLACES = ("by the harbour", "behind the mill", "in the attic", "at the market", "on the ridge")
_KIND_OF = {thing: kind for kind, things in THINGS.items() for thing in things}
_FIELDS = {"text", "thing", "kind", "completed"}
_SECTION = re.compile(r"\[\[ ## (\w+) ## \]\][ \t]*\n?(.*?)(?=\[\[ ## |\Z)", re.DOTALL)
# The names in the last line of the last turn, which says what to reply with.
_ASKED = re.compile(r"`(\w+)`")


class Classifier(Module):
    """One predictor: text to kind."""

    def __init__(self) -> None:
        self.classify = Predict(f"text -> kind: Literal[{', '.join(map(repr, THINGS))}]")

    async def aforward(self, text: str) -> Prediction:
        """The kind of the thing in the text."""
        return await self.classify.acall(text=text)  # type: ignore[no-any-return]


class Chain(Module):
    """Two predictors: text to thing, thing to kind."""

    def __init__(self) -> None:
        self.find = Predict("text -> thing")
        self.classify = Predict(f"thing -> kind: Literal[{', '.join(map(repr, THINGS))}]")

    async def aforward(self, text: str) -> Prediction:
        """The thing in the text, and its kind."""
        found = await self.find.acall(text=text)
        answer = await self.classify.acall(thing=found.thing)
        return Prediction(thing=found.thing, kind=answer.kind)


def trainset() -> list[Example]:
    """24 examples, four of each kind, in a fixed mixed order."""
    return _examples(0, 4)


def valset() -> list[Example]:
    """12 other examples, two of each kind."""
    return _examples(4, 6)


def metric(example: Example, prediction: Prediction, trace: Any = None) -> bool:
    """Whether the kind is right."""
    return bool(example.kind == prediction.kind)


def lm(**options: Any) -> ScriptedLM:
    """The model described above; `options` are those of `ScriptedLM`."""
    return ScriptedLM(_answer, model="scripted/toy", **options)


def rollouts() -> list[Rollout]:
    """Six rollouts of `Classifier` on the first examples of the trainset.

    Number 0 and 3 passed, 5 passed and shows the same as 3, 1 is wrong, 2 failed, 4 was not
    measured.
    """
    examples = trainset()
    return [
        _rollout(0, examples[0], examples[0].kind),
        _rollout(1, examples[1], "unknown"),
        Rollout(_cell(2, examples[2]), Status.FAILED, Score(0.0), reason="the reply did not parse"),
        _rollout(3, examples[3], examples[3].kind),
        Rollout(_cell(4, examples[4]), Status.NOT_MEASURED, reason="HTTP 503"),
        _rollout(5, examples[3], examples[3].kind),
    ]


def _examples(first: int, last: int) -> list[Example]:
    things = [thing for same in THINGS.values() for thing in same[first:last]]
    draw(0, "toy", first).shuffle(things)
    texts = [f"There was something like {thing} {_PLACES[i % len(_PLACES)]}." for i, thing in enumerate(things)]
    return [
        Example(text=text, thing=thing, kind=_KIND_OF[thing]).with_inputs("text")
        for text, thing in zip(texts, things, strict=True)
    ]


def knows(request: Request) -> bool:
    """Whether this is the prompt of a program of this module, which alone its model can answer."""
    asked = {name for message in request.messages for name in _sections(message.get("content"))}
    return asked <= _FIELDS and _thing(_sections(request.messages[-1].get("content"))) is not None


def _answer(request: Request) -> dict[str, str]:
    """What the model says, which reads the prompt as a model does: the last question, the fields asked for, the demos.

    Raises:
        ConfigError: The question mentions none of `THINGS`.
    """
    question = _sections(request.messages[-1].get("content"))
    thing = _thing(question)
    if thing is None:
        raise ConfigError(
            "The toy model answers the programs of burnish.testing.toy alone, and this question mentions none of its "
            "things. For another program give an answer of its own: a dict of output fields, or a function of the request."
        )
    demos = [_sections(m.get("content")) for m in request.messages if m["role"] == "assistant"]
    known = any(demo.get("kind") == _KIND_OF[thing] for demo in demos)
    said = {"thing": thing, "kind": _KIND_OF[thing] if known else "bird"}
    named = {name for message in request.messages for name in _sections(message.get("content"))}
    named |= set(_ASKED.findall(str(request.messages[-1].get("content")).rpartition("\n")[2]))
    # What the question gives is not asked for.
    return {name: value for name, value in said.items() if name in named and thing not in question.get(name, "")}


def _thing(question: dict[str, str]) -> str | None:
    return next((word for word in re.findall(r"\w+", " ".join(question.values())) if word in _KIND_OF), None)


def _sections(text: Any) -> dict[str, str]:
    """Name → text of what a turn shows: its sections, or the members of the JSON object that it is."""
    # The content of a message with a picture is a list of parts: of no program here.
    if not isinstance(text, str):
        return {}
    if text.startswith("{"):
        whole = decoded(text)
        return {str(name): str(value) for name, value in whole[0].items()} if whole else {}
    return {name: value.strip() for name, value in _SECTION.findall(text)}


def _cell(number: int, example: Example) -> Cell:
    return Cell(Candidate("student"), example, number)


def _rollout(number: int, example: Example, kind: str) -> Rollout:
    prediction = Prediction(kind=kind)
    return Rollout(
        _cell(number, example),
        Status.SCORED,
        Score(float(kind == example.kind)),
        prediction,
        (Step(Classifier().classify, {"text": example.text}, prediction),),
        Usage(1, 60, 10),
    )
