"""The known texts that are nearest to another one: an embedder, and the index of the known texts' vectors.

Texts that are asked for in one turn of the loop are embedded and searched together: a batch, or the
rollouts of a run that begin at once, cost one request to a hosted embedder and one search.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from burnish.errors import BudgetExhausted, ConfigError, LMAccessDenied, LMTransient, StateError
from burnish.lm.scope import RolloutState, Scope, current_scope, outside, use_scope
from burnish.loop import Together, all_of, in_thread
from burnish.retrieve.embedder import Embedder
from burnish.retrieve.knn import Index
from burnish.retrieve.lengths import normalised

# A text, and the run that asks for it.
_Asked = tuple[str, Scope | None]


class Neighbours:
    """Finds the nearest of known texts, by the cosine; of equally near ones the first.

    A text that embeds to zeros (an empty one) is equally near to all, so the first are found.

    Args:
        embedder: Makes the vectors.
        index: Those of the known texts, at length 1.
        k: How many to find.

    Raises:
        ConfigError: There are fewer texts than `k`.
    """

    def __init__(self, embedder: Embedder, index: Index, k: int) -> None:
        if not 1 <= k <= len(index):
            raise ConfigError(f"k={k}: give a whole number from 1 to {len(index)}, the number of examples.")
        self.embedder = embedder
        self.index = index
        self.k = k
        self._loop: asyncio.AbstractEventLoop | None = None
        self._together: Together[_Asked, list[int]] | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Neighbours:
        # Nothing of it changes, and the index is the large part of a program.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_bytes, (self.embedder, self._saved(), self.k)

    async def nearest(self, texts: Sequence[str]) -> list[list[int]]:
        """The places of the `k` nearest known texts for each of these, nearest first; on the one loop.

        Raises:
            LMError: A hosted embedder brought no vectors.
            BudgetExhausted: Its call would pass a cap of the run's budget.
            StateError: The embedder's vectors are not of the index's length.
        """
        if not texts:
            return []
        rows = await self.embedder.acall(texts)
        if rows.shape[1] != self.index.dimension:
            raise StateError(
                f"{self.embedder!r} makes vectors of {rows.shape[1]} numbers, and the examples were embedded in "
                f"{self.index.dimension}. Give the embedder that the program was compiled with, or compile it anew."
            )
        numbers, _ = await in_thread(self.index.search, normalised(rows), self.k)
        found: list[list[int]] = numbers.tolist()
        return found

    async def ask(self, text: str) -> list[int]:
        """`nearest` for one text, together with whatever else is asked in this turn of the loop."""
        loop = asyncio.get_running_loop()
        if self._together is None or self._loop is not loop:
            # A forked child has another loop, and nothing that was asked on the old one.
            self._loop, self._together = loop, Together(self._answer)
        scope = current_scope()
        try:
            return await self._together.ask((text, scope))
        except (LMTransient, BudgetExhausted) as error:
            if scope is not None and scope.rollout is not None:
                scope.rollout.outage = error
            raise

    async def _answer(self, asked: list[_Asked]) -> list[list[int] | Exception]:
        """Each run on its own: what one may not pay for, or cannot, is no matter of the others."""
        answers: list[list[int] | Exception] = [[]] * len(asked)
        runs: dict[int, list[int]] = {}
        for place, (_, scope) in enumerate(asked):
            runs.setdefault(0 if scope is None else id(scope.ledger), []).append(place)
        for places in runs.values():
            scope = asked[places[0]][1]
            # It is part of no one rollout, so an outage that one text meets is none of the first asker's.
            state = RolloutState()
            with outside() if scope is None else use_scope(scope, rollout=state):
                found = await self._found([asked[place][0] for place in places])
            if scope is not None and scope.rollout is not None:
                scope.rollout.usage += state.usage
            for place, answer in zip(places, found, strict=True):
                answers[place] = answer
        return answers

    async def _found(self, texts: Sequence[str]) -> Sequence[list[int] | Exception]:
        """`nearest`, with an error in the place of each text that has one."""
        try:
            return await self.nearest(texts)
        except (LMTransient, LMAccessDenied, BudgetExhausted) as error:
            return [error] * len(texts)
        except Exception as error:  # a user's embedder may raise anything; whoever asked gets it
            if len(texts) == 1:
                return [error]
        # One of them is at fault, such as one that is too long, and the others only stood beside it.
        alone = await all_of(self._found([text]) for text in texts)
        return [answer for answers in alone for answer in answers]

    @functools.cached_property
    def digest(self) -> str:
        """A fingerprint of the index."""
        return _digest(self._saved())

    def save(self, path: Path) -> None:
        """Write the index, whole or not at all."""
        self.index.save(path)

    def _saved(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            self.index.save(Path(folder, "index.knn"))
            return Path(folder, "index.knn").read_bytes()


def opened(path: Path, digest: str) -> Index:
    """The index in a file.

    Args:
        path: The file.
        digest: The fingerprint that it must have.

    Raises:
        StateError: There is none, or it is damaged, or of another program.
    """
    what_to_do = "Put the .knn file back that was saved with the .json file, or compile the program anew."
    try:
        with path.open("rb") as file:
            there = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StateError(f"The index {str(path)!r} cannot be read: {error}. {what_to_do}") from error
    if there != digest:
        raise StateError(f"{str(path)!r} is damaged, or the index of another program. {what_to_do}")
    return Index.load(path)


def _digest(saved: bytes) -> str:
    return hashlib.sha256(saved).hexdigest()


def _from_bytes(embedder: Embedder, saved: bytes, k: int) -> Neighbours:
    # An open index reads its file on, which not every system lets go meanwhile.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, "index.knn")
        path.write_bytes(saved)
        return Neighbours(embedder, Index.load(path), k)
