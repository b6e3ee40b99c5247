"""The hooks of this plugin. They run at Burnish's first lookup, so they only name what there is."""

from __future__ import annotations

from burnish import Lazy, hookimpl


@hookimpl
def burnish_optimizers() -> dict[str, Lazy]:
    """The optimizer, imported when somebody uses it."""
    return {"ShortestDemos": Lazy("burnish_template.shortest_demos:ShortestDemos")}


@hookimpl
def burnish_metrics() -> dict[str, Lazy]:
    """The metric."""
    return {"word_overlap": Lazy("burnish_template.word_overlap:word_overlap")}


@hookimpl
def burnish_lm_backends() -> dict[str, Lazy]:
    """The backend of every model called ``echo/…``."""
    return {"echo": Lazy("burnish_template.echo:EchoBackend")}
