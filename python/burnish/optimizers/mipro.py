"""`MIPROv2`: instructions and demos of every predictor, chosen together."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from burnish.engine.judge import Metric
from burnish.errors import ConfigError
from burnish.lm.settings import context
from burnish.optimizers.arena import Arena
from burnish.optimizers.bootstrap_few_shot import BootstrapFewShot
from burnish.optimizers.demo_sets import LABELLED, UNSHUFFLED, ZERO_SHOT, demo_sets
from burnish.optimizers.grounding import Grounding
from burnish.optimizers.mipro_settings import Plan, check_auto, choices_of, split, trials_of
from burnish.optimizers.session import Session
from burnish.optimizers.trials import trials
from burnish.plugins.manager import lookup
from burnish.stages.schedule import Steps
from burnish.values.example import Example
from burnish.values.space import Candidate, Choice, Slot, Space
from burnish.values.whole import check_whole

# Demos that a proposal may look at where the prompts themselves are to show none.
_SHOWN_TO_PROPOSER = 3
_OURS = "surrogate"


class MIPROv2(BootstrapFewShot):
    """Proposes instructions, bootstraps sets of demos, and searches for the best of both for every predictor."""

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
        common = {"run_dir": log_dir, "seed": seed, "progress": verbose or None, **common}
        limits = (max_bootstrapped_demos, max_labeled_demos, 1, max_errors)
        super().__init__(metric, metric_threshold, teacher_settings, *limits, num_threads=num_threads, **common)
        if metric is None:
            raise ConfigError("MIPROv2 needs a metric to choose by. Give metric=...")
        check_whole(1, num_candidates=num_candidates)
        check_auto(auto, num_candidates)
        self.prompt_model = prompt_model
        self.task_model = task_model
        self.auto = auto
        self.num_candidates = num_candidates
        self.init_temperature = init_temperature
        self.track_stats = track_stats
        self.searcher = searcher

    async def acompile(self, student: Any, *, trainset: Sequence[Example] = (), **given: Any) -> Any:
        """`compile`, from async code."""
        twin = copy.copy(self)
        for name in ("max_bootstrapped_demos", "max_labeled_demos", "seed"):
            if given.get(name) is not None:
                setattr(twin, name, given.pop(name))
        if given.pop("requires_permission_to_run", None):
            raise ConfigError(
                "MIPROv2 asks nobody while it runs: see optimizer.estimate(...) before, and give a budget."
            )
        check_auto(self.auto, self.num_candidates, given.get("num_trials"))
        train, valset = split(trainset, given.pop("valset", None), auto=self.auto, seed=twin.seed)
        with context(**({} if self.task_model is None else {"lm": self.task_model})):
            return await super(MIPROv2, twin).acompile(student, trainset=train, valset=valset, **given)

    async def search(
        self,
        session: Session,
        *,
        num_trials: int | None = None,
        minibatch: bool = True,
        minibatch_size: int = 35,
        minibatch_full_eval_steps: int = 5,
        program_aware_proposer: bool = True,
        data_aware_proposer: bool = True,
        view_data_batch_size: int = 10,
        tip_aware_proposer: bool = True,
        fewshot_aware_proposer: bool = True,
    ) -> Candidate:
        """Bootstrap, propose, search."""
        zero_shot = self.max_bootstrapped_demos == self.max_labeled_demos == 0
        instructions, sets = choices_of(self.auto, self.num_candidates, zero_shot=zero_shot)
        shown = await self._demo_sets(session, sets, zero_shot=zero_shot)
        grounding = await Grounding.of(
            session,
            lm=self.prompt_model,
            program=program_aware_proposer,
            data=data_aware_proposer,
            batch=view_data_batch_size,
            rows={
                name: [c.choices[name].demos or () for c in shown if name in c.choices] for name in session.predictors
            },
        )
        wanted = [
            grounding.wanted(name, number, tips=tip_aware_proposer, examples=fewshot_aware_proposer)
            for name in session.predictors
            for number in range(instructions - 1)
        ]
        proposals = await session.propose(wanted, lm=self.prompt_model, temperature=self.init_temperature)
        arena = Arena(session, space_of(session, proposals, [] if zero_shot else shown))
        slots = arena.space.slots
        size = min(minibatch_size, len(session.valset)) if minibatch else None
        number = num_trials or trials_of(len(slots), max(len(slot.choices) for slot in slots))
        plan = Plan(number, size, minibatch_full_eval_steps, len(session.valset))
        searcher = lookup("searchers", self.searcher or _OURS)(arena.space, session.seed)
        if self.searcher is not None:
            return session.candidates[arena.number(await trials(arena, searcher, plan))]
        arena.number(arena.own)
        await arena.search(Steps(max(plan.evaluations - 2 * len(session.valset), 1), len(session.valset)), searcher)
        winner = arena.best(searcher)
        await arena.confirm(winner)
        return session.candidates[arena.number(winner)]

    async def _demo_sets(self, session: Session, sets: int, *, zero_shot: bool) -> list[Candidate]:
        seeds = [ZERO_SHOT, LABELLED, UNSHUFFLED, *range(max(sets - 3, 0))][:sets]
        demos = self.max_bootstrapped_demos
        if zero_shot:
            seeds, demos = [UNSHUFFLED], _SHOWN_TO_PROPOSER
        return await demo_sets(
            session, seeds, bootstrapped=demos, room=max(self.max_labeled_demos, demos), teaching=self.teaching()
        )


def space_of(session: Session, proposals: Mapping[str, Sequence[str]], shown: Sequence[Candidate]) -> Space:
    """Instructions and demos of each predictor; the first of both are the student's own."""
    baseline = session.baseline().choices
    slots = []
    for name in session.predictors:
        own = baseline.get(name, Choice(demos=(), sources=()))
        slots.append(
            Slot(name, "instructions", [session.predictor(name).signature.instructions, *proposals.get(name, [])])
        )
        sets = [own, *(candidate.choices[name] for candidate in shown if name in candidate.choices)]
        different = [choice for place, choice in enumerate(sets) if choice.demos not in [c.demos for c in sets[:place]]]
        slots.append(Slot(name, "demos", different))
    return Space([slot for slot in slots if len(slot.choices) > 1] or slots[:1])
