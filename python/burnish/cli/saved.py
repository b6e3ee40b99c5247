"""`burnish show` and `burnish diff`: saved programs, looked at and compared."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console

from burnish.errors import StateError
from burnish.modules import state
from burnish.report import show as shown
from burnish.report.effects_chart import effects_chart
from burnish.report.program_diff import compare
from burnish.report.saved_program import SavedProgram

_FULL = click.option("--full", is_flag=True, help="Show long texts whole, and all demos.")


@click.command()
@click.argument("saved")
@click.option(
    "--demos", type=click.IntRange(min=0), default=4, show_default=True, help="Demos to show of each predictor at most."
)
@click.option("--chart", help="Also draw which slots made the difference: effects.svg, .png or .pdf.")
@_FULL
def show(saved: str, demos: int, chart: str | None, full: bool) -> None:
    """Show a SAVED program, Burnish's or DSPy's: instructions, fields, demos and LM settings.

    One that MIPROv2 or COPRO made also tells which slots made the difference.
    """
    content = state.read(saved)
    try:
        renderable = shown.program(content, demos=demos, full=full)
    except StateError as error:
        raise StateError(f"{saved}: {error}") from error
    Console().print(renderable)
    if chart is not None:
        click.echo(f"Saved to {effects_chart(SavedProgram.of(content).effects, chart)}")


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="Write the differences as JSON.")
@_FULL
def diff(first: str, second: str, as_json: bool, full: bool) -> None:
    """Show how the SECOND saved program differs from the FIRST; exit status 0 is the same, 1 different."""
    states = [state.read(path) for path in (first, second)]
    for path, content in zip((first, second), states, strict=True):
        try:
            SavedProgram.of(content)
        except StateError as error:
            raise StateError(f"{path}: {error}") from error
    found = compare(*states)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        Console().print(shown.difference(found, full=full))
    sys.exit(0 if found.same else 1)
