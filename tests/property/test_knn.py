"""The nearest rows against a naive twin, their cases, and files that nobody would save."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from burnish import _core
from burnish.errors import ConfigError, StateError

CASES = Path(__file__).resolve().parents[1] / "cases" / "knn.toml"
STORAGES = ("f32", "f16", "i8")
# How far a score may lie from the true one, as a part of the product of the rows' lengths.
ROUNDING = {"f32": 1e-5, "f16": 2e-3, "i8": 0.04}


def knn(rows, query, metric):
    """The naive twin: each row's score, in doubles."""
    rows, query = np.asarray(rows, np.float64), np.asarray(query, np.float64)
    if metric == "cosine":
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        query = query / np.linalg.norm(query)
    return [sum(value * factor for value, factor in zip(row, query, strict=True)) for row in rows]


def room(rows, query, metric, storage):
    """How far each score may lie from the twin's."""
    sizes = np.linalg.norm(rows, axis=1) * np.linalg.norm(query) if metric == "ip" else np.ones(len(rows))
    return np.asarray(sizes * ROUNDING[storage] * max(1, len(query)) ** 0.5 + 1e-6)


# Few different values tie often; wild ones differ in size. None is so small that its square is zero in doubles.
tame = st.integers(-4, 4).map(float)
wild = st.floats(-1000, 1000, width=32, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-3)


@st.composite
def questions(draw):
    """Rows, queries and k."""
    dimension = draw(st.integers(1, 40))
    n_rows, n_queries = draw(st.integers(1, 70)), draw(st.integers(1, 12))
    numbers = draw(st.sampled_from([tame, wild]))
    rows = draw(arrays(np.float32, (n_rows, dimension), elements=numbers, fill=numbers))
    queries = draw(arrays(np.float32, (n_queries, dimension), elements=numbers, fill=numbers))
    for table in (rows, queries):
        table[~table.any(axis=1), 0] = 1  # zeros point nowhere
    return rows, queries, draw(st.integers(1, n_rows))


@given(questions(), st.sampled_from(["ip", "cosine"]), st.sampled_from(STORAGES))
def test_search(question, metric, storage):
    rows, queries, k = question
    index = _core.KnnIndex(rows.shape[1], metric, storage)
    index.append(rows)
    numbers, scores = index.search(queries, k)
    assert (numbers.dtype, scores.dtype, numbers.shape) == (np.int64, np.float32, (len(queries), k))
    for query, found, values in zip(queries, numbers, scores, strict=True):
        true, far = np.array(knn(rows, query, metric)), room(rows, query, metric, storage)
        assert len(set(found.tolist())) == k
        assert (np.abs(values - true[found]) <= far[found]).all()
        # Of what is left out nothing is better than the worst found, but for rounding.
        left = np.setdiff1d(np.arange(len(rows)), found)
        assert (true[left] <= values[-1] + far[left]).all()
        # Best first, and of equals the lower number.
        assert sorted(zip(-values, found, strict=True)) == list(zip(-values, found, strict=True))


@given(questions(), st.sampled_from(STORAGES))
def test_rows_that_tie_come_by_number(question, storage):
    """The rows twice over: of two that are the same the first half's comes first, and no second without its first."""
    rows, queries, k = question
    index = _core.KnnIndex(rows.shape[1], "ip", storage)
    index.append(rows)
    index.append(rows)
    for found in index.search(queries, k)[0].tolist():
        for place, number in enumerate(found):
            assert number < len(rows) or number - len(rows) in found[:place]


@given(questions(), st.sampled_from(STORAGES), st.integers(2, 5))
def test_the_company_and_the_threads_change_nothing(question, storage, threads):
    rows, queries, k = question
    index = _core.KnnIndex(rows.shape[1], "cosine", storage)
    for part in np.array_split(rows, 3):
        index.append(np.ascontiguousarray(part))
    numbers, scores = index.search(queries, k, threads)
    for place in range(len(queries)):
        alone = index.search(queries[place : place + 1], k, 1)
        assert (alone[0][0] == numbers[place]).all()
        assert (alone[1][0] == scores[place]).all()


@given(questions(), st.sampled_from(STORAGES), st.data())
def test_remove_is_a_list_s_del(question, storage, data):
    rows, queries, _ = question
    gone = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=len(rows)))
    index = _core.KnnIndex(rows.shape[1], "ip", storage)
    index.append(rows)
    index.remove(np.array(gone, np.int64))
    left = np.delete(rows, gone, axis=0)
    assert len(index) == len(left)
    fresh = _core.KnnIndex(rows.shape[1], "ip", storage)
    fresh.append(left)
    if len(left):
        for one, other in zip(index.search(queries, len(left)), fresh.search(queries, len(left)), strict=True):
            assert (one == other).all()


@given(rows=arrays(np.float32, (5, 3), elements=st.floats(-65504, 65504, width=32), fill=st.nothing()))
def test_half_precision_is_numpys(rows):
    index = _core.KnnIndex(3, "ip", "f16")
    index.append(rows)
    numbers, scores = index.search(np.eye(3, dtype=np.float32), 5)
    for place in range(3):
        assert (scores[place] == rows.astype(np.float16).astype(np.float32)[numbers[place], place]).all()


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in tomllib.loads(CASES.read_text())["search"]])
def test_cases(case):
    for storage in [case["storage"]] if "storage" in case else STORAGES:
        rows = np.array(case["rows"], np.float32)
        index = _core.KnnIndex(rows.shape[1], case["metric"], storage)
        queries = np.array(case["queries"], np.float32).reshape(-1, rows.shape[1])

        def ask(index=index, rows=rows, queries=queries):
            index.append(rows)
            index.remove(np.array(case.get("remove", []), np.int64))
            return index.search(queries, case["k"])

        if "error" in case:
            with pytest.raises(ConfigError) as refused:
                ask()
            assert str(refused.value) == case["error"]
        else:
            numbers, scores = ask()
            assert numbers.tolist() == case["numbers"]
            close = 1e-6 if storage == "f32" else 0.02
            assert np.abs(scores - np.array(case["scores"]).reshape(scores.shape)).max(initial=0) <= close


@settings(max_examples=300)
@given(
    cut=st.integers(0, 4000),
    changes=st.lists(st.tuples(st.one_of(st.integers(0, 63), st.integers(0, 4000)), st.integers(0, 255)), max_size=8),
    tail=st.binary(max_size=100),
    storage=st.sampled_from(STORAGES),
)
def test_hostile_files(tmp_path_factory, cut, changes, tail, storage):
    """A file that was cut, changed or lengthened opens and answers, or is refused by name."""
    index = _core.KnnIndex(5, "ip", storage)
    index.append(np.arange(200, dtype=np.float32).reshape(40, 5) / 200)
    path = tmp_path_factory.getbasetemp() / "hostile.knn"
    index.save(path)
    content = bytearray(path.read_bytes())
    for place, byte in changes:
        content[place % len(content)] = byte
    path.write_bytes(bytes(content[: cut if cut % 2 else None]) + (tail if cut % 3 else b""))
    refused = ""
    try:
        loaded = _core.KnnIndex.load(path)
        if len(loaded):
            loaded.search(np.ones((2, loaded.dimension), np.float32), len(loaded))
    except StateError as error:
        refused = str(error)
    assert not refused or refused.startswith("this is no index that can be searched: ")
