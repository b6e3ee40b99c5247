"""`MIPROv2`: instructions and demos of every predictor, chosen together."""

from __future__ import annotations

import copy
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from burnish.engine.check import check_program, refuse_unknown
from burnish.engine.judge import Metric
from burnish.errors import ConfigError
from burnish.lm.settings import check_lm, context, settings
from burnish.loop import all_of, in_thread
from burnish.optimizers.arena import Arena
from burnish.optimizers.bootstrap_few_shot import BootstrapFewShot
from burnish.optimizers.demo_sets import LABELLED, UNSHUFFLED, ZERO_SHOT, demo_sets
from burnish.optimizers.estimate import Estimate
from burnish.optimizers.gain import told_gain
from burnish.optimizers.grounding import Grounding, labelled_rows
from burnish.optimizers.mipro_settings import Plan, check_auto, choices_of, split, trials_of
from burnish.optimizers.searchers import searcher_of
from burnish.optimizers.session import Session
from burnish.optimizers.slots import space_of
from burnish.optimizers.trials import trials
from burnish.stages.schedule import Confirmed
from burnish.stages.search import Searcher
from burnish.values.example import Example
from burnish.values.space import Candidate, Slot, Space
from burnish.values.whole import check_whole

# Demos that a proposal may look at where the prompts themselves are to show none.
_SHOWN_TO_PROPOSER = 3
_OURS = "surrogate"
# The original schedule: examples of a trial, and trials from one full evaluation to the next.
_MINIBATCH, _FULL_EVERY = 35, 5
# Options of `compile` that are numbers of something.
_COUNTED = ("num_trials", "minibatch_size", "minibatch_full_eval_steps", "view_data_batch_size")


class MIPROv2(BootstrapFewShot):
    """Proposes instructions, bootstraps sets of demos, and searches for the best of both for every predictor.

    What it does:
        Bootstraps sets of demos; has a model propose instructions, grounded in the program's code, its data, rows to look at and
        a tip each; then searches over (instructions × demos) of every predictor, the student's own among the choices. By
        default half of the instructions are written once the others have a first score, from what was tried; a surrogate of the
        scores then decides what is run next, on examples that all candidates share, with no more program runs than the original
        schedule may make; the winner and the student are then run on examples that were kept back (40% of the valset, a fifth
        of the runs at most; none where that is fewer than 20), which tell the gain, and whether the student stays. ``searcher="tpe"`` or another name runs the original
        schedule: trials on minibatches, full evaluations of the best so far.

    When it helps:
        With some 200 examples or more, and for programs of several predictors; with both demo maxima 0 prompts stay without demos.

    What it costs (LM calls):
        Bootstrapping as `BootstrapFewShot` does for each order; proposals: predictors × instructions, at most twice, and 6 for
        summaries, each at most twice; search: predictors × (trials × minibatch + (2 + trials / 5) × valset) at most.

    Example:
        >>> optimizer = MIPROv2(metric=lambda example, prediction, trace=None: True, auto="light")
        >>> optimizer.auto
        'light'

    Source:
        Opsahl-Ong et al. 2024, arXiv:2406.11695. The surrogate: docs/design, and `burnish.stages.search`.

    Args:
        metric: What is made better.
        prompt_model: Who proposes; default is the model of the settings.
        task_model: The model that programs ask while they are compiled; default is that of the settings.
        teacher_settings: Settings for the teacher's calls, such as ``{"lm": LM(...)}``.
        max_bootstrapped_demos: Demos from runs, a predictor at most.
        max_labeled_demos: Demos in all, a predictor, once labelled ones are added.
        auto: ``"light"``, ``"medium"`` or ``"heavy"``: 6, 12 or 18 candidates a slot, and 100, 300 or 1000 examples to choose by;
            None takes `num_candidates` and ``compile(num_trials=...)``.
        num_candidates: Choices a slot.
        init_temperature: Of the proposals.
        verbose: Show a live display, as `progress` does.
        track_stats: Taken for DSPy's sake: the report always has every candidate.
        log_dir: DSPy's name for `run_dir`.
        metric_threshold: The score that passes while bootstrapping; None takes what is true.
        searcher: Who asks for the trials of the original schedule, by a name of the hook `burnish_searchers`; None is the default search.
        common: The settings of every optimizer, see `Optimizer`.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"teacher", "valset"})

    def __init__(
        self,
        metric: Metric,
        prompt_model: Any = None,
        task_model: Any = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 4,
        auto: str | None = "light",
        num_candidates: int | None = None,
        num_threads: int | None = None,
        max_errors: int | None = None,
        seed: int = 9,
        init_temperature: float = 1.0,
        verbose: bool = False,
        track_stats: bool = True,
        log_dir: str | Path | None = None,
        metric_threshold: float | None = None,
        *,
        searcher: str | None = None,
        **common: Any,
    ) -> None:
        if log_dir is not None and common.get("run_dir") is not None:
            raise ConfigError("log_dir and run_dir are the same: give one of them.")
        # The base class has options that mean nothing here, and tells of `traces` itself.
        refuse_unknown(common, self._options() | {"traces"}, type(self).__name__)
        common = {"run_dir": log_dir, "seed": seed, "progress": verbose or None, **common}
        limits = (max_bootstrapped_demos, max_labeled_demos, 1, max_errors)
        super().__init__(metric, metric_threshold, teacher_settings, *limits, num_threads=num_threads, **common)
        if metric is None:
            raise ConfigError("MIPROv2 needs a metric to choose by. Give metric=...")
        check_whole(1, num_candidates=num_candidates)
        check_lm(prompt_model=prompt_model, task_model=task_model)
        check_auto(auto, num_candidates)
        self.prompt_model = prompt_model
        self.task_model = task_model
        self.auto = auto
        self.num_candidates = num_candidates
        self.init_temperature = init_temperature
        self.track_stats = track_stats
        self.searcher = searcher

    def estimate(self, program: Any, trainset: Sequence[Example], valset: Sequence[Example] | None = None) -> Estimate:
        """See `Optimizer.estimate`; for a `compile` whose own settings, such as `num_trials`, are left at their defaults.

        As `compile` does, it takes the examples to choose by from the trainset where there are no others.
        """
        check_program(program, "program to compile", asks=False, tunes=True)
        train, held_out = split(trainset, valset, auto=self.auto, seed=self.seed)
        zero_shot, instructions, sets = self._choices()
        slots = len(program.predictors()) * (1 if zero_shot else 2)
        number = trials_of(slots, max(instructions, 1 if zero_shot else sets + 1))
        plan = Plan(number, min(_MINIBATCH, len(held_out)), _FULL_EVERY, len(held_out))
        demos = _SHOWN_TO_PROPOSER if zero_shot else self.max_bootstrapped_demos
        runs = {
            "bootstrap": (0 if zero_shot else min(demos, len(train)), len(train)),
            "propose": (instructions - 1, 2 * (instructions - 1) + 6),
            "score": (len(held_out), plan.evaluations),
        }
        return Estimate.of(program, runs, teacher_lm=self._teacher_lm())

    async def acompile(self, student: Any, *, trainset: Sequence[Example] = (), **given: Any) -> Any:
        """`compile`, from async code."""
        # None is what DSPy's `compile` takes for "as it is by default".
        given = {name: value for name, value in given.items() if value is not None}
        twin = copy.copy(self)
        for name in ("max_bootstrapped_demos", "max_labeled_demos", "seed"):
            setattr(twin, name, given.pop(name, getattr(self, name)))
        check_whole(0, max_bootstrapped_demos=twin.max_bootstrapped_demos, max_labeled_demos=twin.max_labeled_demos)
        if not isinstance(twin.seed, int):
            raise ConfigError(f"seed={twin.seed!r}: give a whole number.")
        check_whole(1, **{name: given.get(name) for name in _COUNTED})
        if self.prompt_model is None and self.task_model is not None:
            # Taken now: once the task model is that of the settings, nothing else would propose.
            twin.prompt_model = settings.lm
        if given.pop("requires_permission_to_run", None):
            raise ConfigError(
                "MIPROv2 asks nobody while it runs: see optimizer.estimate(...) before, and give a budget."
            )
        check_auto(self.auto, self.num_candidates, given.get("num_trials"))
        # An unknown name, or a searcher that cannot be made here, is told of before anything is paid for.
        searcher_of(self.searcher or _OURS, Space([Slot("", "instructions", [""])]), twin.seed)
        train, valset = split(trainset, given.pop("valset", None), auto=self.auto, seed=twin.seed)
        with context(**({} if self.task_model is None else {"lm": self.task_model})):
            return await super(MIPROv2, twin).acompile(student, trainset=train, valset=valset, **given)

    async def search(
        self,
        session: Session,
        *,
        num_trials: int | None = None,
        minibatch: bool = True,
        minibatch_size: int = _MINIBATCH,
        minibatch_full_eval_steps: int = _FULL_EVERY,
        program_aware_proposer: bool = True,
        data_aware_proposer: bool = True,
        view_data_batch_size: int = 10,
        tip_aware_proposer: bool = True,
        fewshot_aware_proposer: bool = True,
    ) -> Candidate:
        """Bootstrap, propose, search."""
        zero_shot, instructions, sets = self._choices()
        lacking = [name for name in session.predictors if fewshot_aware_proposer and not labelled_rows(session, name)]
        early, late = _rounds(instructions - 1, at_once=self.searcher is not None)
        how = {
            "lm": self.prompt_model,
            "temperature": self.init_temperature,
            "tips": tip_aware_proposer,
            "examples": fewshot_aware_proposer,
        }

        async def without_demos() -> tuple[Grounding, dict[str, list[str]]]:
            told = {"program": program_aware_proposer, "data": data_aware_proposer}
            grounding = await Grounding.of(session, lm=self.prompt_model, batch=view_data_batch_size, **told)
            labelled = [name for name in session.predictors if name not in lacking]
            return grounding, await grounding.written(labelled, early, **how)

        # What needs no demos is written while they are made.
        at_once: list[Coroutine[Any, Any, Any]] = [self._demo_sets(session, sets, zero_shot=zero_shot), without_demos()]
        shown, (grounding, proposals) = await all_of(at_once)
        grounding = grounding.beside(shown)
        proposals |= await grounding.written(lacking, early, **how)
        choices = [] if zero_shot else shown
        arena = Arena(session, space_of(session, proposals, choices))
        size = min(minibatch_size, len(session.valset)) if minibatch else None
        plan = partial(
            Plan.of, trials=num_trials, minibatch=size, full_every=minibatch_full_eval_steps, valset=len(session.valset)
        )
        searcher = searcher_of(self.searcher or _OURS, arena.space, session.seed)
        if self.searcher is not None:
            return arena.won(await trials(arena, searcher, plan(arena.space)))
        arena.number(arena.own)
        schedule = _confirmed(plan(arena.space))
        if late and await arena.step(schedule.search, searcher) and session.goes_on():
            for name, texts in (await grounding.written(session.predictors, late, arena.attempts(), **how)).items():
                proposals[name] = list(dict.fromkeys([*proposals.get(name, []), *texts]))
            arena.grow(space_of(session, proposals, choices))
            searcher = searcher_of(_OURS, arena.space, session.seed)
            schedule = _confirmed(plan(arena.space))
        await arena.search(schedule.search, searcher)
        return await _confirmed_best(arena, schedule, searcher)

    def _choices(self) -> tuple[bool, int, int]:
        """Whether prompts stay without demos; how many instructions and sets of demos there are to choose from."""
        zero_shot = self.max_bootstrapped_demos == self.max_labeled_demos == 0
        return (zero_shot, *choices_of(self.auto, self.num_candidates, zero_shot=zero_shot))

    async def _demo_sets(self, session: Session, sets: int, *, zero_shot: bool) -> list[Candidate]:
        seeds = [ZERO_SHOT, LABELLED, UNSHUFFLED, *range(max(sets - 3, 0))][:sets]
        demos = self.max_bootstrapped_demos
        if zero_shot:
            # Only for the proposer, and only where the labels alone show it nothing.
            lacking = any(not labelled_rows(session, name) for name in session.predictors)
            seeds, demos = [UNSHUFFLED] * lacking, _SHOWN_TO_PROPOSER
        return await demo_sets(
            session, seeds, bootstrapped=demos, room=max(self.max_labeled_demos, demos), teaching=self.teaching()
        )


def _rounds(number: int, *, at_once: bool) -> tuple[range, range]:
    """The proposals that are written before anything was scored, and those written from what was: half, where not all go first."""
    early = number if at_once else number - number // 2
    return range(early), range(early, number)


def _confirmed(plan: Plan) -> Confirmed:
    """The default schedule, under the budget of the original one."""
    return Confirmed(plan.evaluations, plan.valset)


async def _confirmed_best(arena: Arena, schedule: Confirmed, searcher: Searcher) -> Candidate:
    """The best of the search, run once more beside the student; the student where no gain is to be expected after that, or it is the better beyond doubt.

    The surrogate knows all runs, and may lean too much on those that chose; the gain that is told stands on the others where it can.
    """
    session = arena.session
    winner = next(iter(await in_thread(arena.order, searcher)), arena.own)
    await arena.confirm(schedule, winner)
    order = await in_thread(arena.order, searcher)
    gain, _ = told_gain(session, session.candidates[arena.number(winner)])
    best = next((picks for picks in order if picks in (arena.own, winner)), arena.own)
    worse = gain is not None and gain.high < 0
    better = arena.own if worse else best
    if better != winner:
        led = session.candidates[arena.number(winner)].name
        lost = f"was worse once it was confirmed (gain {gain})" if worse else "no more once it was confirmed"
        session.decisions.append(f"{led} led the search, and {lost}: the program as given stays.")
    return await in_thread(arena.won, better, order)
