"""What is under way to one endpoint's one model in this process: its pace, and the requests in flight."""

from __future__ import annotations

import asyncio
import functools
import os
from typing import Any

from burnish.lm.limiter import Limiter
from burnish.lm.request import Response


class Traffic:
    """The pace and the requests in flight; used on the one loop only.

    Args:
        process: The process whose traffic it is.

    Attributes:
        limiter: How many calls the endpoint is asked at once.
        flights: The reply to come of each request that others may want too.
    """

    def __init__(self, process: int) -> None:
        self.process = process
        self.limiter = Limiter()
        self.flights: dict[Any, asyncio.Future[Response]] = {}


def traffic_of(endpoint: str, model: str) -> Traffic:
    """The traffic of an endpoint's model, shared by everything in this process."""
    return _traffic_of(endpoint, model, os.getpid())


@functools.cache
def _traffic_of(endpoint: str, model: str, process: int) -> Traffic:
    # A forked child has a loop of its own, so it begins anew.
    return Traffic(process)
