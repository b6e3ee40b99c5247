"""A program that retrieves: the same score whichever face it has, and what it cannot embed is a failure or not measured."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from burnish import (
    Cache,
    Embedded,
    Embedder,
    Embeddings,
    Evaluate,
    Example,
    LMTransient,
    Module,
    Predict,
    Prediction,
    PromptTooLong,
    Request,
    Usage,
    answer_exact_match,
    context,
)
from burnish.testing import ScriptedLM

FACTS = {
    "the heron": "wades in the shallows",
    "the wren": "nests in hollow walls",
    "the magpie": "steals whatever glitters",
    "the plover": "runs along the shore",
    "the kestrel": "hovers over the field",
    "the siskin": "hangs from the alder cones",
}
CORPUS = [f"It is known that {who} {what}." for who, what in FACTS.items()]
DEVSET = [
    Example(question=f"What of {who}?", answer=f"{who} {what}").with_inputs("question") for who, what in FACTS.items()
]


def reads(request: Request) -> dict[str, str]:
    """Says what the passage in the prompt says, as a model does that knows nothing itself."""
    passage = next(one for one in CORPUS if one in request.messages[-1]["content"])
    return {"answer": passage.removeprefix("It is known that ").removesuffix(".")}


class Sync(Module):
    def __init__(self, retriever: Embeddings) -> None:
        self.retriever = retriever
        self.answer = Predict("context, question -> answer")

    def forward(self, question: str) -> Prediction:
        return self.answer(context=self.retriever(question).passages, question=question)  # type: ignore[no-any-return]


class Async(Sync):
    async def aforward(self, question: str) -> Prediction:
        context = (await self.retriever.acall(question)).passages
        return await self.answer.acall(context=context, question=question)  # type: ignore[no-any-return]


class Backend:
    """A hosted embedder, made of the embedded one, that refuses what it is told to."""

    def __init__(self, refused: dict[str, Exception] | None = None) -> None:
        self.refused = refused or {}
        self.batches: list[list[str]] = []

    async def embed(self, texts: list[str], params: Any) -> Embedded:
        self.batches.append(texts)
        await asyncio.sleep(0)
        for text in texts:
            if text in self.refused:
                raise self.refused[text]
        rows = np.stack([await Embedder("offline/hashing").acall(text) for text in texts])
        return Embedded(rows, Usage(1, 7 * len(texts)))


def hosted(backend: Backend) -> Embedder:
    return Embedder("x/hosted", backend=backend, num_retries=0)


def score(program: Module, **options: Any) -> Any:
    with context(lm=ScriptedLM(reads), cache=Cache()):
        return Evaluate(devset=DEVSET, metric=answer_exact_match, num_threads=4, **options)(program)


@pytest.mark.parametrize("program", [Sync, Async])
@pytest.mark.parametrize("embedder", ["offline/hashing", "hosted"])
def test_a_program_answers_what_its_corpus_says(program: type[Sync], embedder: str) -> None:
    result = score(program(Embeddings(CORPUS, hosted(Backend()) if embedder == "hosted" else embedder, k=1)))
    assert (result.score, result.n, result.not_measured) == (100.0, 6, 0)
    assert result.usage.calls == (12 if embedder == "hosted" else 6)


def test_without_the_passages_it_wants_it_is_wrong() -> None:
    retriever = Embeddings(CORPUS[:3], "offline/hashing", k=1)
    assert score(Async(retriever)).score == 50.0


@pytest.mark.parametrize("program", [Sync, Async])
def test_a_query_that_is_too_long_fails_and_an_outage_is_not_measured(program: type[Sync]) -> None:
    long, out = PromptTooLong("too long", model="x/hosted", status=400), LMTransient("busy", model="x/hosted")
    backend = Backend()
    retriever = Embeddings(CORPUS, hosted(backend), k=1)
    backend.refused = {DEVSET[0].question: long, DEVSET[1].question: out}
    result = score(program(retriever))
    assert (result.n, result.not_measured) == (5, 1)
    assert result.score == 80.0
