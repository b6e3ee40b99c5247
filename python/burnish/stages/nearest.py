"""Training examples by how near they are: their vectors, the nearest others of each, and what a teacher made of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from burnish.loop import in_thread
from burnish.retrieve.embedder import Embedder
from burnish.retrieve.inputs import text_of_inputs
from burnish.retrieve.knn import Index
from burnish.retrieve.lengths import normalised
from burnish.stages.select import bootstrapped
from burnish.values.example import Example
from burnish.values.rollout import Rollout
from burnish.values.seed import draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def texts_of(trainset: Sequence[Example]) -> list[str]:
    """Each example's inputs as one text."""
    return [text_of_inputs(dict(example.inputs().items())) for example in trainset]


async def indexed(texts: Sequence[str], embedder: Embedder) -> tuple[Index, NDArray[np.float32]]:
    """The texts' vectors at length 1, as an index and as rows."""
    rows = normalised(await embedder.acall(texts))
    # At length 1 a product is a cosine; an empty text, of zeros, has a place all the same.
    index = Index(rows.shape[1], metric="ip")
    index.append(rows)
    return index, rows


async def nearest_others(index: Index, rows: NDArray[np.float32], texts: Sequence[str], *, k: int) -> list[list[int]]:
    """For each text the nearest others, nearest first, and no copies of it.

    Args:
        index: Of all of them.
        rows: The same vectors.
        texts: What they are vectors of.
        k: How many; fewer where there are no more, or copies are among the nearest.
    """
    numbers, _ = await in_thread(index.search, rows, min(k + 1, len(index)))
    return [[int(other) for other in found if texts[other] != texts[place]][:k] for place, found in enumerate(numbers)]


def made_by_teacher(
    rollouts: Sequence[Rollout], names: Mapping[int, str], *, examples: int, seed: int
) -> list[dict[str, Example]]:
    """The demo that each rollout gives each predictor, at the place of its training example.

    Args:
        rollouts: Rollouts that passed, one an example at most.
        names: `id` of each predictor → its name.
        examples: How many training examples there are.
        seed: Chooses among several calls of one predictor, see `bootstrapped`.
    """
    made: list[dict[str, Example]] = [{} for _ in range(examples)]
    for rollout in rollouts:
        place = rollout.cell.example_id
        own = draw(seed, "nearest", place).getrandbits(62)
        demos = bootstrapped([rollout], names, per_predictor=1, seed=own)
        made[place] = {name: shown[0].example for name, shown in demos.items()}
    return made
