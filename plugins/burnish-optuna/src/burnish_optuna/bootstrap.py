"""`BootstrapFewShotWithOptuna`: bootstrapped demos, and a search for those that are best shown together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from burnish import BootstrapFewShot, Candidate, ConfigError, Session
from burnish_optuna.searchers import TPE
from burnish_optuna.shelf import Shelf
from burnish_optuna.studies import STARTUP, Picks, ask, means

# Candidates that are run at once when the sampler goes by the scores.
_AT_ONCE = 3


class BootstrapFewShotWithOptuna(BootstrapFewShot):
    """Bootstraps more demos than are shown, and has Optuna choose, for each predictor, which of them to show.

    What it does:
        Bootstraps the first `max_demos` examples on which the teacher passes the metric. A candidate shows each predictor
        up to `max_bootstrapped_demos` of them, and labelled examples in the room that is left. Among the candidates are
        always the program as it is, labelled demos alone, and the first bootstrapped demos, as `BootstrapFewShot` shows
        them; Optuna's multivariate TPE asks for the others by the scores on the valset: the first ten at once, which are
        drawn by chance, then three at a time.

    When it helps:
        With some 50 examples or more, where single demos make the difference. Where the order or the number of demos
        matters more, `BootstrapFewShotWithRandomSearch` varies that.

    What it costs (LM calls):
        At most predictors × ((num_candidate_programs + 1) × valset + trainset × max_rounds).

    Example:
        >>> optimizer = BootstrapFewShotWithOptuna(metric=lambda example, prediction, trace=None: True)
        >>> optimizer.num_candidate_programs
        16

    Source:
        Khattab et al. 2023, "DSPy", arXiv:2310.03714, section 4; the search: Akiba et al. 2019, "Optuna", KDD.

    Args:
        metric: What is made better.
        teacher_settings: Settings for the teacher's calls, such as ``{"lm": LM(...)}``.
        max_bootstrapped_demos: Bootstrapped demos that are shown, a predictor at most.
        max_labeled_demos: Demos in all, a predictor, once labelled ones are added.
        max_rounds: Attempts an example; those after the first at temperature 1.
        num_candidate_programs: Choices of demos to score.
        num_threads: LM calls in flight at most; default is the setting of that name.
        metric_threshold: The score that passes while bootstrapping; None takes what is true.
        common: The settings of every optimizer, see `burnish.Optimizer`.

    Raises:
        ConfigError: A setting is unknown or out of range.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"teacher", "valset"})

    def __init__(
        self,
        metric: Any,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 16,
        max_rounds: int = 1,
        num_candidate_programs: int = 16,
        num_threads: int | None = None,
        *,
        metric_threshold: float | None = None,
        **common: Any,
    ) -> None:
        limits = (max_bootstrapped_demos, max_labeled_demos, max_rounds)
        super().__init__(metric, metric_threshold, teacher_settings, *limits, num_threads=num_threads, **common)
        if metric is None:
            raise ConfigError("BootstrapFewShotWithOptuna needs a metric to choose by. Give metric=...")
        _check_positive("max_bootstrapped_demos", max_bootstrapped_demos)
        _check_positive("num_candidate_programs", num_candidate_programs)
        self.num_candidate_programs = num_candidate_programs

    async def acompile(self, student: Any, **options: Any) -> Any:
        """`compile`, from async code."""
        if options.get("max_demos") is not None:
            _check_positive("max_demos", options["max_demos"])
        return await super().acompile(student, **options)

    def phases(self, *, trainset: int, valset: int) -> Mapping[str, tuple[int, int]]:
        """Teacher runs, and the scoring of the program as it is and of each choice of demos."""
        few = min(self.max_bootstrapped_demos, trainset)
        scored = (valset, (self.num_candidate_programs + 1) * valset)
        return {"bootstrap": (few, trainset * self.max_rounds), "score": scored}

    async def search(self, session: Session, *, max_demos: int | None = None) -> Candidate:
        """Bootstrap, then choose what to show.

        Args:
            session: The compile.
            max_demos: Bootstrapped demos to choose from, a predictor; default is twice `max_bootstrapped_demos`.
        """
        need = 2 * self.max_bootstrapped_demos if max_demos is None else max_demos
        (rollouts,) = await session.bootstrap([(range(len(session.trainset)), need)], **self.teaching())
        shelf = Shelf(
            session, session.demos_of(rollouts), most=self.max_bootstrapped_demos, room=self.max_labeled_demos
        )
        # The program as it is, and each choice: however often the search asks, the best is one of these.
        session.searched.possible = 1 + shelf.combinations
        session.decisions.append(
            f"{len(rollouts)} of {len(session.trainset)} examples became bootstrapped demos to choose from, "
            f"in {shelf.combinations} ways."
        )
        numbers: dict[Picks, int] = {}
        while session.goes_on():
            # Importing Optuna takes tenths of a second, in which calls of others go on.
            wanted = await asyncio.to_thread(self._wanted, session, shelf, numbers)
            if not wanted:
                break
            first = [] if numbers else [session.baseline()]
            start = len(session.candidates) + len(first)
            await session.score(
                [*first, *(shelf.candidate(picks, f"demos {start + i}") for i, picks in enumerate(wanted))]
            )
            numbers |= {picks: start + i for i, picks in enumerate(wanted)}
        return session.leader()

    def _wanted(self, session: Session, shelf: Shelf, numbers: Mapping[Picks, int]) -> list[Picks]:
        """The choices to score next: what others would show, then what the sampler asks for."""
        starts = [] if numbers else shelf.starts
        n = min(_AT_ONCE if numbers else STARTUP, self.num_candidate_programs - len(numbers))
        scores = means(session.board)
        known = {picks: scores[number] for picks, number in numbers.items() if number in scores}
        shut = frozenset([*numbers, *starts])
        asked = ask(TPE.sampler, shelf.sizes, known, n - len(starts), seed=session.seed, step=len(numbers), shut=shut)
        return [*starts, *asked][:n]


def _check_positive(name: str, number: Any) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ConfigError(f"{name}={number!r}: give a whole number of at least 1.")
