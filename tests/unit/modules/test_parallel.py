"""`Parallel` and `Module.batch`: order, limits, and what becomes of errors."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import burnish
from burnish import Example, Module, Parallel, Predict
from burnish.errors import ConfigError
from burnish.testing import ScriptedLM


class Half(Module):
    """Halves even numbers and refuses odd ones."""

    def forward(self, number: int) -> float:
        if number % 2:
            raise ValueError(f"{number} is odd")
        return number / 2


def rows(*numbers: int) -> list[Example]:
    return [Example(number=number).with_inputs("number") for number in numbers]


def test_results_stand_in_the_order_of_the_pairs() -> None:
    async def late(number: int) -> int:
        await asyncio.sleep(0.01 / (number + 1))
        return -number

    pairs: list[Any] = [(late, (0,)), (Half(), {"number": 2}), (Half(), rows(4)[0]), (late, [3]), (abs, (-5,))]
    assert Parallel(num_threads=3)(pairs) == Parallel().forward(pairs) == [0, 1.0, 2.0, -3, 5]
    assert asyncio.run(Parallel().acall(pairs)) == [0, 1.0, 2.0, -3, 5]


def test_an_example_may_be_handed_over_whole() -> None:
    assert Parallel(access_examples=False)([(lambda row: row.number, rows(7)[0])]) == [7]


def test_no_more_run_at_once_than_the_limit() -> None:
    lock, flying, most = threading.Lock(), 0, 0

    class Slow(Module):
        async def aforward(self, number: int) -> None:
            nonlocal flying, most
            with lock:
                flying += 1
                most = max(most, flying)
            await asyncio.sleep(0.002)
            with lock:
                flying -= 1

    Parallel(num_threads=3)([(Slow(), row) for row in rows(*range(12))])
    assert most == 3


def test_the_first_error_ends_everything_unless_some_are_let_pass() -> None:
    program = Half()
    with pytest.raises(ValueError, match="1 is odd"):
        program.batch(rows(0, 1, 2))
    with pytest.warns(UserWarning, match=r"1 of 3 runs failed.*ValueError: 1 is odd"):
        assert program.batch(rows(0, 1, 2), max_errors=1) == [0.0, None, 1.0]
    with pytest.raises(ValueError, match="is odd"):
        program.batch(rows(1, 3, 2), max_errors=1)
    with pytest.warns(UserWarning, match="in forward"):
        program.batch(rows(1), max_errors=1, provide_traceback=True)


def test_failed_examples_may_be_returned_with_their_errors() -> None:
    given = rows(0, 1, 2, 3)
    results, failed, errors = Half().batch(given, return_failed_examples=True)
    assert results == [0.0, None, 1.0, None]
    assert failed == [given[1], given[3]]
    assert [str(error) for error in errors] == ["1 is odd", "3 is odd"]
    with pytest.raises(ValueError, match="is odd"):
        Half().batch(given, return_failed_examples=True, max_errors=1)


def test_arguments_of_dspys_batch_are_taken() -> None:
    with burnish.context(lm=ScriptedLM(lambda request: {"answer": "a"})):
        done = Predict("question -> answer").batch(
            [{"question": "1"}, {"question": "2"}],
            num_threads=2,
            max_errors=3,
            return_failed_examples=False,
            provide_traceback=False,
            disable_progress_bar=True,
            timeout=5,
            straggler_limit=1,
        )
    assert [prediction.answer for prediction in done] == ["a", "a"]


@pytest.mark.parametrize(
    ("pair", "says"), [((Half(), 3), "not as 3"), ("ab", "pairs"), ((3, {}), "pairs"), ((Half(), {}, {}), "pairs")]
)
def test_what_is_no_pair_is_told_before_anything_runs(pair: Any, says: str) -> None:
    ran: list[int] = []
    with pytest.raises(ConfigError, match=says):
        Parallel()([(lambda: ran.append(1), ()), pair])
    assert ran == []
    with pytest.raises(ConfigError, match="num_threads=0"):
        Parallel(num_threads=0)


class Parts(Module):
    def __init__(self) -> None:
        self.one = Predict("a -> b")
        self.several = [Predict("a -> b"), {"x": (Predict("a -> b"), 1)}]
        self.again = self.one
        self.frozen = Half()
        self.frozen.inside = Predict("a -> b")
        self.frozen._compiled = True


def test_predictors_are_mapped_in_place() -> None:
    program = Parts()
    frozen = program.frozen.inside
    made: list[Any] = []

    def wrapped(predictor: Predict) -> Any:
        made.append(burnish.ChainOfThought(predictor.signature))
        return made[-1]

    assert program.map_named_predictors(wrapped) is program
    assert [name for name, _ in program.named_predictors()] == [
        "one.predict",
        "several[0].predict",
        "several[1]['x'][0].predict",
    ]
    assert len(made) == 3
    assert program.again is program.one
    assert program.frozen.inside is frozen
    with pytest.raises(ConfigError, match="itself a predictor"):
        Predict("a -> b").map_named_predictors(wrapped)
