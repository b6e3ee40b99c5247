"""JSON lines: whatever stands in a line comes out as it is, and a bad line is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish import Example
from burnish.datasets.jsonl import read_jsonl
from burnish.errors import ConfigError


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_one_example_a_line_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": 1}\n\n  \r\n{"a": [true, null]}\r\n')
    assert read_jsonl(path) == [Example(a=1), Example(a=[True, None])]


def test_inputs_are_marked_where_named(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": 1, "b": 2}\n{"a": 3}')
    assert [row.input_keys for row in read_jsonl(path, inputs=["a"])] == [{"a"}, {"a"}]
    assert read_jsonl(str(path))[0].input_keys is None


def test_every_character_that_json_allows_in_a_text(tmp_path: Path) -> None:
    rows = [{"text": "next\u0085line \u2028 and \u2029 and \x0b\x0c\x1c"}, {"text": "é 東京 😀"}]
    path = written(tmp_path, "\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    assert [row.toDict() for row in read_jsonl(path)] == rows


def test_every_name_of_a_field(tmp_path: Path) -> None:
    row = {"base": "1", "self": "2", "items": "3", "": "4"}
    assert read_jsonl(written(tmp_path, json.dumps(row)))[0].toDict() == row


def test_a_byte_order_mark_is_no_part_of_the_data(tmp_path: Path) -> None:
    assert read_jsonl(written(tmp_path, b'\xef\xbb\xbf{"a": 1}')) == [Example(a=1)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1}\n{"a": ', "line 2 is not JSON"),
        ('{"a": ' + "[" * 100_000, "line 1 is not JSON"),
        ('{"a": 1}\n\n[1, 2]', r"line 3 is no JSON object: \[1, 2\]"),
        ("", "holds no examples"),
        (b"\xff\xfe", "Cannot read"),
    ],
)
def test_what_cannot_be_read_is_named(content: str | bytes, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ConfigError, match=said) as caught:
        read_jsonl(path)
    assert "rows.jsonl" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        read_jsonl(tmp_path / "nowhere.jsonl")
