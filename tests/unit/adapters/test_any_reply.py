"""Whatever a model replies becomes valid values or a `ReplyError` that carries the reply, in every adapter."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import pytest
from pydantic import TypeAdapter

from burnish.adapters.form import FormAdapter
from burnish.errors import ReplyError
from burnish.values.seed import draw
from burnish.values.signature import OutputField, Signature
from tests.support.replies import ADAPTERS, AROUND, BREAKS, JSON_WAYS, asked, written

SIGNATURES = 1700
# Of the replies that say the same in another way, so many are read as what they say.
FLOOR = 0.99


@functools.cache
def checker(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def read(adapter: FormAdapter, made: type[Signature], reply: str) -> dict[str, Any] | None:
    """The values in a reply, each strictly of its type; None where it is refused as it should be."""
    try:
        values = adapter.parse(made, reply)
    except ReplyError as error:
        values, carried = None, error.reply
    else:
        carried = reply
    assert carried == reply
    if values is None:
        return None
    assert list(values) == list(made.output_fields)
    for name, value in values.items():
        kind = made.output_fields[name].annotation
        assert checker(kind).validate_python(value, strict=True) == value, (kind, value)
    return values


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_ten_thousand_replies_each_become_valid_values_or_a_reply_error(adapter: FormAdapter) -> None:
    """1700 random signatures in each of three adapters, each with a whole and a broken reply: 10,200 replies."""
    random = draw(0, "replies", adapter.name)
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for _ in range(SIGNATURES):
        case = asked(random)
        way, around = random.choice(JSON_WAYS), random.choice(AROUND)
        reply = around(written(adapter, case, way))
        told = right if read(adapter, case.signature, reply) == case.outputs else wrong
        told.update((way.__name__, around.__name__))
        read(adapter, case.signature, random.choice(BREAKS)(random, reply))
    shares = {name: right[name] / (right[name] + wrong[name]) for name in right + wrong}
    assert right.total() / (right.total() + wrong.total()) >= FLOOR, shares
    assert min(shares.values()) >= FLOOR - 0.02, shares


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_a_reply_that_is_cut_off_is_never_taken_for_less_than_it_says(adapter: FormAdapter) -> None:
    """Every cut of a list of objects: the whole of it, or none."""
    made = Signature({"numbers": (list[int], OutputField()), "rows": (list[dict[str, str]], OutputField())})
    outputs = {"numbers": [1, 2, 3], "rows": [{"a": "x"}, {"b": "y, }"}, {"c": "it's"}]}
    reply = adapter.format_reply(made, outputs)
    for length in range(len(reply) + 1):
        assert read(adapter, made, reply[:length]) in (None, outputs), reply[:length]
