"""Which slot of a space made the difference between its candidates: what a report tells of where a gain comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SlotEffect:
    """What the choices in one slot do to the score.

    Attributes:
        predictor: Whose slot it is.
        part: ``"instructions"`` or ``"demos"``.
        share: Share of the expected score's variance over all candidates that the choices in this slot make.
        gain: How much more a candidate is expected to score with the winner's choice than with the program's own, the
            other slots averaged over; 0 where the winner keeps the program's own. It leans to zero where little was measured.
        kept: Whether the winner keeps the program's own choice.
        stands_out: Whether some choice in this slot differs from the program's own beyond doubt.
    """

    predictor: str
    part: str
    share: float
    gain: float
    kept: bool
    stands_out: bool

    @property
    def name(self) -> str:
        """The slot in words, such as ``"classify instructions"``; a lone predictor has no name."""
        return self.part if self.predictor == "self" else f"{self.predictor} {self.part}"

    @property
    def told(self) -> str:
        """What the winner's choice adds, in words."""
        if not self.stands_out:
            return "no difference beyond doubt"
        if self.kept:
            return "the program's own is kept"
        return f"expected {100 * self.gain:+.1f} points over the program's own"

    def __str__(self) -> str:
        return f"{self.name}: {100 * self.share:.0f}%, {self.told}"


@dataclass(frozen=True, slots=True)
class Effects:
    """What set the candidates of a search apart, as a surrogate fitted to all scores has it.

    Shares are of the variance of the expected score over the space, and add up to 1. They say what choices did in this
    search, among the choices that it had, and not what a better choice could do.

    Attributes:
        slots: One for each slot of the space, in its order.
        pairs: Share of choices in two slots that go well or badly together.
        own: Share of single candidates, which no slot and no pair explains.
    """

    slots: Sequence[SlotEffect]
    pairs: float
    own: float

    @property
    def ranked(self) -> list[SlotEffect]:
        """The slots, the one with the largest share first."""
        return sorted(self.slots, key=lambda slot: -slot.share)

    @property
    def stand_out(self) -> list[SlotEffect]:
        """The slots whose choices differ beyond doubt, the largest share first; where there are none, the shares are noise."""
        return [slot for slot in self.ranked if slot.stands_out]

    def to_dict(self) -> dict[str, Any]:
        """The effects as JSON-ready values."""
        return asdict(self)

    def __str__(self) -> str:
        if not self.stand_out:
            return "no slot stands out: the scores do not tell which part made the difference"
        return "\n".join(
            [
                "what set the candidates apart, of the expected score's variance:",
                *(f"  {slot}" for slot in self.ranked),
                f"  choices that go together: {100 * self.pairs:.0f}%; single candidates: {100 * self.own:.0f}%",
            ]
        )
