"""`Session`: what a recipe works with while it searches.

It holds the program, the data, the board and the runner, and offers the stages by name:
`bootstrap`, `score`, `race`. Everything that a run brings (limit, budget, journal, events) comes
with them.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from burnish.engine.events import EventStream
from burnish.engine.journal import RunJournal
from burnish.engine.judge import Judge
from burnish.engine.meter import BudgetMeter
from burnish.engine.runner import Runner
from burnish.errors import BudgetExhausted, RunStopped
from burnish.lm.scope import Scope, new_run, use_scope
from burnish.lm.settings import settings
from burnish.loop import all_of
from burnish.modules.binding import names_of
from burnish.optimizers.gain import told_gain
from burnish.optimizers.racing import race_on
from burnish.optimizers.watch import Watch, tell_of
from burnish.stages import score as stage_score
from burnish.stages.bootstrap import Teacher, adopted, passes, teacher_candidate
from burnish.stages.finish import build
from burnish.stages.propose import Wanted, proposed
from burnish.stages.select import Demo, bootstrapped, labelled, leaving_out, showing, traced_back
from burnish.values.board import Board
from burnish.values.example import Example
from burnish.values.report import SHARE_TO_LEAD, Report, Standing
from burnish.values.rollout import Cell, Rollout
from burnish.values.score import Status
from burnish.values.seed import draw
from burnish.values.space import Candidate
from burnish.values.teaching import teaches
from burnish.values.trial import Searched
from burnish.values.usage import Usage


class Session:
    """One compile.

    Attributes:
        student: The program; read only.
        trainset: Examples to learn from.
        valset: Examples to choose by; the trainset where none was given.
        predictors: Names of the predictors that may be changed.
        names: `id` of each predictor → its name, for the teacher's predictors too.
        seed: Every draw comes from it.
        board: All scores so far.
        candidates: What stands on the board, in the order of its numbers; number 0 is the baseline.
        decisions: What was decided, in words, for the report.
        searched: What the search notes for it besides.
    """

    def __init__(
        self,
        student: Any,
        trainset: list[Example],
        *,
        valset: list[Example] | None,
        teacher: Any,
        judge: Judge | None,
        seed: int,
        limit: int,
        max_errors: int | None,
        journal: RunJournal | None,
        meter: BudgetMeter | None,
        events: EventStream,
    ) -> None:
        self.student = student
        self.trainset = trainset
        self.valset = trainset if valset is None else valset
        self._tunable = dict(student.named_predictors())
        self.predictors = list(self._tunable)
        self.names = names_of(student)
        self.seed = seed
        self.board = Board()
        self.candidates: list[Candidate] = []
        self.decisions: list[str] = []
        self.searched = Searched()
        self._own_valset = valset is not None
        self._troubles: list[Rollout] = []
        self._best: Standing | None = None
        self._scored = 0
        self._started = time.monotonic()
        self._events = events
        self._scope = new_run(limit=limit, watch=events, journal=journal, meter=meter)
        # Scores are kept without the program's name, so those of a run around this one say nothing.
        self._recall = journal is not None
        self._meter = meter
        self._judge = judge
        self._limit = limit
        self._max_errors = max_errors
        self._runner = self._new_runner(student)
        self._teacher = teacher
        if teacher is not None:
            self.names = {**self.names, **adopted(teacher, self._tunable)}

    async def bootstrap(
        self,
        orders: Sequence[tuple[Sequence[int], int]],
        *,
        max_rounds: int = 1,
        threshold: float | None = None,
        labelled_demos: int = 0,
        shown_to: Callable[[int], Mapping[str, Sequence[Demo]]] | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
    ) -> list[list[Rollout]]:
        """The first passing teacher rollouts, for several orders of the trainset at once.

        Args:
            orders: For each result: places in the trainset, the one wanted first in front, and how
                many passing rollouts are needed.
            max_rounds: Attempts an example; those after the first at temperature 1.
            threshold: The score that passes; None takes what the metric's truth says.
            labelled_demos: Labelled examples to show the teacher, where it is the student itself: one draw.
            shown_to: Chooses them instead, predictor name → demos, for the example at each place.
            teacher_settings: Settings for the teacher's calls, such as ``{"lm": ...}``.

        Returns:
            For each order its passing rollouts, in that order.
        """
        options = dict(teacher_settings or {})
        lm = options.pop("lm", None)
        program = self._teacher or self.student
        runner = self._runner
        if self._teacher is not None:
            runner = self._new_runner(program)
        shown: dict[str, list[Demo]] = {}
        if self._teacher is not None:
            # It has demos of its own.
            shown_to = None
        elif shown_to is None and labelled_demos and not program._compiled:
            drawn = labelled(self.trainset, k=labelled_demos, seed=self.seed, purpose="teacher")
            shown = dict.fromkeys(self.predictors, drawn)
        rounds = [teacher_candidate(program, shown, lm, number) for number in range(max_rounds)]

        async def attempt(place: int, number: int) -> Rollout | None:
            candidate = rounds[number]
            if shown_to is not None:
                candidate = teacher_candidate(program, shown_to(place), lm, number)
            cell = Cell(leaving_out(candidate, place), self.trainset[place], place)
            with settings.context(**options):
                (rollout,) = await runner.run([cell], stage="bootstrap", traced=True)
            if shown_to is not None:
                # A prompt of one example's own serves one run; kept, they would grow with the trainset.
                for choice in cell.candidate.choices.values():
                    choice.prompts.clear()
            self._note([rollout])
            return rollout if passes(rollout, threshold) else None

        teacher = Teacher(attempt, max_rounds=max_rounds)
        passing = await all_of(teacher.first_passing(order, need=need) for order, need in orders)
        if self._troubles:
            # In front: proposals may be written beside it, and which of the two ends first is of no matter.
            self.decisions.insert(0, f"While bootstrapping, {_told(self._troubles)}")
        return passing

    def demos_of(self, rollouts: Sequence[Rollout]) -> dict[str, list[Demo]]:
        """The steps of passing rollouts as demos, for each predictor."""
        return bootstrapped(rollouts, self.names, per_predictor=max(len(rollouts), 1), seed=self.seed)

    async def score(self, candidates: Sequence[Candidate], *, stop_at: float | None = None) -> None:
        """Score candidates on the whole valset and put them on the board.

        All cells run together. Where the valset is the trainset, no candidate is shown the example
        that it answers.

        Args:
            candidates: What to score; they get the next numbers.
            stop_at: A mean that is good enough: of the candidates, in their order, those after the
                first that reaches it are dropped.
        """
        first = self.enter(candidates).start
        size = len(self.valset)
        watch = Watch(self, first, size, stop_at)
        cells = [(number, place) for number in range(first, len(self.candidates)) for place in range(size)]
        rollouts = await self._run(cells, done=watch.done)
        kept = len(candidates) if watch.good_enough is None else watch.good_enough + 1
        for number in range(kept):
            self.board.add(first + number, rollouts[number * size : (number + 1) * size])
        if kept < len(candidates):
            del self.candidates[first + kept :]
            name = candidates[kept - 1].name
            self.decisions.append(f"{name!r} reached the score asked for; {len(candidates) - kept} more were dropped.")

    @functools.cached_property
    def order(self) -> list[int]:
        """The valset's places in the one order in which candidates that are compared see them."""
        return draw(self.seed, "examples in order").sample(range(len(self.valset)), len(self.valset))

    def goes_on(self) -> bool:
        """Whether the budget lets more be run."""
        return self._exhausted() is None

    def enter(self, candidates: Sequence[Candidate]) -> range:
        """Give candidates the next numbers on the board, without any score.

        Those that come when there are scores may be built on any candidate before them: had another one been the best, there
        would be others in their place, and these count among what was possible.
        """
        first = len(self.candidates)
        bases = self.searched.built if self.board else 1
        self.searched.built += bases * len(candidates)
        self.candidates.extend(candidates)
        return range(first, len(self.candidates))

    async def measure(self, cells: Sequence[tuple[int, int]]) -> None:
        """Run candidates on examples of the valset, all at once, and put the scores on the board.

        Args:
            cells: Numbers of candidates, each with a place in the valset; what the board knows is not run again.
        """
        unknown = [cell for cell in dict.fromkeys(cells) if not self.board.known(*cell)]
        rollouts = await self._run(unknown)
        for (number, _), rollout in zip(unknown, rollouts, strict=True):
            self.board.add(number, [rollout])
        if unknown:
            self._best = tell_of(self, {number for number, _ in unknown}, self._best)

    async def _run(
        self, cells: Sequence[tuple[int, int]], *, done: Callable[[int, Rollout], bool] | None = None
    ) -> list[Rollout]:
        """Run cells of the board; no candidate is shown the example that it answers."""
        rows = [
            Cell(
                self.candidates[number] if self._own_valset else leaving_out(self.candidates[number], place),
                self.valset[place],
                place,
            )
            for number, place in cells
        ]

        def ended(place: int, rollout: Rollout) -> bool:
            # A prompt without one demo serves one cell; kept, they would grow with the square of the demos.
            if rollout.cell.candidate is not self.candidates[cells[place][0]]:
                for choice in rollout.cell.candidate.choices.values():
                    choice.prompts.clear()
            return done is not None and done(place, rollout)

        rollouts = await self._runner.run(rows, stage="score", recall=self._recall, done=ended)
        self._note(rollouts)
        return rollouts

    def means(self) -> list[float]:
        """Each candidate's mean score so far; below any score where it has none."""
        return [standing.mean if standing.n else -math.inf for standing in self.standings()]

    def best_of(self, numbers: Sequence[int]) -> int:
        """Who of these has the best mean; ties keep the earlier.

        Those that were measured on far fewer examples than the others do not count: a race drops who is beaten on examples that may be
        easier than the rest, and a budget may end in the midst of a candidate.
        """
        standings = self.standings()
        most = max(standings[number].n for number in numbers)
        enough = [number for number in numbers if standings[number].n >= SHARE_TO_LEAD * most]
        return max(enough, key=lambda number: standings[number].mean) if most else numbers[0]

    def standings(self) -> list[Standing]:
        """How each candidate stands, by its number."""
        return stage_score.standings(self.board, [candidate.name for candidate in self.candidates])

    async def race(self, candidates: Sequence[Candidate], *, stop_at: float | None = None) -> None:
        """Find the best of the candidates, and spend little on those that are beaten: see `racing`.

        Args:
            candidates: What to compare; they get the next numbers.
            stop_at: A mean that is good enough; then each is scored in full, as by `score`.
        """
        if stop_at is not None:
            await self.score(candidates, stop_at=stop_at)
        else:
            await race_on(self, self.enter(candidates))

    def check_measured(self) -> None:
        """Refuse to end as if all were well where nothing succeeded.

        Raises:
            RunStopped: Programs were run, and not one run was scored; a budget that is used up is none of this.
        """
        if self._troubles and not self._scored and self._exhausted() is None:
            raise RunStopped(
                f"Stopped: not one run succeeded, so there is nothing to choose by: {_told(self._troubles)} Mend the cause "
                "and run again; with run_dir= set, nothing that was received is asked for again."
            )

    def leader(self) -> Candidate:
        """The best candidate so far; ties keep the earlier, and without scores the first or the student."""
        if not self.candidates:
            return self.baseline()
        number = stage_score.leader(self.board, len(self.candidates))
        return self.candidates[number or 0]

    def baseline(self) -> Candidate:
        """The student as it was given, its demos traced back to the examples that they are made of."""
        demos = {name: traced_back(p.demos, self.trainset) for name, p in self._tunable.items() if p.demos}
        return showing("as given", demos)

    def report(self, optimizer: str, winner: Candidate, *, run_dir: Any = None, before: Usage | None = None) -> Report:
        """What was found out; `before` is what the run had used before this process."""
        names = [candidate.name for candidate in self.candidates]
        gain, confirmed = told_gain(self, winner)
        exhausted = self._exhausted()
        failed = [r for r in self._troubles if r.status is Status.FAILED and r.cell.candidate.name in names]
        return Report(
            optimizer,
            stage_score.standings(self.board, names) if self.board else [],
            winner.name,
            gain,
            self._scope.ledger.stages(),
            "finished" if exhausted is None else str(exhausted),
            time.monotonic() - self._started,
            (*self.decisions, *([f"While scoring, {_told(failed)}"] if failed else [])),
            None if run_dir is None else str(run_dir),
            self._scope.ledger.predictors(),
            before or Usage(),
            lambda number: build(self.student, self.candidates[number]),
            [names[number] for number in stage_score.front(self.board, len(names))],
            self.searched.effects,
            tuple(self.searched.trials),
            confirmed,
            self.searched.ranking,
        )

    def tell(self, kind: str, **fields: Any) -> None:
        """Add to the run's events."""
        self._events.emit(kind, **fields)

    def inside(self) -> AbstractContextManager[Scope]:
        """The run around a block: models that the recipe asks by itself, and runs that it starts, are part of it."""
        return use_scope(self._scope, stage="search")

    async def propose(
        self, wanted: Sequence[Wanted], *, lm: Any = None, temperature: float = 1.0
    ) -> dict[str, list[str]]:
        """New instructions for predictors, each different from the others and from what the student has.

        Costs one call for each that is wanted, and one more for each that cannot be used at first.

        Args:
            wanted: What to ask for, see `burnish.stages.propose.Wanted`.
            lm: Who proposes; default is the model of the settings, else the student's own.
            temperature: Of the calls.

        Returns:
            For each predictor that something was wanted for, what can be used.
        """
        names = list(dict.fromkeys(one.predictor for one in wanted))
        known: dict[str, list[str]] = {name: [self._tunable[name].signature.instructions] for name in names}
        for one in wanted:
            known[one.predictor] += [text for text, _ in one.attempts]
        with use_scope(stage="propose"):
            found = await proposed(wanted, known, lm=self.prompt_model(lm), temperature=temperature)
        self.decisions.append(str(found))
        return found.instructions

    def prompt_model(self, lm: Any) -> Any:
        """Who writes about the program: the model given, else that of the settings, else the student's own."""
        own = [predictor.lm for predictor in self._tunable.values()]
        return lm or settings.lm or next((model for model in own if model is not None), None)

    def predictor(self, name: str) -> Any:
        """One of the student's predictors; read only."""
        return self._tunable[name]

    def teaches(self, predictor: str, example: Example) -> bool:
        """Whether a labelled example shows some input and some output of a predictor."""
        return teaches(self._tunable[predictor].signature, example)

    def _exhausted(self) -> BudgetExhausted | None:
        own = None if self._meter is None else self._meter.exhausted
        return own or self._runner.out_of_budget

    def _note(self, rollouts: Sequence[Rollout]) -> None:
        """Remember what went wrong, and whether anything succeeded at all."""
        self._troubles += [rollout for rollout in rollouts if rollout.status is not Status.SCORED]
        self._scored += sum(rollout.status is Status.SCORED for rollout in rollouts)

    def _new_runner(self, program: Any) -> Runner:
        return Runner(
            program, self._judge, scope=self._scope, limit=self._limit, max_errors=self._max_errors, tuned=True
        )


def _told(troubles: Sequence[Rollout]) -> str:
    """What went wrong in words, the same in whatever order it happened."""
    failed = sum(rollout.status is Status.FAILED for rollout in troubles)
    first = min(troubles, key=lambda rollout: rollout.cell.example_id)
    lost = f" and {len(troubles) - failed} were not measured" if len(troubles) > failed else ""
    return f"{failed} runs failed{lost}. The first: {(first.reason or '').rstrip('.')}."
