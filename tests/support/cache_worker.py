"""A process that uses a cache's file as hard as it can: `python -m tests.support.cache_worker PATH SEED LIMIT`.

For every line that it reads it puts and gets many replies, and tells in one line what it found. Which
reply is right follows from the key. It holds almost nothing in memory and gathers nothing, so that it
reads from the file each time, and is in the middle of a commit at almost any time.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys

from burnish.lm import cache_file
from burnish.lm.cache import Cache
from burnish.lm.request import Output, Response
from burnish.values.usage import Usage

KEYS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(2000)]
TIMES = 500


def right_reply(key: str) -> Response:
    """The one reply to a key, of some words or of two hundred thousand characters."""
    words = 3000 if key.startswith("0") else int(key[:4], 16) % 20
    usage = Usage(1, int(key[4:8], 16), int(key[8:12], 16))
    return Response((Output(f"{key} " * words, "stop"),), usage, f"model-{key[12]}")


def work(cache: Cache, draw: random.Random) -> dict[str, object]:
    """Put and get replies: how many were there, and under which keys another than theirs."""
    hits, wrong = 0, []
    for _ in range(TIMES):
        if draw.random() < 0.5:
            key = draw.choice(KEYS)
            cache.put(key, right_reply(key))
        key = draw.choice(KEYS)
        found = cache.get(key)
        hits += found is not None
        if found is not None and found != right_reply(key):
            wrong.append(key)
    return {"hits": hits, "wrong": wrong}


def main() -> None:
    path, seed, limit = sys.argv[1:]
    cache_file._GATHER = 0.0
    cache = Cache(path, memory=5, size_limit=int(limit))
    draw = random.Random(seed)
    for _ in sys.stdin:
        print(json.dumps(work(cache, draw)), flush=True)
    cache.close()


if __name__ == "__main__":
    main()
