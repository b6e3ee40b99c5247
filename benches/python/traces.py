"""Demos from a log of JSON lines: the trace table beside plain Python, orjson, polars and duckdb, on one file and one question.

    .venv/bin/python benches/python/traces.py [--gigabytes 1] [--rounds 5] [--record]

The log holds requests and responses of an OpenAI endpoint as a program with four predictors would leave them, some 1,600 bytes a line; a tenth of
the calls are copies. **The question**: the calls that scored at least 0.5, without exact copies, the first 16 of each predictor, with
their texts. Everybody answers in a process of its own, in turn, from a file that is in the page cache; all answers must be equal. Time is the
wall's from the open file to the answer, imports left out; memory is the process's peak, imports included.

**The whole question** also passes over near copies and prefers the most different calls, which is what `burnish traces` does by default. Its plain twin is
too slow for the whole log and is asked about a part.

What the numbers do not say: a log that is not in the page cache is read at the disk's speed, which is then everybody's. The rows here are
alike in shape; polars and duckdb are told their schema, since to find it out costs them a pass more.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

RECORD = Path(__file__).parents[1] / "records" / "traces.md"
SYSTEM = (
    "Your input fields are:\n1. `question` (str)\n2. `context` (str)\nYour output fields are:\n1. `reasoning` (str)\n2. `answer` (str)\n\n"
    "All interactions will be structured in the following way.\n\n[[ ## question ## ]]\n{question}\n\n[[ ## answer ## ]]\n{answer}"
)
CLOSING = "Reply with the sections `reasoning`, `answer`, then `completed`."
MIN_SCORE, PER_PREDICTOR = 0.5, 16
TEMPLATES = 20_000
WHOLE_MEGABYTES = 20
BLOCK = 1 << 20


def write_log(path: Path, size: float) -> None:
    """A log of about so many bytes; the same on every machine."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(5000)]

    def text(number: int) -> str:
        return " ".join(draw.choices(words, k=number))

    templates = []
    for number in range(TEMPLATES):
        passages = "\n".join(text(12) for _ in range(draw.randint(3, 6)))
        asked = f"[[ ## question ## ]]\n@ {text(draw.randint(8, 25))}\n\n[[ ## context ## ]]\n{passages}\n\n{CLOSING}"
        replied = f"[[ ## reasoning ## ]]\n{text(30)}\n\n[[ ## answer ## ]]\n{text(3)}\n\n[[ ## completed ## ]]"
        call = {
            "id": f"chatcmpl-{number}",
            "predictor": f"step {number % 4}",
            "request": {
                "model": "m",
                "temperature": 0.0,
                "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": asked}],
            },
            "response": {
                "object": "chat.completion",
                "choices": [
                    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": replied}}
                ],
                "usage": {"prompt_tokens": 200, "completion_tokens": 60, "total_tokens": 260},
            },
            "score": round(draw.random(), 2),
        }
        templates.append(json.dumps(call))
    written = number = 0
    with path.open("w", encoding="utf-8") as file:
        while written < size:
            # Every tenth line says what the one before it said.
            number += 1
            line = templates[(number - (number % 10 == 0)) % TEMPLATES].replace("@", str(number - (number % 10 == 0)))
            written += file.write(line + "\n")


def turns(call):
    """What was asked and what was replied, as the log has it."""
    return call["request"]["messages"][-1]["content"], call["response"]["choices"][0]["message"]["content"]


def chosen(calls):
    """The question in plain Python: line numbers and turns by predictor."""
    seen, picked = set(), defaultdict(list)
    for line, call in enumerate(calls, start=1):
        if call["score"] < MIN_SCORE:
            continue
        key = (call["predictor"], *turns(call))
        if key not in seen:
            seen.add(key)
            if len(picked[call["predictor"]]) < PER_PREDICTOR:
                picked[call["predictor"]].append((line, *key[1:]))
    return sorted(row for rows in picked.values() for row in rows)


def plain_python(path):
    with path.open(encoding="utf-8") as file:
        return chosen(map(json.loads, file))


def with_orjson(path):
    import orjson

    with path.open("rb") as file:
        return chosen(map(orjson.loads, file))


def with_polars(path):
    import polars as pl

    message = pl.Struct({"role": pl.String, "content": pl.String})
    schema = {
        "predictor": pl.String,
        "request": pl.Struct({"messages": pl.List(message)}),
        "response": pl.Struct({"choices": pl.List(pl.Struct({"message": message}))}),
        "score": pl.Float64,
    }
    rows = (
        pl.scan_ndjson(path, schema=schema)
        .with_row_index("line", offset=1)
        .filter(pl.col("score") >= MIN_SCORE)
        .select(
            "line",
            "predictor",
            pl.col("request").struct.field("messages").list.last().struct.field("content").alias("asked"),
            pl.col("response")
            .struct.field("choices")
            .list.first()
            .struct.field("message")
            .struct.field("content")
            .alias("replied"),
        )
        .unique(subset=["predictor", "asked", "replied"], keep="first", maintain_order=True)
        .group_by("predictor", maintain_order=True)
        .head(PER_PREDICTOR)
        .select("line", "asked", "replied")
        .collect()
    )
    return sorted(rows.rows())


def with_duckdb(path):
    import duckdb

    message = "STRUCT(role VARCHAR, content VARCHAR)"
    query = f"""
        WITH calls AS (
            SELECT row_number() OVER () AS line, predictor, score,
                request.messages[-1].content AS asked, response.choices[1].message.content AS replied
            FROM read_ndjson('{path}', columns = {{predictor: 'VARCHAR', score: 'DOUBLE', request: 'STRUCT(messages {message}[])',
                response: 'STRUCT(choices STRUCT(message {message})[])'}})
        ), different AS (
            SELECT predictor, asked, replied, min(line) AS line FROM calls WHERE score >= {MIN_SCORE} GROUP BY predictor, asked, replied
        ), ranked AS (
            SELECT *, row_number() OVER (PARTITION BY predictor ORDER BY line) AS place FROM different
        )
        SELECT line, asked, replied FROM ranked WHERE place <= {PER_PREDICTOR}"""
    return sorted(duckdb.sql(query).fetchall())


def with_burnish(path, **whole):
    from burnish.stages.traces import TraceTable

    table = TraceTable.scan(path, min_score=MIN_SCORE)
    picked = table.pick(per_predictor=PER_PREDICTOR, **(whole or {"near": False, "variety": False}))

    def turn(fields):
        return "\n\n".join(f"[[ ## {name} ## ]]\n{text}" for name, text in fields.items())

    rows = [(int(c.source.rpartition(":")[2]), c.inputs, c.outputs) for c in picked]
    return sorted((line, f"{turn(i)}\n\n{CLOSING}", f"{turn(o)}\n\n[[ ## completed ## ]]") for line, i, o in rows)


def burnish_whole(path):
    return with_burnish(path, near=True, variety=True)


def plain_whole(path):
    """The whole question in plain Python, sketches included."""
    from tests.property import oracles

    section = re.compile(r"^\[\[ ## (\w+) ## \]\]\n(.*?)\s*(?=^\[\[ ## |\Z)", re.DOTALL | re.MULTILINE)
    rows, sketches, by_predictor = [], [], defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for line, call in enumerate(map(json.loads, file), start=1):
            if call["score"] >= MIN_SCORE:
                asked, replied = turns(call)
                fields = section.findall(asked.removesuffix(CLOSING))
                by_predictor[call["predictor"]].append(len(rows))
                rows.append((call["score"], line, asked, replied))
                sketches.append(oracles.sketch_of_fields(fields))
    picked = []
    for own in by_predictor.values():
        steps = [(rows[row][0], 0, row, 0, rows[row][2:]) for row in own]
        limits = {"near": True, "per_predictor": PER_PREDICTOR, "max_tokens": None}
        found = oracles.pick_varied(steps, [sketches[row] for row in own], **limits)
        picked += [rows[own[number]][1:] for number in found]
    return sorted(picked)


def reading_alone(path):
    """What it takes to read the file and do nothing with it."""
    buffer = bytearray(BLOCK)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return []


WHO = {
    "burnish": with_burnish,
    "polars": with_polars,
    "duckdb": with_duckdb,
    "orjson": with_orjson,
    "plain Python": plain_python,
    "(reading alone)": reading_alone,
    "burnish, whole": burnish_whole,
    "plain Python, whole": plain_whole,
}


def child(name, path):
    """Answers once, in this process; prints seconds, peak memory and the answer."""
    ask = WHO[name]
    if name.startswith("burnish"):
        import burnish.stages.traces  # noqa: F401  what is imported beforehand is not timed
    elif name in {"polars", "duckdb", "orjson"}:
        __import__(name)
    else:
        sys.path.insert(0, str(Path(__file__).parents[2]))
    start = time.perf_counter()
    answer = ask(Path(path))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps([seconds, peak, answer]))


def asked(name, path):
    """Seconds, peak bytes and the answer of a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", name, str(path)], check=True, capture_output=True, text=True
    )
    seconds, peak, answer = json.loads(done.stdout)
    return seconds, peak, [tuple(row) for row in answer]


def compare(names, path, rounds, say):
    """Rounds in turn, equal answers first; a table of medians and ratios within a round."""
    size = path.stat().st_size
    answers = {}
    figures = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in names:
            seconds, peak, answer = asked(name, path)
            if number:
                figures[name].append((seconds, peak))
            elif not name.startswith("("):
                answers[name] = answer
    first = answers[names[0]]
    assert len(first) >= PER_PREDICTOR, "nothing was found"
    for name, answer in answers.items():
        assert answer == first, f"{name} gives another answer than {names[0]}"
    say(
        f"\n| | s, median (least to most) | GB/s | × {names[0]}, median (least to most) | peak memory |\n|---|---|---|---|---|"
    )
    own = [seconds for seconds, _ in figures[names[0]]]
    for name, rows in figures.items():
        times = [seconds for seconds, _ in rows]
        ratios = [seconds / mine for seconds, mine in zip(times, own, strict=True)]
        peak = max(peak for _, peak in rows)
        middle = statistics.median(times)
        say(
            f"| {name} | {middle:.2f} ({min(times):.2f} to {max(times):.2f}) | {size / middle / 1e9:.2f} | "
            f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}) | {peak / 1e6:.0f} MB, {100 * peak / size:.0f} % of the log |"
        )


def main():
    """Write the log, ask everybody, print and, where asked, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=0.1, help="size of the log")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} too")
    parser.add_argument("--child", nargs=2, metavar=("WHO", "LOG"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child)
        return
    lines = []

    def say(text: str) -> None:
        print(text, flush=True)
        lines.append(text)

    packages = [name for name in ("burnish", "polars", "duckdb", "orjson") if importlib.util.find_spec(name)]
    say("# Demos from a log\n")
    say(
        f"`{' '.join(['python', 'benches/python/traces.py', *sys.argv[1:]])}`, {datetime.datetime.now(datetime.UTC):%Y-%m-%d};"
    )
    say(
        f"{', '.join(f'{name} {version(name)}' for name in packages)}; Python {platform.python_version()}, {platform.machine()},"
    )
    say(
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the beginning; {given.rounds} rounds in turn after one that is not counted."
    )
    with tempfile.TemporaryDirectory() as folder:
        log, part = Path(folder, "log.jsonl"), Path(folder, "part.jsonl")
        write_log(log, given.gigabytes * 1e9)
        say(f"\n## {log.stat().st_size / 1e9:.2f} GB: score, exact copies, the first {PER_PREDICTOR} of each predictor")
        compare(["burnish", *packages[1:], "plain Python", "(reading alone)"], log, given.rounds, say)
        write_log(part, WHOLE_MEGABYTES * 1e6)
        say(f"\n## {part.stat().st_size / 1e6:.0f} MB, the whole question: near copies too, and the most different")
        compare(["burnish, whole", "plain Python, whole"], part, min(given.rounds, 3), say)
    if given.record:
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
