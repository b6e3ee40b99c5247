"""`Passages`: what is kept stays in step with its rows, also while threads search and change it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import ConfigError
from burnish.retrieve.knn import Index
from burnish.retrieve.passages import Passages


def passages_of(rows, *, metric="cosine"):
    rows = np.array(rows, np.float32)
    passages = Passages(Index(rows.shape[1], metric=metric))
    passages.append([f"text {number}" for number in range(len(rows))], rows)
    return passages


def test_the_nearest_come_first_with_text_number_and_score():
    [found, other] = passages_of([[1, 0], [0, 1], [3, 3]]).nearest(np.array([[2, 1], [0, 9]], np.float32), 2)
    assert (found.numbers, found.texts) == ([2, 0], ["text 2", "text 0"])
    assert found.scores == pytest.approx([0.9487, 0.8944], abs=1e-4)
    assert other.numbers == [1, 2]


def test_by_cosine_a_row_of_zeros_is_never_found_and_finds_nothing():
    passages = passages_of([[0, 0], [1, 0], [0, 0], [0, 1]])
    queries = np.array([[1, 0], [0, 0], [0, 1]], np.float32)
    assert [found.numbers for found in passages.nearest(queries, 4)] == [[1, 3], [], [3, 1]]
    assert (passages.not_found, len(passages.texts)) == ([0, 2], 4)


def test_by_inner_product_a_row_of_zeros_is_like_any_other():
    passages = passages_of([[0, 0], [1, 0], [-1, 0]], metric="ip")
    [found, of_zeros] = passages.nearest(np.array([[1, 0], [0, 0]], np.float32), 3)
    assert (found.numbers, found.scores) == ([1, 0, 2], [1, 0, -1])
    assert of_zeros.numbers == [0, 1, 2]


def test_nothing_but_rows_of_zeros_finds_nothing():
    passages = passages_of([[0, 0]])
    assert passages.nearest(np.ones((2, 2), np.float32), 3) == passages_of([[0, 0]]).nearest(np.ones((2, 2)), 3)
    assert [found.texts for found in passages.nearest(np.ones((2, 2), np.float32), 3)] == [[], []]


def test_what_is_refused_changes_nothing():
    passages = passages_of([[1, 0], [0, 0], [0, 1]])
    for change, says in (
        (lambda: passages.remove([0, 3]), "no passage 3: there are 3"),
        (lambda: passages.remove([-1]), "no passage -1"),
        (lambda: passages.remove([1.0]), "no passage 1.0"),
        (lambda: passages.append(["a", "b"], np.array([[1, 1], [1, np.nan]], np.float32)), "NaN"),
        (lambda: passages.append(["a"], np.ones((1, 3), np.float32)), "rows of 3 numbers, .* have 2"),
        (lambda: passages.nearest(np.ones((1, 3), np.float32), 1), "rows of 3 numbers, .* have 2"),
    ):
        with pytest.raises(ConfigError, match=says):
            change()
    assert (passages.texts, passages.not_found, len(passages.index)) == (("text 0", "text 1", "text 2"), [1], 2)
    assert passages.nearest(np.ones((1, 2), np.float32), 9)[0].numbers == [0, 2]


@given(st.lists(st.one_of(st.booleans(), st.integers(0, 9)), max_size=30))
def test_numbers_are_places_of_a_list_whatever_comes_and_goes(steps):
    """Each step adds a text, with a row or without one, or takes one out of a plain list and of the passages."""
    passages, plain = Passages(Index(2)), []
    for step, what in enumerate(steps):
        if isinstance(what, bool):
            plain.append((f"text {step}", what))
            passages.append([f"text {step}"], np.array([[what, what]], np.float32))
        elif plain:
            passages.remove([what % len(plain)])
            del plain[what % len(plain)]
    [found] = passages.nearest(np.ones((1, 2), np.float32), 99)
    assert passages.texts == tuple(text for text, _ in plain)
    assert found.numbers == [number for number, (_, has_row) in enumerate(plain) if has_row]
    assert found.texts == [text for text, has_row in plain if has_row]


class Overtaken(Index):
    """An index in which something happens before or after a search, or in the middle of a removal."""

    def __init__(self, dimension):
        super().__init__(dimension)
        self.before = self.after = self.amid = lambda: None

    def search(self, queries, k, **options):
        self._happens("before")
        answer = super().search(queries, k, **options)
        self._happens("after")
        return answer

    def _happens(self, when):
        what = getattr(self, when)
        setattr(self, when, lambda: None)
        what()

    def remove(self, numbers):
        super().remove(numbers)
        self.amid()


def overtaken():
    passages = Passages(Overtaken(4))
    passages.append(["a", "b", "c", "d"], np.eye(4, dtype=np.float32))
    return passages, passages.index


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("k", [1, 4])
def test_a_search_that_a_change_overtook_begins_again(when, k):
    passages, index = overtaken()
    setattr(index, when, lambda: passages.remove([0, 1]))
    [found] = passages.nearest(np.array([[4, 3, 2, 1]], np.float32), k)
    assert (found.numbers, found.texts) == ([0, 1][:k], ["c", "d"][:k])


def test_a_search_in_the_middle_of_a_change_waits_for_its_end():
    passages, index = overtaken()
    answers = []

    def search():
        answers.extend([passages.nearest(np.array([[4, 3, 2, 1]], np.float32), 4)[0].texts, list(passages.texts)])

    thread = threading.Thread(target=search)

    def amid():
        thread.start()
        thread.join(0.05)
        answers.append("still changing")

    index.amid = amid
    passages.remove([0, 2])
    thread.join()
    assert answers == ["still changing", ["b", "d"], ["b", "d"]]


def test_threads_search_while_texts_come_and_go():
    passages, stop, wrong = passages_of(np.eye(64)), threading.Event(), []
    queries = np.eye(64, dtype=np.float32)

    def search():
        while not stop.is_set():
            for place, found in enumerate(passages.nearest(queries[:8], 70)):
                # Each text has the row that its name says, so the best of a query is known if it is there.
                if f"text {place}" in found.texts and found.texts[0] != f"text {place}":
                    wrong.append(found.texts[:3])

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        passages.remove(range(32))
        passages.append([f"text {number}" for number in range(32)], queries[:32])
        passages.remove(range(64))
        passages.append([f"text {number}" for number in range(64)], queries)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
