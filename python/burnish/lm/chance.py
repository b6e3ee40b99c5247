"""Whether an endpoint refuses calls by chance: about as many of them however few it is asked at once.

Behind a gateway that spreads calls over several servers, or where many share a quota, some calls are refused and the
next is answered. Asking less is of no use then. An endpoint at its limit refuses nothing below it, and one that counts
calls a minute refuses nothing at a slower pace; so where refusals go on, each after a few replies, again and again,
and most calls are answered, they are passed over and the limit grows. If they become many more as more is asked, that
was wrong: the limit is what it was before, and chance is not thought of for a while.
"""

from __future__ import annotations

import math

# So many refusals, each after fewer replies than these, look like chance. Where a limit is tried out, more replies lie between.
_RUNS, _REPLIES = 6, 48
# The largest share of calls that may be refused by chance.
_MOST = 0.4
# Over how many calls the share of refusals is followed, and how much larger it may become.
_MEMORY, _LARGER, _MORE = 64, 1.5, 0.15
# So many refusals in a row as come less often than this are none by chance.
_RARE = 1e-6
# Seconds until chance is thought of again, twice as many each time that it was wrong.
_PATIENCE = 300.0


class Chance:
    """Follows replies and refusals.

    Attributes:
        found: Whether refusals come by chance, as far as is known.
        before: The limit that was found before they were seen to.
    """

    def __init__(self) -> None:
        self.found = False
        self.before = math.inf
        self._share = 0.0
        self._known = 0.0
        self._not_before = -math.inf
        self._patience = _PATIENCE
        self._runs = self._refused = self._answered = self._since_last = self._row = 0

    def answered(self) -> None:
        """Take a reply."""
        self._since_last += 1
        self._row = 0
        self._share -= self._share / _MEMORY

    def refused(self, limit: float, now: float, *, asked: float) -> bool:
        """Take a refusal, which asks for so many seconds of pause; whether to pass it over."""
        if self.found:
            self._share += (1 - self._share) / _MEMORY
            self._row += 1
            if asked or self._share > _LARGER * self._known + _MORE or self._known**self._row < _RARE:
                self.found = False
                self._not_before = now + self._patience
                self._patience *= 2
                self._forget()
            return self.found
        self.before = limit
        # An endpoint that says when to come back knows why it refuses.
        if asked or self._since_last >= _REPLIES:
            self._forget()
        self._runs += self._since_last > 0
        self._answered += self._since_last
        self._refused += 1
        self._since_last = 0
        self._known = self._share = self._refused / (self._refused + self._answered)
        self.found = not asked and self._runs >= _RUNS and self._known <= _MOST and now >= self._not_before
        return self.found

    def _forget(self) -> None:
        self._runs = self._refused = self._answered = self._since_last = self._row = 0
