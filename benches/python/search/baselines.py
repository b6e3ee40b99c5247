"""What others do: MIPROv2's schedule with Optuna's TPE, random search, successive halving, successive rejects."""

from __future__ import annotations

import math

import numpy as np
from benches.python.search.replay import Outcome, Replay

MINIBATCH, FULL_EVERY = 35, 5


def trials(sizes) -> int:
    """MIPROv2's number of trials for slots of these sizes."""
    n = max(sizes)
    return int(max(2 * len(sizes) * math.log2(n), 1.5 * n))


def original(replay: Replay, seed: int) -> Outcome:
    """MIPROv2's schedule: TPE on minibatches, and every fifth trial the best so far on everything. It has no budget."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    random = np.random.default_rng([seed, 1])
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    slots = {f"slot {i}": optuna.distributions.CategoricalDistribution(range(n)) for i, n in enumerate(replay.sizes)}
    everything = range(replay.n_val)

    def note(candidate: int, value: float) -> None:
        params = dict(zip(slots, map(int, replay.picks(candidate)), strict=True))
        study.add_trial(optuna.trial.create_trial(params=params, distributions=slots, value=value))

    full = {0: float(replay.ask(0, everything).mean())}
    note(0, full[0])
    tried: dict[int, list[float]] = {}
    n_trials = trials(replay.sizes)
    for trial in range(1, n_trials + 1):
        asked = study.ask(slots)
        candidate = int(replay.number([[asked.params[slot] for slot in slots]])[0])
        batch = random.choice(replay.n_val, min(MINIBATCH, replay.n_val), replace=False).tolist()
        score = float(replay.ask(candidate, batch).mean())
        study.tell(asked, score)
        tried.setdefault(candidate, []).append(score)
        waiting = {c: float(np.mean(scores)) for c, scores in tried.items() if c not in full}
        if waiting and (trial % FULL_EVERY == 0 or trial == n_trials):
            best = max(waiting, key=waiting.__getitem__)
            full[best] = float(replay.ask(best, everything).mean())
            note(best, full[best])
    winner = max(full, key=full.__getitem__)
    return Outcome(winner, full[winner], n_trials + len(full))


def drawn(replay: Replay, count: int, random: np.random.Generator) -> list[int]:
    """Different candidates, the default program first."""
    count = min(count, replay.size)
    if replay.size < 4 * count:
        return [0, *(1 + random.permutation(replay.size - 1)[: count - 1]).tolist()]
    found = {0: None}
    while len(found) < count:
        found[int(random.integers(replay.size))] = None
    return list(found)


def random_search(replay: Replay, seed: int) -> Outcome:
    """As many candidates as the budget scores on everything."""
    random = np.random.default_rng([seed, 2])
    candidates = drawn(replay, max(replay.budget // replay.n_val, 1), random)
    means = [float(replay.ask(c, range(replay.n_val)).mean()) for c in candidates]
    best = int(np.argmax(means))
    return Outcome(candidates[best], means[best], 1)


def shuffled(replay: Replay, random: np.random.Generator) -> list[int]:
    """The examples in the one order in which all candidates see them."""
    return random.permutation(replay.n_val).tolist()


def successive_halving(replay: Replay, seed: int, first: int = 10) -> Outcome:
    """Halves a pool of random candidates; each rung has the same budget, the first about `first` examples a candidate."""
    random = np.random.default_rng([seed, 3])
    count = 2
    while count * 2 * first * math.ceil(math.log2(count * 2)) <= replay.budget:
        count *= 2
    pool, order = drawn(replay, count, random), shuffled(replay, random)
    rungs = max(math.ceil(math.log2(len(pool))), 1)
    seen = 0
    for rung in range(rungs):
        seen = min(seen + replay.left // (rungs - rung) // len(pool), replay.n_val)
        means = [float(replay.ask(c, order[:seen]).mean()) for c in pool]
        ranked = np.argsort(-np.array(means), kind="stable")
        pool = [pool[i] for i in ranked[: max(len(pool) // 2, 1)]]
    return Outcome(pool[0], max(means), rungs)


def successive_rejects(replay: Replay, seed: int, first: int = 10) -> Outcome:
    """Drops the worst of the pool after each phase, all on the same examples (Audibert, Bubeck and Munos 2010).

    The pool has as many random candidates as see `first` examples each in the first phase.
    """
    random = np.random.default_rng([seed, 4])
    count = 2
    while count < replay.size and phase(count + 1, 1, replay.budget) >= first:
        count += 1
    pool, order = drawn(replay, count, random), shuffled(replay, random)
    steps = 0
    for k in range(1, len(pool)):
        seen = max(1, min(phase(count, k, replay.budget), replay.n_val))
        means = [float(np.sum(replay.ask(c, order[:seen])) / seen) for c in pool]
        steps += 1
        if len(pool) == 2:
            break
        pool.pop(len(means) - 1 - int(np.argmin(means[::-1])))
    # What the rounding left over goes to the last two.
    seen = min(seen + replay.left // len(pool), replay.n_val)
    means = [float(replay.ask(c, order[:seen]).mean()) for c in pool]
    best = int(np.argmax(means))
    return Outcome(pool[best], means[best], steps)


def phase(count: int, k: int, budget: int) -> int:
    """Examples that each candidate still in the race has seen at the end of phase `k`."""
    weight = 0.5 + sum(1 / i for i in range(2, count + 1))
    return math.floor((budget - count) / (weight * (count + 1 - k)))
