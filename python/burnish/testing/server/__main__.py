"""The command line: ``python -m burnish.testing.server --port 8000 --latency 0.05 --fault error=0.3``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from burnish.errors import BurnishError, ConfigError
from burnish.testing.server.faults import DAMAGES, REFUSALS
from burnish.testing.server.options import Options
from burnish.testing.server.web import serve


async def _serve_for_a_program() -> None:
    """Serve as the first line of standard input says, until its end: the program that started this one is gone then."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    # What was imported is never garbage.
    gc.freeze()

    def started(port: int) -> None:
        print(port, flush=True)  # noqa: T201  this is how the program learns it

    log = None if order["log"] is None else Path(order["log"])
    await serve(Options.of(order["options"]), port=order["port"], log=log, started=started)


def _say(why: str) -> int:
    print(why, flush=True)  # noqa: T201  this is how the program learns it
    return 1


def _end_with_the_input() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    refusals = ", ".join(f"{name} ({refusal.status})" for name, refusal in REFUSALS.items())
    damages = ", ".join(f"{name} ({what})" for name, what in DAMAGES.items())
    parser = argparse.ArgumentParser(
        prog="python -m burnish.testing.server",
        description="An OpenAI-compatible server that answers without a model, as slowly and as badly as it is told to.",
        epilog=f"Faults: {refusals}, {damages}.",
    )
    parser.add_argument("--started-by-program", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--log", type=Path, help="one line of JSON a request")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=SHARE", help="again for another fault")
    helps = {
        "model": "the name in replies",
        "answer": "any (the default), toy, echo, offline/icl, package.module:function, or a text",
        "latency": "seconds that each answer takes",
        "jitter": "up to so many seconds more, by content",
        "capacity": "requests served at once; more are refused (429)",
        "rpm": "requests a minute; more are refused (429)",
        "retry-after": "seconds that a refusal asks to wait",
        "faulty-attempts": "only the first so many times that a content is asked can it meet a fault",
        "seed": "another seed, another choice of requests that fail",
        "pace": "seconds from byte to byte of a reply that trickles",
        "gap": "seconds from chunk to chunk of a reply that is streamed",
        "dimensions": "length of an embedding",
    }
    kinds: dict[str, Any] = {"model": str, "answer": str}
    kinds |= dict.fromkeys(("capacity", "rpm", "faulty-attempts", "seed", "dimensions"), int)
    for name, text in helps.items():
        parser.add_argument(f"--{name}", type=kinds.get(name, float), default=argparse.SUPPRESS, help=text)
    parser.add_argument(
        "--models", nargs="+", metavar="NAME", default=argparse.SUPPRESS, help="refuse others (404); default: take any"
    )
    parser.add_argument("--bodies", action="store_true", default=argparse.SUPPRESS, help="log each body too")
    return parser


def _faults(given: list[str]) -> dict[str, float]:
    faults = {}
    for text in given:
        name, _, share = text.partition("=")
        try:
            faults[name] = float(share)
        except ValueError as error:
            raise ConfigError(f"--fault {text}: write NAME=SHARE, such as error=0.3.") from error
    return faults


def main() -> None:
    """Read the command line and serve."""
    parser = _parser()
    given = vars(parser.parse_args())
    if given.pop("started_by_program"):
        # Ctrl-C goes to everybody in the terminal; the program decides when its server ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            asyncio.run(_serve_for_a_program())
        except (BurnishError, OSError) as error:
            # Where the program looks for the port.
            sys.exit(_say(" ".join(f"{error}".split())))
    else:
        _serve_for_a_person(parser, given)


def _serve_for_a_person(parser: argparse.ArgumentParser, given: dict[str, Any]) -> None:
    port, log, faults = given.pop("port"), given.pop("log"), given.pop("fault")

    def started(port: int) -> None:
        print(f"Serving on http://127.0.0.1:{port}/v1", flush=True)  # noqa: T201  a command line prints

    try:
        options = Options.of({**given, "faults": _faults(faults)})
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(options, port=port, log=log, started=started))
    except (BurnishError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
