"""HotPotQA, GSM8K and Colors: DSPy's shape, from files as they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish import Example, Prediction
from burnish.datasets import GSM8K, Colors, HotPotQA, TestSet
from burnish.datasets.gsm8k import gsm8k_metric, parse_integer_answer
from burnish.errors import ConfigError
from burnish.plugins import lookup


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


# GSM8K


def math(n: int) -> dict[str, str]:
    return {
        "question": f"What is {n} + 1?",
        "answer": f"{n} and one more are <<{n}+1={n + 1}>>{n + 1}.\nSo:\n#### {n + 1:,}",
    }


@pytest.fixture
def gsm8k(tmp_path: Path) -> Path:
    lines(tmp_path / "train.jsonl", [math(n) for n in range(40)])
    lines(tmp_path / "test.jsonl", [math(n) for n in range(2000, 2010)])
    (tmp_path / "README.md").write_text("train and test")
    return tmp_path


def test_gsm8k_has_question_reasoning_and_answer(gsm8k: Path) -> None:
    data = GSM8K(gsm8k)
    assert (len(data.train), len(data.dev), data.test) == (30, 10, data.test[:])
    assert isinstance(data.test, TestSet)
    assert {row.question for row in data.train}.isdisjoint(row.question for row in data.dev)
    row = next(row for row in data.test if "2008" in row.question)
    assert row.answer == "2,009"
    assert row.gold_reasoning.endswith("So:")
    assert row.input_keys == {"question"}


def test_parts_are_drawn_by_their_seeds_and_cut_to_their_sizes(gsm8k: Path) -> None:
    data = GSM8K(path=str(gsm8k))
    again = GSM8K(gsm8k, train_size=5, dev_size=3, test_size=2)
    assert again.train == data.train[:5]
    assert (again.dev, again.test) == (data.dev[:3], data.test[:2])
    other = GSM8K(gsm8k, train_seed=1)
    assert other.train != data.train
    assert sorted(row.answer for row in other.train) == sorted(row.answer for row in data.train)
    assert other.dev == data.dev
    assert GSM8K(gsm8k, eval_seed=1).dev != data.dev
    assert GSM8K(gsm8k, dev_size=0).dev == []
    with pytest.raises(ConfigError, match=r"GSM8K\(train_size=31\): there are 30 rows of train"):
        _ = GSM8K(gsm8k, train_size=31).train
    with pytest.raises(ConfigError, match="train_size=-1"):
        GSM8K(gsm8k, train_size=-1)


def test_a_file_a_split_and_files_that_are_not_there(gsm8k: Path) -> None:
    data = GSM8K({"test": gsm8k / "test.jsonl"})
    assert len(data.test) == 10
    with pytest.raises(ConfigError, match="no file of the split 'train'"):
        _ = data.train
    with pytest.raises(ConfigError, match="no such folder"):
        _ = GSM8K(gsm8k / "nowhere").test
    with pytest.raises(ConfigError, match="expected one of the endings"):
        _ = GSM8K({"test": gsm8k / "README.md"}).test
    lines(gsm8k / "test.jsonl", [{"question": "x", "answer": "12"}])
    with pytest.raises(ConfigError, match="#### number"):
        _ = GSM8K(gsm8k).test
    lines(gsm8k / "test.jsonl", [{"question": "x"}])
    with pytest.raises(ConfigError, match="and this one question"):
        _ = GSM8K(gsm8k).test


def test_two_forms_of_a_split_are_not_read_as_one(gsm8k: Path, hotpot: Path) -> None:
    rows = len(GSM8K(gsm8k).test)
    lines(gsm8k / "test_socratic.jsonl", [math(n) for n in range(10)])
    assert len(GSM8K(gsm8k).test) == rows
    (hotpot / "hotpot_dev_distractor_v1.json").write_bytes((hotpot / "hotpot_dev_fullwiki_v1.json").read_bytes())
    with pytest.raises(ConfigError, match=r"hotpot_dev_distractor_v1.json, hotpot_dev_fullwiki_v1.json. Give path="):
        _ = HotPotQA(hotpot).test


def test_files_in_several_pieces_and_in_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    for piece in range(2):
        rows = [math(n) for n in range(4 * piece, 4 * piece + 4)]
        write_table(pyarrow.Table.from_pylist(rows), tmp_path / f"train-0000{piece}-of-00002.parquet")
    data = GSM8K(tmp_path)
    assert sorted(row.answer for row in [*data.train, *data.dev]) == [str(n) for n in range(1, 9)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("18", 18),
        ("$1,234.56", 1234),
        ("3 + 4 = 7 dollars.", 7),
        ("The answer is -5", -5),
        ("12\n13", 12),
        ("\n\n 4 \n", 4),
        ("none", 0),
        ("", 0),
        (42, 42),
        (None, 0),
    ],
)
def test_the_last_number_is_the_answer(text: Any, number: int) -> None:
    assert parse_integer_answer(text) == number


def test_the_metric_compares_whole_numbers() -> None:
    gold = Example(answer="1,200")
    assert gsm8k_metric(gold, Prediction(answer="It comes to $1200.00."))
    assert not gsm8k_metric(gold, Prediction(answer="1201"), None)
    assert parse_integer_answer("1\n2", only_first_line=False) == 2


# HotPotQA


def published(n: int, level: str = "hard") -> dict[str, Any]:
    return {
        "_id": str(n),
        "question": f"Question {n}?",
        "answer": f"answer {n}",
        "type": "bridge",
        "level": level,
        "supporting_facts": [["One", 0], ["Two", 3], ["One", 2]],
        "context": [["One", ["A sentence."]], ["Two", ["Another."]]],
    }


@pytest.fixture
def hotpot(tmp_path: Path) -> Path:
    train = [published(n, "hard" if n % 2 else "easy") for n in range(80)]
    (tmp_path / "hotpot_train_v1.1.json").write_text(json.dumps(train))
    (tmp_path / "hotpot_dev_fullwiki_v1.json").write_text(json.dumps([published(n) for n in range(1000, 1006)]))
    return tmp_path


def test_hotpotqa_has_dspys_shape(hotpot: Path) -> None:
    data = HotPotQA(hotpot, train_seed=1, train_size=20, eval_seed=2023, dev_size=5, test_size=3)
    assert (len(data.train), len(data.dev), len(data.test)) == (20, 5, 3)
    assert set(data.train[0].keys()) == {"question", "answer"}
    assert data.dev[0].gold_titles == ["One", "Two"]
    assert set(data.test[0].keys()) == {"question", "answer", "gold_titles"}
    assert all(int(row.answer.split()[1]) % 2 for row in [*data.train, *data.dev])
    assert data.train[0].with_inputs("question").inputs().keys() == ["question"]


def test_levels_details_and_the_official_dev(hotpot: Path) -> None:
    everything = HotPotQA(hotpot, only_hard_examples=False, keep_details="all")
    assert (len(everything.train), len(everything.dev)) == (60, 20)
    assert set(everything.train[0].keys()) == {"question", "answer", "type", "level", "gold_titles", "context"}
    assert set(HotPotQA(hotpot, keep_details=False).dev[0].keys()) == {"question", "answer"}
    official = HotPotQA(hotpot, unofficial_dev=False)
    assert (len(official.train), len(official.dev), len(official.test)) == (40, 6, 0)
    with pytest.raises(ConfigError, match="keep_details='titles'"):
        HotPotQA(hotpot, keep_details="titles")


def test_hotpotqa_in_columns_as_on_the_hub(tmp_path: Path) -> None:
    row = {**published(1), "supporting_facts": {"title": ["One", "Two"], "sent_id": [0, 3]}}
    lines(tmp_path / "validation.jsonl", [row])
    assert HotPotQA(tmp_path).test[0].gold_titles == ["One", "Two"]
    lines(tmp_path / "validation.jsonl", [{"question": "x", "answer": "y"}])
    with pytest.raises(ConfigError, match="no row of HotPotQA as it is published"):
        _ = HotPotQA(tmp_path).test


# Colors


def test_colours_of_one_suffix_stay_in_one_part() -> None:
    data = Colors()
    parts = [{row.color for row in part} for part in (data.train, data.dev, data.test)]
    assert [len(part) for part in parts] == [85, 28, 28]
    assert len(set.union(*parts)) == 141
    suffixes = [{color.split()[-1] for color in part} for part in parts]
    assert not suffixes[0] & suffixes[1]
    assert not suffixes[0] & suffixes[2]
    assert not suffixes[1] & suffixes[2]
    mixed = Colors(sort_by_suffix=False)
    assert {row.color.split()[-1] for row in mixed.train} & {row.color.split()[-1] for row in mixed.dev}
    assert data.train[0].input_keys == {"color"}


def test_they_are_registered_like_a_plugins_data(gsm8k: Path) -> None:
    assert set(lookup("datasets", "colors")(dev_size=3)) == {"train", "dev", "test"}
    assert len(lookup("datasets", "gsm8k")(path=gsm8k)["dev"]) == 10
    assert callable(lookup("datasets", "hotpotqa"))
