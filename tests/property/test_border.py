"""What crosses into the core and what is refused at the border, in words that name the argument and the row."""

from __future__ import annotations

import math

import numpy as np
import pytest

from burnish import _core
from burnish.errors import ConfigError
from tests.support.threads import ran_before_and_during

ONE = np.zeros(1, np.int64)
SCORE = np.zeros(1)
STATUS = np.zeros(1, np.uint8)
PAIRS = np.zeros((1, 2), np.uint64)
BOARD = _core.Board()


def of_one_row():
    table = _core.TraceTable()
    table.append(SCORE, ["x"], ONE, ONE, ["x"], ["x"])
    return table


REFUSED = {
    "one string for a column": (lambda: _core.f1("x", [["x"]]), "predictions is one string; give a list of strings"),
    "one string for a row": (lambda: _core.f1(["x"], ["x"]), "references[0] is one string; give a list of strings"),
    "no sequence": (lambda: _core.normalize(None), "texts is NoneType; give a list of strings"),
    "no sequence in a row": (lambda: _core.f1(["x"], [None]), "references[0] is NoneType; give a list of strings"),
    "no string": (lambda: _core.normalize(["x", 3]), "texts[1] is int; give a string"),
    "no string in a row": (lambda: _core.f1(["x"], [["x", b"y"]]), "references[0][1] is bytes; give a string"),
    "a lone surrogate": (lambda: _core.normalize(["x", "ab\ud800"]), "texts[1] holds a lone surrogate at character 2"),
    "a lone surrogate in a row": (
        lambda: _core.passage_match([["x"]], [["x", "\udfff"]]),
        "answers[0][1] holds a lone surrogate at character 0",
    ),
    "a lone surrogate in a text": (lambda: _core.fingerprint("\ud83d"), "text holds a lone surrogate"),
    "a lone surrogate in a prefix": (lambda: _core.Fingerprint("\ud83d"), "prefix holds a lone surrogate"),
    "a lone surrogate in an extension": (lambda: _core.Fingerprint().extend("\ud83d"), "text holds a lone surrogate"),
    "a lone surrogate in a suffix": (lambda: _core.Fingerprint().finish("\ud83d"), "suffix holds a lone surrogate"),
    "a lone surrogate in a purpose": (lambda: _core.draw(0, "\ud83d", 0), "purpose holds a lone surrogate"),
    "no array": (
        lambda: BOARD.append([0], ONE, SCORE, STATUS),
        "candidate is list; give a numpy column of int64",
    ),
    "an array of another type": (
        lambda: BOARD.append(ONE, ONE, ONE, STATUS),
        "score is an array of int64 and shape [1]; give a numpy column of float64",
    ),
    "a table for a column": (
        lambda: BOARD.append(ONE, PAIRS, SCORE, STATUS),
        "example is an array of uint64 and shape [1, 2]; give a numpy column of int64",
    ),
    "every other row": (
        lambda: BOARD.append(ONE, np.zeros(9, np.int64)[::2], SCORE, STATUS),
        "example is a strided view; pass numpy.ascontiguousarray(example)",
    ),
    "columns of different length": (
        lambda: BOARD.append(ONE, ONE, SCORE, np.zeros(2, np.uint8)),
        "status has 2 rows and candidate has 1; give one of each for every row",
    ),
    "candidates below zero": (
        lambda: BOARD.summary(-1),
        "n_candidates is -1; it must not be negative",
    ),
    "more candidates than memory holds": (
        lambda: BOARD.leader(2**62),
        "n_candidates is 4611686018427387904; it must be at most 1048576",
    ),
    "a share that is no number": (lambda: BOARD.leader(1, math.nan), "share is NaN; give a number"),
    "a row that replaces and has no score": (
        lambda: BOARD.replace(ONE, ONE, SCORE + math.inf, STATUS),
        "score[0] is inf, and the row counts (status 0); give a finite score, or status 2 (not measured)",
    ),
    "a sequence without end": (lambda: _core.normalize(range(2**62)), "texts[0] is int; give a string"),
    "a text too few": (
        lambda: _core.TraceTable().append(SCORE, ["x"], ONE, ONE, [], ["x"]),
        "inputs has 0 rows and score has 1; give one of each for every row",
    ),
    "a row that is not there": (
        lambda: _core.TraceTable().steps(ONE),
        "numbers[0] is 0, and the index has rows 0 to 0 (not included)",
    ),
    "a row of no log": (lambda: of_one_row().steps(ONE), "row 0 is of no log; what it says is with who ran it"),
    "no thread at all": (
        lambda: _core.TraceTable().scan("x", score=[], label=None, min_score=None, threads=0),
        "threads must be at least 1",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    ask, message = REFUSED[what]
    with pytest.raises(ConfigError) as refused:
        ask()
    assert str(refused.value).startswith(message)


def test_what_is_refused_leaves_the_board_empty():
    assert len(BOARD) == 0
    assert BOARD.leader(1) is None


def test_a_seed_that_64_bits_do_not_hold_is_refused():
    with pytest.raises(OverflowError):
        _core.draw(2**63, "x", 0)


def test_any_sequence_and_any_contiguous_view_will_do():
    assert _core.normalize(("The x", "y")) == ["x", "y"]
    assert _core.f1(("x",), (("y", "x"),)).tolist() == [1.0]
    rows = np.arange(6, dtype=np.int64)
    rows.flags.writeable = False
    board = _core.Board()
    board.append(rows[2:4] - 2, rows[2:4], np.array([0.0, 1.0]), np.zeros(2, np.uint8))
    assert board.leader(2) == 1


def test_a_string_of_any_width_is_read_whole():
    for text in ("ascii", "café", "日本", "𝄞 clef", "nul\0inside"):
        assert _core.normalize([text])[0].replace(" ", "")
        assert _core.fingerprint(text) == _core.Fingerprint(text[:2]).finish(text[2:])


def test_other_threads_run_during_a_long_call():
    """A thread that waits for the interpreter gets it while the core works, and only then: it is never taken away."""
    texts = ["The quick brown fox jumps over the lazy dog. " * 100_000] * 8
    assert ran_before_and_during(lambda: _core.normalize(texts), short=lambda: _core.normalize(["short"])) == (
        [],
        [True],
    )


def test_every_export_is_named():
    assert sorted(_core.__all__) == sorted(name for name in dir(_core) if not name.startswith("_"))
