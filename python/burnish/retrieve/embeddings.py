"""`Embeddings`: the passages of a corpus that are nearest to a query, by their vectors.

All rows are compared, so what is found is exact at any size, and the same alone, in a batch, on one thread
or many. Cost of a query: its embedding, and reading all rows once, which is 1.4 ms for 20,000 rows of 384
numbers and grows with both (`benches/records/knn.md`); queries that come together cost much less each.

Where the embedder computes in this process, queries of one turn of the loop are embedded together as well.
A hosted one answers each for itself, since its reply belongs to the run that asked: journal, budget, bill.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, cast, overload

from burnish.errors import ConfigError, StateError
from burnish.loop import Together, in_thread, on_loop, run_sync
from burnish.retrieve.embedder import Embedder
from burnish.retrieve.passages import Found, Passages
from burnish.values.prediction import Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    # Queries, as texts or as rows, and how many passages each of them wants.
    Asked = tuple[list[str] | NDArray[np.float32], int]

# Texts of the corpus whose rows are in memory beside the index.
_AT_ONCE = 10_000


class Embeddings:
    """Finds the passages of a corpus that are nearest to a query.

    A passage's number is its place in the corpus; of passages that are equally near the lower number comes
    first. A text whose row is all zeros, as `offline/hashing` has for one of nothing but white space, has no
    direction: with `normalize` it is never found, and as a query it finds nothing.

    Args:
        corpus: The passages; at least one.
        embedder: An `Embedder`, the name of a model, or a function from a list of texts to rows of numbers.
        k: How many passages a query finds; fewer where the corpus has fewer.
        normalize: Whether the angle counts alone (cosine), and else the inner product.
        storage: How a number is kept: ``"f32"``, ``"f16"`` in half the memory, ``"i8"`` in a quarter; see `Index`.
        brute_force_threshold: Changes nothing: at every size the search is exact.
        callbacks: None; others are refused, since nothing would call them.
        cache: False; what is kept from run to run is the embedder's ``caching``.

    Raises:
        ConfigError: An argument cannot be used, or the embedder brought no rows that can be compared.
        LMError: A hosted embedder brought no rows.

    Example:
        >>> retriever = Embeddings(["The card has not come.", "The rate is 1.1."], "offline/hashing", k=1)
        >>> retriever("Where is my card?")
        Prediction({'passages': ['The card has not come.'], 'indices': [0]})
    """

    def __init__(
        self,
        corpus: Iterable[str],
        embedder: Embedder | str | Callable[..., Any],
        k: int = 5,
        callbacks: Sequence[Any] | None = None,
        cache: bool = False,
        brute_force_threshold: int = 20_000,
        normalize: bool = True,
        *,
        storage: Literal["f32", "f16", "i8"] = "f32",
    ) -> None:
        if callbacks:
            raise ConfigError("Embeddings(callbacks=...): nothing would call them. Wrap the retriever in a function.")
        if cache is not False:
            raise ConfigError(
                f"Embeddings(cache={cache!r}): a retriever keeps no answers. A hosted model's rows are kept from run to "
                "run by Embedder(..., caching=True), which is the default."
            )
        texts = _texts(corpus, "The corpus of Embeddings")
        if not texts:
            raise ConfigError("The corpus of Embeddings is empty: give it at least one passage.")
        self._begin(embedder, _at_least_one(k), normalize=normalize)
        self._passages = self._embedded(texts, storage)

    def _begin(self, embedder: Embedder | str | Callable[..., Any], k: int, *, normalize: bool) -> None:
        self.embedder = embedder if isinstance(embedder, Embedder) else Embedder(embedder)
        self.k = k
        self.normalize = normalize
        self._together: Together[Asked, list[Found]] = Together(self._answer)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} passages, {self.embedder!r}, k={self.k})"

    def __len__(self) -> int:
        return len(self._passages.texts)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A retriever is not pickled. Save it with retriever.save('folder'), and open it elsewhere with "
            f"{type(self).__name__}.from_saved('folder', embedder)."
        )

    @property
    def corpus(self) -> Sequence[str]:
        """The passages, in the order of their numbers."""
        return self._passages.texts

    @overload
    def __call__(self, query: str, k: int | None = None) -> Prediction: ...
    @overload
    def __call__(self, query: list[str] | tuple[str, ...], k: int | None = None) -> list[Prediction]: ...
    def __call__(self, query: str | Iterable[str], k: int | None = None) -> Prediction | list[Prediction]:
        """Find the passages nearest to a query, or to each of several, which costs much less than one by one.

        Args:
            query: A text, or texts.
            k: How many passages; as many as the retriever says unless given.

        Returns:
            For a text a prediction with ``passages`` and their ``indices`` in the corpus, the best first; for texts a
            list of them, in their order.

        Raises:
            ConfigError: An argument cannot be used.
            LMError: A hosted embedder brought no row.
        """
        texts, most = self._asked(query, k)
        if not texts:
            return []
        found = self._at_once([(texts, most)])[0] if self.embedder.computes else run_sync(self._found(texts, most))
        return self._as_asked(query, found)

    @overload
    async def acall(self, query: str, k: int | None = None) -> Prediction: ...
    @overload
    async def acall(self, query: list[str] | tuple[str, ...], k: int | None = None) -> list[Prediction]: ...
    async def acall(self, query: str | Iterable[str], k: int | None = None) -> Prediction | list[Prediction]:
        """Find the passages nearest to a query, or to each of several, from async code."""
        texts, most = self._asked(query, k)
        if not texts:
            return []
        return self._as_asked(query, await on_loop(self._found(texts, most)))

    def forward(self, query: str) -> Prediction:
        """Find the passages nearest to a query."""
        return self(query)

    def search(self, query: str) -> Prediction:
        """Find the passages nearest to a query: `__call__` with the name and the shape of a tool."""
        return self(query)

    def append(self, texts: Iterable[str]) -> None:
        """Add passages behind those that are there; none if one is refused.

        Raises:
            ConfigError: A text cannot be used.
            LMError: A hosted embedder brought no rows.
        """
        new = _texts(texts, "What is appended")
        if new:
            self._passages.append(new, self.embedder(new))

    def remove(self, numbers: Iterable[int]) -> None:
        """Take passages out; those behind them move down, as in a list.

        Raises:
            ConfigError: There is no passage of such a number; all are still there.
        """
        self._passages.remove(numbers)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write passages and rows to a folder: whole, or what was there before stays. The embedder is not saved.

        Args:
            path: The folder.

        Raises:
            OSError: It cannot be written to.
        """
        from burnish.retrieve.passages_folder import write

        write(path, self._passages, embedder=self.embedder.name, k=self.k, normalize=self.normalize)

    def load(self, path: str | os.PathLike[str], embedder: Embedder | str | Callable[..., Any]) -> Self:
        """Take over what was saved in a folder: all of it, or an error and nothing.

        Rows are read from the folder as they are searched, and copied once passages come or go.

        Args:
            path: The folder.
            embedder: The one that made the rows: of the same name and as many numbers a row. One that computes is
                compared at once; that of a hosted one is seen at the first query.

        Returns:
            This retriever.

        Raises:
            StateError: The folder holds nothing that was saved whole, or the embedder is another one.
        """
        from burnish.retrieve.passages_folder import read

        saved, passages = read(path)
        embedder = embedder if isinstance(embedder, Embedder) else Embedder(embedder)
        if embedder.name != saved.embedder:
            raise StateError(
                f"The rows in {str(path)!r} are those of the embedder {saved.embedder!r}, and not of {embedder.name!r}: "
                "give the same one, or make the retriever anew."
            )
        if embedder.computes and saved.corpus:
            length = len(embedder(saved.corpus[0]))
            if length != passages.index.dimension:
                raise StateError(
                    f"The embedder {embedder.name!r} makes rows of {length} numbers, and those in {str(path)!r} have "
                    f"{passages.index.dimension}: it has other parameters, or is another one of the same name."
                )
        self._begin(embedder, saved.k, normalize=saved.normalize)
        self._passages = passages
        return self

    @classmethod
    def from_saved(cls, path: str | os.PathLike[str], embedder: Embedder | str | Callable[..., Any]) -> Self:
        """A retriever that was saved; see `load`."""
        return cls.__new__(cls).load(path, embedder)

    def _embedded(self, texts: list[str], storage: Literal["f32", "f16", "i8"]) -> Passages:
        """The corpus with its rows, of which few are in memory twice."""
        from burnish.retrieve.knn import Index

        metric: Literal["cosine", "ip"] = "cosine" if self.normalize else "ip"
        passages: Passages | None = None
        for first in range(0, len(texts), _AT_ONCE):
            some = texts[first : first + _AT_ONCE]
            try:
                rows = self.embedder(some)
                passages = passages or Passages(Index(rows.shape[1], metric=metric, storage=storage))
                passages.append(some, rows)
            except Exception as error:  # raised again as it is: whatever an embedder raises needs the same addition
                if first:
                    error.add_note(f"Places in this message count from number {first} of the corpus.")
                raise
        assert passages is not None
        return passages

    def _asked(self, query: Any, k: int | None) -> tuple[list[str], int]:
        texts = [query] if isinstance(query, str) else _texts(query, "The query")
        return texts, self.k if k is None else _at_least_one(k)

    def _as_asked(self, query: Any, found: Sequence[Found]) -> Prediction | list[Prediction]:
        predictions = [self._prediction(one) for one in found]
        return predictions[0] if isinstance(query, str) else predictions

    def _prediction(self, found: Found) -> Prediction:
        return Prediction(passages=found.texts, indices=found.numbers)

    async def _found(self, texts: list[str], k: int) -> list[Found]:
        """What each of these queries finds; on the one loop."""
        queries = texts if self.embedder.computes else await self.embedder.acall(texts)
        return await self._together.ask((queries, k))

    async def _answer(self, asked: list[Asked]) -> list[list[Found] | Exception]:
        return await in_thread(self._answers, asked)

    def _answers(self, asked: list[Asked]) -> list[list[Found] | Exception]:
        """What each who asked found, or the error of that one alone."""
        try:
            return [*self._at_once(asked)]
        except Exception as error:  # whatever a user's function raises is for the one whose query it was
            if len(asked) == 1:
                return [error]
            return [answer for one in asked for answer in self._answers([one])]

    def _at_once(self, asked: Sequence[Asked]) -> list[list[Found]]:
        """What each who asked found, by one call of the embedder and one search."""
        import numpy as np

        queries = [one for one, _ in asked]
        if self.embedder.computes:
            rows = self.embedder([text for texts in cast("list[list[str]]", queries) for text in texts])
        else:
            rows = np.concatenate(cast("list[NDArray[np.float32]]", queries))
        every = iter(self._passages.nearest(rows, max(k for _, k in asked)))
        return [[next(every).first(k) for _ in query] for query, k in asked]


class EmbeddingsWithScores(Embeddings):
    """`Embeddings` whose predictions have ``scores`` too: the cosine, or the inner product, of each passage.

    Example:
        >>> retriever = EmbeddingsWithScores(["one two", "three"], "offline/hashing", k=2)
        >>> [f"{score:.2f}" for score in retriever("one two").scores]
        ['1.00', '0.00']
    """

    def _prediction(self, found: Found) -> Prediction:
        return Prediction(passages=found.texts, indices=found.numbers, scores=found.scores)


def _texts(given: Any, whose: str) -> list[str]:
    if isinstance(given, str):
        raise ConfigError(f"{whose} is a list of texts, and not one text: write [{given[:20]!r}, ...].")
    try:
        texts = list(given)
    except TypeError:
        raise ConfigError(f"{whose} is a list of texts, and not {type(given).__name__}.") from None
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigError(f"{whose} is a list of texts: at place {number} there is {type(text).__name__}.")
    return texts


def _at_least_one(k: Any) -> int:
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ConfigError(f"k={k!r}: give a whole number of at least 1.")
    return k
