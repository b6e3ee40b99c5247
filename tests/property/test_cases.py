"""Runs the cases of tests/cases through the bindings; rust/core/tests/cases.rs runs the same files without Python."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from burnish import _core
from burnish.errors import ConfigError

CASES = Path(__file__).resolve().parents[1] / "cases"


def cases(file, kind):
    """The cases of one kind, each under its name."""
    table = tomllib.loads((CASES / f"{file}.toml").read_text(encoding="utf-8"))
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in table[kind]])


def board(case):
    """The rows of a case as the four columns."""
    kinds = (np.int64, np.int64, np.float64, np.uint8)
    columns = zip(*case["rows"], strict=True) if case["rows"] else ([],) * 4
    return tuple(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True))


def answer(case, ask):
    """What `ask` returns; None if it refused with the words that the case expects."""
    if "error" not in case:
        return ask()
    with pytest.raises(ConfigError) as refused:
        ask()
    assert str(refused.value) == case["error"]
    return None


def assert_close(found, expected):
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=1e-12, atol=1e-12)


@cases("text", "normalize")
def test_normalize(case):
    assert _core.normalize([case["text"]]) == [case["normal"]]


def check_metric(case, metric):
    scores = answer(case, lambda: metric(case["predictions"], case["references"]))
    if scores is not None:
        assert scores.dtype == np.float64
        assert_close(scores, case["scores"])


@cases("text", "exact_match")
def test_exact_match(case):
    check_metric(case, _core.exact_match)


@cases("text", "f1")
def test_f1(case):
    check_metric(case, _core.f1)


@cases("text", "precision")
def test_precision(case):
    check_metric(case, _core.precision)


@cases("text", "recall")
def test_recall(case):
    check_metric(case, _core.recall)


@cases("text", "hotpot_f1")
def test_hotpot_f1(case):
    check_metric(case, _core.hotpot_f1)


@cases("text", "passage_match")
def test_passage_match(case):
    scores = answer(case, lambda: _core.passage_match(case["passages"], case["answers"]))
    if scores is not None:
        assert scores.tolist() == case["scores"]


@cases("board", "summary")
def test_board_summary(case):
    summary = answer(case, lambda: _core.board_summary(*board(case), case["n_candidates"]))
    if summary is not None:
        for name, column in zip(("n", "failed", "not_measured", "mean", "low", "high"), summary, strict=True):
            assert_close(column, case[name])


@cases("board", "paired")
def test_board_paired(case):
    gain = _core.board_paired(*board(case), case["first"], case["second"])
    assert_close(gain, [case[name] for name in ("n", "mean", "low", "high")])


@cases("board", "leader")
def test_board_leader(case):
    assert _core.board_leader(*board(case), case["n_candidates"]) == case["leader"]


@cases("traces", "pick")
def test_pick_traces(case):
    kinds = (np.float64, np.int64, np.int64, np.int64)
    columns = list(zip(*case["rows"], strict=True)) or [()] * 5
    arrays = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=False)]
    limits = {name: case[name] for name in ("min_score", "per_predictor", "seed")}
    picked = answer(
        case,
        lambda: _core.pick_traces(*arrays, _core.digests(columns[4]), **limits, max_tokens=case.get("max_tokens")),
    )
    if picked is not None:
        assert picked.tolist() == case["picked"]


@cases("seed", "draw")
def test_draw(case):
    assert f"{_core.draw(case['seed'], case['purpose'], case['step']):#018x}" == case["value"]


@cases("fingerprint", "fingerprint")
def test_fingerprint(case):
    assert _core.fingerprint("".join(case["parts"])) == case["value"]
    prefix = _core.Fingerprint()
    for part in case["parts"]:
        prefix = prefix.extend(part)
    assert prefix.finish() == case["value"]
