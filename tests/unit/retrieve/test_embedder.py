"""`Embedder`: how it is called, what it gives back, what it refuses; functions as models."""

from __future__ import annotations

import asyncio
import copy
import functools
import pickle
import threading
import time

import numpy as np
import pytest

from burnish.errors import ConfigError
from burnish.loop import run_sync
from burnish.retrieve.embedder import Embedder


def lengths(texts: list[str], scale: float = 1.0) -> list[list[float]]:
    """A row a text, by which the text can be told."""
    return [[scale * len(text), 1.0] for text in texts]


class Noted:
    """A function that keeps what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(self, texts: list[str], **params: float) -> list[list[float]]:
        self.batches.append(texts)
        return lengths(texts, **params)


# What it gives back


def test_a_text_is_a_row_and_texts_are_rows_in_their_order() -> None:
    embedder = Embedder(lengths)
    one, many = embedder("abc"), embedder(["a", "bb", ""])
    assert one.dtype == many.dtype == np.float32
    assert one.tolist() == [3, 1]
    assert many.tolist() == [[1, 1], [2, 1], [0, 1]]
    assert embedder(text for text in ("a", "bb")).tolist() == [[1, 1], [2, 1]]


def test_no_texts_are_no_rows_of_as_many_dimensions_as_are_known() -> None:
    embedder = Embedder(lengths)
    assert embedder([]).shape == (0, 0)
    embedder("a")
    assert embedder([]).shape == (0, 2)
    assert embedder([]).dtype == np.float32


def test_the_async_face_gives_the_same_from_any_loop() -> None:
    embedder = Embedder(lengths)
    assert asyncio.run(embedder.acall(["a", "bb"])).tolist() == [[1, 1], [2, 1]]
    assert asyncio.run(embedder.acall("bb")).tolist() == [2, 1]
    assert run_sync(embedder.acall("bb")).tolist() == [2, 1]


def test_the_sync_face_works_inside_a_running_loop_and_is_refused_on_burnishs_own() -> None:
    embedder = Embedder(lengths)

    async def handler():
        return embedder("abc")

    assert asyncio.run(handler()).tolist() == [3, 1]
    with pytest.raises(ConfigError, match="async face"):
        run_sync(handler())


def test_rows_are_the_callers_to_change() -> None:
    kept = np.ones((1, 2), np.float32)
    embedder = Embedder(lambda texts: kept)
    embedder("a")[:] = 7
    assert kept.tolist() == [[1, 1]]


# Functions


def test_a_function_gets_each_text_once_in_batches_with_all_parameters() -> None:
    noted = Noted()
    embedder = Embedder(noted, batch_size=2, scale=10.0)
    assert embedder(["a", "bb", "a", "ccc", "bb"]).tolist() == [[10, 1], [20, 1], [10, 1], [30, 1], [20, 1]]
    assert noted.batches == [["a", "bb"], ["ccc"]]
    assert embedder(["a", "bb", "ccc"], batch_size=3, scale=2.0).tolist() == [[2, 1], [4, 1], [6, 1]]
    assert noted.batches[2:] == [["a", "bb", "ccc"]]


def test_an_async_function_and_an_object_with_one_are_awaited() -> None:
    async def later(texts, scale=1.0):
        await asyncio.sleep(0)
        return lengths(texts, scale)

    class Later:
        async def __call__(self, texts):
            return await later(texts)

    for model in (later, functools.partial(later, scale=1.0), Later()):
        assert Embedder(model)(["a", "bb"]).tolist() == [[1, 1], [2, 1]]


def test_a_function_runs_in_the_callers_thread_and_off_the_loop() -> None:
    threads = []

    def where(texts):
        threads.append(threading.current_thread())
        return lengths(texts)

    async def on_the_loop():
        await Embedder(where).acall("a")
        return threading.current_thread()

    Embedder(where)("a")
    loop = run_sync(on_the_loop())
    assert threads[0] is threading.current_thread()
    assert threads[1] is not loop


def test_a_function_is_called_by_one_thread_at_a_time() -> None:
    inside, most = [], []

    def slow(texts):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.005)
        inside.pop()
        return lengths(texts)

    embedder = Embedder(slow, batch_size=1)

    async def many():
        await asyncio.gather(*(embedder.acall(["a", "b"]) for _ in range(4)))

    asyncio.run(many())
    assert most == [1] * 8


def test_what_a_function_raises_comes_out_as_it_is() -> None:
    def broken(texts):
        raise KeyError("weights")

    with pytest.raises(KeyError, match="weights"):
        Embedder(broken)("a")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda texts: [[1.0]], r"'<lambda>' returned the shape \(1, 1\), where 2 texts need"),
        (lambda texts: [1.0, 2.0], r"returned the shape \(2,\)"),
        (lambda texts: [[1.0], [1.0, 2.0]], "same length"),
        (lambda texts: texts, "an array of numbers"),
        (lambda texts: [[1.0] if text == "a" else [float("nan")] for text in texts], "for the text at place 3"),
    ],
)
def test_a_function_that_brings_no_row_a_text_is_told_of_with_the_users_place(answer, says) -> None:
    with pytest.raises(ConfigError, match=says):
        Embedder(answer)(["a", "a", "a", "b"])


def test_batches_of_unlike_dimensions_are_told_of() -> None:
    with pytest.raises(ConfigError, match="2 numbers for the text at place 1 and 1 for the one at place 0"):
        Embedder(lambda texts: [[0.0] * len(texts[0])], batch_size=1)(["a", "bb"])


# What it refuses


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (5, "and not int"),
        (None, "and not NoneType"),
        (["a", 5], "at place 1 there is int"),
        ([["a"]], "at place 0 there is list"),
        (b"abc", "at place 0 there is int"),
        (["a", "\ud83d"], "at place 1 is no Unicode text"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(inputs, says) -> None:
    noted = Noted()
    with pytest.raises(ConfigError, match=says):
        Embedder(noted)(inputs)
    assert noted.batches == []


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "200"])
def test_a_batch_size_is_a_whole_number_above_zero(size) -> None:
    with pytest.raises(ConfigError, match="batch_size="):
        Embedder(lengths, batch_size=size)
    with pytest.raises(ConfigError, match="batch_size="):
        Embedder(lengths)("a", batch_size=size)


@pytest.mark.parametrize(
    ("model", "params", "says"),
    [
        (5, {}, "a function from texts to rows"),
        ("text-embedding-3-small", {}, "lacks its provider"),
        ("", {}, "lacks its provider"),
        ("x/y", {"timeout": 0}, "timeout=0"),
        ("x/y", {"timeout": None}, "timeout=None"),
        ("x/y", {"num_retries": -1}, "num_retries=-1"),
        ("x/y", {"rpm": "many"}, "rpm='many'"),
        ("x/y", {"dimensions": {1, 2}}, "JSON"),
    ],
)
def test_a_model_or_setting_that_cannot_be_used_is_refused_at_once(model, params, says) -> None:
    with pytest.raises(ConfigError, match=says):
        Embedder(model, **params)


@pytest.mark.parametrize("name", ["api_key", "api_base", "rpm", "extra_headers"])
def test_what_belongs_to_the_embedder_is_refused_in_a_call(name) -> None:
    with pytest.raises(ConfigError, match=f"Give {name} to Embedder"):
        Embedder("openai/x")("a", **{name: "1"})


# What it is in other hands


def test_a_pickle_holds_no_credential_and_works_again() -> None:
    secrets = {"api_key": "MARKER-1", "extra_body": {"api_key": "MARKER-2"}, "extra_headers": {"X-Mine": "MARKER-3"}}
    embedder = Embedder("offline/hashing", 7, False, **secrets)
    kept = pickle.dumps(embedder)
    assert b"MARKER" not in kept
    again = pickle.loads(kept)
    assert (again.model, again.batch_size, again.caching) == ("offline/hashing", 7, False)
    assert pickle.loads(pickle.dumps(Embedder(lengths, scale=2.0)))("a").tolist() == [2, 1]
    assert "MARKER" not in repr(embedder)


def test_copies_of_a_program_share_the_embedder() -> None:
    embedder = Embedder(lengths)
    assert copy.deepcopy({"embedder": embedder})["embedder"] is embedder


@pytest.mark.parametrize(
    ("name", "meant"),
    [("batchsize", "batch_size"), ("prices", "price"), ("dimension", "dimensions"), ("num_retry", "num_retries")],
)
def test_a_misspelt_parameter_is_an_error_and_says_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"Embedder.*Did you mean {meant}"):
        Embedder("local/m", api_base="http://127.0.0.1:9/v1", **{name: 3})
