"""`KNNFewShot`: at each call, the training examples nearest to what is asked become the demos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from burnish.engine.check import check_examples
from burnish.engine.judge import Metric
from burnish.errors import ConfigError
from burnish.lm.scope import use_scope
from burnish.loop import run_sync
from burnish.optimizers.bootstrap_few_shot import BootstrapFewShot
from burnish.optimizers.estimate import Estimate
from burnish.optimizers.session import Session
from burnish.retrieve.demo_table import DemoTable
from burnish.retrieve.embedder import Embedder
from burnish.retrieve.nearest_demos import NearestDemos
from burnish.retrieve.neighbours import Neighbours
from burnish.stages.nearest import indexed, made_by_teacher, nearest_others, texts_of
from burnish.stages.select import Demo
from burnish.values.example import Example
from burnish.values.rollout import Rollout
from burnish.values.space import Candidate, Choice
from burnish.values.whole import check_whole


class KNNFewShot(BootstrapFewShot):
    """Shows each predictor, at each call, demos from the `k` examples nearest to the call's inputs.

    What it does:
        Embeds the trainset by its input fields and runs the teacher once on each example. The program
        that comes back searches, at each call, the `k` nearest examples: the first
        `max_bootstrapped_demos` that passed are shown as the teacher answered them, the others as they
        are labelled. The teacher is the student, shown the nearest other examples, never the one that it
        answers nor a copy of it. A call of the program with a training example's inputs, though, finds that example.

    When it helps:
        With many labelled examples that differ much, such as many classes: more of them than a
        prompt holds, and those that are near say more than any fixed choice.

    What it costs (LM calls):
        To compile, at most predictors × trainset × max_rounds, and none with max_bootstrapped_demos=0. A call of
        the program costs its own and an embedding, of which a batch makes one request.

    Example:
        >>> train = [burnish.Example(question=f"{n} + 1?", answer=n + 1).with_inputs("question") for n in range(9)]
        >>> program = KNNFewShot(3, train, max_bootstrapped_demos=0).compile(burnish.Predict("question -> answer"))
        >>> program
        NearestDemos(Predict(question -> answer), k=3 of 9 examples)

    Source:
        Liu et al. 2022, "What Makes Good In-Context Examples for GPT-3?", arXiv:2101.06804.

    Args:
        k: How many examples to look up for a call.
        trainset: The examples; they can be given to `compile` instead.
        vectorizer: An `Embedder`, a model's name for one, or a function from texts to rows.
        metric: What passes while bootstrapping; None takes every run without an error.
        metric_threshold: The score that passes; None takes what is true.
        teacher_settings: Settings for the teacher's calls, such as ``{"lm": LM(...)}``.
        max_bootstrapped_demos: Demos from runs, a predictor at most.
        max_labeled_demos: Demos in all, a predictor, once labelled ones are added.
        max_rounds: Attempts an example; those after the first at temperature 1.
        common: The settings of every optimizer, see `Optimizer`.
    """

    def __init__(
        self,
        k: int,
        trainset: Sequence[Example] | None = None,
        vectorizer: Embedder | str | Callable[..., Any] = "offline/hashing",
        metric: Metric | None = None,
        metric_threshold: float | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 16,
        max_rounds: int = 1,
        max_errors: int | None = None,
        **common: Any,
    ) -> None:
        limits = (max_bootstrapped_demos, max_labeled_demos, max_rounds, max_errors)
        super().__init__(metric, metric_threshold, teacher_settings, *limits, **common)
        check_whole(1, k=k)
        self.k = k
        self.trainset = None if trainset is None else check_examples(trainset, "trainset")
        self.vectorizer = vectorizer if isinstance(vectorizer, Embedder) else Embedder(vectorizer)
        self.asks = max_bootstrapped_demos > 0

    def compile(self, student: Any, *, trainset: Sequence[Example] | None = None, **given: Any) -> Any:
        """See `Optimizer.compile`; the trainset may have been given to the constructor."""
        return run_sync(self.acompile(student, trainset=trainset, **given))

    async def acompile(self, student: Any, *, trainset: Sequence[Example] | None = None, **given: Any) -> Any:
        """`compile`, from async code."""
        rows = self._rows(trainset)
        while isinstance(student, NearestDemos):
            # It gets other examples, and must not find the very one that it is asked.
            student = student.program
        return await super().acompile(student, trainset=rows, **given)

    def estimate(
        self, program: Any, trainset: Sequence[Example] | None = None, valset: Sequence[Example] | None = None
    ) -> Estimate:
        """See `Optimizer.estimate`."""
        return super().estimate(program, self._rows(trainset), valset)

    def phases(self, *, trainset: int, valset: int) -> Mapping[str, tuple[int, int]]:
        """Teacher runs: each example once, and again where it does not pass and may."""
        return {"bootstrap": (trainset, trainset * self.max_rounds)} if self.asks else {}

    async def search(self, session: Session) -> Candidate:
        """The one candidate there is: the student's predictors without demos of their own, the nearest around them."""
        trainset, texts = session.trainset, texts_of(session.trainset)
        with use_scope(stage="embed"):
            index, rows = await indexed(texts, self.vectorizer)
        near = Neighbours(self.vectorizer, index, self.k)
        rollouts: list[Rollout] = []
        if self.asks:
            others = await nearest_others(index, rows, texts, k=self.max_labeled_demos)
            rollouts = await self._teach(session, others)
            session.decisions.append(f"The teacher passed on {len(rollouts)} of {len(trainset)} examples.")
        made = made_by_teacher(rollouts, session.names, examples=len(trainset), seed=session.seed)
        table = DemoTable.of(trainset, made, self.max_bootstrapped_demos, self.max_labeled_demos)
        return Candidate(
            f"{self.k} nearest",
            {name: Choice(demos=()) for name in session.predictors},
            around=lambda program: NearestDemos.of(program, table, near),
        )

    async def _teach(self, session: Session, others: Sequence[Sequence[int]]) -> list[Rollout]:
        """The teacher's passing rollouts, one an example at most."""

        def shown_to(place: int) -> dict[str, list[Demo]]:
            shown = [Demo(session.trainset[other], other) for other in others[place]]
            return {name: [d for d in shown if session.teaches(name, d.example)] for name in session.predictors}

        order = (range(len(others)), len(others))
        (rollouts,) = await session.bootstrap([order], **self.teaching(), shown_to=shown_to)
        return rollouts

    def _rows(self, trainset: Sequence[Example] | None) -> list[Example]:
        if trainset is None and self.trainset is None:
            raise ConfigError("KNNFewShot has no trainset: give KNNFewShot(k, trainset), or compile(trainset=...).")
        rows = check_examples(self.trainset if trainset is None else trainset, "trainset")
        if self.trainset is not None and rows != self.trainset:
            raise ConfigError("KNNFewShot was given one trainset, and compile another. Give it once.")
        if self.k > len(rows):
            raise ConfigError(f"k={self.k} is more than the {len(rows)} examples of the trainset. Give a smaller k.")
        return rows
