from __future__ import annotations
import math
import numpy as np
from burnish import _core
from benches.python.search.baselines import shuffled
from benches.python.search.replay import Outcome


class Run:
    def __init__(self, replay, seed):
        self.r = replay; self.seed = seed
        self.random = np.random.default_rng([seed, 6])
        self.order = shuffled(replay, self.random)
        self.sizes = np.array(replay.sizes, np.int64)
        self.seen = {}   # candidate -> number of examples
        self.step = 0
    def more(self, c, k):
        n = min(self.seen.get(c, 0) + k, self.r.n_val)
        got = len(self.r.ask(c, self.order[:n]))
        self.seen[c] = got
    def design(self, n):
        p = _core.search_design(self.sizes, n, self.seed)
        return [int(c) for c in self.r.number(p.reshape(-1, len(self.sizes)))]
    def advise(self, n, greedy):
        cand, ex, sc = self.r.rows
        names = np.array(list(self.seen))
        order = np.argsort(names); idx = order[np.searchsorted(names[order], cand)].astype(np.int64)
        picks = self.r.picks(names).astype(np.int64).ravel().copy()
        closed = np.array([self.seen[int(c)] >= self.r.n_val for c in names])
        self.step += 1
        p, mean, sd, shares = _core.search_surrogate(self.sizes, picks, (idx, ex.copy(), sc, np.zeros(len(sc), np.uint8)), closed, n, greedy, self.seed, self.step)
        new = [int(c) for c in self.r.number(p.reshape(-1, len(self.sizes)))] if len(p) else []
        return new, names, mean, sd


def stepwise(replay, seed, first=0.2, block0=5, steps=10, grow=0.5, block=5, greedy=0.5, finalists=3, lastshare=0.15, shrinkn=None):
    run = Run(replay, seed); r = replay
    count = max(2, min(r.size, int(first * r.budget / block0)))
    for c in run.design(count): run.more(c, block0)
    last = int(lastshare * r.budget)
    for step in range(steps - 1):
        budget = int((r.left - last) / (steps - 1 - step))
        floor = r.left - budget
        n = max(1, math.ceil(budget / block0)) if shrinkn is None else max(2, int(shrinkn(step)))
        new, *_ = run.advise(n, greedy)
        k = None
        for c in new:
            if r.left <= floor: break
            s = run.seen.get(c, 0)
            run.more(c, min(max(block if s else block0, int(s * grow)), r.left - floor))
        if r.left <= last: break
    _, names, mean, sd = run.advise(0, 1.0)
    top = [int(c) for c in names[np.argsort(-mean, kind="stable")[:finalists]]]
    while r.left > 0 and any(run.seen[c] < r.n_val for c in top):
        c = min((c for c in top if run.seen[c] < r.n_val), key=lambda c: run.seen[c])
        run.more(c, min(block, r.left))
    _, names, mean, sd = run.advise(0, 1.0)
    i = int(np.argmax(mean))
    return Outcome(int(names[i]), float(mean[i]), steps)


def halving(replay, seed, share=0.15, block=10, shrink=1.5, thompson=0.5, last=2):
    run = Run(replay, seed); r = replay
    pool = run.design(max(2, min(r.size, int(share * r.budget / block))))
    sizes = []; p = float(len(pool))
    while p > last:
        p /= shrink; sizes.append(max(int(round(p)), last))
    n = min(block, r.n_val)
    for c in pool: run.more(c, n)
    for i, size in enumerate(sizes):
        pool, *_ = run.advise(size, 1 - thompson)
        # those that are complete may stay in the pool for free: not needed
        budget = r.left // (len(sizes) - i)
        while pool and n < r.n_val and sum(max(n + 1 - run.seen.get(c, 0), 0) for c in pool) <= budget: n += 1
        for c in pool: run.more(c, max(n - run.seen.get(c, 0), 0))
        if r.left <= 0: break
    _, names, mean, sd = run.advise(0, 1.0)
    i = int(np.argmax(mean))
    return Outcome(int(names[i]), float(mean[i]), len(sizes) + 1)
