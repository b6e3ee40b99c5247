"""What to measure next under a budget of program runs: how many candidates, and on which examples each.

Examples stand in one order, and a schedule names their places in it. Candidates share examples, so that what is hard for all is not
taken for a difference between them. A schedule keeps nothing: where it stands is told by the board, so a run that is resumed
goes on where it was.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from burnish.stages.score import standings
from burnish.stages.search import Picks, Searcher, SurrogateSearcher, rejects
from burnish.values.board import Board
from burnish.values.report import SHARE_TO_LEAD

# Differences on fewer examples than this drop next to nobody.
_FIRST_LOOK = 20
# Where so much has been seen, the rest costs less than another look is worth.
_ALMOST_ALL = 0.85
# So many candidates in a row see the same block first, the next ones the next block; after so many blocks the first comes again.
_SHARE_A_BLOCK, _BLOCKS = 8, 8
# Means that differ beyond so many digits are a tie.
_DIGITS = 9
# A surrogate's fit takes a second for so many candidates, and grows with their cube.
_MOST_CANDIDATES = 500
# A gain on fewer fresh examples than this says next to nothing: they are not kept back, and do not tell it.
FRESH_AT_LEAST = 20


# Candidates, and the places of the examples that each is to have been run on.
Wanted = list[tuple[Picks, list[int]]]


@dataclass(frozen=True, slots=True)
class Steps:
    """A few steps of small blocks, each on what the searcher makes of the last: what `searcher="surrogate"` is for.

    The first step measures a balanced design on a few shared blocks of examples in turn: on one block alone, a choice that happens to
    suit its examples would look good in all candidates that have it. At each further step, of equal cost, the
    searcher asks for candidates: a new one sees the block whose turn it is, one that was seen before half as many examples again
    as it has, the next ones in the order. The last step brings the best few to the same number of examples.

    Attributes:
        budget: Program runs in all.
        examples: How many examples there are.
        block: Examples that a new candidate sees; more under a budget that pays for more than 500 candidates.
        first: Share of the budget for the design.
        last: Share of it for the best few.
        steps: Steps in all, one after another; the runs of one are independent.
        finalists: How many the best few are.
        growth: Of the examples that a candidate has, the share that it sees more of when it comes again.
    """

    budget: int
    examples: int
    block: int = 7
    first: float = 0.15
    last: float = 0.1
    steps: int = 6
    finalists: int = 2
    growth: float = 0.5

    def next(self, searcher: Searcher, tried: Sequence[Picks], board: Board) -> Wanted:
        """What is to be run next; nothing where the budget is spent."""
        numbers = {picks: number for number, picks in enumerate(tried)}
        wanted = self._wanted(searcher, tried, board)
        for picks, _ in wanted:
            numbers.setdefault(picks, len(numbers))
        return [(picks, self.places(numbers[picks], count)) for picks, count in wanted]

    def _wanted(self, searcher: Searcher, tried: Sequence[Picks], board: Board) -> list[tuple[Picks, int]]:
        """Candidates with the number of examples that each is to have seen."""
        spent, seen = len(board), _seen(board)
        left = self.budget - spent
        block = min(self._block, self.examples)
        # A run that is left over when the best few have the same number of examples makes nobody better known.
        if left <= 0 or (spent and left < self.finalists and len(tried) > 1):
            return []
        if not spent:
            count = min(max(2, int(self.first * self.budget / block)), _MOST_CANDIDATES)
            return _affordable([(picks, block) for picks in searcher.ask([], board, count)], {}, left)
        step = self._until(spent) - spent
        have = {picks: seen[place] for place, picks in enumerate(tried)}
        if step > 0:
            closed = [place for place in range(len(tried)) if seen[place] >= self.examples]
            asked = searcher.ask(tried, board, math.ceil(step / block), closed=closed)
            new = [picks for picks in asked if picks not in have]
            late = set(new[max(_MOST_CANDIDATES - len(tried), 0) :])
            wanted = [
                (picks, min(self.examples, had + max(block, int(had * self.growth)) if had else block))
                for picks in asked
                if picks not in late
                for had in [have.get(picks, 0)]
            ]
            if wanted:
                return _affordable(wanted, have, min(step, left))
        best = ranked(searcher, tried, board)[: self.finalists]
        level = _level([range(have[picks]) for picks in best], range(self.examples), left)
        return [(picks, level) for picks in best if have[picks] < level]

    def places(self, number: int, count: int) -> list[int]:
        """The first examples of a candidate, by its number on the board: those of its block, the next ones, and after the last the first."""
        blocks = max(min(_BLOCKS, self.examples // self.block), 1)
        begin = number // _SHARE_A_BLOCK % blocks * self.block
        return [(begin + place) % self.examples for place in range(count)]

    @property
    def _block(self) -> int:
        """Larger under a budget that would pay for more candidates than a surrogate can be fitted to in time."""
        return max(self.block, int((1 - self.last) * self.budget / _MOST_CANDIDATES))

    def _until(self, spent: int) -> int:
        """The cost at which the step that is due ends; nothing more where only the last is left."""
        middle = max(self.steps - 2, 1)
        for step in range(1, middle + 1):
            end = int(self.budget * (self.first + (1 - self.first - self.last) * step / middle))
            # What is left of a step when its last candidate no longer fits is no step of its own.
            if end - spent >= self._block:
                return end
        return spent


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A search that keeps examples back, and then runs its winner and the student on them: what MIPROv2 does by default.

    What is kept back chose nothing, so the gain and the winner's score there are not flattered by the choice. Where there are
    too few examples or runs for that, the search sees all examples, and winner and student are brought to the same number.

    Attributes:
        budget: Program runs in all.
        examples: How many examples there are.
        fresh: How many of them are kept back: the last ones in the order.
        share: Share of the budget that confirming costs at most.
    """

    budget: int
    examples: int
    fresh: int
    share: float = 0.2

    @classmethod
    def of(cls, budget: int, examples: int, *, share: float = 0.2, kept: float = 0.4) -> Confirmed:
        """The schedule that keeps back this share of the examples at most, and as many as this share of the budget pays for.

        With another budget, by `dataclasses.replace`, the same examples are kept back: a search may go on under it.
        """
        fresh = min(int(kept * examples), int(share * budget / 2))
        return cls(budget, examples, fresh if fresh >= FRESH_AT_LEAST else 0, share)

    @property
    def search(self) -> Steps:
        """The schedule that finds the winner."""
        aside = 2 * self.fresh or min(2 * self.examples, int(self.share * self.budget))
        return Steps(max(self.budget - aside, 1), self.examples - self.fresh)

    def confirmation(self, winner: Picks, student: Picks, tried: Sequence[Picks], board: Board) -> Wanted:
        """On which examples winner and student are run once the search is over."""
        both = list(dict.fromkeys([student, winner]))
        if self.fresh:
            return [(picks, list(range(self.examples - self.fresh, self.examples))) for picks in both]
        seen, search = _seen(board), self.search
        numbers = {picks: tried.index(picks) for picks in both if picks in tried}
        have = [search.places(numbers[picks], seen[numbers[picks]]) if picks in numbers else [] for picks in both]
        order = search.places(numbers.get(winner, 0), self.examples)
        level = _level(have, order, self.budget - len(board))
        return [(picks, order[:level]) for picks in both]


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

    def next(self, searcher: Searcher, tried: Sequence[Picks], board: Board) -> Wanted:
        """What is to be run next; nothing where one candidate is left."""
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
        paid = _affordable(wanted, have, self.budget - len(board))
        return [(picks, list(range(examples))) for picks, examples in paid]


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


def _level(have: Sequence[Collection[int]], order: Sequence[int], budget: int) -> int:
    """How many examples, in this order, all candidates can be brought to that have these."""
    level, cost = 0, 0
    for place in order:
        cost += sum(place not in had for had in have)
        if cost > budget:
            break
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
