"""CSV, JSON and Parquet: values as they stand there, and a fault named by file and line."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from burnish import Example
from burnish.datasets import DataLoader, read_csv, read_json, read_parquet
from burnish.datasets.rows import needed
from burnish.errors import ConfigError


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# CSV


def test_a_row_is_an_example_and_every_value_a_text(tmp_path: Path) -> None:
    path = written(tmp_path, "r.csv", 'question,n,note\n"Where, ""there""?",007,\n"two\nlines",NaN, x \n\n')
    rows = read_csv(path, inputs=["question"])
    assert [row.toDict() for row in rows] == [
        {"question": 'Where, "there"?', "n": "007", "note": ""},
        {"question": "two\nlines", "n": "NaN", "note": " x "},
    ]
    assert all(row.input_keys == {"question"} for row in rows)
    assert read_csv(path, fields=["n"]) == [Example(n="007"), Example(n="NaN")]


def test_types_are_made_where_they_are_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "r.csv", "a,b,when\n1,x,2026-01-02\n2,y,2026-03-04\n")
    rows = read_csv(path, types={"a": int, "when": datetime.date.fromisoformat})
    assert rows[1].toDict() == {"a": 2, "b": "y", "when": datetime.date(2026, 3, 4)}
    with pytest.raises(ConfigError, match=r"line 3: the field 'b' is 'y', which int refuses"):
        read_csv(written(tmp_path, "s.csv", "a,b\n1,2\n1,y\n"), types={"b": int})
    with pytest.raises(ConfigError, match="no field 'wen'.*Did you mean 'when'"):
        read_csv(path, types={"wen": str})


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_marks_and_line_ends_of_other_systems(start: bytes, ending: str, tmp_path: Path) -> None:
    text = ending.join(["question,answer", "é \u2028 東京,1", "x,2", ""])
    path = written(tmp_path, "r.csv", start + text.encode())
    assert read_csv(path) == [Example(question="é \u2028 東京", answer="1"), Example(question="x", answer="2")]


def test_line_breaks_inside_quotation_marks_stay_what_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, "r.csv", 'a,b\r\n"x\r\ny\rz\n",1\r\n')
    assert read_csv(path) == [Example(a="x\r\ny\rz\n", b="1")]


def test_a_value_may_be_as_long_as_a_document(tmp_path: Path) -> None:
    text = "word " * 50_000
    assert read_csv(written(tmp_path, "r.csv", f"a,b\n{text},1\n")) == [Example(a=text, b="1")]


def test_another_delimiter(tmp_path: Path) -> None:
    assert read_csv(written(tmp_path, "r.tsv", "a\tb\n1,5\t2\n"), delimiter="\t") == [Example(a="1,5", b="2")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("a,b\n", "holds no examples"),
        ('a,b\n"x\ny",2\n1\n', "line 4 has 1 values for 2 fields: '1'"),
        ("a,b\n1,2,3\n", "line 2 has 3 values for 2 fields"),
        ("a,a\n1,2\n", "should name each field once"),
        ("a,\n1,2\n", "should name each field once"),
        ('a,b\n1,"x" y\n', "line 2 is not CSV"),
        ('a,b\n1,"x\n', "is not CSV"),
        (b"a,b\n\xff,1\n", "Cannot read"),
    ],
)
def test_a_bad_csv_is_named_by_its_line(content: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read_csv(written(tmp_path, "bad.csv", content))
    assert "bad.csv" in str(caught.value)


# JSON


def test_json_lines_and_an_array_are_the_same(tmp_path: Path) -> None:
    rows = [{"a": 1, "b": [None, 2.5]}, {"a": "ü", "c": {"d": True}}]
    lines = written(tmp_path, "r.jsonl", "\n".join(map(json.dumps, rows)))
    array = written(tmp_path, "r.json", b"\xef\xbb\xbf" + json.dumps(rows, indent=2).encode())
    assert read_json(lines, inputs=["a"]) == read_json(array, inputs=["a"]) == [Example(row) for row in rows]
    assert [row.toDict() for row in read_json(array, fields=["c", "a"])] == [{"a": 1}, {"c": {"d": True}, "a": "ü"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[{}, 3]", "place 1 is no JSON object: 3"),
        ("[{", "is not JSON"),
        ("[]", "holds no examples"),
        ("", "holds no examples"),
        ('{"a": 1}\nx', "line 2 is not JSON"),
        ("3", "line 1 is no JSON object"),
    ],
)
def test_a_bad_json_is_named(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        read_json(written(tmp_path, "bad.json", content))


# Parquet


def parquet(tmp_path: Path, columns: dict[str, list[Any]]) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    # A part of a path that pyarrow would read as a partition.
    folder = tmp_path / "a=b"
    folder.mkdir(exist_ok=True)
    write_table(pyarrow.table(columns), folder / "r.parquet")
    return folder / "r.parquet"


def test_parquet_keeps_types(tmp_path: Path) -> None:
    columns = {
        "text": ["é", None],
        "n": [1, 2**40],
        "x": [0.5, None],
        "when": [datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), None],
        "money": [Decimal("1.50"), None],
        "context": [{"title": ["A", "B"]}, {"title": []}],
        "flag": [True, False],
    }
    rows = read_parquet(parquet(tmp_path, columns), inputs=["text", "n"])
    assert [row.toDict() for row in rows] == [{name: column[n] for name, column in columns.items()} for n in (0, 1)]
    assert list(read_parquet(parquet(tmp_path, columns), fields=["n", "text"])[0].keys()) == ["n", "text"]


def test_what_is_no_parquet_or_has_no_rows(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(ConfigError, match="as Parquet"):
        read_parquet(written(tmp_path, "r.parquet", "text"))
    with pytest.raises(ConfigError, match="as Parquet"):
        read_parquet(tmp_path / "nowhere.parquet")
    with pytest.raises(ConfigError, match="holds no examples"):
        read_parquet(parquet(tmp_path, {"a": []}))


# All of them


@pytest.mark.parametrize("read", [read_csv, read_json])
def test_a_field_that_is_not_there_and_a_file_that_is_not_there(read: Any, tmp_path: Path) -> None:
    path = written(tmp_path, "r", "question,answer\n1,2\n" if read is read_csv else '{"question": 1, "answer": 2}')
    with pytest.raises(ConfigError, match=r"no field 'qestion' \(inputs=...\). Did you mean 'question'\?"):
        read(path, inputs=["qestion"])
    with pytest.raises(ConfigError, match=r"no field 'xyz' \(fields=...\). Its fields: question, answer"):
        read(path, fields=["xyz"])
    with pytest.raises(ConfigError, match="no field 'question'.*Its fields: answer"):
        read(path, fields=["answer"], inputs=["question"])
    with pytest.raises(ConfigError, match=r"inputs=\['question'\]"):
        read(path, inputs="question")
    with pytest.raises(ConfigError, match="nowhere"):
        read(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="Cannot read"):
        read(tmp_path)


def test_rows_may_differ_but_each_has_an_input(tmp_path: Path) -> None:
    path = written(tmp_path, "r.json", '[{"q": 1}, {"a": 2}]')
    with pytest.raises(ConfigError, match="row 1 has none of the inputs q"):
        read_json(path, inputs=["q"])


def test_a_package_that_is_missing_is_told_with_its_extra() -> None:
    with pytest.raises(
        ConfigError, match=r"To read what nobody wrote, install no_such_package: pip install 'burnish\[x\]'"
    ):
        needed("no_such_package", extra="x", to="read what nobody wrote")


def test_the_data_loader_has_dspys_names(tmp_path: Path) -> None:
    loader = DataLoader()
    path = written(tmp_path, "r.csv", "q,a,x\n1,2,3\n4,5,6\n")
    (first, _) = loader.from_csv(str(path), fields=["q", "a"], input_keys=("q",))
    assert (first.toDict(), first.input_keys) == ({"q": "1", "a": "2"}, {"q"})
    assert loader.from_csv(path)[0].input_keys is None
    lines = written(tmp_path, "r.json", '{"q": 1}\n{"q": 2}')
    assert loader.from_json(lines, None, ("q",)) == [Example(q=1), Example(q=2)]
    assert loader.from_parquet(parquet(tmp_path, {"q": [1]}), input_keys=("q",)) == [Example(q=1)]


def test_samples_and_halves_are_the_same_each_time() -> None:
    loader, rows = DataLoader(), [Example(n=n) for n in range(20)]
    sample = loader.sample(rows, 5)
    assert sample == loader.sample(rows, 5) != loader.sample(rows, 5, seed=1)
    assert len({row.n for row in sample}) == 5
    parts = loader.train_test_split(rows)
    assert (len(parts["train"]), len(parts["test"])) == (15, 5)
    assert parts == loader.train_test_split(rows, 15, random_state=0)
    assert sorted(row.n for part in parts.values() for row in part) == list(range(20))
    small = loader.train_test_split(rows, train_size=3, test_size=0.5, random_state=7)
    assert (len(small["train"]), len(small["test"])) == (3, 10)
    for refused in ({"train_size": 21}, {"train_size": 1.5}, {"train_size": 15, "test_size": 6}, {"train_size": True}):
        with pytest.raises(ConfigError):
            loader.train_test_split(rows, **refused)
    for n in (21, -1, 0.5):
        with pytest.raises(ConfigError):
            loader.sample(rows, n)  # type: ignore[arg-type]
