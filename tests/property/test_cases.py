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


def columns(rows):
    """Rows as the four columns of a board."""
    kinds = (np.int64, np.int64, np.float64, np.uint8)
    found = zip(*rows, strict=True) if rows else ([],) * 4
    return tuple(np.array(column, kind) for column, kind in zip(found, kinds, strict=True))


def board(rows):
    """A board of these rows."""
    made = _core.Board()
    made.append(*columns(rows))
    return made


def trace_table(rows):
    """Rows of (score, predictor, rollout, tokens, text), the text being all that went in."""
    table = _core.TraceTable()
    score, predictor, rollout, tokens, texts = zip(*rows, strict=True) if rows else ((),) * 5
    integers = (np.array(column, np.int64) for column in (rollout, tokens))
    table.append(np.array(score, float), list(map(str, predictor)), *integers, texts, [""] * len(rows))
    return table


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
    summary = answer(case, lambda: board(case["rows"]).summary(case["n_candidates"]))
    if summary is not None:
        for name, column in zip(("n", "failed", "not_measured", "mean", "low", "high"), summary, strict=True):
            assert_close(column, case[name])


@cases("board", "paired")
def test_board_paired(case):
    gain = board(case["rows"]).paired(case["first"], case["second"])
    assert_close(gain, [case[name] for name in ("n", "mean", "low", "high")])


@cases("board", "leader")
def test_board_leader(case):
    found = board(case["rows"]).leader(case["n_candidates"], case.get("share", 0.0))
    assert found == (None if case["leader"] < 0 else case["leader"])


@cases("board", "front")
def test_board_front(case):
    candidates, wins = board(case["rows"]).front(case["n_candidates"])
    assert (candidates.tolist(), wins.tolist()) == (case["front"], case["wins"])


@cases("board", "replace")
def test_board_replace(case):
    replaced, same = board(case["rows"]), board(case["same_as"])
    answer(case, lambda: replaced.replace(*columns(case["with"])))
    assert len(replaced) == len(same)
    for found, expected in zip(replaced.summary(4), same.summary(4), strict=True):
        np.testing.assert_array_equal(found, expected)


@cases("traces", "pick")
def test_pick_traces(case):
    limits = {name: case.get(name) for name in ("min_score", "per_predictor", "max_tokens", "seed")}
    picked = answer(case, lambda: trace_table(case["rows"]).pick(**limits, near=False, variety=False, stratify=False))
    if picked is not None:
        assert sorted(picked.tolist()) == case["picked"]


@cases("traces", "near")
def test_near_copies(case):
    assert _core.near_copies(case["rows"]).tolist() == case["firsts"]


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


@cases("search", "random")
def test_search_random(case):
    sizes, picks = (np.array(case[name], np.int64) for name in ("sizes", "picks"))
    found = answer(case, lambda: _core.search_random(sizes, picks, case["n"], 0, 0))
    if found is not None:
        assert found.tolist() == case["found"]


@cases("search", "beaten")
def test_race_beaten(case):
    found = answer(
        case, lambda: _core.race_beaten(columns(case["rows"]), case["n_candidates"], 0.0, case["looks"], 0.05)
    )
    if found is not None:
        assert found.tolist() == case["found"]


@cases("search", "rejects")
def test_race_rejects(case):
    sizes = (case[name] for name in ("n_candidates", "n_examples", "budget"))
    alive, examples = _core.race_rejects(columns(case["rows"]), *sizes)
    assert (alive.tolist(), examples) == (case["alive"], case["examples"])
