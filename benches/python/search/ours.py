"""What Burnish does: its searchers under its schedules, on a replayed table instead of a program."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from benches.python.search.baselines import shuffled
from benches.python.search.replay import Outcome, Replay

from burnish.stages.schedule import Rejects, Steps, expected, ranked
from burnish.stages.search import RandomSearcher, SurrogateSearcher, TPESearcher
from burnish.values.board import Board
from burnish.values.score import Status
from burnish.values.space import Slot, Space


def run(replay: Replay, seed: int, searcher: Callable, schedule: Callable) -> Outcome:
    """Searches until the schedule has nothing left to measure."""
    order = shuffled(replay, np.random.default_rng([seed, 6]))
    asks = searcher(Space([Slot("", "", range(size)) for size in replay.sizes]), seed)
    plan = schedule(replay.budget, replay.n_val)
    board, tried, numbers, steps = Board(), [], {}, 0
    while cells := plan.next(asks, tried, board):
        steps += 1
        for picks, examples in cells:
            if picks not in numbers:
                numbers[picks] = len(tried)
                tried.append(picks)
            scores = replay.ask(int(replay.number([picks])[0]), order[:examples])
            for example, score in enumerate(scores):
                if not board.known(numbers[picks], example):
                    board.put(numbers[picks], example, score, Status.SCORED)
    assert replay.paid == len(board) <= replay.budget
    best = ranked(asks, tried, board)[0]
    return Outcome(int(replay.number([best])[0]), expected(asks, tried, board)[numbers[best]], steps)


def surrogate(replay: Replay, seed: int, **settings) -> Outcome:
    return run(replay, seed, SurrogateSearcher, lambda budget, examples: Steps(budget, examples, **settings))


def tpe_in_steps(replay: Replay, seed: int) -> Outcome:
    return run(replay, seed, TPESearcher, Steps)


def rejects(replay: Replay, seed: int) -> Outcome:
    return run(replay, seed, RandomSearcher, Rejects)


def rejects_then_read(replay: Replay, seed: int) -> Outcome:
    """Successive rejects on a balanced design, its winner read off the surrogate."""
    return run(replay, seed, SurrogateSearcher, Rejects)
