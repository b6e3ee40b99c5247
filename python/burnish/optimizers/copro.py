"""`COPRO`: instructions by coordinate ascent."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from burnish.engine.check import check_examples, check_program, refuse_unknown
from burnish.engine.judge import Metric
from burnish.errors import ConfigError
from burnish.lm.settings import check_lm
from burnish.optimizers.base import Optimizer
from burnish.optimizers.estimate import Estimate
from burnish.optimizers.grounding import Grounding
from burnish.optimizers.racing import race_on
from burnish.optimizers.session import Session
from burnish.optimizers.slots import telling, told_apart
from burnish.stages.score import levelled
from burnish.values.example import Example
from burnish.values.space import Candidate
from burnish.values.whole import check_whole


class COPRO(Optimizer):
    """Writes new instructions for one predictor at a time and keeps the best.

    What it does:
        In each of `depth` rounds a model proposes `breadth` instructions for every predictor, from its present ones, from rows
        of the trainset and, after the first round, from the scored attempts. Predictor by predictor they are
        scored on the trainset, the others' best in place, and the best stays. What was scored in the same company before is
        not scored again. The program as given is candidate 0 and stays unless it is beaten.

    When it helps:
        Where the wording matters and prompts are to stay without demos.

    What it costs (LM calls):
        Proposals: predictors × breadth × depth, and at most as many again. Scoring: predictors × trainset ×
        (1 + predictors × breadth × depth) at most.

    Example:
        >>> optimizer = COPRO(metric=lambda example, prediction, trace=None: True, breadth=4, depth=2)
        >>> optimizer.breadth, optimizer.depth
        (4, 2)

    Source:
        Coordinate ascent over proposed instructions: Khattab et al. 2023, arXiv:2310.03714; proposals from scored attempts: Yang et
        al. 2023, "Large Language Models as Optimizers", arXiv:2309.03409.

    Args:
        prompt_model: Who proposes; default is the model of the settings.
        metric: What is made better.
        breadth: Instructions a predictor and round, the present ones among them.
        depth: Rounds.
        init_temperature: Of the proposals.
        track_stats: Taken for DSPy's sake: the report always has every candidate.
        verbose: Show a live display, as `progress` does.
        common: The settings of every optimizer, see `Optimizer`.
    """

    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        prompt_model: Any = None,
        metric: Metric | None = None,
        breadth: int = 10,
        depth: int = 3,
        init_temperature: float = 1.4,
        track_stats: bool = False,
        *,
        verbose: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(metric=metric, **{"progress": verbose or None, **common})
        if metric is None:
            raise ConfigError("COPRO needs a metric to choose by. Give metric=...; what comes first is prompt_model.")
        check_whole(2, breadth=breadth)
        check_whole(1, depth=depth)
        check_lm(prompt_model=prompt_model)
        self.prompt_model = prompt_model
        self.breadth = breadth
        self.depth = depth
        self.init_temperature = init_temperature
        self.track_stats = track_stats

    async def acompile(self, student: Any, *, eval_kwargs: Mapping[str, Any] | None = None, **given: Any) -> Any:
        """`compile`, from async code; of DSPy's `eval_kwargs` it takes ``num_threads`` and ``display_progress``, and refuses a table of answers."""
        if not eval_kwargs:
            return await super().acompile(student, **given)
        known = ("num_threads", "display_progress", "display_table")
        refuse_unknown(eval_kwargs, known, "eval_kwargs")
        if table := eval_kwargs.get("display_table"):
            raise ConfigError(f"eval_kwargs: display_table={table!r}, but COPRO shows no answers. Leave it out.")
        check_whole(1, num_threads=eval_kwargs.get("num_threads"))
        twin = copy.copy(self)
        twin.num_threads = eval_kwargs.get("num_threads", self.num_threads)
        twin.progress = eval_kwargs.get("display_progress", self.progress)
        return await twin.acompile(student, **given)

    def estimate(self, program: Any, trainset: Sequence[Example], valset: Sequence[Example] | None = None) -> Estimate:
        """See `Optimizer.estimate`; the candidates of each predictor are run for themselves."""
        check_program(program, "program to compile", asks=False, tunes=True)
        size, rounds = len(check_examples(trainset, "trainset")), self.breadth * self.depth
        candidates = 1 + len(program.predictors()) * rounds
        return Estimate.of(program, {"propose": (0, 2 * rounds), "score": (size, size * candidates)})

    async def search(self, session: Session) -> Candidate:
        """Round by round, predictor by predictor."""
        grounding = Grounding(session)
        best: dict[str, str] = {name: session.predictor(name).signature.instructions for name in session.predictors}
        tried: dict[str, dict[str, float]] = {name: {} for name in session.predictors}
        known: dict[tuple[str, ...], int] = {}
        base = session.baseline()
        await self._score(session, base, [best], known)
        for round_ in range(self.depth):
            wanted = [
                grounding.wanted(
                    name,
                    round_ * self.breadth + number,
                    current=best[name],
                    attempts=sorted(tried[name].items(), key=lambda attempt: attempt[1])[-self.breadth :],
                    tips=False,
                )
                for name in session.predictors
                for number in range(self.breadth - (round_ == 0))
            ]
            proposals = await session.propose(wanted, lm=self.prompt_model, temperature=self.init_temperature)
            for name in session.predictors:
                pool = [best[name], *proposals.get(name, [])]
                numbers = await self._score(session, base, [{**best, name: text} for text in pool], known)
                leader = session.best_of(numbers)
                best[name] = pool[numbers.index(leader)]
                tried[name] |= levelled(session.board, dict(zip(pool, numbers, strict=True)), leader)
        return told_apart(session, list(known))

    async def _score(
        self, session: Session, base: Candidate, pool: list[dict[str, str]], known: dict[tuple[str, ...], int]
    ) -> list[int]:
        """The numbers of candidates with these instructions, scored; what was scored before is not scored again."""
        new = [told for told in pool if tuple(told.values()) not in known]
        candidates = [telling(base, told, len(known) + number) for number, told in enumerate(new)]
        for told, number in zip(new, session.enter(candidates), strict=True):
            known[tuple(told.values())] = number
        numbers = [known[tuple(told.values())] for told in pool]
        await race_on(session, numbers)
        return numbers
