"""What to measure next under a budget of program runs: how many candidates, and on how many examples each.

All candidates see the examples in the same order, so that any two can be compared on what both saw. A schedule keeps nothing:
where it stands is told by the board, so a run that is resumed goes on where it was.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.stages.score import standings
from burnish.stages.search import MOST_CANDIDATES, Picks, Searcher, SurrogateSearcher, rejects
from burnish.values.board import Board
from burnish.values.report import SHARE_TO_LEAD

# Differences on fewer examples than this drop next to nobody.
_FIRST_LOOK = 20
# Where so much has been seen, the rest costs less than another look is worth.
_ALMOST_ALL = 0.85
# Means that differ beyond so many digits are a tie.
_DIGITS = 9
# A gain on fewer fresh examples than this says next to nothing: they are not kept back, and do not tell it.
FRESH_AT_LEAST = 20


@dataclass(frozen=True, slots=True)
class Steps:
    """A few steps of small blocks, each on what the searcher makes of the last: what `searcher="surrogate"` is for.

    The first step measures a balanced design on one shared block of examples. At each further one, of equal cost, the
    searcher asks for candidates: a new one sees the first block, one that was seen before half as many examples again
    as it has. Then it asks no more: pools of the best, each smaller than the one before, are brought to the same number of examples at
    equal cost. The runs of a step, and of a pool, are independent.

    Attributes:
        budget: Program runs in all.
        examples: How many examples there are.
        block: Examples that a new candidate sees; more under a budget that pays for more than 500 candidates.
        first: Share of the budget for the design.
        last: Share of it for the pools.
        steps: Steps before the pools, one after another.
        pools: How many of the best each pool holds.
        growth: Of the examples that a candidate has, the share that it sees more of when it comes again.
    """

    budget: int
    examples: int
    block: int = 5
    first: float = 0.15
    last: float = 0.35
    steps: int = 5
    pools: tuple[int, ...] = (16, 8, 4, 2)
    growth: float = 0.5

    def next(self, searcher: Searcher, tried: Sequence[Picks], board: Board) -> list[tuple[Picks, int]]:
        """Candidates with the number of examples that each is to have seen; none where the budget is spent."""
        spent, seen = len(board), _seen(board)
        left = self.budget - spent
        block = min(self._block, self.examples)
        if left <= 0:
            return []
        if not spent:
            count = min(max(2, int(self.first * self.budget / block)), MOST_CANDIDATES)
            return _affordable([(picks, block) for picks in searcher.ask([], board, count)], {}, left)
        step = self._until(spent) - spent
        number = {picks: place for place, picks in enumerate(tried)}
        have = {picks: seen[place] for picks, place in number.items()}
        if step > 0:
            closed = [place for place in number.values() if seen[place] >= self.examples]
            asked = searcher.ask(tried, board, math.ceil(step / block), closed=closed)
            new = [picks for picks in asked if picks not in have]
            late = set(new[max(MOST_CANDIDATES - len(tried), 0) :])
            wanted = [
                (picks, min(self.examples, had + max(block, int(had * self.growth)) if had else block))
                for picks in asked
                if picks not in late
                for had in [have.get(picks, 0)]
            ]
            if wanted:
                return _affordable(wanted, have, min(step, left))
        return self._pool(searcher, tried, board, have)

    @property
    def _block(self) -> int:
        """Larger under a budget that would pay for more candidates than a surrogate can be fitted to in time."""
        return max(self.block, int((1 - self.last) * self.budget / MOST_CANDIDATES))

    def _until(self, spent: int) -> int:
        """The cost at which the step that is due ends; nothing more where only the pools are left."""
        middle = max(self.steps - 1, 1)
        for step in range(1, middle + 1):
            end = int(self.budget * (self.first + (1 - self.first - self.last) * step / middle))
            # What is left of a step when its last candidate no longer fits is no step of its own.
            if end - spent >= self._block:
                return end
        return spent

    def _pool(
        self, searcher: Searcher, tried: Sequence[Picks], board: Board, have: Mapping[Picks, int]
    ) -> list[tuple[Picks, int]]:
        best = ranked(searcher, tried, board)
        part = self.last * self.budget / len(self.pools)
        for later, size in zip(reversed(range(len(self.pools))), self.pools, strict=True):
            left = self.budget - int(later * part) - len(board)
            # What is left over of an earlier pool is no step of its own, nor of the last less than a run for each.
            if left < (part / 2 if later else min(size, len(best))):
                continue
            pool = best[:size]
            level = _level([have[picks] for picks in pool], left, self.examples)
            if wanted := [(picks, level) for picks in pool if have[picks] < level]:
                return wanted
        return []


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A search that keeps examples back, and then runs its winner and the student on them: what MIPROv2 does by default.

    What is kept back chose nothing, so the gain and the winner's score there are not flattered by the choice. Where there are
    too few examples or runs for that, the search sees all examples, and winner and student are brought to the same number.

    Attributes:
        budget: Program runs in all.
        examples: How many examples there are.
        share: Share of the budget that confirming costs at most.
        kept: Share of the examples that is kept back at most.
    """

    budget: int
    examples: int
    share: float = 0.2
    kept: float = 0.4

    @property
    def fresh(self) -> int:
        """How many examples are kept back: the last ones in the order in which all candidates see them."""
        fresh = min(int(self.kept * self.examples), int(self.share * self.budget / 2))
        return fresh if fresh >= FRESH_AT_LEAST else 0

    @property
    def search(self) -> Steps:
        """The schedule that finds the winner."""
        aside = 2 * self.fresh or min(2 * self.examples, int(self.share * self.budget))
        return Steps(max(self.budget - aside, 1), self.examples - self.fresh)

    def confirmation(
        self, winner: Picks, student: Picks, tried: Sequence[Picks], board: Board
    ) -> list[tuple[Picks, range]]:
        """On which examples, by their place in the order, winner and student are run once the search is over."""
        both = list(dict.fromkeys([student, winner]))
        if self.fresh:
            return [(picks, range(self.examples - self.fresh, self.examples)) for picks in both]
        seen = _seen(board)
        have = [seen[tried.index(picks)] if picks in tried else 0 for picks in both]
        level = _level(have, self.budget - len(board), self.examples)
        return [(picks, range(level)) for picks in both]


@dataclass(frozen=True, slots=True)
class Rejects:
    """Successive rejects: a pool, and after each phase its worst is dropped. It has no parameter and learns nothing of slots.

    It does best where choices say little of one another. Source: Audibert, Bubeck and Munos 2010.

    Attributes:
        budget: Program runs in all.
        examples: How many examples there are.
        block: Examples that each candidate of the pool sees before the first is dropped: this makes the pool.
    """

    budget: int
    examples: int
    block: int = 10

    def next(self, searcher: Searcher, tried: Sequence[Picks], board: Board) -> list[tuple[Picks, int]]:
        """Candidates with the number of examples that each is to have seen; none where one is left."""
        seen = _seen(board)
        if not tried:
            pool, weight = 2, 1.0
            while (self.budget - pool - 1) / ((weight + 1 / (pool + 1)) * (pool + 1)) >= self.block:
                pool, weight = pool + 1, weight + 1 / (pool + 1)
            tried = searcher.ask([], board, pool)
        alive, examples = rejects(board, len(tried), examples=self.examples, budget=self.budget)
        if len(tried) == 1:
            # Nobody to race against: it is measured all the same.
            examples = self.examples
        wanted = [(tried[number], examples) for number in alive if seen[number] < examples]
        have = {picks: seen[number] for number, picks in enumerate(tried)}
        return _affordable(wanted, have, self.budget - len(board))


def blocks(examples: int) -> list[int]:
    """After how many examples a race looks who is beaten: a first block that can tell, each next half as large again.

    Example:
        >>> blocks(100)
        [20, 30, 45, 67, 100]
        >>> blocks(12)
        [12]
    """
    ends, end = [], _FIRST_LOOK
    while end < _ALMOST_ALL * examples:
        ends.append(end)
        end += max(end // 2, 1)
    return [*ends, examples]


def ranked(searcher: Searcher, tried: Sequence[Picks], board: Board) -> list[Picks]:
    """The candidates that were measured, best first; ties keep the earlier.

    By what the surrogate expects; under another searcher by their means, those of far fewer examples than the others' last.
    """
    means, seen = expected(searcher, tried, board), _seen(board)
    few = 0.0 if isinstance(searcher, SurrogateSearcher) else SHARE_TO_LEAD * max(seen.values(), default=0)
    measured = [place for place, mean in enumerate(means) if not math.isnan(mean)]
    scale = max((abs(means[place]) for place in measured), default=0.0) or 1.0

    def key(place: int) -> tuple[bool, float]:
        # Rounded, since the surrogate's expectations of what scored alike differ in their last digits.
        return seen[place] < few, -round(means[place] / scale, _DIGITS)

    return [tried[place] for place in sorted(measured, key=key)]


def expected(searcher: Searcher, tried: Sequence[Picks], board: Board) -> list[float]:
    """What each candidate is expected to score; nan for one that was never measured.

    The surrogate's expectation leans on what the slots say, and so is hardly flattered by choosing the best of it.
    """
    if isinstance(searcher, SurrogateSearcher):
        return searcher.advise(tried, board).mean
    return [standing.mean for standing in standings(board, [""] * len(tried))]


def _seen(board: Board) -> Counter[int]:
    """How many examples each candidate was asked, whatever came of it."""
    return Counter(board.candidate)


def _level(have: Sequence[int], budget: int, examples: int) -> int:
    """The number of examples that candidates which have seen so many can all be brought to."""
    level = 0
    while level < examples and sum(max(level + 1 - had, 0) for had in have) <= budget:
        level += 1
    return level


def _affordable(wanted: Sequence[tuple[Picks, int]], have: Mapping[Picks, int], budget: int) -> list[tuple[Picks, int]]:
    """As many of them, in their order, as the budget pays for; the last one in part."""
    found = []
    for picks, examples in wanted:
        had = have.get(picks, 0)
        cost = min(examples - had, budget)
        if cost <= 0:
            break
        budget -= cost
        found.append((picks, had + cost))
    return found
