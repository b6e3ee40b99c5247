"""Another try, for what is worth one: exponential waits with jitter, or as long as the endpoint asks.

The library behind it (tenacity) is imported when the first call fails, since most runs need none.
"""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import math
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from burnish.errors import LMTransient

T = TypeVar("T")

# Seconds that a `Retry-After` is heeded at most: a run that seems to hang helps nobody.
_LONGEST_WAIT = 120.0


async def retried(
    attempt: Callable[..., Awaitable[T]],
    *args: Any,
    first: LMTransient,
    times: int,
    waited_out: Callable[[LMTransient], bool] = lambda error: False,
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
        options: More arguments of the attempt.

    Raises:
        LMTransient: None of them succeeded; the last one's error.
    """
    left = times + 1 if waited_out(first) else times
    if left == 0:
        raise first
    from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

    jitter = wait_random_exponential(multiplier=0.5, max=30)

    def stop(state: Any) -> bool:
        nonlocal left
        left -= not waited_out(_failure(state))
        return left == 0

    def wait(state: Any) -> float:
        error = _failure(state)
        return 0.0 if waited_out(error) else _asked(error.retry_after) or jitter(state)

    if not waited_out(first):
        await asyncio.sleep(_asked(first.retry_after) or random.uniform(0.1, 0.5))
    retrying = AsyncRetrying(stop=stop, wait=wait, retry=retry_if_exception_type(LMTransient), reraise=True)
    return await retrying(attempt, *args, **options)


def _failure(state: Any) -> LMTransient:
    error: LMTransient = state.outcome.exception()
    return error


def _asked(seconds: float | None) -> float | None:
    """The wait that an endpoint asks for, within reason."""
    return None if seconds is None or not math.isfinite(seconds) else min(seconds, _LONGEST_WAIT)


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
