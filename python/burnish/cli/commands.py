"""The commands, each a short way from arguments to a call of the library."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click
from rich.console import Console

from burnish import __version__
from burnish.cli import demo as demo_
from burnish.cli.cache import cache
from burnish.cli.calls import calls
from burnish.cli.files import load_examples, load_metric, load_program, place_for, read_options
from burnish.cli.saved import diff, show
from burnish.cli.traces import traces
from burnish.errors import ConfigError
from burnish.evaluate import Evaluate, paired
from burnish.lm.lm import LM
from burnish.lm.settings import context, settings
from burnish.modules.module import Module
from burnish.optimizers.base import Optimizer
from burnish.plugins.manager import listing, lookup
from burnish.report import terminal
from burnish.values.budget import Budget

_LM = click.option(
    "--lm", "model", help="Model as provider/name; offline/icl needs no key. Default: what PROGRAM sets."
)
_API_BASE = click.option("--api-base", help="Address of an OpenAI-compatible server that answers --lm: http://…/v1.")
_INPUTS = click.option("--inputs", default="", help="Input fields, a,b; default: the program's arguments.")
_METRIC = click.option("--metric", required=True, help="A metric's name, or file.py:function.")
_THREADS = click.option("--num-threads", type=int, help="LM calls in flight at most.")


@click.group()
@click.version_option(__version__)
def commands() -> None:
    """Tune language-model programs: a program, a metric and a few examples in, a better one out."""


@commands.command()
@click.option("--out", default="burnish-demo", show_default=True, help="Folder for what it makes.")
@click.option("--candidates", default=16, show_default=True, help="Shuffled candidates of the random search.")
def demo(out: str, candidates: int) -> None:
    """Tune a support-ticket triage, offline, and show the score before and after."""
    demo_.run(out, candidates)


@commands.command(name="compile")
@click.argument("program")
@click.option("--train", required=True, help="JSONL file of examples to learn from.")
@click.option("--val", help="JSONL file of examples to choose by; default: the trainset.")
@click.option(
    "--test",
    help="JSONL file for a score before and after: never seen by the optimizer, and not part of estimate and budget.",
)
@_METRIC
@_LM
@_API_BASE
@click.option("--optimizer", default="BootstrapRS", show_default=True, help="An optimizer's name.")
@click.option("--option", "options", multiple=True, help="An optimizer's setting, name=value; repeat for more.")
@_INPUTS
@click.option("--out", default="compiled.json", show_default=True, help="Where the program is saved.")
@click.option("--run-dir", help="Folder of the journal: the same command again goes on from it.")
@click.option("--budget-usd", type=float, help="Cap of the compile in US dollars.")
@click.option("--budget-calls", type=int, help="Cap of the compile in LM calls.")
@click.option("--budget-tokens", type=int, help="Cap of the compile in tokens.")
@click.option("--budget-seconds", type=float, help="Cap of the compile in seconds.")
@click.option("--seed", default=0, show_default=True)
@_THREADS
@click.option("--estimate", is_flag=True, help="Only say what it would cost.")
def compile_(program: str, train: str, val: str | None, test: str | None, **given: Any) -> None:
    """Tune PROGRAM (file.py:Name) and save the result."""
    student = load_program(program)
    inputs = _names(given["inputs"])
    trainset = load_examples(train, student, inputs)
    valset = load_examples(val, student, inputs) if val else None
    testset = load_examples(test, student, inputs) if test else None
    metric = load_metric(given["metric"])
    optimizer = _optimizer(metric, given)
    out = place_for(given["out"])
    with _asking(given["model"], student, api_base=given["api_base"]):
        if given["estimate"] or type(optimizer).phases is not Optimizer.phases:
            click.echo(f"Estimate: {optimizer.estimate(student, trainset, valset)}")
        if given["estimate"]:
            return
        compiled = optimizer.compile(student, trainset=trainset, valset=valset)
        compiled.save(out)
        console = Console()
        console.print(terminal.report(compiled.report))
        as_given = compiled.dump_state() == student.dump_state()
        click.echo(f"Saved to {out}" + (": the program as given, since nothing better was found." if as_given else ""))
        if testset is not None:
            _before_and_after(
                student, compiled, Evaluate(devset=testset, metric=metric, num_threads=given["num_threads"])
            )


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]


def _asking(model: str | None, program: Module, *, api_base: str | None) -> AbstractContextManager[None]:
    if model is not None:
        return context(lm=LM(model, api_base=api_base))
    if api_base is not None:
        raise ConfigError(f"--api-base {api_base} needs a model: --lm local/NAME, with the name that the server knows.")
    if settings.lm is None and any(predictor.lm is None for _, predictor in program.named_predictors(frozen=True)):
        raise ConfigError(
            "Nobody is there to ask. Say which model: --lm offline/icl (embedded, no network, no key), or "
            "--lm openai/gpt-4o-mini (needs OPENAI_API_KEY)."
        )
    return nullcontext()


def _optimizer(metric: Any, given: dict[str, Any]) -> Any:
    caps = {
        cap: given[f"budget_{name}"]
        for cap, name in (("dollars", "usd"), ("calls", "calls"), ("tokens", "tokens"), ("seconds", "seconds"))
        if given[f"budget_{name}"] is not None
    }
    return lookup("optimizers", given["optimizer"])(
        metric=metric,
        seed=given["seed"],
        num_threads=given["num_threads"],
        run_dir=given["run_dir"],
        budget=Budget(**caps) if caps else None,
        **read_options(given["options"]),
    )


def _before_and_after(student: Any, compiled: Any, evaluate: Evaluate) -> None:
    before, after = evaluate(student), evaluate(compiled)
    click.echo(f"Test before: {before}")
    click.echo(f"Test after:  {after}")
    click.echo(f"Gain: {paired(after, before)}")


@commands.command()
@click.argument("program")
@click.option("--load", "saved", help="A saved program's JSON to load first.")
@click.option("--data", required=True, help="JSONL file of examples.")
@_METRIC
@_LM
@_API_BASE
@_INPUTS
@_THREADS
@click.option("--save-as-json", help="Where to write each example with its score.")
@click.option("--save-as-csv", help="Likewise, as CSV.")
def evaluate(program: str, saved: str | None, data: str, metric: str, model: str, **given: Any) -> None:
    """Score PROGRAM (file.py:Name) on a file of examples."""
    tuned = load_program(program)
    if saved:
        tuned.load(saved)
    rows = load_examples(data, tuned, _names(given["inputs"]))
    with _asking(model, tuned, api_base=given["api_base"]):
        result = Evaluate(
            devset=rows,
            metric=load_metric(metric),
            num_threads=given["num_threads"],
            save_as_json=given["save_as_json"],
            save_as_csv=given["save_as_csv"],
        )(tuned)
    click.echo(str(result))


@commands.command()
def plugins() -> None:
    """List what is installed: plugins, what they provide, and what is wrong with them."""
    for plugin in listing():
        click.echo(f"{plugin.name} {plugin.version} ({plugin.source})")
        for kind, provided in plugin.provides.items():
            click.echo(f"  {kind}: {', '.join(provided)}")
        if plugin.problem is not None:
            click.echo(f"  problem: {plugin.problem}")


commands.add_command(show)
commands.add_command(diff)
commands.add_command(cache)
commands.add_command(traces)
commands.add_command(calls)
