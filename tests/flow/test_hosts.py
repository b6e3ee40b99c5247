"""One program object, called and compiled at the same time by a FastAPI application, a notebook's cell, a thread and a pool."""

from __future__ import annotations

import ast
import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from fastapi import FastAPI

from burnish import BootstrapRS, context
from burnish.testing import toy
from tests.support.gauge import GaugedLM

FISH = "There was something like trout by the harbour."
EXPECTED = {"before": "bird", "after": "fish", "score": 66.67, "demos": 4}


def search() -> BootstrapRS:
    return BootstrapRS(toy.metric, num_candidate_programs=2, max_labeled_demos=4, progress=False)


def told(before: Any, after: Any, compiled: Any) -> dict[str, Any]:
    return {
        "before": before.kind,
        "after": after.kind,
        "score": compiled.report.score,
        "demos": len(compiled.classify.demos),
    }


def plain(program: Any) -> dict[str, Any]:
    """What every host without a loop does."""
    with context(lm=GaugedLM(latency=0.002)):
        compiled = search().compile(program, trainset=toy.trainset(), valset=toy.valset())
        return told(program(text=FISH), compiled(text=FISH), compiled)


def application(program: Any) -> FastAPI:
    """A handler on the application's loop, and one in its threads."""
    app = FastAPI()

    @app.get("/async")
    async def awaited() -> dict[str, Any]:
        with context(lm=GaugedLM(latency=0.002)):
            compiled = await search().acompile(program, trainset=toy.trainset(), valset=toy.valset())
            return told(await program.acall(text=FISH), await compiled.acall(text=FISH), compiled)

    @app.get("/sync")
    def threaded() -> dict[str, Any]:
        return plain(program)

    return app


async def requested(app: FastAPI) -> list[dict[str, Any]]:
    """Six requests at once."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        replies = await asyncio.gather(*(client.get(path) for path in ("/async", "/sync") * 3))
    return [reply.raise_for_status().json() for reply in replies]


async def cell(source: str, names: dict[str, Any]) -> None:
    """Run a notebook's cell as its kernel does: on a loop that is running, with `await` at the top level."""
    code = compile(source, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    made = eval(code, names)
    if made is not None:
        await made


def test_every_host_calls_and_compiles_the_same_program_at_the_same_time() -> None:
    program = toy.Classifier()
    found: dict[str, Any] = {}

    def serve() -> None:
        found["FastAPI"] = asyncio.run(requested(application(program)))

    def thread() -> None:
        found["thread"] = plain(program)

    def pool() -> None:
        with ThreadPoolExecutor(3) as workers:
            found["pool"] = list(workers.map(plain, [program] * 3))

    def notebook() -> None:
        async def kernel() -> None:
            names = {"program": program, "plain": plain, "search": search, "told": told, "toy": toy, "FISH": FISH}
            names |= {"context": context, "GaugedLM": GaugedLM}
            await cell("first = plain(program)", names)
            await cell(
                "with context(lm=GaugedLM()):\n"
                "    compiled = await search().acompile(program, trainset=toy.trainset(), valset=toy.valset())\n"
                "    second = told(await program.acall(text=FISH), await compiled.acall(text=FISH), compiled)\n",
                names,
            )
            found["notebook"] = [names["first"], names["second"]]

        asyncio.run(kernel())

    hosts = [threading.Thread(target=host) for host in (serve, thread, pool, notebook)]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join(60)
    assert found == {
        "FastAPI": [EXPECTED] * 6,
        "thread": EXPECTED,
        "pool": [EXPECTED] * 3,
        "notebook": [EXPECTED] * 2,
    }
    assert program.classify.demos == []
