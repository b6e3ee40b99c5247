"""Rendering a call's prompt and parsing its reply: Burnish's adapters beside DSPy's, in one run.

    .venv/bin/python benches/python/adapters.py [--rounds 5] [--record]

Each framework runs in processes of its own, in turn, several times; the medians are printed. Two signatures: one of plain text, and
one of types (a choice, a bounded int, a list, a list of models). **A call** is what happens for every call of a predictor: Burnish compiles the
prompt once for a candidate and renders the inputs, DSPy formats all of it each time. **A prompt** is all of it made anew, for both. **A reply** is
parsed and checked. What comes out is checked before anything is timed: values equal to those that were written, and prompts that show every demo.
Where DSPy is not installed (`make peers`) Burnish runs alone.

What the numbers do not say: the prompts are worded differently, so they differ in length; the hash and the count of tokens that Burnish makes with a
compiled prompt are part of "a prompt" here, and DSPy has neither.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Literal

import pydantic
from beside import compare

DEMOS = (0, 4, 16)
SECONDS = 0.15


class Place(pydantic.BaseModel):
    """One of what the typed signature finds."""

    name: str
    people: int


TEXT = {"answer": "Some 700,000 people live in Oslo, which is the capital."}
TYPED = {
    "kind": "town",
    "size": 3,
    "tags": ["port", "capital", "old"],
    "places": [Place(name="Oslo", people=709_000), Place(name="Bergen", people=289_000)],
}
QUESTION = {"question": "What is the largest town of Norway, and about how many people live there?"}
KINDS = {"text": TEXT, "typed": TYPED}


def signature(framework: Any, kind: str) -> Any:
    """The signature in a framework's own class."""
    if kind == "text":
        return framework.Signature("question -> answer", "Answer the question.")

    class Describe(framework.Signature):  # type: ignore[misc,name-defined]
        """Describe the place."""

        question: str = framework.InputField()
        kind: Literal["town", "village"] = framework.OutputField(desc="by its size")
        size: int = framework.OutputField(ge=1, le=5)
        tags: list[str] = framework.OutputField()
        places: list[Place] = framework.OutputField()

    return Describe


def replies(kind: str) -> dict[str, str]:
    """A right reply for each adapter, which both frameworks read."""
    plain = {n: [p.model_dump() for p in v] if n == "places" else v for n, v in KINDS[kind].items()}  # type: ignore[attr-defined]
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in plain.items()}
    chat = "\n\n".join([*(f"[[ ## {name} ## ]]\n{text}" for name, text in texts.items()), "[[ ## completed ## ]]"])
    return {"chat": chat, "json": json.dumps(plain)}


def demos(kind: str, count: int) -> list[dict[str, Any]]:
    """Worked examples, each with a text of its own."""
    return [{"question": f"Number {n}: {QUESTION['question']}", **KINDS[kind]} for n in range(count)]


def measure(name: str) -> dict[str, float]:
    """Microseconds of each figure, in this process."""
    framework: Any = __import__(name)
    found = {}
    for form, adapter in (("chat", framework.ChatAdapter()), ("json", framework.JSONAdapter())):
        for kind, values in KINDS.items():
            asked = signature(framework, kind)
            for count in DEMOS:
                shown = demos(kind, count)
                check_prompt(adapter.format(asked, shown, QUESTION), count)
                whole = timed(lambda a=adapter, s=asked, d=shown: a.format(s, d, QUESTION))
                call = timed(lambda a=adapter, s=asked: a.render(s, QUESTION)) if name == "burnish" else whole
                found[f"{form}, {kind}: a call, {count} demos"] = call
                if count == DEMOS[-1]:
                    found[f"{form}, {kind}: a prompt, {count} demos"] = whole
            reply = replies(kind)[form]
            assert adapter.parse(asked, reply) == values, (name, form, kind)
            found[f"{form}, {kind}: a reply"] = timed(lambda a=adapter, s=asked, r=reply: a.parse(s, r))
    return found


def check_prompt(messages: list[dict[str, Any]], count: int) -> None:
    """Every demo and the question are shown."""
    text = json.dumps(messages)
    assert all(f"Number {n}:" in text for n in range(count))
    assert QUESTION["question"] in messages[-1]["content"]
    assert len(messages) == 2 + 2 * count


def timed(work: Callable[[], Any]) -> float:
    """Microseconds a time, once what is worked out at first is kept."""
    for _ in range(5):
        work()
    times = 0
    began = now = time.perf_counter()
    while now - began < SECONDS:
        for _ in range(10):
            work()
        times += 10
        now = time.perf_counter()
    return (now - began) / times * 1e6


if __name__ == "__main__":
    compare(
        __file__,
        about=__doc__,
        title="Adapters",
        told="Microseconds; the values that come out of the replies are equal.",
        measure=measure,
    )
