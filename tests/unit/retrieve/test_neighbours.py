"""The nearest of known texts: searched together, each run at its own cost, the same from a file."""

from __future__ import annotations

import asyncio
import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from burnish import (
    Budget,
    BudgetExhausted,
    ConfigError,
    Embedded,
    Embedder,
    LMRejected,
    LMTransient,
    StateError,
    Usage,
    context,
)
from burnish.engine.meter import BudgetMeter
from burnish.lm.cache import Cache
from burnish.lm.scope import RolloutState, Scope, use_scope
from burnish.loop import run_sync
from burnish.retrieve.knn import Index
from burnish.retrieve.lengths import normalised
from burnish.retrieve.neighbours import Neighbours, opened

KNOWN = ["1 0", "0 1", "2 2", ""]


@pytest.fixture(autouse=True)
def cache():
    with context(cache=Cache()):
        yield


def numbers(texts: list[str]) -> np.ndarray:
    """A text of two numbers as these; an empty one as zeros."""
    return np.array([[float(n) for n in text.split()] or [0.0, 0.0] for text in texts], np.float32)


class Hosted:
    """An embedding backend that keeps what it was asked."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.batches: list[list[str]] = []
        self.failure = failure

    async def embed(self, texts: list[str], params: Any) -> Embedded:
        self.batches.append(list(texts))
        if self.failure is not None:
            raise self.failure
        return Embedded(numbers(texts), Usage(1, len(texts)))


def neighbours(embedder: Any = numbers, k: int = 2) -> Neighbours:
    index = Index(2, metric="ip")
    index.append(normalised(numbers(KNOWN)))
    return Neighbours(embedder if isinstance(embedder, Embedder) else Embedder(embedder), index, k)


def asked(near: Neighbours, texts: list[str], scopes: list[Scope | None] | None = None) -> list[Any]:
    """What each of them is answered, all asked in one turn."""

    async def one(text: str, scope: Scope | None) -> Any:
        if scope is None:
            return await near.ask(text)
        with use_scope(scope):
            return await near.ask(text)

    async def all_at_once() -> list[Any]:
        given = scopes or [None] * len(texts)
        return list(await asyncio.gather(*map(one, texts, given), return_exceptions=True))

    return run_sync(all_at_once())


def test_the_nearest_stand_first_whatever_the_length_of_a_vector() -> None:
    assert asked(neighbours(), ["100 1", "0.1 0.2"]) == [[0, 2], [2, 1]]
    assert run_sync(neighbours().nearest(["100 1", "0.1 0.2"])) == [[0, 2], [2, 1]]
    assert run_sync(neighbours().nearest([])) == []


def test_what_embeds_to_zeros_is_as_near_to_all_so_it_gets_the_first() -> None:
    assert asked(neighbours(k=3), [""]) == [[0, 1, 2]]


def test_what_is_asked_in_one_turn_is_one_request() -> None:
    backend = Hosted()
    assert asked(neighbours(Embedder("x/y", backend=backend)), ["1 2", "2 1", "1 2"]) == [[2, 1], [2, 0], [2, 1]]
    assert backend.batches == [["1 2", "2 1"]]


def test_each_run_pays_for_its_own_and_an_outage_of_one_is_none_of_the_others() -> None:
    backend = Hosted()
    near = neighbours(Embedder("x/y", backend=backend))
    poor = Scope(meter=BudgetMeter(Budget(calls=1), Usage(1)), rollout=RolloutState(), slots=asyncio.Semaphore(2))
    rich = Scope(rollout=RolloutState(), slots=asyncio.Semaphore(2))
    first, second, third = asked(near, ["1 2", "2 1", "1 3"], [poor, rich, None])
    assert isinstance(first, BudgetExhausted)
    assert (second, third) == ([2, 0], [1, 2])
    assert backend.batches == [["2 1"], ["1 3"]]
    assert (poor.ledger.total().calls, rich.ledger.total().calls) == (0, 1)
    assert poor.rollout is not None
    assert rich.rollout is not None
    assert isinstance(poor.rollout.outage, BudgetExhausted)
    assert rich.rollout.outage is None


def test_every_rollout_that_asked_knows_of_an_outage() -> None:
    near = neighbours(Embedder("x/y", backend=Hosted(LMTransient("down", model="x/y")), num_retries=0))
    scope = Scope(slots=asyncio.Semaphore(2))
    states = [RolloutState(), RolloutState()]
    with use_scope(scope) as run:
        scopes: list[Scope | None] = []
        for state in states:
            with use_scope(run, rollout=state) as own:
                scopes.append(own)
    answers = asked(near, ["1 2", "2 1"], scopes)
    assert all(isinstance(answer, LMTransient) for answer in answers)
    assert all(isinstance(state.outage, LMTransient) for state in states)


def test_an_outage_met_by_one_text_alone_is_none_of_the_first_who_asked() -> None:
    class OneByOne(Hosted):
        async def embed(self, texts: list[str], params: Any) -> Embedded:
            if len(texts) > 1:
                raise LMRejected("one text at a time", model="x/y")
            if texts == ["2 1"]:
                raise LMTransient("down", model="x/y")
            return await super().embed(texts, params)

    near = neighbours(Embedder("x/y", backend=OneByOne(), num_retries=0))
    run = Scope(slots=asyncio.Semaphore(2))
    states = [RolloutState(), RolloutState()]
    first, second = asked(near, ["1 2", "2 1"], [replace(run, rollout=state) for state in states])
    assert first == [2, 1]
    assert isinstance(second, LMTransient)
    assert states[0].outage is None
    assert isinstance(states[1].outage, LMTransient)
    assert states[0].usage == run.ledger.total()


def test_a_text_that_cannot_be_embedded_is_no_matter_of_those_asked_beside_it() -> None:
    def fails(texts: list[str]) -> Any:
        if "0 0" in texts:
            raise RuntimeError("no zeros")
        return numbers(texts)

    near = neighbours(fails)
    first, second, third = asked(near, ["1 0", "0 0", "0 1"])
    assert (first, third) == ([0, 2], [1, 2])
    assert isinstance(second, RuntimeError)


def test_an_embedder_of_another_length_is_told_what_to_do() -> None:
    near = neighbours(lambda texts: np.ones((len(texts), 3)))
    with pytest.raises(StateError, match=r"vectors of 3 numbers.*embedded in 2.*compiled with"):
        run_sync(near.nearest(["1 2"]))


@pytest.mark.parametrize("k", [0, 5])
def test_k_is_within_the_number_of_texts(k: int) -> None:
    with pytest.raises(ConfigError, match=f"k={k}: give a whole number from 1 to 4"):
        neighbours(k=k)


def test_a_copy_shares_the_index_and_a_pickled_one_has_the_same() -> None:
    near = neighbours()
    assert asked(near, ["3 1"]) == [[0, 2]]
    assert copy.deepcopy(near) is near
    again = pickle.loads(pickle.dumps(neighbours("offline/hashing")))
    assert (again.k, again.digest) == (near.k, near.digest)


def test_an_index_is_opened_only_where_it_is_the_one_that_was_saved(tmp_path: Path) -> None:
    near = neighbours()
    path = tmp_path / "x.knn"
    near.save(path)
    assert len(opened(path, near.digest)) == 4
    with pytest.raises(StateError, match="damaged, or the index of another program"):
        opened(path, "0" * 64)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"damaged.*Put the \.knn file back"):
        opened(path, near.digest)
    with pytest.raises(StateError, match="cannot be read"):
        opened(tmp_path / "none.knn", near.digest)
