"""`TestSet`: a list for whoever scores, sealed for whoever learns."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from burnish import Example
from burnish.errors import ConfigError
from burnish.loop import in_thread, run_sync
from burnish.values.held_out import HeldOut, TestSet, compiling

ROWS = [Example(q=n, a=n + 1).with_inputs("q") for n in range(5)]


def test_it_is_a_list_to_read() -> None:
    test = TestSet(ROWS)
    assert (len(test), test[0], test[-1], list(test)) == (5, ROWS[0], ROWS[4], ROWS)
    assert ROWS[2] in test
    assert isinstance(test[1:3], TestSet)
    assert test[1:3] == TestSet(ROWS[1:3]) != TestSet(ROWS[2:3])
    assert hash(test) == hash(TestSet(ROWS))
    assert repr(test) == "TestSet of 5 examples"
    assert not TestSet()
    assert pickle.loads(pickle.dumps(test)) == copy.deepcopy(test) == test


def test_its_rows_stay_what_they_are_when_they_are_copied() -> None:
    row = TestSet(ROWS)[0]
    for made in (
        row.copy(a=7),
        row.with_inputs("q", "a"),
        row.without("a"),
        row.inputs(),
        copy.deepcopy(row),
        pickle.loads(pickle.dumps(row)),
    ):
        assert type(made) is HeldOut
    assert row == ROWS[0] == Example(row)
    assert hash(row) == hash(ROWS[0])
    assert row.input_keys == {"q"}


@pytest.mark.parametrize(
    "read", [list, lambda test: test[0], lambda test: test[:2], lambda test: ROWS[0] in test, TestSet]
)
def test_nothing_is_handed_out_inside_a_compile(read: Any) -> None:
    test = TestSet(ROWS)

    async def from_a_thread() -> Any:
        return await in_thread(read, test)

    with compiling():
        assert (len(test), bool(test), repr(test)) == (5, True, "TestSet of 5 examples")
        with pytest.raises(ConfigError, match="inside a running compile"):
            read(test)
        with pytest.raises(ConfigError, match="inside a running compile"):
            run_sync(from_a_thread())
    read(test)
