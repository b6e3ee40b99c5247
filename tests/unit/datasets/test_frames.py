"""pandas and Hugging Face: cells become Python's own values, and splits lists."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from burnish import Example
from burnish.datasets import DataLoader, from_frame, from_huggingface
from burnish.errors import ConfigError


def test_cells_become_pythons_own_values() -> None:
    pandas = pytest.importorskip("pandas")
    import numpy as np

    frame = pandas.DataFrame(
        {
            "text": ["é", None],
            "n": np.array([1, 2], np.int64),
            "x": [0.5, float("nan")],
            "when": [pandas.Timestamp("2026-01-02"), pandas.NaT],
            "whole": pandas.array([3, None], dtype="Int64"),
            "rows": [np.array([1, 2]), [3]],
            "flag": [True, False],
        },
        index=[7, 7],
    )
    rows = from_frame(frame, inputs=["text"])
    assert [row.toDict() for row in rows] == [
        {
            "text": "é",
            "n": 1,
            "x": 0.5,
            "when": datetime.datetime(2026, 1, 2),  # noqa: DTZ001  the column has no zone
            "whole": 3,
            "rows": [1, 2],
            "flag": True,
        },
        {"text": None, "n": 2, "x": None, "when": None, "whole": None, "rows": [3], "flag": False},
    ]
    assert [type(value) for value in rows[0].values()] == [str, int, float, datetime.datetime, int, list, bool]
    assert DataLoader().from_pandas(frame, fields=["n"], input_keys=("n",))[1] == Example(n=2)


def test_what_is_no_frame_of_named_columns_is_told() -> None:
    pandas = pytest.importorskip("pandas")
    for frame, said in (
        ([{"a": 1}], "got list"),
        (pandas.DataFrame({"a": []}), "holds no examples"),
        (pandas.DataFrame([[1, 2]]), "should each have a text"),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), "should each have a text"),
    ):
        with pytest.raises(ConfigError, match=said):
            from_frame(frame)
    with pytest.raises(ConfigError, match="Did you mean 'question'"):
        from_frame(pandas.DataFrame({"question": [1]}), inputs=["questions"])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Two local files, and a library that asks nobody for them."""
    pytest.importorskip("datasets", reason="the extra huggingface is not installed")
    monkeypatch.setattr("datasets.config.HF_DATASETS_OFFLINE", True)
    found = {}
    for split, answers in (("train", ["a", "b"]), ("test", ["c"])):
        path = tmp_path / f"{split}.jsonl"
        path.write_text("\n".join(json.dumps({"q": answer, "n": 1}) for answer in answers))
        found[split] = str(path)
    return {**found, "cache": str(tmp_path / "cache")}


def test_hugging_face_splits_are_lists(files: dict[str, str]) -> None:
    options: dict[str, Any] = {
        "data_files": {"train": files["train"], "test": files["test"]},
        "cache_dir": files["cache"],
    }
    loader = DataLoader()
    both = loader.from_huggingface("json", input_keys=("q",), **options)
    assert both == {"train": [Example(q="a", n=1), Example(q="b", n=1)], "test": [Example(q="c", n=1)]}
    one = loader.from_huggingface("json", fields=("q",), split="train", **options)
    assert one == [Example(q="a"), Example(q="b")]
    several = from_huggingface("json", inputs=["q"], split=["test", "train[:1]"], **options)
    assert several == {"test": [Example(q="c", n=1)], "train[:1]": [Example(q="a", n=1)]}
    with pytest.raises(ConfigError, match=r"json \(train\) has no field 'qq'.*Did you mean 'q'"):
        from_huggingface("json", inputs=["qq"], **options)


def test_what_cannot_be_loaded_is_told_with_its_cause(files: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="Cannot load 'json' from Hugging Face: FileNotFoundError"):
        from_huggingface("json", data_files=files["train"] + "x", cache_dir=files["cache"])
