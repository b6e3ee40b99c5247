"""What Burnish does: its searchers under its schedules, on a replayed table instead of a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from benches.python.search.baselines import shuffled
from benches.python.search.replay import Outcome, Replay

from burnish.stages.schedule import Confirmed, Rejects, Steps, expected, ranked
from burnish.stages.search import Picks, RandomSearcher, SurrogateSearcher, TPESearcher
from burnish.values.board import Board
from burnish.values.score import Status
from burnish.values.space import Slot, Space


class Race:
    """A board that replayed cells fill, as a session's board is filled by program runs."""

    def __init__(self, replay: Replay, seed: int, searcher: Callable) -> None:
        self.replay = replay
        self.order = shuffled(replay, np.random.default_rng([seed, 6]))
        self.asks = searcher(Space([Slot("", "", range(size)) for size in replay.sizes]), seed)
        self.board, self.tried, self.steps = Board(), [], 0
        self.numbers: dict[Picks, int] = {}

    def measure(self, wanted: Sequence[tuple[Picks, range]]) -> None:
        """Pay for candidates on places of the order; what is known is not paid for again."""
        self.steps += 1
        for picks, places in wanted:
            if picks not in self.numbers:
                self.numbers[picks] = len(self.tried)
                self.tried.append(picks)
            scores = self.replay.ask(self.number(picks), [self.order[place] for place in places])
            for place, score in zip(places, scores, strict=True):
                if not self.board.known(self.numbers[picks], place):
                    self.board.put(self.numbers[picks], place, score, Status.SCORED)
        assert self.replay.paid == len(self.board) <= self.replay.budget

    def follow(self, schedule: Steps | Rejects) -> None:
        """Search until the schedule has nothing left to measure."""
        while cells := schedule.next(self.asks, self.tried, self.board):
            self.measure([(picks, range(examples)) for picks, examples in cells])

    def best(self, among: Sequence[Picks] = ()) -> tuple[Picks, float]:
        """The winner, of these where some are given, and what is expected of it."""
        best = next(p for p in ranked(self.asks, self.tried, self.board) if not among or p in among)
        return best, expected(self.asks, self.tried, self.board)[self.numbers[best]]

    def number(self, picks: Picks) -> int:
        """The candidate's number in the table."""
        return int(self.replay.number([picks])[0])


def run(replay: Replay, seed: int, searcher: Callable, schedule: Callable) -> Outcome:
    """The search alone: it spends all, and reports what it expects."""
    race = Race(replay, seed, searcher)
    race.follow(schedule(replay.budget, replay.n_val))
    best, mean = race.best()
    return Outcome(race.number(best), mean, race.steps, surrogate=mean)


def default(replay: Replay, seed: int, **settings) -> Outcome:
    """What MIPROv2 does by default, by the schedule that it follows: the search, then winner and student side by side, and the better of both.

    It reports the winner's mean on the examples that were kept back, and where none were its mean on all that it saw. A compile also returns the
    student where it is better on these beyond doubt, which is not replayed: it was so in none of 128 replays, eight a table.
    """
    race = Race(replay, seed, SurrogateSearcher)
    schedule = Confirmed(replay.budget, replay.n_val, **settings)
    race.follow(schedule.search)
    best, mean = race.best()
    student = (0,) * len(replay.sizes)
    race.measure(schedule.confirmation(best, student, race.tried, race.board))
    best, mean = race.best((best, student))
    first = replay.n_val - schedule.fresh if schedule.fresh else 0
    known = [place for place in range(first, replay.n_val) if race.board.known(race.numbers[best], place)]
    on = tuple(race.order[place] for place in known)
    reported = float(replay.ask(race.number(best), on).mean())
    return Outcome(race.number(best), reported, race.steps, on, mean)


def search_alone(replay: Replay, seed: int, **settings) -> Outcome:
    """The default's search with all of the budget, and nothing confirmed."""
    return run(replay, seed, SurrogateSearcher, lambda budget, examples: Steps(budget, examples, **settings))


def tpe_in_steps(replay: Replay, seed: int) -> Outcome:
    return run(replay, seed, TPESearcher, Steps)


def rejects(replay: Replay, seed: int) -> Outcome:
    return run(replay, seed, RandomSearcher, Rejects)


def rejects_then_read(replay: Replay, seed: int) -> Outcome:
    """Successive rejects on a balanced design, its winner read off the surrogate."""
    return run(replay, seed, SurrogateSearcher, Rejects)
