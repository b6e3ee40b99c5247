"""`Retrieve`: passages from whatever the settings name."""

from __future__ import annotations

from typing import Any

import pytest

import burnish
from burnish import Embeddings, Module, Prediction, Retrieve
from burnish.errors import ConfigError
from burnish.loop import run_sync
from burnish.retrieve.colbert import Passage

CORPUS = ["The card has not come.", "The rate is 1.1.", "Top up by transfer."]


def test_it_asks_the_retriever_of_the_settings() -> None:
    with burnish.context(rm=Embeddings(CORPUS, "offline/hashing")):
        assert Retrieve(k=2)("Where is my card?").passages[0] == CORPUS[0]
        assert len(Retrieve()("card").passages) == 3
        assert len(Retrieve()("card", k=1).passages) == 1
        assert run_sync(Retrieve(k=1).acall("Which rate?")).passages == [CORPUS[1]]


@pytest.mark.parametrize(
    "found",
    [
        ["a", "b"],
        [Passage(text="a"), {"long_text": "b", "text": "short"}],
        Prediction(passages=["a", "b"]),
        (Prediction(long_text=text) for text in "ab"),
    ],
)
def test_whatever_retrievers_return(found: Any) -> None:
    asked = []

    def retriever(query: str, k: int) -> Any:
        asked.append((query, k))
        return found

    with burnish.context(rm=retriever):
        assert Retrieve(k=2)("x").passages == ["a", "b"]
    assert asked == [("x", 2)]


def test_an_async_function_is_awaited() -> None:
    async def retriever(query: str, k: int) -> list[str]:
        return [query] * k

    with burnish.context(rm=retriever):
        assert Retrieve(k=2)("x").passages == ["x", "x"]


@pytest.mark.parametrize("found", ["one text", {"text": "x"}, None, [3], [{"title": "x"}]])
def test_what_is_no_list_of_passages_is_told(found: Any) -> None:
    with burnish.context(rm=lambda query, k: found), pytest.raises(ConfigError, match="retriever rm returned"):
        Retrieve()("x")


def test_without_a_retriever_it_says_how_to_set_one() -> None:
    with pytest.raises(ConfigError, match=r"burnish.configure\(rm="):
        Retrieve()("x")
    for wrong in ("http://x", Embeddings, 3):
        with pytest.raises(ConfigError, match="rm="):
            burnish.configure(rm=wrong)
    for k in (0, None, True):
        with pytest.raises(ConfigError):
            Retrieve(k=k)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="callbacks"):
        Retrieve(callbacks=[print])


def test_it_is_a_part_of_a_program_and_not_what_is_tuned() -> None:
    class Program(Module):
        def __init__(self) -> None:
            self.retrieve = Retrieve(k=1)
            self.answer = burnish.Predict("context, question -> answer")

    program = Program()
    assert [name for name, _ in program.named_predictors()] == ["answer"]
    assert program.deepcopy().retrieve.k == 1
