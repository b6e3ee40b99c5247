"""`Index`: what it takes, what it refuses, what it keeps in a file, and that threads share it."""

from __future__ import annotations

import errno
import os
import threading

import numpy as np
import pytest

from burnish import _core
from burnish.errors import ConfigError, StateError
from burnish.retrieve.knn import Index
from tests.support.threads import ran_before_and_during

ROWS = [[1, 0], [0, 1], [3, 3]]


def index_of(rows=ROWS, **options):
    index = Index(2, **options)
    index.append(rows)
    return index


def test_one_query_and_several():
    index = index_of()
    numbers, scores = index.search([2, 1], 2)
    assert (numbers.tolist(), scores.shape) == ([2, 0], (2,))
    numbers, scores = index.search(np.array([[2.0, 1.0], [0.0, 5.0]]), 1)
    assert (numbers.tolist(), scores.shape) == ([[2], [1]], (2, 1))
    numbers, scores = index.search(np.zeros((0, 2)), 3)
    assert (numbers.shape, scores.shape) == ((0, 3), (0, 3))


def test_any_numbers_will_do():
    index = Index(3, metric="ip")
    index.append(np.arange(6, dtype=np.uint8).reshape(2, 3))
    index.append(np.asfortranarray(np.ones((2, 3))))
    index.append(np.ones((4, 6), np.float32)[::2, ::2])
    index.append(np.zeros((0, 3)))
    assert len(index) == 6
    index.remove([])
    index.remove(np.array([5, 0], np.uint8))
    assert index.search([1, 1, 1], 4)[1].tolist() == [12, 3, 3, 3]


def test_it_says_what_it_is():
    index = index_of(metric="ip", storage="i8")
    assert (len(index), index.dimension, index.metric, index.storage) == (3, 2, "ip", "i8")
    assert repr(index) == "Index(2, metric='ip', storage='i8') of 3 rows"


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: Index(0), "dimension is 0; it must be at least 1"),
        (lambda: Index(-1), "dimension is -1; it must not be negative"),
        (lambda: Index(2**20), "dimension is 1048576; it must be at most 65536"),
        (lambda: Index(2, metric="l2"), "metric is 'l2'; use 'ip' or 'cosine'"),
        (lambda: Index(2, storage="f64"), "storage is 'f64'; use 'f32', 'f16' or 'i8'"),
        (lambda: index_of([[1, 2, 3]]), "rows is an array of float32 and shape [1, 3]; give a numpy table of float32"),
        (lambda: index_of([1, 2]), "rows is an array of float32 and shape [2]; give a numpy table of float32"),
        (lambda: index_of([[1, 2], [3]]), "rows are rows of different lengths"),
        (lambda: index_of([["1", "2"]]), "rows are <U1: give an array of numbers"),
        (lambda: index_of([[1, float("nan")]]), "rows[0] holds NaN at place 1"),
        (lambda: index_of([[1, 1e300]]), "rows[0] holds inf at place 1"),
        (lambda: index_of([[0, 0]]), "rows[0] is all zeros"),
        (lambda: index_of().remove([3]), "numbers[0] is 3, and the index has rows 0 to 3"),
        (lambda: index_of().remove([0.5]), "numbers are float64: give row numbers"),
        (lambda: index_of().search([1, 2, 3], 1), "queries is an array of float32 and shape [1, 3]"),
        (lambda: index_of().search([1, 2], 4), "k is 4 and the index has 3 rows"),
        (lambda: index_of().search([1, 2], 0), "k is 0; it must be at least 1"),
        (lambda: index_of().search([1, 2], -1), "k is -1; it must not be negative"),
        (lambda: index_of().search([1, 2], 1, threads=0), "threads is 0; it must be at least 1"),
        (lambda: index_of().search(np.zeros((0, 2)), 4), "k is 4 and the index has 3 rows"),
    ],
)
def test_refused(ask, message):
    with pytest.raises(ConfigError) as refused:
        ask()
    assert str(refused.value).startswith(message)


def test_what_is_refused_changes_nothing():
    index = index_of()
    for change in (lambda: index.append([[5, 5], [0, 0]]), lambda: index.remove([0, 9])):
        with pytest.raises(ConfigError):
            change()
    assert len(index) == 3
    assert index.search([2, 1], 3)[0].tolist() == [2, 0, 1]


def test_a_table_that_is_not_row_after_row_is_refused_by_the_core():
    index = _core.KnnIndex(2)
    with pytest.raises(ConfigError, match="rows is a strided view"):
        index.append(np.ones((4, 4), np.float32)[:, ::2])


@pytest.mark.parametrize("storage", ["f32", "f16", "i8"])
def test_a_saved_index_answers_as_before_and_can_change(tmp_path, storage):
    rows = np.random.default_rng(0).normal(size=(100, 7)).astype(np.float32)
    index, path = Index(7, storage=storage), tmp_path / "rows.knn"
    index.append(rows)
    index.save(path)
    loaded = Index.load(path)
    assert repr(loaded) == repr(index)
    for one, other in zip(index.search(rows[:9], 20), loaded.search(rows[:9], 20), strict=True):
        assert (one == other).all()
    kept = path.read_bytes()
    loaded.remove([0])
    loaded.append(rows[:1])
    assert loaded.search(rows[0], 1)[0].tolist() == [99]
    assert path.read_bytes() == kept
    loaded.save(path)
    assert Index.load(path).search(rows[0], 1)[0].tolist() == [99]
    assert [file.name for file in tmp_path.iterdir()] == ["rows.knn"]


def test_an_index_may_be_saved_over_the_file_that_it_reads(tmp_path):
    path = tmp_path / "rows.knn"
    index_of().save(path)
    loaded = Index.load(path)
    index_of([[1, 1]] * 2).save(path)
    assert loaded.search([2, 1], 3)[0].tolist() == [2, 0, 1]
    loaded.save(path)
    assert len(Index.load(path)) == 3


def test_an_empty_index_is_saved_too(tmp_path):
    Index(3).save(tmp_path / "none.knn")
    loaded = Index.load(str(tmp_path / "none.knn"))
    assert (len(loaded), loaded.dimension) == (0, 3)


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError) as missing:
        Index.load(tmp_path / "missing.knn")
    assert (missing.value.errno, missing.value.filename) == (errno.ENOENT, str(tmp_path / "missing.knn"))
    with pytest.raises(OSError, match="directory"):
        Index.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        index_of().save(tmp_path / "no" / "folder.knn")
    for content in (b"", b"BURNISH\0", b"x" * 1000):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(StateError, match="no index that can be searched"):
            Index.load(tmp_path / "other")


def test_threads_search_while_rows_come():
    """Every answer is that of a moment: with as many rows as there were before some append, and never half of one."""
    index, stop, wrong = Index(8, metric="ip"), threading.Event(), []
    index.append(np.ones((10, 8)))

    def search():
        while not stop.is_set():
            numbers, scores = index.search(np.ones((3, 8)), 10)
            if sorted(scores[0].tolist(), reverse=True) != scores[0].tolist() or len(set(numbers[0].tolist())) != 10:
                wrong.append(scores)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for size in range(2, 60):
        index.append(np.full((10, 8), size))
        index.remove(np.arange(5))
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(index) == 300


def test_other_threads_run_during_a_search():
    """A thread that waits for the interpreter gets it while the core works, and only then: it is never taken away."""
    index = Index(64, metric="ip")
    index.append(np.ones((50_000, 64), np.float32))
    queries = np.ones((64, 64), np.float32)
    assert ran_before_and_during(lambda: index.search(queries, 5), short=lambda: None) == ([], [True])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_searches_with_threads_of_its_own() -> None:
    random = np.random.default_rng(0)
    rows, queries = random.standard_normal((20_000, 64)), random.standard_normal((64, 64))
    index = Index(64)
    index.append(rows)
    expected = index.search(queries, 3, threads=4)[0].tolist()
    child = os.fork()
    if child == 0:
        same = index.search(queries, 3, threads=4)[0].tolist() == expected
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
