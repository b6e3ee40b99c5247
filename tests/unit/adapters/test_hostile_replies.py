"""Replies that are made to hurt: none of them costs more than a moment, or raises anything but a `ReplyError`."""

from __future__ import annotations

import time

import pytest

from burnish.adapters.form import FormAdapter
from burnish.errors import ReplyError
from burnish.values.signature import OutputField, Signature
from tests.support.replies import ADAPTERS

BRACKETS = 200_000
LONG = 50_000
HOSTILE = {
    "brackets": "[" * BRACKETS,
    "braces": "{" * BRACKETS,
    "closed brackets": "[" * (BRACKETS // 2) + "]" * (BRACKETS // 2),
    "closed braces": "{" * 24_000 + "}" * 24_000,
    "nested objects": '{"answer":' * 50_000 + "1" + "}" * 50_000,
    "nested in the answer": '{"answer": ' + "[" * 900 + "]" * 900 + ', "items": []}',
    "pairs": "{}" * LONG,
    "open objects": '{"answer": {' * 40_000,
    "quotes": '"' * BRACKETS,
    "quotes in an object": '{"answer": ' + '"' * LONG + "}",
    "single quotes": "{'" * LONG,
    "commas": "{" + "," * 45_000 + "}",
    "keys": "{" + '"a" ' * 20_000 + "}",
    "backslashes": '{"answer": "' + "\\" * LONG,
    "blanks": " " * LONG,
    "blanks in a fence": "```" + " " * LONG,
    "blanks in a list": "- a\n-" + " " * LONG + "\n- b",
    "fences": "```" * LONG,
    "fences of json": '```json\n{"answer"' * 30_000,
    "headers": "[[ ## answer ## ]]" * 50_000,
    "headers in a line": "x [[ ## answer ## ]] y" * 50_000,
    "half headers": "[[ ## " * 75_000,
    "other headers": "[[ ## other ## ]]\n" * 50_000,
    "tags": "<answer>" * 50_000,
    "tags of two": "<answer><items>" * 30_000 + "</answer",
    "half tags": "<answer " * 60_000,
    "closing tags": "</answer>" * 50_000,
    "entities": "<answer>" + "&amp;" * 100_000 + "</answer>",
    "thoughts": "<think>" * 70_000,
    "closed thoughts": "<think></think>" * 30_000,
    "digits": "9" * LONG,
    "numbers": "1 " * LONG,
    "letters": "a" * LONG,
    "nothing": "",
    "NULs": "\0" * LONG,
    "lone surrogates": '[[ ## answer ## ]]\n\ud800\n[[ ## items ## ]]\n["\udfff"]\n<answer>\ud800</answer>',
    "lone surrogates in JSON": '{"answer": "\\ud800", "items": ["\\udfff"]}',
    "huge numbers": '{"answer": 1e999, "items": [' + "9" * 5000 + "]}",
    "no numbers": '{"answer": NaN, "items": [Infinity]}',
}


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
@pytest.mark.parametrize("reply", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_reply_costs_a_moment(adapter: FormAdapter, reply: str) -> None:
    for kind, other in ((bool, list[int] | None), (str, list[str])):
        both = Signature({"answer": (kind, OutputField()), "items": (other, OutputField())})
        for made in (both, both.delete("items")):
            began = time.process_time()
            try:
                values, carried = adapter.parse(made, reply), reply
            except ReplyError as error:
                values, carried = dict.fromkeys(made.output_fields), error.reply
            assert carried == reply
            assert list(values) == list(made.output_fields)
            # What costs the square of its length takes minutes.
            assert time.process_time() - began < 1.0
