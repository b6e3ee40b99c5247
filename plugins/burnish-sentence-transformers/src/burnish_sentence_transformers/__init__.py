"""The hook of this plugin. It runs at Burnish's first lookup, so it only names what there is."""

from __future__ import annotations

from burnish import hookimpl


@hookimpl
def burnish_embedders() -> dict[str, str]:
    """The embedder of every model called ``sentence-transformers/…``."""
    return {"sentence-transformers": "burnish_sentence_transformers.embedder:SentenceTransformers"}
