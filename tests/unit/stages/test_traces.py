"""The trace table: what it makes of the lines of logs, of each kind, whole and broken, and what it picks."""

from __future__ import annotations

import json
import math
import random
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from burnish import TraceTable
from burnish.errors import ConfigError, StateError
from burnish.stages.traces import Traced
from burnish.testing import toy

Log = Callable[..., Path]

ASKED = (
    '[[ ## question ## ]]\nWhere is the "card"?\n\n[[ ## context ## ]]\n["a", "b"]\n\n'
    "Respond with the corresponding output fields, starting with the field `[[ ## answer ## ]]`, and then ending with the "
    "marker for `[[ ## completed ## ]]`."
)
REPLIED = "[[ ## answer ## ]]\nIn the é post.\n\n[[ ## completed ## ]]"
INPUTS = {"question": 'Where is the "card"?', "context": '["a", "b"]'}
OUTPUTS = {"answer": "In the é post."}
MESSAGES = [
    {"role": "system", "content": "Your fields are [[ ## question ## ]]."},
    {"role": "user", "content": "[[ ## question ## ]]\nA demo?"},
    {"role": "assistant", "content": "[[ ## answer ## ]]\nNot this one."},
    {"role": "user", "content": ASKED},
]
RESPONSE = {
    "id": "x",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": REPLIED}}],
}
PARTS_IN = [
    {"role": "user", "parts": [{"type": "text", "content": ASKED}]},
]
PARTS_OUT = [
    {
        "role": "assistant",
        "parts": [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": REPLIED}],
        "finish_reason": "stop",
    },
]


def otlp(value: Any) -> dict[str, Any]:
    """A value as OTLP writes it."""
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [otlp(one) for one in value]}}
    return {"kvlistValue": {"values": [{"key": key, "value": otlp(one)} for key, one in value.items()]}}


def span(attributes: dict[str, Any], **rest: Any) -> dict[str, Any]:
    told = [{"key": key, "value": otlp(value)} for key, value in attributes.items()]
    return {"traceId": "5b8e", "spanId": "1", "name": "chat m", "attributes": told, **rest}


def exported(*spans: Any) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "x"}, "spans": list(spans)}]}
        ]
    }


STRUCTURED = {"gen_ai.input.messages": PARTS_IN, "gen_ai.output.messages": PARTS_OUT}
AS_TEXT = {key: json.dumps(value) for key, value in STRUCTURED.items()}
JUDGED = {
    "name": "gen_ai.evaluation.result",
    "attributes": [{"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 0.5}}],
}

# What one call looks like in each kind of log.
KINDS: dict[str, Any] = {
    "request and response": {"request": {"model": "m", "messages": MESSAGES}, "response": RESPONSE, "score": 0.5},
    "bodies, as of a batch": {
        "request": {"method": "POST", "body": {"messages": MESSAGES}},
        "response": {"status_code": 200, "body": RESPONSE},
        "score": 0.5,
    },
    "messages with the reply": {"messages": [*MESSAGES, {"role": "assistant", "content": REPLIED}], "score": 0.5},
    "a request that became one": {"messages": MESSAGES, **RESPONSE, "score": 0.5},
    "parts": {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": ASKED}, {"type": "image_url", "image_url": {"url": "x"}}],
            }
        ],
        **RESPONSE,
        "score": 0.5,
    },
    "responses": {
        "request": {"input": [{"role": "user", "content": [{"type": "input_text", "text": ASKED}]}]},
        "response": {
            "status": "completed",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": REPLIED}]},
            ],
        },
        "score": 0.5,
    },
    "otlp, structured": exported(span(STRUCTURED, events=[JUDGED])),
    "otlp, as text": exported(span({**AS_TEXT, "gen_ai.evaluation.score.value": 0.5})),
    "a span a line": {
        "name": "chat m",
        "trace_id": "7",
        "attributes": {**AS_TEXT, "gen_ai.evaluation.score.value": 0.5},
    },
    "a span a line, structured": {"attributes": {**STRUCTURED, "gen_ai.evaluation.score.value": 0.5}},
    "events of a span": exported(
        span(
            {},
            events=[
                {"name": "gen_ai.client.inference.operation.details", "attributes": span(STRUCTURED)["attributes"]},
                JUDGED,
            ],
        )
    ),
}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    def write(*lines: Any, name: str = "log.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(
            b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        )
        return path

    return write


def only(table: TraceTable) -> Traced:
    (call,) = table.pick()
    return call


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_log_tells_the_same_call(log: Log, kind: str) -> None:
    path = log(KINDS[kind])
    call = only(TraceTable.scan(path))
    assert (call.inputs, call.outputs, call.score) == (INPUTS, OUTPUTS, 0.5)
    assert (call.predictor, call.source) == ("question, context -> answer", f"{path}:1")
    assert len(TraceTable.scan(path, min_score=0.5)) == 1
    below = TraceTable.scan(path, min_score=0.51)
    assert (len(below), below.scanned[0].below) == (0, 1)


def test_escapes_and_bytes_tell_the_same_call(log: Log) -> None:
    line = KINDS["request and response"]
    plain = json.dumps(line, ensure_ascii=False).encode()
    assert b"\\u00e9" in json.dumps(line).encode()
    assert "é".encode() in plain
    table = TraceTable.scan(log(line, plain))
    assert len(table) == 2
    assert len(table.pick(near=False)) == 1


def test_steps_of_one_rollout_count_once_for_each_predictor(log: Log) -> None:
    def step(name: str, number: int) -> dict[str, Any]:
        return {"predictor": name, "inputs": {"x": number, "y": [1]}, "outputs": {"z": {"deep": number}}}

    run = {"kind": "rollout_done", "status": "scored", "score": 1, "trace": [step("a", 1), step("b", 2), step("a", 3)]}
    table = TraceTable.scan(
        log(run, {**run, "status": "failed"}, {**run, "status": "not_measured"}, {"kind": "lm_called"})
    )
    assert table.predictors == ["a", "b"]
    assert len(table) == 3
    picked = {call.predictor: call for call in table.pick()}
    assert picked["b"].inputs == {"x": 2, "y": [1]}
    assert picked["b"].outputs == {"z": {"deep": 2}}
    assert picked["a"].inputs["x"] in (1, 3)
    scanned = table.scanned[0]
    assert (scanned.failed, scanned.without_call, scanned.malformed) == (6, 1, 0)


def test_spans_of_one_trace_are_one_rollout_and_errors_are_left_out(log: Log) -> None:
    named = {**AS_TEXT, "gen_ai.agent.name": "answer"}
    cut = {**AS_TEXT, "gen_ai.output.messages": json.dumps([{**PARTS_OUT[0], "finish_reason": "length"}])}
    table = TraceTable.scan(
        log(
            exported(span(named), span(named), span(named, status={"code": 2})),
            span(named, status={"code": "STATUS_CODE_ERROR"}),
            span(cut),
        )
    )
    assert (table.predictors, len(table), table.scanned[0].failed) == (["answer"], 2, 3)
    assert len(table.pick(near=False)) == 1


def test_without_sections_the_turns_themselves_are_the_fields(log: Log) -> None:
    call = only(
        TraceTable.scan(
            log({"messages": [{"role": "user", "content": " Hello? "}], "choices": [{"message": {"content": "Hi.\n"}}]})
        )
    )
    assert (call.predictor, call.inputs, call.outputs) == (
        "user -> assistant",
        {"user": "Hello?"},
        {"assistant": "Hi."},
    )
    assert math.isnan(call.score)


def test_replies_that_are_cut_off_or_empty_or_refused_are_no_demos(log: Log) -> None:
    def replied(**changes: Any) -> dict[str, Any]:
        return {
            "messages": MESSAGES,
            "choices": [{"message": {"content": REPLIED}, "finish_reason": "stop", **changes}],
        }

    table = TraceTable.scan(
        log(
            replied(finish_reason="length"),
            replied(message={"content": None}),
            replied(message={"content": "  "}),
            {"request": {"messages": MESSAGES}, "response": {"status_code": 500, "body": {"error": "x"}}},
            {"messages": MESSAGES, "choices": []},
            {"messages": [], "choices": [{"message": {"content": "x"}}]},
        )
    )
    assert len(table) == 0
    scanned = table.scanned[0]
    assert scanned.failed + scanned.without_call == scanned.lines == 6


# Lines that are none


def test_malformed_lines_are_named_and_end_nothing(log: Log) -> None:
    good = KINDS["request and response"]
    whole = json.dumps(good).encode()
    path = log(
        good,
        whole[:100],
        b"",
        b"not json",
        b"[1, 2]",
        b'{"a": }',
        b'{"a" 1}',
        whole + b"x",
        b'{"a": [1}',
        b"[" * 500,
        good,
    )
    with pytest.warns(UserWarning, match="line 2: "):
        table = TraceTable.scan(path)
    scanned = table.scanned[0]
    assert list(scanned.faults) == [2, 4, 5, 6, 7, 8, 9, 10]
    assert (scanned.lines, scanned.malformed, len(table)) == (10, 8, 2)
    assert "8 malformed (line 2: " in str(scanned)
    assert [call.source for call in table.pick(near=False)] == [f"{path}:1"]


def test_bytes_that_are_no_utf8_are_a_fault_where_text_is_wanted(log: Log) -> None:
    step = b'{"predictor": "p", "inputs": {"x": "\xff"}, "outputs": {"y": "z"}}'
    elsewhere = b'{"predictor": "p", "inputs": {"x": "w"}, "outputs": {"y": "z"}, "other": "\xff"}'
    with pytest.warns(UserWarning, match="UTF-8"):
        table = TraceTable.scan(log(step, elsewhere))
    assert (len(table), list(table.scanned[0].faults)) == (1, [1])
    assert only(table).inputs == {"x": "w"}


def test_line_ends_marks_and_a_missing_last_newline_make_no_difference(tmp_path: Path) -> None:
    line = json.dumps({"predictor": "p", "inputs": {"x": "w"}, "outputs": {"y": "z"}}).encode()
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n  \r\n" + line)
    table = TraceTable.scan(path)
    assert (len(table), table.scanned[0].lines) == (2, 2)
    assert only(table).source.endswith(":1")


def test_a_line_longer_than_any_block_is_read_whole(log: Log) -> None:
    long = {"predictor": "p", "inputs": {"x": "word " * 500_000}, "outputs": {"y": "z"}}
    short = {"predictor": "q", "inputs": {"x": "w"}, "outputs": {"y": "z"}}
    table = TraceTable.scan(log(short, long, short), threads=2)
    assert [call.predictor for call in table.pick()] == ["q", "p"]
    assert table.pick()[1].inputs == long["inputs"]


def test_threads_make_no_difference(log: Log) -> None:
    lines = [
        {
            "predictor": f"p{number % 3}",
            "inputs": {"x": f"text {number} " * 40},
            "outputs": {"y": str(number)},
            "score": number % 5,
        }
        for number in range(6000)
    ]
    path = log(*lines, b"broken", *lines[:10])
    with pytest.warns(UserWarning, match="line 6001"):
        tables = [TraceTable.scan(path, threads=threads, min_score=2) for threads in (1, 2, 5)]
    first = tables[0]
    assert list(first.scanned[0].faults) == [6001]
    for table in tables[1:]:
        assert table.scanned == first.scanned
        assert table.pick(per_predictor=5) == first.pick(per_predictor=5)


def test_a_value_that_nobody_can_read_is_a_fault_of_its_line(log: Log) -> None:
    lines = [
        b'{"predictor": "p", "inputs": {"x": ' + value + b'}, "outputs": {"y": "z"}}'
        for value in (b"[1 2]", b"nul", b'["a\tb"]', b'["\\x"]', b"9" * 5000, b"[1, {}]", b"-1.5e3")
    ]
    with pytest.warns(UserWarning, match="line 1: a field that is no JSON"):
        table = TraceTable.scan(log(*lines))
    assert list(table.scanned[0].faults) == [1, 2, 3, 4, 5]
    assert sorted(str(call.inputs["x"]) for call in table.pick()) == ["-1500.0", "[1, {}]"]


def test_whatever_happens_to_a_log_it_is_scanned_and_picked_without_an_error(log: Log) -> None:
    draw = random.Random(0)
    whole = [json.dumps(kind).encode() for kind in KINDS.values()]
    whole.append(
        b'{"status": "scored", "trace": [{"predictor": "p", "inputs": {"x": [1, {"a": null}]}, "outputs": {"y": 2.5}}]}'
    )
    for _ in range(40):
        lines = []
        for _ in range(50):
            line = bytearray(draw.choice(whole))
            for _ in range(draw.randint(0, 3)):
                line[draw.randrange(len(line))] = draw.choice(b'{}[],:"\\0123456789eE+-.ntf \x00\xff')
            lines.append(bytes(line))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            table = TraceTable.scan(log(*lines))
        assert len(table.pick(near=False, per_predictor=100)) <= len(table)


def test_names_and_numbers_of_calls_have_limits_that_are_told(log: Log) -> None:
    step = {"predictor": "p", "inputs": {"x": 1}, "outputs": {"y": 2}}
    lines = [
        {**step, "predictor": "p" * 513},
        {**step, "predictor": "p" * 512},
        {"trace": [step] * 65_537},
        {"trace": [step] * 65_536},
    ]
    with pytest.warns(UserWarning, match="a predictor's name of more than 512 bytes"):
        table = TraceTable.scan(log(*lines))
    assert list(table.scanned[0].faults) == [1, 3]
    assert len(table.pick(near=False)) == 2


def test_a_span_whose_text_was_cut_is_its_own_fault_and_one_without_messages_is_no_call(log: Log) -> None:
    cut = {**AS_TEXT, "gen_ai.output.messages": AS_TEXT["gen_ai.output.messages"][:30]}
    empty = {**AS_TEXT, "gen_ai.input.messages": ""}
    table = TraceTable.scan(
        log(exported(span(AS_TEXT), span(cut), span(empty), span({"http.url": "x"}, status={"code": 2}), span(AS_TEXT)))
    )
    assert (len(table), table.scanned[0].failed, table.scanned[0].malformed) == (2, 2, 0)


def test_thoughts_and_earlier_turns_are_no_replies(log: Log) -> None:
    thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "SECRET"}]}
    message = {"type": "message", "content": [{"type": "output_text", "text": "out"}]}
    asked = {"input": [{"role": "user", "content": "in"}]}
    earlier = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    table = TraceTable.scan(
        log(
            {"request": asked, "response": {"output": [thought, {"type": "reasoning", "content": None}, message]}},
            {"request": asked, "response": {"output": [thought]}},
            {"request": earlier, "response": {"error": "down"}},
        )
    )
    assert [call.outputs for call in table.pick()] == [{"assistant": "out"}]


def test_many_short_texts_and_many_questions_about_one_passage_are_different(log: Log) -> None:
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghij", k=6)) for _ in range(2000)]
    passage = " ".join(draw.choices(words, k=300))

    def calls(*, context: str | None, size: int) -> list[dict[str, Any]]:
        shared = {} if context is None else {"context": context}
        return [
            {
                "predictor": "p",
                "inputs": {**shared, "question": " ".join([words[0], *draw.choices(words, k=size)])},
                "outputs": {"y": "z"},
            }
            for _ in range(300)
        ]

    for context, size in ((None, 1), (None, 3), (passage, 8)):
        table = TraceTable.scan(log(*calls(context=context, size=size)))
        different = len({call.inputs["question"] for call in table.pick(near=False, per_predictor=300)})
        assert len(table.pick(per_predictor=300)) > 0.98 * different
    same = [
        {"predictor": "p", "inputs": {"question": text}, "outputs": {"y": "z"}}
        for text in ("Where is my card?", "where is my card")
    ]
    assert len(TraceTable.scan(log(*same)).pick()) == 1


def test_threads_share_a_table_while_it_grows_and_is_asked(log: Log) -> None:
    lines = [
        {"predictor": "p", "inputs": {"x": f"text {number} " * 20}, "outputs": {"y": str(number)}}
        for number in range(5000)
    ]
    path, table = log(*lines), TraceTable()
    finished = threading.Event()

    def grow() -> None:
        for _ in range(5):
            table.read(path)
            table.pick(near=False)
        finished.set()

    worker = threading.Thread(target=grow, daemon=True)
    worker.start()
    while not finished.wait(0.001):
        assert len(table) % 5000 == 0
        assert len(table.scores()) % 5000 == 0
    assert len(table) == 25_000


# Choosing


def test_the_score_may_stand_anywhere(log: Log) -> None:
    call = {
        "predictor": "p",
        "inputs": {"x": "w"},
        "outputs": {"y": "z"},
        "meta": {"user": {"rating": True}},
        "score": 0.1,
    }
    assert only(TraceTable.scan(log(call), score="meta.user.rating", min_score=1)).score == 1.0
    nowhere = TraceTable.scan(log(call), score="meta.rating", min_score=1)
    assert (len(nowhere), nowhere.scanned[0].without_score) == (0, 1)


def test_near_copies_are_passed_over_and_labels_take_turns(log: Log) -> None:
    text = " ".join(f"word{number}" for number in range(60))
    lines = [
        {"predictor": "p", "inputs": {"x": x}, "outputs": {"kind": kind}}
        for x, kind in (
            (text, "a"),
            (f"{text} more", "a"),
            ("quite another text of the first kind", "a"),
            ("and one of the second kind", "b"),
        )
    ]
    table = TraceTable.scan(log(*lines), label="kind")
    assert {call.inputs["x"] for call in table.pick(variety=False)} == {
        text,
        lines[2]["inputs"]["x"],
        lines[3]["inputs"]["x"],
    }
    assert len(table.pick(near=False)) == 4
    assert [call.outputs["kind"] for call in table.pick(per_predictor=2, stratify=True, variety=False)] == ["a", "b"]
    assert [call.outputs["kind"] for call in table.pick(per_predictor=2, variety=False)] == ["a", "a"]


def test_a_log_that_changed_is_not_misread(log: Log) -> None:
    call = {"predictor": "p", "inputs": {"x": "w"}, "outputs": {"y": "z"}}
    path = log(call)
    table = TraceTable.scan(path)
    log({**call, "inputs": {"x": "v"}})
    with pytest.raises(StateError, match="another text stands there"):
        table.pick()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"log\.jsonl"):
        table.pick()


def test_what_cannot_be_scanned_is_refused(tmp_path: Path, log: Log) -> None:
    with pytest.raises(ConfigError, match="Name the logs"):
        TraceTable.scan()
    with pytest.raises(FileNotFoundError, match=r"none\.jsonl"):
        TraceTable.scan(tmp_path / "none.jsonl")
    with pytest.raises(OSError, match="is a directory"):
        TraceTable.scan(tmp_path)
    with pytest.raises(ConfigError, match="finite"):
        TraceTable.scan(log(b""), min_score=math.nan)
    with pytest.raises(ConfigError, match="per_predictor is -1"):
        TraceTable().pick(per_predictor=-1)
    with pytest.raises(ConfigError, match="needs the field whose values take turns"):
        TraceTable().pick(stratify=True)


def test_logs_and_rollouts_share_a_table(log: Log) -> None:
    rollouts = toy.rollouts()
    table = TraceTable.scan(
        log({"predictor": "classify", "inputs": {"text": "w"}, "outputs": {"kind": "z"}, "score": 1})
    )
    table.add(rollouts, lambda _: "classify")
    table.add(rollouts, lambda _: None)
    assert len(table) == 5
    picked = table.pick(min_score=1.0)
    assert sorted(call.example for call in picked) == [-1, 0, 3]
    by_place = {call.example: call for call in picked}
    assert by_place[0].inputs == {"text": rollouts[0].cell.example.text}
    assert by_place[-1].inputs == {"text": "w"}
