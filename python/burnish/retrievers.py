"""DSPy's name for what retrieves: ``from burnish.retrievers import Embeddings``."""

from burnish.retrieve.embeddings import Embeddings, EmbeddingsWithScores

__all__ = ["Embeddings", "EmbeddingsWithScores"]
