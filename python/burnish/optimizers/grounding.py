"""What the proposals of one compile are grounded on, found out once and shared by all of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from burnish.adapters.field_text import shown
from burnish.lm.scope import use_scope
from burnish.loop import all_of
from burnish.optimizers.session import Session
from burnish.stages.grounds import as_lines, described, step_of, summarised
from burnish.stages.propose import TIPS, Wanted
from burnish.values.example import Example
from burnish.values.seed import draw
from burnish.values.space import Candidate

# Rows of the trainset that one proposal looks at; a prompt's room may allow fewer.
_ROWS = 100


@dataclass(frozen=True, slots=True)
class Grounding:
    """Summaries, and rows of each predictor.

    Attributes:
        session: The compile.
        program: The program in words; empty where it is not to be shown.
        data: The data in words; likewise.
        rows: Predictor name → demos that a proposal may look at, where no labelled example shows what
            the predictor must produce.
        labelled: Predictor name → its labelled examples, found once for all proposals.
    """

    session: Session
    program: str = ""
    data: str = ""
    rows: Mapping[str, Sequence[Sequence[Example]]] = field(default_factory=dict)
    labelled: dict[str, list[Example]] = field(default_factory=dict)

    @classmethod
    async def of(
        cls,
        session: Session,
        *,
        lm: Any,
        program: bool,
        data: bool,
        batch: int,
    ) -> Grounding:
        """Find out what is wanted of it: at most 6 calls, all at once but for the last, and each once more where it does not parse."""
        model = session.prompt_model(lm)

        async def nothing() -> str:
            return ""

        with use_scope(stage="propose"):
            told = await all_of(
                [
                    described(session.student, session.trainset[:batch], lm=model) if program else nothing(),
                    summarised(session.trainset, batch=batch, lm=model) if data else nothing(),
                ]
            )
        asked = zip(told, (program, data), ("description of the program", "summary of the data"), strict=True)
        lacking = [what for text, wanted, what in asked if wanted and not text]
        if lacking:
            session.decisions.append(f"The model brought no {' and no '.join(lacking)}: proposals are made without it.")
        return cls(session, told[0], told[1])

    def beside(self, shown: Sequence[Candidate]) -> Grounding:
        """The same, with the demos of these candidates for those who lack labelled examples."""
        rows = {
            name: [candidate.choices[name].demos or () for candidate in shown if name in candidate.choices]
            for name in self.session.predictors
        }
        return replace(self, rows=rows)

    def wanted(
        self,
        predictor: str,
        number: int,
        *,
        current: str | None = None,
        attempts: Sequence[tuple[str, float]] = (),
        tips: bool = True,
        examples: bool = True,
    ) -> Wanted:
        """One proposal for a predictor; each number draws its own rows and its own tip.

        Args:
            predictor: Its name.
            number: The proposal's number, from 0 on.
            current: The instructions to begin from; default is the predictor's own.
            attempts: What was tried before, with scores.
            tips: Whether a tip says how to write.
            examples: Whether rows are shown.
        """
        generator = draw(self.session.seed, "proposal", predictor, number)
        tip = generator.choice(list(TIPS)) if tips else "plain"
        asked = self.session.predictor(predictor)
        return Wanted(
            predictor,
            number,
            step_of(predictor, asked),
            asked.signature.instructions if current is None else current,
            self.program,
            self.data,
            attempts,
            as_lines(self._rows(predictor, number, generator)) if examples else "",
            tip,
        )

    async def written(
        self,
        predictors: Sequence[str],
        numbers: Sequence[int],
        attempts: Mapping[str, Sequence[tuple[str, float]]] = MappingProxyType({}),
        *,
        lm: Any,
        temperature: float,
        tips: bool,
        examples: bool,
    ) -> dict[str, list[str]]:
        """Proposals with these numbers for each of the predictors, all asked at once.

        Args:
            predictors: Their names.
            numbers: See `wanted`.
            attempts: For each predictor what was tried before, with scores; its best is what the proposals begin from.
            lm: Who proposes.
            temperature: Of the calls.
            tips: See `wanted`.
            examples: See `wanted`.
        """
        wanted = []
        for name in predictors:
            tried = attempts.get(name, ())
            current = max(tried, key=lambda attempt: attempt[1])[0] if tried else None
            wanted += [
                self.wanted(name, number, current=current, attempts=tried, tips=tips, examples=examples)
                for number in numbers
            ]
        return await self.session.propose(wanted, lm=lm, temperature=temperature) if wanted else {}

    def _rows(self, predictor: str, number: int, generator: Any) -> list[Example]:
        """Labelled examples of the predictor, its demos else: a draw of its own for each proposal."""
        fields = list(self.session.predictor(predictor).signature.fields)
        if predictor not in self.labelled:
            self.labelled[predictor] = labelled_rows(self.session, predictor)
        drawn = in_turn(self.labelled[predictor], _answers(self.session, predictor), generator)[:_ROWS]
        if not drawn:
            sets = [demos for demos in self.rows.get(predictor, ()) if demos]
            drawn = list(sets[number % len(sets)]) if sets else []
        return [Example({name: row[name] for name in fields if name in row}) for row in drawn]


def labelled_rows(session: Session, predictor: str) -> list[Example]:
    """The training examples that show all that a predictor must produce, but for its reasoning, and some of what it is given.

    What another predictor hands on is seldom labelled; the rest of such a row still shows how answers follow from inputs.
    """
    answers, given = _answers(session, predictor), session.predictor(predictor).signature.input_fields
    return [
        row for row in session.trainset if all(map(row.__contains__, answers)) and any(name in row for name in given)
    ]


def in_turn(rows: Sequence[Example], answers: Sequence[str], generator: random.Random) -> list[Example]:
    """All rows, shuffled so that each answer comes once before any comes twice, and so on.

    However few are then shown, they show as many answers as they can: a hundred rows drawn evenly from 77 classes miss a quarter
    of the classes. Where no answer comes twice, this is a plain shuffle.
    """
    drawn = generator.sample(list(rows), len(rows))
    turns: Counter[str] = Counter()
    ranks = []
    for row in drawn:
        answer = shown([row[name] for name in answers])
        ranks.append(turns[answer])
        turns[answer] += 1
    return [drawn[place] for place in sorted(range(len(drawn)), key=ranks.__getitem__)]


def _answers(session: Session, predictor: str) -> list[str]:
    return [name for name in session.predictor(predictor).signature.output_fields if name != "reasoning"]
