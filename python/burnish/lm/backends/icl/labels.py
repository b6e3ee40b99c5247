"""Finds labels and what is said about them in instructions and field descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_LINE = re.compile(
    r"^[ \t]{0,8}(?:[-*•]|\d{1,3}[.)])?[ \t]{0,4}[`\"'*“]{0,3}([^\n:`\"“”]{1,60}?)[`\"'*”]{0,3}[ \t]{0,4}"
    r"(?::|->|=>|→|=|–|—|[ \t]-[ \t])[`\"'*”]{0,3}[ \t]{0,4}(\S[^\n]*)$",
    re.MULTILINE,
)
_LISTED = re.compile(
    r"\b(?:one of|labels?|classes|categories|category|options|choices|intents?|either)\b[^\n:.]{0,40}:[ \t]*([^\n]+)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[`\"“]([^`\"“”\n]{1,60})[`\"”]")
_LONGEST_LABEL = 5
# Fewer lines with a colon than this are remarks, not a list of labels.
_FEWEST_LINES = 3


def normal(label: str) -> str:
    """A label without what differs between spellings of one label."""
    return re.sub(r"[\W_]+", " ", label).strip().casefold()


def looks_like_label(value: str) -> bool:
    """Whether a value is short enough to be one of a few fixed answers."""
    return 0 < len(value) <= 60 and len(value.split()) <= _LONGEST_LABEL and "\n" not in value


def lines(text: str) -> list[tuple[str, str]]:
    """The lines ``label: words about it``, whatever stands for the colon."""
    return [(match[1].strip(), match[2].strip()) for match in _LINE.finditer(text)]


def listed(text: str) -> list[str]:
    """The labels of a list such as ``one of: refund, delivery, other``."""
    match = _LISTED.search(text)
    if match is None:
        return []
    separator = r"\|" if "|" in match[1] else r",|\bor\b"
    found = [part.strip(" \t`'\"“”.;") for part in re.split(separator, match[1])]
    labels = [part for part in found if part]
    return labels if len(labels) > 1 and all(map(looks_like_label, labels)) else []


def named(text: str) -> list[str]:
    """The labels that a text itself introduces, by a list or by lines about them."""
    found = listed(text)
    if found:
        return found
    introduced = [label for label, _ in lines(text) if looks_like_label(label)]
    return introduced if len(introduced) >= _FEWEST_LINES else []


def descriptions(labels: Sequence[str], texts: Iterable[str]) -> dict[str, str]:
    """What the texts say about each label: its line, and lines that quote it and no other label."""
    known = {normal(label): label for label in labels}
    about: dict[str, list[str]] = {}
    for text in texts:
        for line in text.splitlines():
            match = _LINE.match(line)
            label = known.get(normal(match[1])) if match else None
            if match and label is not None:
                about.setdefault(label, []).append(match[2])
                continue
            quoted = {known[key] for name in _QUOTED.findall(line) if (key := normal(name)) in known}
            if len(quoted) == 1:
                about.setdefault(quoted.pop(), []).append(_QUOTED.sub(" ", line))
    return {label: " ".join(parts) for label, parts in about.items()}
