"""A space's candidates on a session's board: what a searcher asks for is entered, run, and found again by its picks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from burnish.optimizers.session import Session
from burnish.stages.schedule import Confirmed, Rejects, Steps, ranked
from burnish.stages.search import Picks, Searcher
from burnish.values.space import Candidate, Choice, Slot, Space


class Arena:
    """Where the candidates of a space compete.

    The session's board must be empty: a candidate's number there is its place among the picks that were tried.

    Args:
        session: The compile.
        space: What to choose from; the first choice of each slot is the student's own.

    Attributes:
        tried: The picks of each candidate, by its number on the board.
    """

    def __init__(self, session: Session, space: Space) -> None:
        self.session = session
        self.space = space
        self.tried: list[Picks] = []
        self._numbers: dict[Picks, int] = {}

    @property
    def own(self) -> Picks:
        """The picks of the student as it was given."""
        return (0,) * len(self.space.slots)

    def number(self, picks: Picks) -> int:
        """A candidate's number; it is entered where it is new."""
        number = self._numbers.get(picks)
        if number is None:
            if picks == self.own:
                made = self.session.baseline()
            else:
                made = self.space.candidate(picks, name=_name(self.space.slots, picks))
            (number,) = self.session.enter([made])
            self._numbers[picks] = number
            self.tried.append(picks)
        return number

    async def measure(self, wanted: Sequence[tuple[Picks, Sequence[int]]]) -> None:
        """Run candidates on places of the valset, all at once; what is known is not run again."""
        cells = [(self.number(picks), place) for picks, places in wanted for place in places]
        await self.session.measure(cells)

    async def search(self, schedule: Steps | Rejects, searcher: Searcher) -> None:
        """Follow a schedule to its end, or the budget's."""
        board = self.session.board
        while self.session.goes_on():
            wanted = schedule.next(searcher, self.tried, board)
            if not wanted:
                return
            await self.measure([(picks, self.session.order[:examples]) for picks, examples in wanted])

    def best(self, searcher: Searcher) -> Picks:
        """The candidate that is taken for the best; the student where none was measured."""
        return next(iter(ranked(searcher, self.tried, self.session.board)), self.own)

    async def confirm(self, schedule: Confirmed, winner: Picks) -> None:
        """Run the winner and the student side by side, so that the gain stands on examples that did not choose.

        The gain is told on the examples that no candidate had been run on before, where these are enough to say something.
        """
        order, board = self.session.order, self.session.board
        seen = set(board.example)
        wanted = [
            (picks, [order[place] for place in places])
            for picks, places in schedule.confirmation(winner, self.own, self.tried, board)
        ]
        await self.measure(wanted)
        self.session.confirm_on([place for place in wanted[0][1] if place not in seen])


def _name(slots: Sequence[Slot], picks: Picks) -> str:
    several = len({slot.predictor for slot in slots}) > 1
    parts = [
        f"{slot.predictor + ' ' if several else ''}{slot.part} {pick}" for slot, pick in zip(slots, picks, strict=True)
    ]
    return ", ".join(parts)


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
