"""A space's candidates on a session's board: what a searcher asks for is entered, run, and found again by its picks."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.loop import in_thread
from burnish.optimizers.session import Session
from burnish.stages.effects import effects_of
from burnish.stages.schedule import Confirmed, Rejects, Steps, ranked
from burnish.stages.score import standings
from burnish.stages.search import Picks, Searcher
from burnish.values.report import SHARE_TO_LEAD
from burnish.values.space import Candidate, Slot, Space
from burnish.values.trial import Trial


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
        session.searched.possible = space.size
        self.tried: list[Picks] = []
        self._numbers: dict[Picks, int] = {}
        self._runs = 0

    @property
    def own(self) -> Picks:
        """The picks of the student as it was given."""
        return (0,) * len(self.space.slots)

    def number(self, picks: Picks) -> int:
        """A candidate's number; it is entered where it is new."""
        number = self._numbers.get(picks)
        if number is None:
            own, name = picks == self.own, _name(self.space.slots, picks)
            made = self.session.baseline() if own else self.space.candidate(picks, name=name)
            (number,) = self.session.enter([made])
            self._numbers[picks] = number
            self.tried.append(picks)
        return number

    async def measure(self, wanted: Sequence[tuple[Picks, Sequence[int]]]) -> None:
        """Run candidates on places of the valset, all at once; what is known is not run again. Each is a trial of the report."""
        board, size = self.session.board, len(self.session.valset)
        cells = [[(self.number(picks), place) for place in places] for picks, places in wanted]
        unknown = [[cell for cell in row if not board.known(*cell)] for row in cells]
        await self.session.measure([cell for row in cells for cell in row])
        for (picks, places), new in zip(wanted, unknown, strict=True):
            number = self.number(picks)
            self._runs += sum(board.known(*cell) for cell in new)
            mean, n = board.mean(number, places)
            if n:
                # One that the budget cut short is none of the whole, as in `SHARE_TO_LEAD`.
                full = len(set(places)) == size and n >= SHARE_TO_LEAD * size
                self.session.searched.trials.append(Trial(number, self._picked(picks), mean, n, full, self._runs))

    async def search(self, schedule: Steps | Rejects, searcher: Searcher) -> None:
        """Follow a schedule to its end, or the budget's."""
        while self.session.goes_on() and await self.step(schedule, searcher):
            pass

    async def step(self, schedule: Steps | Rejects, searcher: Searcher) -> bool:
        """One step of a schedule; whether there was one left."""
        # A fit may take a second, in which calls of others go on.
        wanted = await in_thread(schedule.next, searcher, self.tried, self.session.board)
        await self.measure([(picks, self.session.order[:examples]) for picks, examples in wanted])
        return bool(wanted)

    def attempts(self) -> dict[str, list[tuple[str, float]]]:
        """For each predictor the instructions that were measured, each with the mean of its candidates.

        To be asked while all candidates have seen the same examples, as after a design.
        """
        board = self.session.board
        measured = {number: s.mean for number, s in enumerate(standings(board, [""] * len(self.tried))) if s.n}
        found: dict[str, list[tuple[str, float]]] = {}
        for place, slot in enumerate(self.space.slots):
            if slot.part == "instructions":
                scores: dict[str, list[float]] = {}
                for number, mean in measured.items():
                    scores.setdefault(slot.choices[self.tried[number][place]], []).append(mean)
                found[slot.predictor] = [(text, sum(some) / len(some)) for text, some in scores.items()]
        return found

    def grow(self, space: Space) -> None:
        """Go on in a space with more choices, in which the present ones have the places that they have now."""
        before = [(slot.predictor, slot.part) for slot in self.space.slots]
        # What is written from what was tried would be other texts, had another candidate been the best.
        self.session.searched.possible += (space.size - self.space.size) * max(len(self.tried), 1)
        self.space = space
        self.tried = [
            tuple(dict(zip(before, picks, strict=True)).get((slot.predictor, slot.part), 0) for slot in space.slots)
            for picks in self.tried
        ]
        self._numbers = {picks: number for number, picks in enumerate(self.tried)}

    def order(self, searcher: Searcher) -> list[Picks]:
        """The candidates that were measured, best first."""
        return ranked(searcher, self.tried, self.session.board)

    async def confirm(self, schedule: Confirmed, winner: Picks) -> None:
        """Run the winner and the student side by side, so that the gain stands on examples that did not choose.

        The gain is told on the examples that no candidate had been run on before, where these are enough to say something.
        """
        order, board = self.session.order, self.session.board
        seen = set(board.example)
        wanted = schedule.confirmation(winner, self.own, self.tried, board)
        await self.measure([(picks, [order[place] for place in places]) for picks, places in wanted])
        self.session.searched.fresh = frozenset(order[place] for place in wanted[0][1]) - seen

    def won(self, winner: Picks, order: Sequence[Picks] = ()) -> Candidate:
        """The candidate with these picks; what its choices did is told to the report, and in which order all stand.

        Without an order it is that of their means, in which the program as given, once it was run again to tell the gain, would be
        before better ones that were not.
        """
        self.session.searched.ranking = list(map(self.number, order))
        self.session.searched.effects = effects_of(self.space, self.tried, self.session.board, winner)
        return self.session.candidates[self.number(winner)]

    def _picked(self, picks: Picks) -> dict[str, int]:
        """The picks by DSPy's names; instructions without a slot are the program's own."""
        names = self.session.predictors
        told = dict.fromkeys((f"{place}_predictor_instruction" for place in range(len(names))), 0)
        return told | {
            f"{names.index(slot.predictor)}_predictor_{slot.part.replace('instructions', 'instruction')}": pick
            for slot, pick in zip(self.space.slots, picks, strict=True)
        }


def _name(slots: Sequence[Slot], picks: Picks) -> str:
    several = len({slot.predictor for slot in slots}) > 1
    parts = [
        f"{slot.predictor + ' ' if several else ''}{slot.part} {pick}" for slot, pick in zip(slots, picks, strict=True)
    ]
    return ", ".join(parts)
