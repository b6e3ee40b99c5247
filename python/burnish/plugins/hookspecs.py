"""The plugin contract: every hook there is.

A plugin is a module (or object) with some of these functions, marked with `hookimpl` and named by
an entry point in the group ``burnish``. Each hook but the last takes nothing and returns a dict
``{name: factory}``; a factory may be given by its address, ``"package.module:attribute"``, and is
imported when it is first used then. Hooks are called once a process, at the first lookup, and
never per example or per model call.

Names are unique in each kind: built-ins come first, then plugins by the name of their entry point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("burnish")
hookimpl = pluggy.HookimplMarker("burnish")

Factories = Mapping[str, Callable[..., Any] | str]


@hookspec
def burnish_optimizers() -> Factories:  # type: ignore[empty-body]
    """Optimizers: ``{class name: subclass of Optimizer}``."""


@hookspec
def burnish_metrics() -> Factories:  # type: ignore[empty-body]
    """Metrics: ``{name: function (example, prediction, trace=None) -> bool, number or Score}``.

    A class stands for the object that is made of it without arguments, such as a program that judges.
    """


@hookspec
def burnish_lm_backends() -> Factories:  # type: ignore[empty-body]
    """Model backends: ``{provider: factory (endpoint) -> backend}``, for models ``"provider/name"``.

    `endpoint` holds where and as whom to call: ``model, api_base, timeout, secrets``. A backend
    has ``async complete(request: Request) -> Response``, which raises `LMTransient` or
    `LMRejected`, and may have ``async close()``. One that can tell a reply while it comes has
    ``async stream(request, deliver) -> Response`` too: it calls ``deliver(number of the completion, text)`` with
    each piece, and is asked in place of ``complete`` where somebody listens. Retries, cache, budget and limits are `LM`'s.
    """


@hookspec
def burnish_embedders() -> Factories:  # type: ignore[empty-body]
    """Embedders: ``{provider: factory (endpoint) -> embedder}``, for models ``"provider/name"``.

    `endpoint` is that of a model backend. An embedder has ``async embed(texts, params) -> Embedded``,
    which holds a float32 row a text and the usage, and raises as a model backend does; a text too long
    for the model is `PromptTooLong`, and never cut off. One that only computes, and never suspends,
    says so with ``waits = False``. Batches, retries, cache, budget and limits are `Embedder`'s.
    """


@hookspec
def burnish_searchers() -> Factories:  # type: ignore[empty-body]
    """Searchers: ``{name: factory (space, seed) -> searcher}``, which reads the board and asks.

    A searcher has ``ask(tried, board, n, *, closed=()) -> list of picks``: the candidates to measure next, all different,
    each a choice number for every slot. ``tried[i]`` are the picks of candidate ``i`` on the board; those numbered in
    `closed` are not to come again. It keeps nothing between calls: same board, same picks.
    """


@hookspec
def burnish_adapters() -> Factories:  # type: ignore[empty-body]
    """Adapters: ``{name: factory () -> Adapter}``."""


@hookspec
def burnish_executors() -> Factories:  # type: ignore[empty-body]
    """Executors: ``{name: factory (**settings) -> executor}``, which runs cells elsewhere."""


@hookspec
def burnish_finetuners() -> Factories:  # type: ignore[empty-body]
    """Fine-tuning jobs: ``{provider: factory (lm) -> trainer}``."""


@hookspec
def burnish_datasets() -> Factories:  # type: ignore[empty-body]
    """Datasets: ``{name: function (**options) -> list of Example, or dict of such lists (a `TestSet` among them) by split}``."""


@hookspec
def burnish_watch(events: Sequence[Mapping[str, Any]]) -> None:
    """Look at what a run does: its events, in batches and in order, as dicts of JSON values.

    Each has ``kind`` (such as ``"lm_called"``), ``time`` and the kind's own fields. What is
    returned is ignored; one that raises is warned of and sees no more of the run.
    """
