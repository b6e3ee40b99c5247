"""``burnish calls``: how busy a compile kept its limit on calls in flight."""

from __future__ import annotations

import click

from burnish.engine.journal import events_in
from burnish.errors import ConfigError
from burnish.report.flight import busy, idle
from burnish.report.flight_chart import draw


@click.command()
@click.argument("run_dir")
@click.option("--chart", help="Where to draw calls in flight over time: a file that ends in .svg, .png or .pdf.")
def calls(run_dir: str, chart: str | None) -> None:
    """Show how busy each stage of the compile in RUN_DIR kept the limit on calls in flight."""
    events = events_in(run_dir)
    told = busy(events)
    if not told:
        raise ConfigError(f"The run in {run_dir!r} has no events of calls: it stopped before the first.")
    for stage, one in told.items():
        click.echo(
            f"{stage}: {one.calls} calls in {one.seconds:.1f} s with work; {100 * one.busy:.0f}% of those that could have been in "
            f"flight were, {100 * one.of_limit:.0f}% of the limit"
        )
    click.echo(f"Without work: {idle(events):.1f} s")
    if chart is not None:
        click.echo(f"Saved to {draw(events, chart)}")
