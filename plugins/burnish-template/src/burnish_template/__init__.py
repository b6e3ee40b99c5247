"""The hooks of this plugin. They run at Burnish's first lookup, so they only name what there is."""

from __future__ import annotations

from burnish import hookimpl


@hookimpl
def burnish_optimizers() -> dict[str, str]:
    """The optimizer, imported when somebody uses it."""
    return {"ShortestDemos": "burnish_template.shortest_demos:ShortestDemos"}


@hookimpl
def burnish_metrics() -> dict[str, str]:
    """The metric."""
    return {"word_overlap": "burnish_template.word_overlap:word_overlap"}


@hookimpl
def burnish_lm_backends() -> dict[str, str]:
    """The backend of every model called ``echo/…``."""
    return {"echo": "burnish_template.echo:EchoBackend"}
