"""Teacher rollouts on training examples: each made at most once, shared by all who need it.

Whoever wants demos asks for the first passing examples in an order of its own. Examples run in
parallel, and no run is started that could turn out not to be needed: as many are under way as are
still missing. So the runs made are exactly those up to the last one needed, at any concurrency.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from burnish.errors import ConfigError
from burnish.modules.binding import names_of
from burnish.stages.select import Demo, showing
from burnish.values.rollout import Rollout
from burnish.values.score import Status
from burnish.values.space import Candidate, Choice

# Runs the teacher on example `place`, attempt `round`; None where it did not pass.
Attempt = Callable[[int, int], Awaitable[Rollout | None]]


class Teacher:
    """Runs a teacher on examples, remembering what passed.

    Args:
        attempt: One run on one example.
        max_rounds: Attempts an example at most; the first that passes counts.
    """

    def __init__(self, attempt: Attempt, *, max_rounds: int = 1) -> None:
        self._attempt = attempt
        self._max_rounds = max_rounds
        self._runs: dict[int, asyncio.Task[Rollout | None]] = {}

    async def first_passing(self, order: Sequence[int], *, need: int) -> list[Rollout]:
        """The first `need` passing rollouts, in this order of examples.

        Args:
            order: Places of examples, the one wanted first in front.
            need: How many; fewer come back where fewer pass.
        """
        queue = iter(order)
        running: dict[asyncio.Task[Rollout | None], int] = {}
        # A queue of what has ended: to wait for the set of all that runs costs its size each time.
        ended: asyncio.Queue[asyncio.Task[Rollout | None]] = asyncio.Queue()
        passed: dict[int, Rollout] = {}
        try:
            while True:
                while len(passed) + len(running) < need:
                    place = next(queue, None)
                    if place is None:
                        break
                    task = self._run(place)
                    running[task] = place
                    task.add_done_callback(ended.put_nowait)
                if not running:
                    return [passed[place] for place in order if place in passed]
                task = await ended.get()
                place = running.pop(task)
                rollout = task.result()
                if rollout is not None:
                    passed[place] = rollout
        finally:
            # Only an error leaves runs behind, and nothing of them may go on once it is out.
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _run(self, place: int) -> asyncio.Task[Rollout | None]:
        if place not in self._runs:
            task = self._runs[place] = asyncio.create_task(self._rounds(place))
            # Read once: where several fail alike, the first is raised and the others say no more.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return self._runs[place]

    async def _rounds(self, place: int) -> Rollout | None:
        for number in range(self._max_rounds):
            rollout = await self._attempt(place, number)
            if rollout is not None:
                return rollout
        return None


def teacher_candidate(program: Any, shown: Mapping[str, Sequence[Demo]], lm: Any, number: int) -> Candidate:
    """The teacher for one round: labelled demos, its LM, and temperature 1 after the first."""
    config = {"temperature": 1.0, "rollout_id": number} if number else {}
    if not shown and lm is None and not config:
        return Candidate("teacher")
    demos = showing("teacher", shown).choices
    choices = {}
    for name, _ in program.named_predictors(frozen=True):
        choice = demos.get(name, Choice())
        choices[name] = Choice(demos=choice.demos, sources=choice.sources, lm=lm, config=config)
    return Candidate("teacher", choices)


def passes(rollout: Rollout, threshold: float | None) -> bool:
    """Whether a teacher's rollout is good enough for a demo; None takes what the metric's truth says."""
    if rollout.status is not Status.SCORED:
        return False
    if rollout.score is None:
        return True
    return bool(rollout.score) if threshold is None else rollout.score.value >= threshold


def adopted(teacher: Any, predictors: Mapping[str, Any]) -> dict[int, str]:
    """`id` → name of a teacher's predictors, whose steps become the demos of the student's of the same names.

    Args:
        teacher: The program that is run.
        predictors: The student's predictors by name.

    Raises:
        ConfigError: The teacher lacks one of them, or a field of one.
    """
    theirs = dict(teacher.named_predictors(frozen=True))
    for name, predictor in predictors.items():
        there = theirs.get(name)
        lacking = predictor.signature.fields.keys() - (there.signature.fields.keys() if there else ())
        if lacking:
            what = f"predictor {name!r}" if there is None else f"{', '.join(sorted(lacking))} in predictor {name!r}"
            raise ConfigError(
                f"The teacher has no {what}, which the student has. Both must be of the same structure, so that "
                "the teacher's steps can become the student's demos."
            )
    return names_of(teacher)
