"""``burnish traces``: demos from logs of production traffic."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from burnish.cli.files import place_for
from burnish.errors import ConfigError
from burnish.loop import in_thread, run_sync
from burnish.stages.traces import Traced, TraceTable


@click.command()
@click.argument("logs", nargs=-1, required=True)
@click.option("--min-score", type=float, help="Calls below it, or without a score, are left out. Default: all calls.")
@click.option("--per-predictor", default=16, show_default=True, help="Calls to pick of each predictor at most.")
@click.option("--max-tokens", type=int, help="Room for all calls of one predictor, at 4 characters a token.")
@click.option("--stratify", metavar="FIELD", help="Let the values of this field take turns.")
@click.option("--score-field", metavar="KEYS", help="Where a line has its score, such as metadata.rating.")
@click.option("--keep-near", is_flag=True, help="Pass over exact copies alone, and not near ones too.")
@click.option("--first-come", is_flag=True, help="Take the first that come, and not the most different.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", help="JSONL file for the calls that were picked, which can be scanned again.")
def traces(logs: tuple[str, ...], **given: Any) -> None:
    """Pick demos from LOGS of production traffic: JSON lines of Burnish, OpenAI or OpenTelemetry."""
    out = None if given["out"] is None else place_for(given["out"], suffix=".jsonl")
    if out is not None and out.resolve() in {Path(log).resolve() for log in logs}:
        raise ConfigError(f"--out {given['out']!r} is one of the logs, and would take its place. Name another file.")
    # In a worker thread, so that Ctrl-C is heard at once.
    table, picked = run_sync(in_thread(_picked, logs, given))
    for scanned in table.scanned:
        click.echo(str(scanned))
    if not picked:
        raise ConfigError(
            "No call was picked: none in the logs is of a known kind and good enough. The counts above say why; a lower --min-score, "
            "or none, takes more, and --score-field says where a line has its score. Logs are JSON lines, not compressed."
        )
    for predictor, number in Counter(call.predictor for call in picked).items():
        click.echo(f"{number} calls of {predictor!r}")
    if out is not None:
        out.write_text("".join(_line(call) for call in picked), encoding="utf-8", errors="backslashreplace")
        click.echo(f"Saved to {out}: BootstrapFewShot(traces={str(out)!r}) shows them as demos.")


def _picked(logs: Sequence[str], given: dict[str, Any]) -> tuple[TraceTable, list[Traced]]:
    table = TraceTable()
    for log in logs:
        try:
            table.read(log, score=given["score_field"], label=given["stratify"], min_score=given["min_score"])
        except OSError as error:
            raise ConfigError(f"Cannot read the log {log!r}: {error.strerror or error}.") from error
    picked = table.pick(
        min_score=given["min_score"],
        per_predictor=given["per_predictor"],
        max_tokens=given["max_tokens"],
        near=not given["keep_near"],
        variety=not given["first_come"],
        stratify=given["stratify"] is not None,
        seed=given["seed"],
    )
    return table, picked


def _line(call: Traced) -> str:
    told: dict[str, Any] = {
        "predictor": call.predictor,
        "inputs": call.inputs,
        "outputs": call.outputs,
        "source": call.source,
    }
    if math.isfinite(call.score):
        told["score"] = call.score
    return json.dumps(told, ensure_ascii=False) + "\n"
