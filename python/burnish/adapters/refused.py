"""What an endpoint's refusal tells of a model: that it does not take a parameter that an adapter asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from burnish.errors import LMAccessDenied, LMRejected, PromptTooLong

# Call parameter → what a model that takes it is known for, and how endpoints speak of it.
_PARAMETERS = {
    "response_format": (
        "structured_output",
        re.compile(r"response_?format|json_?schema|structured[ _]output|json[ _](mode|object)|guided", re.IGNORECASE),
    ),
    "tools": ("tools", re.compile(r"\btools?\b|tool_choice|function.?call", re.IGNORECASE)),
}


def disproved(options: Mapping[str, Any], error: LMRejected) -> str | None:
    """Which capability a refusal disproves; None where it is about something else.

    Args:
        options: What the adapter asked for.
        error: The endpoint's refusal.

    Example:
        >>> error = LMRejected("HTTP 400: response_format is not supported", model="local/m", status=400)
        >>> disproved({"response_format": {"type": "json_object"}}, error)
        'structured_output'
    """
    if isinstance(error, LMAccessDenied | PromptTooLong):
        return None
    for parameter, (capability, words) in _PARAMETERS.items():
        if parameter in options and words.search(str(error)):
            return capability
    return None
