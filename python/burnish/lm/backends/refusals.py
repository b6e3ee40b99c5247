"""What a refusal means, whichever client brought it: the one place where status and words become an error's kind."""

from __future__ import annotations

import re
from collections.abc import Mapping

from burnish.errors import LMAccessDenied, LMError, LMRejected, LMTransient, PromptTooLong
from burnish.lm.retry import retry_after

_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|(maximum|max|available|model's) context|context (length|window|size)"
    r"|(prompt|input|request) is too long|(too many|maximum number of|max) (input )?tokens|reduce the length of",
    re.IGNORECASE,
)
# Limits on what is asked of a whole account, not of one prompt.
_RATE = re.compile(r"per (min|day|hour)|rate.?limit|quota", re.IGNORECASE)
# One prompt that is more than the account's tokens a minute: it would be refused however long one waits.
_TOO_LARGE_ALONE = re.compile(r"request too large.{0,200}per min|tokens must be reduced", re.IGNORECASE | re.DOTALL)
_NO_CREDIT = re.compile(r"insufficient_quota|billing_hard_limit|credit balance|exceeded your current quota", re.I)
_TRY_AGAIN = frozenset({408, 409, 425, 429})


def refusal(status: int | None, text: str, *, why: str, model: str, headers: Mapping[str, str]) -> LMError:
    """The error of a refusal.

    Args:
        status: The HTTP status; None where there was no answer.
        text: What the error says; cut short, and without credentials.
        why: All that the endpoint wrote, its code included; it is looked at and not shown.
        model: Who was asked.
        headers: Of the answer, names in lower case.
    """
    if _is_too_long(status, why):
        return PromptTooLong(text, model=model, status=status)
    if status == 429 and _NO_CREDIT.search(why):
        empty = f"The account behind model {model!r} has no credit left. {text}"
        return LMAccessDenied(empty, model=model, status=status)
    denied = _denied(status, model)
    if denied is not None:
        return LMAccessDenied(f"{denied} {text}", model=model, status=status)
    if status is not None and 400 <= status < 500 and status not in _TRY_AGAIN:
        return LMRejected(text, model=model, status=status)
    return LMTransient(text, model=model, status=status, retry_after=retry_after(headers))


def _is_too_long(status: int | None, why: str) -> bool:
    if status in (413, 429) and _TOO_LARGE_ALONE.search(why):
        return True
    return status in (400, 413, 422, 500) and _TOO_LONG.search(why) is not None and _RATE.search(why) is None


def _denied(status: int | None, model: str) -> str | None:
    """What to look at where every further call would fail too."""
    if status in (401, 402, 403):
        return f"The endpoint refused model {model!r}: check the API key (api_key=...) and what it is allowed."
    if status in (404, 405):
        return (
            f"The endpoint knows no model {model.partition('/')[2]!r}, or no such address: "
            "check the name, and whether api_base=... has to end in /v1."
        )
    if status is not None and 300 <= status < 400:
        return "The endpoint is elsewhere, and redirects are not followed: give its new address as api_base=...."
    return None
