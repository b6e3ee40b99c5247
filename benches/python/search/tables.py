"""Score tables that a strategy searches: what each candidate scores on each example, and how good it really is.

A candidate is one choice for each slot, known by its number in counting order. A **trial** of a table is one draw of
its examples: those that a strategy may pay for, and disjoint ones that say how good a candidate is. Synthetic tables
compute a cell when it is asked for, so a space of millions costs nothing; recorded ones hold every cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.special import ndtri

RECORDED = Path(__file__).parent / "tables"
_TEST = 1000


@dataclass(frozen=True)
class Synthetic:
    """Scores made of effects, in logits.

    A candidate's worth is the sum of its choices' effects, of pairs of choices and of its own residual; shares say how
    the variance is divided. A cell is worth this, less the example's difficulty, plus what each of its choices does to this
    example, plus logistic noise of its own: right where the sum is above 0, or, where scores are graded, its logistic
    function in elevenths.

    Attributes:
        sizes: Choices of each slot, instructions and demos in turn.
        n_val: Examples to pay for.
        spread: Standard deviation of the candidates' worth.
        shares: Of its variance, what main effects, pairs and the residual have.
        difficulty: Standard deviation of the examples' difficulty.
        level: Mean worth over all cells.
        with_example: Standard deviation of what the choices of a candidate do to one example: candidates that share a choice
            are then right on the same examples, whether or not that choice is the better one.
        default: Worth of the default program's choices against the mean, in standard deviations.
    """

    name: str
    sizes: tuple[int, ...]
    n_val: int
    spread: float
    shares: tuple[float, float, float]
    difficulty: float = 3.0
    level: float = 0.8
    graded: bool = False
    with_example: float = 0.0
    default: float = -1.0
    seed: int = 0
    worth: np.ndarray = field(init=False, repr=False)
    deviations: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng([self.seed, 7, *self.sizes])
        main, pairs, residual = self.shares
        n = len(self.sizes)
        # Which predictor and which part matters differs: a Dirichlet divides the variance among slots.
        weights = random.dirichlet(np.full(n, 1.5))
        worth = np.zeros(self.sizes)
        for slot, size in enumerate(self.sizes):
            effect = _unit(random.standard_normal(size)) * np.sqrt(main * weights[slot])
            worth += effect.reshape([-1 if other == slot else 1 for other in range(n)])
        couples = [(a, b) for a in range(n) for b in range(a + 1, n)]
        weights = random.dirichlet(np.full(max(len(couples), 1), 1.5))
        for (a, b), weight in zip(couples, weights, strict=False):
            effect = _unit(random.standard_normal((self.sizes[a], self.sizes[b]))) * np.sqrt(pairs * weight)
            worth += effect.reshape([size if other in (a, b) else 1 for other, size in enumerate(self.sizes)])
        worth += np.sqrt(residual) * random.standard_normal(self.sizes)
        worth = worth.ravel()
        worth = (worth - worth.mean()) / worth.std()
        # The program as it is given is seldom the best of its space.
        worth[0] = self.default
        object.__setattr__(self, "deviations", self.with_example * np.sqrt(random.dirichlet(np.full(n, 1.5))))
        object.__setattr__(self, "worth", self.level + self.spread * worth)

    def trial(self, number: int) -> Trial:
        """The table with new examples."""
        random = np.random.default_rng([self.seed, 11, number])
        difficulty = self.difficulty * random.standard_normal(self.n_val + _TEST)
        key = int(random.integers(1 << 62))

        def score(candidates: np.ndarray, examples: np.ndarray) -> np.ndarray:
            noise = _uniform(candidates, examples, key)
            worth = self.worth[candidates] - difficulty[examples] + np.log(noise / (1 - noise))
            worth += self.on_examples(candidates, examples, key)
            return np.round(10 / (1 + np.exp(-worth))) / 10 if self.graded else (worth > 0).astype(float)

        # What choices do to one example, over all examples.
        spread = self.with_example * (ndtri((np.arange(31) + 0.5) / 31) if self.with_example else np.zeros(1))
        # Expected scores of the examples of the test part: what a great many repetitions would give.
        grid = np.linspace(self.worth.min(), self.worth.max(), 200)
        levels = (np.arange(400) + 0.5) / 400
        noise = np.log(levels / (1 - levels)) if self.graded else None
        harder = (difficulty[self.n_val :, None] - spread).ravel()
        truth = np.array([_expected(worth - harder, noise) for worth in grid])
        return Trial(self.sizes, self.n_val, score, np.interp(self.worth, grid, truth))

    def on_examples(self, candidates: np.ndarray, examples: np.ndarray, key: int) -> np.ndarray | float:
        """What the candidates' choices do to these examples."""
        if not self.with_example:
            return 0.0
        choices = np.unravel_index(candidates, self.sizes)
        slots = zip(self.deviations, choices, strict=True)
        return sum(by * ndtri(_uniform(at, examples, key + 1 + slot)) for slot, (by, at) in enumerate(slots))


@dataclass(frozen=True)
class Recorded:
    """Scores of real runs: every candidate of a space on every example; each trial divides the examples anew."""

    name: str
    sizes: tuple[int, ...]
    scores: np.ndarray
    n_val: int

    @classmethod
    def load(cls, path: Path) -> Recorded:
        """The table in a file that `save` wrote."""
        with np.load(path) as file:
            bits = np.unpackbits(file["right"])[: int(np.prod(file["shape"]))]
            scores = bits.reshape(file["shape"]).astype(float)
            return cls(path.stem.replace("_", " "), tuple(file["sizes"].tolist()), scores, int(file["n_val"]))

    def save(self, path: Path) -> None:
        """Write the table, a bit a cell."""
        right = self.scores.astype(bool)
        assert (right == self.scores).all(), "only right and wrong are packed"
        shape = np.array(self.scores.shape)
        np.savez_compressed(path, right=np.packbits(right), shape=shape, sizes=self.sizes, n_val=self.n_val)

    def trial(self, number: int) -> Trial:
        """The table with its examples divided anew."""
        order = np.random.default_rng([5, number]).permutation(self.scores.shape[1])
        val, test = order[: self.n_val], order[self.n_val :]
        return Trial(self.sizes, self.n_val, lambda c, e: self.scores[c, val[e]], self.scores[:, test].mean(1))


class Trial:
    """One draw of a table's examples.

    Attributes:
        sizes: Choices of each slot.
        n_val: Examples that can be asked for, from 0 on.
        truth: Mean score of each candidate on the disjoint examples.
    """

    def __init__(self, sizes, n_val, score, truth) -> None:
        self.sizes, self.n_val, self.score, self.truth = tuple(sizes), n_val, score, truth


def synthetic() -> list[Synthetic]:
    """The synthetic tables: spaces of MIPROv2's light and medium sizes with one, two and four predictors."""
    additive, paired, ragged = (0.7, 0.2, 0.1), (0.4, 0.4, 0.2), (0.2, 0.2, 0.6)
    return [
        Synthetic("1 predictor, light, low spread", (6, 6), 100, 0.35, additive, 3.0, seed=1),
        Synthetic("1 predictor, light, unstructured", (6, 6), 100, 0.6, ragged, 4.0, seed=2),
        Synthetic("1 predictor, medium", (12, 12), 300, 0.6, paired, 3.0, seed=3),
        Synthetic("1 predictor, medium, graded", (12, 12), 300, 0.4, additive, 2.0, graded=True, seed=4),
        Synthetic("2 predictors, light", (6, 6, 6, 6), 100, 0.6, additive, 3.0, seed=5),
        Synthetic("2 predictors, light, low spread", (6, 6, 6, 6), 100, 0.3, paired, 4.0, seed=6),
        Synthetic("2 predictors, medium", (12, 12, 12, 12), 300, 0.6, paired, 3.0, seed=7),
        Synthetic("2 predictors, medium, unstructured", (12, 12, 12, 12), 300, 0.5, ragged, 4.0, seed=8),
        Synthetic("4 predictors, light", (6,) * 8, 100, 0.7, additive, 3.0, seed=9),
        Synthetic("4 predictors, medium set, pairs", (6,) * 8, 300, 0.5, paired, 2.5, seed=10),
        Synthetic("1 predictor, medium, by example", (12, 12), 100, 0.4, additive, 3.0, with_example=2.0, seed=11),
        Synthetic("2 predictors, light, by example", (6, 6, 6, 6), 100, 0.4, paired, 3.0, with_example=2.0, seed=12),
        Synthetic("2 predictors, medium, by example", (12,) * 4, 300, 0.5, paired, 3.0, with_example=3.0, seed=13),
    ]


def recorded() -> list[Recorded]:
    """The recorded tables, by name."""
    return [Recorded.load(path) for path in sorted(RECORDED.glob("*.npz"))]


def _unit(effect: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1."""
    return (effect - effect.mean()) / effect.std()


def _expected(worth: np.ndarray, noise: np.ndarray | None) -> float:
    if noise is None:
        return float((1 / (1 + np.exp(-worth))).mean())
    return float((np.round(10 / (1 + np.exp(-(worth[:, None] + noise)))) / 10).mean())


def _uniform(candidates: np.ndarray, examples: np.ndarray, key: int) -> np.ndarray:
    """A number above 0 and below 1 for each cell, by the finish of SplitMix64."""
    state = np.asarray(candidates, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state += np.asarray(examples, np.uint64) * np.uint64(0xD1B54A32D192ED03) + np.uint64(key)
    for multiplier, shift in ((0xBF58476D1CE4E5B9, 30), (0x94D049BB133111EB, 27)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(multiplier)
    state ^= state >> np.uint64(31)
    return ((state >> np.uint64(11)).astype(float) + 0.5) / float(1 << 53)
