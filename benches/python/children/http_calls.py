"""One client of `http_calls.py`, in a process of its own: `python http_calls.py NAME URL SECONDS`.

Prints what it found as JSON: for each number of calls in flight the calls, calls a second, and seconds of CPU a call,
or the name of the error with which it gave up.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import resource
import sys
import time
import traceback
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any

REPLY, FLIGHTS, MESSAGES, DEMOS = map(
    json.loads, (os.environ[name] for name in ("BENCH_REPLY", "BENCH_FLIGHTS", "BENCH_MESSAGES", "BENCH_DEMOS"))
)
KEY = "sk-of-no-use"
# More threads than this are not what they were made for.
THREADS_AT_MOST = 256

Ask = Callable[[int], Awaitable[None]]


def question(number: int) -> str:
    return f"Is {number} a number?"


# The clients: each takes the server's address and gives what asks one question, or runs so many.


def burnish_predict(url: str) -> Any:
    import burnish

    burnish.configure(lm=burnish.LM("openai/toy", api_base=url, api_key=KEY, cache=False, num_retries=0))
    predict = burnish.Predict("question -> answer")
    predict.demos = [burnish.Example(**row).with_inputs("question") for row in DEMOS]
    return predict


def dspy_predict(url: str) -> Any:
    import dspy

    dspy.configure(lm=dspy.LM("openai/toy", api_base=url, api_key=KEY, cache=False))
    predict = dspy.Predict("question -> answer")
    predict.demos = [dspy.Example(**row).with_inputs("question") for row in DEMOS]
    return predict


def acall(predict: Any) -> Ask:
    """Ask a predictor of either framework."""

    async def ask(number: int) -> None:
        prediction = await predict.acall(question=question(number))
        assert prediction.answer == "yes"

    return ask


def asked(number: int) -> list[dict[str, str]]:
    """What Burnish's adapter sends, for the clients that have none."""
    last = MESSAGES[-1]
    return [*MESSAGES[:-1], {**last, "content": last["content"].replace("QUESTION", question(number))}]


def body(number: int) -> bytes:
    return json.dumps({"model": "toy", "messages": asked(number)}).encode()


def with_litellm(url: str) -> Ask:
    import litellm

    async def ask(number: int) -> None:
        reply = await litellm.acompletion("openai/toy", asked(number), api_base=url, api_key=KEY)
        assert reply.choices[0].message.content == REPLY

    return ask


def with_openai(url: str) -> Ask:
    import openai

    client = openai.AsyncOpenAI(base_url=url, api_key=KEY, timeout=60)

    async def ask(number: int) -> None:
        reply = await client.chat.completions.create(model="toy", messages=asked(number))
        assert reply.choices[0].message.content == REPLY

    return ask


def with_aiohttp(url: str) -> Ask:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}

    async def ask(number: int) -> None:
        async with session.post(f"{url}/chat/completions", data=body(number), headers=headers) as http:
            assert json.loads(await http.read())["choices"][0]["message"]["content"] == REPLY

    return ask


def with_our_client(url: str) -> Ask:
    from burnish.lm.backends.http import post

    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}

    async def ask(number: int) -> None:
        _, _, reply = await post(f"{url}/chat/completions", headers, body(number))
        assert json.loads(reply)["choices"][0]["message"]["content"] == REPLY

    return ask


class Bare(asyncio.Protocol):
    """Sends the same bytes again when a reply has come; reads no more of it than its first line."""

    def __init__(self, request: bytes, numbers: Any, ended: Callable[[], None]) -> None:
        self.request, self.numbers, self.ended = request, numbers, ended

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self.next()

    def next(self) -> None:
        """Send the next request, if one is left."""
        if next(self.numbers, None) is None:
            self.ended()
            self.transport.close()
        else:
            self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Take a reply, which comes in one piece."""
        assert data.startswith(b"HTTP/1.1 200 ")
        self.next()


async def bare_sockets(url: str, calls: int, flight: int) -> None:
    """So many calls over as many connections as are in flight."""
    text = body(1)
    port = urllib.parse.urlsplit(url).port
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    loop = asyncio.get_running_loop()
    numbers, left, done = iter(range(calls)), itertools.count(1), loop.create_future()

    def ended() -> None:
        if next(left) == flight:
            done.set_result(None)

    for _ in range(flight):
        await loop.create_connection(lambda: Bare(head.encode() + text, numbers, ended), "127.0.0.1", port)
    await done


# How calls are kept in flight.


async def tasks(ask: Ask, calls: int, flight: int) -> None:
    """So many tasks share the calls."""
    numbers = iter(range(calls))

    async def work() -> None:
        for number in numbers:
            await ask(number)

    await asyncio.gather(*(work() for _ in range(flight)))


def in_asyncio(make: Callable[[str], Ask], url: str) -> Callable[[int, int], None]:
    """Runs the calls of an async client, all on one loop."""
    runner = asyncio.Runner()

    async def made() -> Ask:
        return make(url)

    ask = runner.run(made())
    return lambda calls, flight: runner.run(tasks(ask, calls, flight))


def in_a_program(url: str) -> Callable[[int, int], None]:
    """Runs the calls inside a program's `aforward`, as programs with many steps do."""
    import burnish

    predict = burnish_predict(url)

    class Many(burnish.Module):
        """Asks many questions."""

        async def aforward(self, calls: int, flight: int) -> burnish.Prediction:
            await tasks(acall(predict), calls, flight)
            return burnish.Prediction(answer="yes")

    many = Many()
    return lambda calls, flight: many(calls=calls, flight=flight) and None


def evaluating(framework: Any, predict: Any) -> Callable[[int, int], None]:
    """Runs the calls as an evaluation of a program that is one predictor."""
    metric = framework.evaluate.answer_exact_match

    def run(calls: int, flight: int) -> None:
        devset = [framework.Example(question=question(n), answer="yes").with_inputs("question") for n in range(calls)]
        result = framework.Evaluate(devset=devset, metric=metric, num_threads=flight, display_progress=False)(predict)
        assert result.score == 100.0, result

    return run


def client(name: str, url: str) -> Callable[[int, int], None]:
    """What makes so many calls, so many of them at once."""
    if name == "burnish, Evaluate":
        import burnish

        return evaluating(burnish, burnish_predict(url))
    if name == "dspy, Evaluate":
        import dspy

        return evaluating(dspy, dspy_predict(url))
    if name == "burnish, acall in a program":
        return in_a_program(url)
    if name == "bare sockets":
        return lambda calls, flight: asyncio.run(bare_sockets(url, calls, flight))
    makers: dict[str, Callable[[str], Ask]] = {
        "burnish, acall": lambda url: acall(burnish_predict(url)),
        "burnish, its HTTP client alone": with_our_client,
        "dspy, acall": lambda url: acall(dspy_predict(url)),
        "litellm": with_litellm,
        "openai": with_openai,
        "aiohttp": with_aiohttp,
    }
    return in_asyncio(makers[name], url)


def measure(name: str, url: str, seconds: float) -> dict[int, Any]:
    """The figures of one client, by calls in flight."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    run = client(name, url)
    found: dict[int, Any] = {}
    for flight in FLIGHTS:
        if name == "dspy, Evaluate" and flight > THREADS_AT_MOST:
            continue
        try:
            found[flight] = measure_at(run, flight, seconds)
        # A client that gives up under load has that in its place in the table.
        except Exception as error:
            traceback.print_exc()
            found[flight] = type(error).__name__
    return found


def measure_at(run: Callable[[int, int], None], flight: int, seconds: float) -> tuple[int, float, float]:
    """Calls, calls a second, and seconds of CPU a call, with so many calls in flight."""
    warm = max(flight, 3)
    took = 0.0
    # The first time opens the connections; the second tells how many calls fit into the time, unless that is known already.
    for _ in range(2):
        if took < seconds:
            began = time.perf_counter()
            run(warm, flight)
            took = time.perf_counter() - began
    calls = warm * max(1, min(round(seconds / took), 40 if flight > 1 else 1000))
    began, busy = time.perf_counter(), time.process_time()
    run(calls, flight)
    cpu, took = time.process_time() - busy, time.perf_counter() - began
    return calls, calls / took, cpu / calls


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
