"""Finds labelled examples in the text of a prompt, in whatever form they are shown there."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from burnish.lm.backends.icl.labels import looks_like_label
from burnish.lm.backends.icl.prompt import as_text

# Repeats are bounded, so that no text, however odd, takes long.
_HEADER = re.compile(r"^\[\[ {0,4}#{1,4} {0,4}([^\[\]#\n]{1,80}?) {0,4}#{1,4} {0,4}\]\]", re.MULTILINE)
_KEY = re.compile(
    r"^[ \t]{0,8}(?:[-*•#]{1,6}|\d{1,4}[.)])?[ \t]{0,4}[`*\"]{0,3}([^\W\d]\w{0,40}(?: \w{1,20}){0,3})[`*\"]{0,3} {0,4}:[`*]{0,3}",
    re.MULTILINE,
)
_BULLET = re.compile(r"(?:[-*•]|\d{1,4}[.)])[ \t]+")
_ARROWS = ("->", "=>", "→", "\t", "|")
_WRAPPING = "\"'“”` \t"
_OBJECT = re.compile(r"\{[^{}\n]{2,20000}\}")
_OUTPUTS = re.compile(
    r"^[^\n]{0,60}\b(?:produces?|outputs?)\b[^\n:]{0,40}:[ \t]{0,8}\n((?:[ \t]{0,8}[-*•][^\n]+(?:\n|\Z))+)",
    re.MULTILINE | re.IGNORECASE,
)
_ITEM = re.compile(r"^[ \t]{0,8}[-*•][ \t]{0,4}`?(\w{1,60})", re.MULTILINE)

Record = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled examples.

    Attributes:
        pairs: Text and label of each.
        label_name: What the labels are called; empty where nothing says it.
    """

    pairs: tuple[tuple[str, str], ...]
    label_name: str

    @property
    def labels(self) -> list[str]:
        """Each label once, sorted."""
        return sorted({label for _, label in self.pairs})

    @property
    def are_classes(self) -> bool:
        """Whether the labels are a few fixed answers and not a free text for each example."""
        counts = Counter(label for _, label in self.pairs)
        return all(map(looks_like_label, counts)) and (len(counts) < len(self.pairs) or len(counts) > 1)


def find_rows(texts: Iterable[str], *, outputs: Collection[str] = ()) -> Rows | None:
    """The largest set of labelled examples in the texts; None where no text shows two.

    Args:
        texts: Where to look.
        outputs: Members that are answers, where that is known: one of them is the label, and none of them is read as text.
    """
    found = [
        rows for text in texts for reader in _READERS if (rows := _as_rows(list(reader(text)), outputs)) is not None
    ]
    return max(found, key=lambda rows: len(rows.pairs), default=None)


def named_outputs(texts: Iterable[str]) -> list[str]:
    """The names in lists under a line that says what must be produced, in their order."""
    lists = [match[1] for text in texts for match in _OUTPUTS.finditer(text)]
    return list(dict.fromkeys(name for listed in lists for name in _ITEM.findall(listed)))


def _as_rows(records: list[Record], outputs: Collection[str]) -> Rows | None:
    """Records with one member told apart as the label: of the outputs, where they are known, else of all members."""
    whole = [record for record in records if len(record) > 1]
    if len(whole) < 2:
        return None
    shown = Counter(name for record in whole for name in record)
    names = [name for name, count in shown.items() if count == max(shown.values())]
    if len(names) < 2:
        return None
    whole = [record for record in whole if all(name in record for name in names)]
    values = {name: {record[name] for record in whole} for name in names}
    answers = [name for name in names if name in outputs]
    given = [name for name in names if name not in answers]
    among = answers if answers and given else names
    # Texts are seldom short and seldom come twice; of members that do neither, the answer comes last.
    short = [name for name in among if len(values[name]) < len(whole) and all(map(looks_like_label, values[name]))]
    label_name = min(reversed(short or among[-1:]), key=lambda name: len(values[name]))
    text = given if among is answers else [name for name in names if name != label_name]
    pairs = [("\n".join(record[name] for name in text), record[label_name]) for record in whole]
    return Rows(tuple(pairs), label_name)


def _objects(text: str) -> Iterator[Record]:
    """JSON, one array or objects anywhere, and Python's dicts as their repr shows them."""
    try:
        values = json.loads(text)
    except ValueError:
        values = [_literal(match[0]) for match in _OBJECT.finditer(text)]
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, dict):
            yield _flat(value)


def _literal(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _flat(value: Mapping[Any, Any]) -> Record:
    members: dict[str, str] = {}
    for name, member in value.items():
        if isinstance(member, dict):
            members.update(_flat(member))
        elif member is not None:
            members[str(name)] = as_text(member)
    return members


def _keyed(text: str, *, header: re.Pattern[str]) -> Iterator[Record]:
    """Runs of ``name`` and value; a name that comes again begins the next record."""
    matches = list(header.finditer(text))
    often = Counter(match[1] for match in matches)
    marks = [match for match in matches if often[match[1]] > 1 and match[1] != "completed"]
    record: dict[str, str] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=False):
        if mark[1] in record:
            yield record
            record = {}
        value = text[mark.end() : following.start() if following else None]
        # A blank line ends the last value of a record: what follows is another paragraph.
        record[mark[1]] = value.split("\n\n")[0].partition("[[ ##")[0].strip()
    if record:
        yield record


def _sections(text: str) -> Iterator[Record]:
    return _keyed(text, header=_HEADER)


def _named(text: str) -> Iterator[Record]:
    return _keyed(text, header=_KEY)


def _arrows(text: str) -> Iterator[Record]:
    """Lines of a text, an arrow (or a tab, or a bar) and a label; the last arrow of a line counts."""
    for raw in text.splitlines():
        line = raw.strip()
        bullet = _BULLET.match(line)
        line = line[bullet.end() :] if bullet else line
        at, arrow = max((line.rfind(arrow), arrow) for arrow in _ARROWS)
        given, label = line[: max(at, 0)].strip(_WRAPPING), line[at + len(arrow) :].strip(_WRAPPING)
        if given and label:
            yield {"text": given, "": label}


_READERS = (_objects, _sections, _named, _arrows)
