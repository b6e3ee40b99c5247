"""Framework CPU per LM call, and the cost of importing: Burnish beside DSPy, in one run.

    .venv/bin/python benches/python/overhead.py [--record]

Each framework runs in processes of its own, in turn, several times; the medians are printed. The
model is instant: an object of the framework's bare model class that returns a constant reply. So
what is measured is rendering, hashing, parsing and everything around them. The reply is checked.
Where DSPy is not installed (`make peers`) Burnish runs alone.

What the numbers do not say: a real call adds the client's cost, and from a plain thread a hop to
the event loop (the line "over the loop").
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from beside import compare

DEMOS = (0, 4, 16)
CALLS = {"burnish": 3000, "dspy": 300}
REPLY = "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]"


def burnish_predict(demos: int, *, waits: bool) -> Any:
    """A predictor over an instant model; with `waits`, its calls go over the event loop."""
    import burnish
    from burnish import Output, Response, Usage

    class Instant:
        response = Response((Output(REPLY, "stop"),), Usage(calls=1), "instant")

        async def complete(self, request: Any) -> Response:
            return self.response

    Instant.waits = waits  # type: ignore[attr-defined]
    burnish.configure(lm=burnish.LM("instant/model", backend=Instant(), cache=False))
    predict = burnish.Predict("question -> answer")
    predict.demos = [burnish.Example(**row).with_inputs("question") for row in rows(demos)]
    return predict


def dspy_predict(demos: int) -> Any:
    """The same in DSPy, over its bare model class."""
    import dspy

    class Instant(dspy.BaseLM):  # type: ignore[misc]
        def __call__(self, prompt: Any = None, messages: Any = None, **settings: Any) -> list[str]:
            return [REPLY]

    dspy.configure(lm=Instant("instant/model"))
    predict = dspy.Predict("question -> answer")
    predict.demos = [dspy.Example(**row).with_inputs("question") for row in rows(demos)]
    return predict


def rows(count: int) -> list[dict[str, str]]:
    """Demos of some 40 tokens each."""
    return [
        {
            "question": f"What is the capital of country number {n}, and about how many people live there today?",
            "answer": f"City {n}, with some {n} million people in it and around it.",
        }
        for n in range(count)
    ]


def measure(framework: str) -> dict[str, float]:
    """Microseconds of CPU per call, in this process."""
    found = {}
    for demos in DEMOS:
        if framework == "dspy":
            found[f"Predict, {demos} demos"] = per_call(dspy_predict(demos), CALLS[framework])
        else:
            found[f"Predict, {demos} demos"] = per_call(burnish_predict(demos, waits=False), CALLS[framework])
            found[f"Predict, {demos} demos, over the loop"] = per_call(
                burnish_predict(demos, waits=True), CALLS[framework]
            )
    return found


def per_call(predict: Any, calls: int) -> float:
    """Microseconds of CPU, all threads of the process together."""
    for number in range(calls // 10):
        assert predict(question=f"warm-up {number}?").answer == "yes"
    began = time.process_time()
    for number in range(calls):
        predict(question=f"question {number}?")
    return (time.process_time() - began) / calls * 1e6


def import_cost(framework: str) -> dict[str, float]:
    """Seconds, modules and megabytes of importing the framework in a fresh process.

    Burnish imports a thing when it is first used, so a second figure uses what a compile needs.
    """
    found: dict[str, float] = {}
    for what, code in (
        ("import", f"import {framework}"),
        (
            "import and use",
            f"import {framework} as d; d.Predict('question -> answer'), d.Evaluate, d.LM, d.BootstrapFewShot",
        ),
    ):
        script = (
            "import sys, time, resource; before = len(sys.modules); began = time.perf_counter();"
            f"{code}; took = time.perf_counter() - began;"
            "print(took, len(sys.modules) - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
        )
        answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        seconds, modules, megabytes = map(float, answer.stdout.split())
        found |= {f"{what}, seconds": seconds, f"{what}, modules": modules, f"{what}, MB resident": megabytes}
    return found


if __name__ == "__main__":
    compare(
        __file__,
        about=__doc__,
        title="Overhead",
        told="Calls in microseconds of CPU, all threads of the process; an instant model.",
        measure=measure,
        more=import_cost,
    )
