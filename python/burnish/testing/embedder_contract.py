"""The contract suite of embedding backends, as tests to subclass; the other suites are in `contracts`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from burnish.errors import LMError, LMRejected, LMTransient
from burnish.loop import run_sync
from burnish.retrieve.embedder import Embedder
from burnish.values.usage import Usage


class EmbedderContract:
    """What holds for every embedding backend.

    Give it `make_backend`, and `make_failures` where failures can be brought about offline.
    """

    model: ClassVar[str] = "contract/model"
    params: ClassVar[Mapping[str, Any]] = {}
    texts: ClassVar[Sequence[str]] = ("Where is my card?", "It rains.", "Ünïcode — 日本語 🙂", "1 2 3")

    def make_backend(self) -> Any:
        """The backend, ready to embed with `model`."""
        raise NotImplementedError("Define make_backend(self) in your subclass.")

    def make_failures(self) -> Sequence[tuple[Any, list[str], type[LMError]]]:
        """Backends with texts that fail on them, and the error that it must be."""
        return ()

    def embed(self, backend: Any, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """The rows of the texts, checked."""
        embedded = run_sync(backend.embed(list(texts), dict(self.params)))
        check_embedded(embedded, texts)
        rows: np.ndarray[Any, Any] = embedded.rows
        return rows

    def test_each_text_has_a_row_of_finite_numbers(self) -> None:
        backend = self.make_backend()
        self.embed(backend, self.texts)
        self.embed(backend, self.texts[:1])

    def test_a_row_belongs_to_its_text_whatever_stands_around_it(self) -> None:
        backend = self.make_backend()
        rows = self.embed(backend, self.texts)
        backwards = self.embed(backend, self.texts[::-1])[::-1]
        alone = np.concatenate([self.embed(backend, [text]) for text in self.texts])
        # Hosted models sum in another order in another batch; rows of other texts are further off.
        for others in (backwards, alone):
            assert np.abs(rows - others).max() <= 0.01 * np.abs(rows).max()
        assert len(np.unique(rows, axis=0)) == len(self.texts)

    def test_the_texts_are_not_changed(self) -> None:
        texts, params = list(self.texts), dict(self.params)
        run_sync(self.make_backend().embed(texts, params))
        assert (texts, params) == (list(self.texts), dict(self.params))

    def test_many_calls_at_once_each_get_their_rows(self) -> None:
        backend = self.make_backend()
        batches = [[f"The number {number}.", f"{number} more"][: 1 + number % 2] for number in range(16)]

        async def at_once() -> list[Any]:
            return list(await asyncio.gather(*(backend.embed(batch, dict(self.params)) for batch in batches)))

        for batch, embedded in zip(batches, run_sync(at_once()), strict=True):
            check_embedded(embedded, batch)

    def test_one_that_only_computes_never_suspends(self) -> None:
        backend = self.make_backend()
        if getattr(backend, "waits", True):
            pytest.skip("waits for others")
        with pytest.raises(StopIteration):
            backend.embed(list(self.texts), dict(self.params)).send(None)

    def test_an_embedder_can_use_it(self) -> None:
        embedder = Embedder(self.model, 3, caching=False, backend=self.make_backend(), **self.params)
        rows = embedder(self.texts)
        assert rows.shape[0] == len(self.texts)
        assert np.allclose(embedder(self.texts[0]), rows[0], atol=0.01 * np.abs(rows).max())

    def test_failures_say_whether_another_try_helps(self) -> None:
        failures = self.make_failures()
        if not failures:
            pytest.skip("make_failures gives none")
        for backend, texts, expected in failures:
            assert issubclass(expected, LMTransient | LMRejected)
            with pytest.raises(expected) as caught:
                run_sync(backend.embed(texts, dict(self.params)))
            assert caught.value.model


def check_embedded(embedded: Any, texts: Sequence[str]) -> None:
    """One float32 row a text, finite, and the bill."""
    rows = embedded.rows
    assert isinstance(rows, np.ndarray)
    assert rows.dtype == np.float32
    assert rows.ndim == 2
    assert len(rows) == len(texts)
    assert rows.shape[1] > 0
    assert np.isfinite(rows).all()
    assert isinstance(embedded.usage, Usage)
