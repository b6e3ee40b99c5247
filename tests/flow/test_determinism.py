"""Same seed and same replies, same program file: at any concurrency, in any order of replies, after any restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import BootstrapFewShot, BootstrapRS, Evaluate, LabeledFewShot, Module, Predict, Prediction, context
from burnish.testing import ScriptedLM, toy
from tests.support.compile_script import teacher
from tests.support.gauge import GaugedLM, by_content


class Sync(Module):
    """The toy chain with a blocking `forward`."""

    def __init__(self) -> None:
        chain = toy.Chain()
        self.find, self.classify = chain.find, chain.classify

    def forward(self, text: str) -> Prediction:
        found = self.find(text=text)
        return Prediction(thing=found.thing, kind=self.classify(thing=found.thing).kind)


class Async(Sync):
    """The same as a coroutine."""

    forward = None

    async def aforward(self, text: str) -> Prediction:
        found = await self.find.acall(text=text)
        return Prediction(thing=found.thing, kind=(await self.classify.acall(thing=found.thing)).kind)


class Both(Sync):
    """Both faces."""

    aforward = Async.aforward


def compile_with(
    program: Module, folder: Path, *, threads: int, latency: Any = 0.0, seed: int = 0, **options: Any
) -> bytes:
    """The program file of a random search on the toy chain."""
    optimizer = BootstrapRS(
        toy.metric,
        max_bootstrapped_demos=4,
        max_labeled_demos=6,
        num_candidate_programs=6,
        num_threads=threads,
        seed=seed,
        progress=False,
        **options,
    )
    with context(lm=GaugedLM(latency=latency)):
        compiled = optimizer.compile(program, teacher=teacher(), trainset=toy.trainset(), valset=toy.valset())
    path = folder / f"{type(program).__name__}-{threads}-{seed}.json"
    compiled.save(path)
    # What was tried, and how it stood, is as much part of the result as the program.
    standings = "".join(map(str, compiled.report.candidates))
    return path.read_bytes() + standings.encode()


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> bytes:
    return compile_with(Async(), tmp_path_factory.mktemp("reference"), threads=1)


@pytest.mark.parametrize("threads", [1, 8, 64])
@pytest.mark.parametrize("program", [Sync, Async, Both])
def test_concurrency_does_not_change_the_result(
    program: type[Module], threads: int, reference: bytes, tmp_path: Path
) -> None:
    assert compile_with(program(), tmp_path, threads=threads, latency=by_content(0.004)) == reference


def test_the_order_of_replies_does_not_change_the_result(reference: bytes, tmp_path: Path) -> None:
    upside_down = by_content(0.01)
    assert compile_with(Async(), tmp_path, threads=64, latency=lambda request: 0.01 - upside_down(request)) == reference


@pytest.mark.parametrize("calls", [20, 90, 200])
def test_a_resumed_run_ends_as_the_undisturbed_one(calls: int, reference: bytes, tmp_path: Path) -> None:
    resumed: dict[str, Any] = {"latency": by_content(0.002), "run_dir": tmp_path / "run"}
    short = compile_with(Async(), tmp_path, threads=64, budget=burnish.Budget(calls=calls), **resumed)
    assert short != reference
    assert compile_with(Async(), tmp_path, threads=8, **resumed) == reference


def test_zero_is_a_seed(reference: bytes, tmp_path: Path) -> None:
    zero = compile_with(Async(), tmp_path, threads=8, seed=0)
    nine = compile_with(Async(), tmp_path, threads=8, seed=9)
    assert zero == reference
    assert nine != zero
    assert compile_with(Async(), tmp_path, threads=64, seed=9) == nine


@pytest.mark.parametrize("threads", [1, 8, 64])
def test_retried_rounds_are_the_same_at_any_concurrency(threads: int) -> None:
    """Rounds after the first ask for new draws, and which draw passes does not depend on what else runs."""

    rounds = {row.text: place % 3 for place, row in enumerate(toy.trainset())}
    kinds = {row.text: row.kind for row in toy.trainset()}

    def fickle(request: burnish.Request) -> dict[str, str]:
        text = next(text for text in rounds if text in request.messages[-1]["content"])
        right = (request.rollout_id or 0) == rounds[text]
        return {"kind": kinds[text] if right else {"bird": "fish"}.get(kinds[text], "bird")}

    lm = ScriptedLM(fickle, latency=by_content(0.004))
    optimizer = BootstrapFewShot(
        toy.metric, max_bootstrapped_demos=8, max_labeled_demos=8, max_rounds=3, num_threads=threads, progress=False
    )
    with context(lm=lm):
        program = optimizer.compile(toy.Classifier(), trainset=toy.trainset())
    assert [demo.text for demo in program.classify.demos] == [row.text for row in toy.trainset()[:8]]
    assert all(demo.augmented for demo in program.classify.demos)
    # Each of the eight passes in round 0, 1 or 2, and none is run again or in vain.
    assert len(lm.requests) == 1 + 2 + 3 + 1 + 2 + 3 + 1 + 2
    assert {request.params.get("temperature") for request in lm.requests if request.rollout_id} == {1.0}


def test_evaluation_is_in_the_order_of_the_examples() -> None:
    rows = [*toy.trainset(), *toy.valset()]
    with context(lm=GaugedLM(latency=by_content(0.01))):
        result = Evaluate(devset=rows, metric=toy.metric, num_threads=64)(toy.Classifier())
    assert [example for example, _, _ in result.results] == rows
    assert [score for _, _, score in result.results] == [float(row.kind == "bird") for row in rows]


def test_each_predictor_draws_for_itself() -> None:
    class Pair(Module):
        def __init__(self) -> None:
            self.one = Predict("text -> kind")
            self.two = Predict("text -> kind")

    compiled = [LabeledFewShot(k=5, seed=seed).compile(Pair(), trainset=toy.trainset()) for seed in (0, 0, 1)]
    first, again, other = ([p.demos for p in program.predictors()] for program in compiled)
    assert first == again != other
    assert first[0] != first[1]
