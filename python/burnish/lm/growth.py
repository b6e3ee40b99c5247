"""How the limit of an endpoint moves: down where it refuses, up with what it answers.

A level that was refused is approached slowly, held for a while, tried again, and left fast where it holds
after all, on a cubic curve as TCP CUBIC's (RFC 9438). The rules and their reasons are in
`docs/design/009-the-limiter.md`.
"""

from __future__ import annotations

import math
from typing import Protocol

# Seconds until a level that was refused is tried again: at first, and after it was refused again and again. Each needs as
# many replies besides as are a dozen a second, so that few calls of many are refused.
_FIRST_PATIENCE, _LONGEST_PATIENCE, _REPLIES = 1.0, 16.0, 12.0
# Where a try means a pause for everybody, the least and the most patience are these many pauses.
_LEAST_PAUSES, _MOST_PAUSES = 16.0, 64.0
# What is left of the limit when a level is refused that was served before.
_SHRINK = 0.7
# A growth by this factor has to bring more replies; where it brought longer waits only, it is taken back.
_TRIAL = 1.25


class Sent(Protocol):
    """What is asked about a call."""

    @property
    def number(self) -> int:
        """Its number, counted from the first call on."""

    @property
    def sent(self) -> float:
        """When it was sent, in the limiter's seconds."""

    @property
    def level(self) -> int:
        """How many were in flight then, itself among them."""


class Growth:
    """How the limit moves."""

    def __init__(self) -> None:
        self.before = math.inf
        self._held = 0.0
        self._ceiling = 0
        self._patience = _FIRST_PATIENCE
        # The calls refused at one time are one burst: those sent before its first refusal arrived.
        self._burst_end = 0
        self._burst_level = 0
        self._burst_least = 1.0
        # When the limit shrank, and since then: the time in which somebody waited, and the replies.
        self._begun = -math.inf
        self._pressed = 0.0
        self._pressed_since: float | None = None
        self._replies = 0
        self._latency = 0.0
        # When the level that was refused was served, and the level and latency that growth is measured against.
        self._crossed: float | None = None
        self._level = 0.0
        self._mark = (0.0, 0.0, 0)

    def press(self, now: float, *, pressed: bool) -> None:
        """Count the time in which somebody waits: only then does a reply say that more may be sent."""
        if self._pressed_since is not None:
            self._pressed += now - self._pressed_since
        self._pressed_since = now if pressed else None

    def restored(self, limit: float) -> float:
        """The limit of before the endpoint refused everything."""
        self._held = max(limit, self.before)
        self._ceiling = math.floor(self._held) + 1 if self._held < math.inf else 0
        return self._held

    def shrunk(self, limit: float, place: Sent, now: float, *, flying: int, sent: int, asked: float) -> float:
        """The limit after a refusal."""
        if place.number <= self._burst_end:
            self._burst_level -= 1
            self._held = min(self._held, max(self._burst_least, float(self._burst_level)))
            self._ceiling = min(self._ceiling, math.floor(self._held) + 1)
            return min(limit, self._held)
        self._burst_end = sent
        self._burst_level = flying - 1
        # A pause is asked for by endpoints that count calls a minute: what is in flight then is by chance.
        self._burst_least = max(1.0, flying / 2 if asked else 1.0)
        served = max(1.0, float(self._burst_level))
        least = max(_FIRST_PATIENCE, min(_LEAST_PAUSES * asked, 60.0))
        most = max(_LONGEST_PATIENCE, min(_MOST_PAUSES * asked, 120.0))
        if self._replies < flying and limit < math.inf:
            # Refused twice in a round: fewer are served than before.
            self._held = max(1.0, min(served, limit * _SHRINK))
            self._ceiling = max(min(math.floor(limit), flying), math.floor(self._held) + 1)
            self._patience = max(least, self._patience / 2)
        else:
            same = self._held - 1 <= served < 1.1 * self._ceiling
            self._patience = max(least, min(2 * self._patience, most)) if same else least
            self._held = min(limit, served)
            self._ceiling = math.floor(self._held) + 1
        self._begin(now)
        return self._held

    def _begin(self, now: float) -> None:
        self.press(now, pressed=self._pressed_since is not None)
        self._begun = now
        self._pressed = 0.0
        self._replies = 0
        self._crossed = None

    def grown(self, limit: float, place: Sent, now: float) -> float:
        """The limit after a reply: further on the curve, by one call at most."""
        latency = now - place.sent
        weight = min(0.1, 1 / limit) if self._latency else 1.0
        self._latency += weight * (latency - self._latency)
        self._level += weight * (place.level - self._level)
        self._replies += 1
        if self._pressed_since is None:
            return limit
        self.press(now, pressed=True)
        if self._crossed is None:
            if place.level >= self._ceiling and place.sent > self._begun:
                self._crossed = self._pressed
                self._mark = (self._level, self._latency, self._replies)
            patience = max(self._patience, 2 * self._latency)
            way = min(1.0, self._pressed / patience, self._replies / (_REPLIES * self._patience))
            curve = self._ceiling - (self._ceiling - self._held) * (1 - way) ** 3
        elif self._only_waits(limit):
            self._patience = min(2 * self._patience, _LONGEST_PATIENCE)
            self._held = self._mark[0]
            self._ceiling = math.floor(self._held) + 1
            self._begin(now)
            return self._held
        else:
            rounds = (self._pressed - self._crossed) / max(_FIRST_PATIENCE, 2 * self._latency)
            curve = self._ceiling + max(1.0, 0.05 * self._ceiling) * rounds**3
        return max(limit, min(limit + 1, curve))

    def _only_waits(self, limit: float) -> bool:
        """Whether the last growth brought longer latency in place of more replies."""
        level, latency, replies = self._mark
        if self._level < _TRIAL * level or self._replies - replies < limit:
            return False
        # Of a queue the latency would have grown as the level has.
        if self._latency - latency > 0.6 * latency * (self._level / level - 1):
            return True
        self._mark = (self._level, self._latency, self._replies)
        return False
