"""Another try, for what is worth one: exponential waits with jitter, or as long as the endpoint asks.

The library behind it (tenacity) is imported when the first call fails, since most runs need none.
"""

from __future__ import annotations

import datetime
import email.utils
import math
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from burnish.errors import LMTransient
from burnish.lm.limiter import LONGEST_ASKED, Limiter

T = TypeVar("T")

# The endpoint has more to do than it can: waited out, at a slower pace, and no fault of the request.
RATE_LIMITED = frozenset({429, 529})
# How often a request may be passed over, refused while others are answered, before that counts as failed tries.
_PASSED_OVER = 10


class Patience:
    """Whether a refusal of one request is a matter of pace, which the limiter sees to, and no failed try.

    An endpoint that has answered nobody for so long is out of order, and a request that is refused again and
    again while others are answered is itself at fault.

    Args:
        limiter: The endpoint's; None where calls do not wait.
        seconds: How long to wait for an endpoint that only refuses.
    """

    def __init__(self, limiter: Limiter | None, seconds: float) -> None:
        self._limiter = limiter
        self._seconds = seconds
        self._since: float | None = None
        self._passed_over = 0

    def __call__(self, error: LMTransient) -> bool:
        """Judge one failure; called once for each."""
        if self._limiter is None or error.status not in RATE_LIMITED:
            return False
        since = self._limiter.refused_since
        self._passed_over += self._since is not None and since != self._since
        self._since = since
        patient = since is None or time.monotonic() - since < self._seconds
        return patient and self._passed_over < _PASSED_OVER


async def retried(
    attempt: Callable[..., Awaitable[T]],
    *args: Any,
    first: LMTransient,
    times: int,
    waited_out: Callable[[LMTransient], bool],
    sleep: Callable[[float], Awaitable[None]],
    **options: Any,
) -> T:
    """The result of the next attempt that succeeds.

    Args:
        attempt: What to try.
        args: Its arguments.
        first: Why the first attempt failed.
        times: How many more attempts to make.
        waited_out: Whether a failure is no failed try: the attempt after it is made at once, and
            itself waits until the endpoint takes it.
        sleep: Waits for so many seconds.
        options: More arguments of the attempt.

    Raises:
        LMTransient: None of them succeeded; the last one's error.
    """
    free = waited_out(first)
    left = times + free
    if left == 0:
        raise first
    from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

    jitter = wait_random_exponential(multiplier=0.5, max=30)

    def judge(state: Any) -> None:
        nonlocal free, left
        free = waited_out(state.outcome.exception()) if isinstance(state.outcome.exception(), LMTransient) else False
        left -= not free

    def wait(state: Any) -> float:
        return 0.0 if free else _asked(state.outcome.exception().retry_after) or jitter(state)

    if not free:
        await sleep(_asked(first.retry_after) or random.uniform(0.1, 0.5))
    retrying = AsyncRetrying(
        after=judge,
        stop=lambda state: left == 0,
        wait=wait,
        sleep=sleep,
        retry=retry_if_exception_type(LMTransient),
        reraise=True,
    )
    return await retrying(attempt, *args, **options)


def _asked(seconds: float | None) -> float | None:
    """The wait that an endpoint asks for, within reason."""
    return None if seconds is None or not math.isfinite(seconds) else min(seconds, LONGEST_ASKED)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds to wait that an endpoint asks for: in milliseconds, in seconds, or until a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        number = headers.get(name, "").strip()
        if re.fullmatch(r"\d+(\.\d*)?", number):
            return float(number) * unit
    try:
        until = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    # A date without a zone is in UTC, as HTTP's dates are.
    until = until if until.tzinfo is not None else until.replace(tzinfo=datetime.UTC)
    return max((until - datetime.datetime.now(tz=datetime.UTC)).total_seconds(), 0.0)
