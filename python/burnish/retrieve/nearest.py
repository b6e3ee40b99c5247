"""`KNN`: the examples of a training set whose inputs are nearest to those of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from burnish.errors import ConfigError
from burnish.retrieve.embedder import Embedder
from burnish.retrieve.embeddings import Embeddings
from burnish.retrieve.inputs import text_of_inputs
from burnish.values.example import Example
from burnish.values.prediction import Prediction


class KNN:
    """Finds the nearest examples of a training set.

    The inputs of each example are embedded as one text, `text_of_inputs`, when this is made; a call embeds its own and
    compares them by cosine. Of examples that are equally near the one that comes first in the training set comes first.

    Args:
        k: How many examples a call finds; fewer where the training set has fewer.
        trainset: Examples whose inputs are set.
        vectorizer: An `Embedder`, the name of a model, or a function from a list of texts to rows of numbers.

    Raises:
        ConfigError: There are no examples, or it is not known which of their fields are inputs.
        LMError: A hosted embedder brought no rows.

    Example:
        >>> trainset = [Example(text=t, length=len(t)).with_inputs("text") for t in ("a red fox", "the blue sea")]
        >>> KNN(1, trainset, "offline/hashing")(text="the grey sea")
        [Example({'text': 'the blue sea', 'length': 12}, inputs=['text'])]
    """

    def __init__(self, k: int, trainset: Iterable[Example], vectorizer: Embedder | str | Callable[..., Any]) -> None:
        self.trainset = list(trainset)
        if not self.trainset:
            raise ConfigError("The trainset of KNN is empty: give it at least one example.")
        texts = [text_of_inputs(dict(example.inputs().items())) for example in self.trainset]
        self._nearest = Embeddings(texts, vectorizer, k)

    def __repr__(self) -> str:
        return f"KNN({self.k}, {len(self.trainset)} examples, {self.embedding!r})"

    @property
    def k(self) -> int:
        """How many examples a call finds."""
        return self._nearest.k

    @property
    def embedding(self) -> Embedder:
        """What embeds."""
        return self._nearest.embedder

    def __call__(self, **inputs: Any) -> list[Example]:
        """The nearest examples, the best first.

        Args:
            inputs: Values by field name, as the program is given them.

        Raises:
            LMError: A hosted embedder brought no row.
        """
        return self._examples(self._nearest(text_of_inputs(inputs)))

    async def acall(self, **inputs: Any) -> list[Example]:
        """The nearest examples, from async code; calls of one turn of the loop are answered together."""
        return self._examples(await self._nearest.acall(text_of_inputs(inputs)))

    def _examples(self, found: Prediction) -> list[Example]:
        return [self.trainset[number] for number in found.indices]
