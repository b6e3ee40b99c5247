"""Training examples by how near they are."""

from __future__ import annotations

from typing import Any

from burnish import Embedder, Example, Predict, Prediction
from burnish.loop import run_sync
from burnish.stages.nearest import indexed, made_by_teacher, nearest_others, texts_of
from burnish.values.rollout import Cell, Rollout, Step
from burnish.values.score import Status
from burnish.values.space import Candidate


def angles(texts: list[str]) -> Any:
    return [[1.0, float(text.rpartition(" ")[2])] for text in texts]


def others(numbers: list[float], k: int) -> list[list[int]]:
    texts = texts_of([Example(n=n, label=0).with_inputs("n") for n in numbers])
    index, rows = run_sync(indexed(texts, Embedder(angles)))
    return run_sync(nearest_others(index, rows, texts, k=k))


def test_each_has_its_nearest_others_nearest_first_and_never_itself() -> None:
    assert others([0, 1, 2, 3], 2) == [[1, 2], [2, 3], [3, 1], [2, 1]]
    assert others([0, 1, 2, 3], 10) == [[1, 2, 3], [2, 3, 0], [3, 1, 0], [2, 1, 0]]
    assert others([5], 3) == [[]]


def test_nor_a_copy_of_itself() -> None:
    assert others([0, 1, 1, 2], 2) == [[1, 2], [3], [3], [1, 2]]


def test_a_rollout_gives_each_predictor_one_demo_at_the_place_of_its_example() -> None:
    first, second = Predict("a -> b"), Predict("b -> c")
    steps = [
        Step(first, {"a": 1}, Prediction(b=2)),
        Step(first, {"a": 3}, Prediction(b=4)),
        Step(second, {"b": 4}, Prediction(c=5)),
    ]
    names = {id(first): "first", id(second): "second"}

    def made(seed: int) -> list[dict[str, Example]]:
        rollouts = [
            Rollout(Cell(Candidate("teacher"), Example(), place), Status.SCORED, trace=tuple(steps)) for place in (2, 0)
        ]
        return made_by_teacher(rollouts, names, examples=4, seed=seed)

    table = made(0)
    # What two examples have alike, each has.
    assert [sorted(demos) for demos in table] == [["first", "second"], [], ["first", "second"], []]
    assert table[0]["second"].toDict() == {"augmented": True, "b": 4, "c": 5}
    assert made(0) == table
    # Which of several calls is shown is drawn, for each example on its own.
    assert {(demos[0]["first"].a, demos[2]["first"].a) for demos in map(made, range(20))} == {
        (1, 1),
        (1, 3),
        (3, 1),
        (3, 3),
    }
