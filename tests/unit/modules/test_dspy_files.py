"""Files that DSPy saved of its own modules load into those of the same name, and ours into DSPy's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import burnish

dspy = pytest.importorskip("dspy", reason="a peer: DSPy is not installed")


def search(query: str) -> str:
    """Finds passages."""
    return query


def reward(inputs: Any, prediction: Any) -> float:
    """Takes everything."""
    return 1.0


MAKERS: dict[str, Callable[[Any], Any]] = {
    "ReAct": lambda lib: lib.ReAct("question -> answer", tools=[search]),
    "MultiChainComparison": lambda lib: lib.MultiChainComparison("question -> answer", M=2),
    "BestOfN": lambda lib: lib.BestOfN(lib.ChainOfThought("question -> answer"), N=2, reward_fn=reward, threshold=1.0),
    "Refine": lambda lib: lib.Refine(lib.Predict("question -> answer"), N=2, reward_fn=reward, threshold=1.0),
    "ProgramOfThought": lambda lib: lib.ProgramOfThought(
        "question -> answer", **({"allow_code": True} if lib is burnish else {})
    ),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.filterwarnings("ignore")
def test_files_go_both_ways(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = MAKERS[name](dspy), MAKERS[name](burnish)
        assert [path for path, _ in ours.named_predictors()] == [path for path, _ in theirs.named_predictors()]
        for (_, one), (_, other) in zip(ours.named_predictors(), theirs.named_predictors(), strict=True):
            assert list(one.signature.fields) == list(other.signature.fields)
            other.demos = [dict.fromkeys(other.signature.fields, "x")]
            other.signature = other.signature.with_instructions("Told by DSPy.")
        theirs.save(tmp_path / "theirs.json")
        ours.load(tmp_path / "theirs.json")
        assert {predictor.signature.instructions for predictor in ours.predictors()} == {"Told by DSPy."}
        assert {len(predictor.demos) for predictor in ours.predictors()} == {1}
        ours.save(tmp_path / "ours.json")
        again = MAKERS[name](dspy)
        again.load(tmp_path / "ours.json")
        assert {predictor.signature.instructions for predictor in again.predictors()} == {"Told by DSPy."}
