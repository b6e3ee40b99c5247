"""``burnish demo``: the main job from start to finish, offline, on support tickets."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from burnish.cli.files import place_for
from burnish.datasets.support_tickets import Triage, intents, load, right_intent
from burnish.errors import RunStopped
from burnish.evaluate import Evaluate, EvaluationResult, paired
from burnish.lm.lm import LM
from burnish.lm.settings import context
from burnish.optimizers.random_search import BootstrapFewShotWithRandomSearch
from burnish.report import show, terminal

_MODEL = "offline/icl"


def run(out: str, candidates: int) -> None:
    """Compile the triage, score it on held-out tickets, save it, and check the saved file."""
    started = time.monotonic()
    console = Console()
    folder = Path(out)
    saved = place_for(str(folder / "triage.json"))
    train, val, test = load("train"), load("val"), load("test")
    click.echo(
        f"Support-ticket triage: {len(intents())} intents; {len(train)} tickets to learn from, {len(val)} to "
        f"choose by, {len(test)} held out. Model: {_MODEL}, embedded, no network, no key.\n"
    )
    student = Triage()
    optimizer = BootstrapFewShotWithRandomSearch(
        metric=right_intent,
        max_bootstrapped_demos=16,
        max_labeled_demos=64,
        num_candidate_programs=candidates,
        num_threads=8,
    )
    with context(lm=LM(_MODEL)):
        compiled = optimizer.compile(student, trainset=train, valset=val)
        console.print(terminal.report(compiled.report, most=6))
        compiled.save(saved)
        evaluate = Evaluate(devset=test, metric=right_intent)
        before, after = evaluate(student), evaluate(compiled)
    console.print("\nThe prompt that won:")
    console.print(show.program(compiled.dump_state(), demos=3))
    _verdict(before, after)
    click.echo(f"\nSaved program: {saved}   (look inside: burnish show {saved})")
    _check_in_a_new_process(folder, saved, after)
    click.echo(f"{time.monotonic() - started:.0f} s in all.")


def _verdict(before: EvaluationResult, after: EvaluationResult) -> None:
    click.echo(f"\nHeld-out test, before: {before.standing}")
    click.echo(f"Held-out test, after:  {after.standing}")
    click.echo(f"Gain, paired, 95% interval: {paired(after, before)}")


def _check_in_a_new_process(folder: Path, saved: Path, after: EvaluationResult) -> None:
    data = folder / "test.jsonl"
    rows = (json.dumps(row.toDict(), ensure_ascii=False) for row in load("test"))
    data.write_text("\n".join(rows) + "\n", encoding="utf-8")
    home = "burnish.datasets.support_tickets"
    arguments = ["evaluate", f"{home}:Triage", "--load", str(saved), "--data", str(data)]
    arguments += ["--metric", f"{home}:right_intent", "--lm", _MODEL]
    click.echo(f"In a new process: burnish {' '.join(arguments)}")
    command = [sys.executable, "-m", "burnish", *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603
    click.echo(f"  {answer.stdout.strip() or answer.stderr.strip()}")
    if str(after.standing) not in answer.stdout:
        raise RunStopped("The saved program does not give the score that it had when it was made.")
