"""The naive twins: what each kernel of the core must answer, in plain Python and at most fifteen lines each."""

from __future__ import annotations

import itertools
import math
import re
import statistics
import string
import unicodedata
from collections import Counter, defaultdict


def normalize(text):
    text = unicodedata.normalize("NFD", text).lower()
    text = "".join(character for character in text if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact_match(prediction, references):
    return float(any(normalize(prediction) == normalize(reference) for reference in references))


def shares(prediction, reference):
    """Precision and recall of the tokens of two texts."""
    predicted, expected = normalize(prediction).split(), normalize(reference).split()
    if not predicted or not expected:
        return (float(predicted == expected),) * 2
    shared = sum((Counter(predicted) & Counter(expected)).values())
    return shared / len(predicted), shared / len(expected)


def token_f1(prediction, reference):
    precision, recall = shares(prediction, reference)
    return 2 * precision * recall / (precision + recall) if precision else 0.0


def precision(prediction, references):
    return max(shares(prediction, reference)[0] for reference in references)


def recall(prediction, references):
    return max(shares(prediction, reference)[1] for reference in references)


def f1(prediction, references):
    return max(token_f1(prediction, reference) for reference in references)


def hotpot_f1(prediction, references):
    def pair(reference):
        sides = {normalize(prediction), normalize(reference)}
        return 0.0 if len(sides) == 2 and sides & {"yes", "no", "noanswer"} else token_f1(prediction, reference)

    return max(pair(reference) for reference in references)


def passage_match(passages, answers):
    def holds(passage, answer):
        tokens, wanted = normalize(passage).split(), normalize(answer).split()
        places = range(len(tokens) - len(wanted) + 1)
        return bool(wanted) and any(tokens[place : place + len(wanted)] == wanted for place in places)

    return float(any(holds(passage, answer) for passage in passages for answer in answers))


def cells(rows):
    """The scores that count, and the examples with a failed or any row, for each candidate."""
    scores, failed, seen = defaultdict(lambda: defaultdict(list)), defaultdict(set), defaultdict(set)
    for candidate, example, score, status in rows:
        seen[candidate].add(example)
        if status != 2:
            scores[candidate][example].append(score)
        if status == 1:
            failed[candidate].add(example)
    means = {of: {example: math.fsum(s) / len(s) for example, s in by.items()} for of, by in scores.items()}
    return means, failed, seen


def student(scores, t_quantile):
    """(n, mean, low, high), with the quantile of t at 97.5% as a function of the degrees of freedom."""
    n, mean = len(scores), math.fsum(scores) / len(scores) if scores else math.nan
    if n < 2:
        return n, mean, mean - math.inf, mean + math.inf
    half = t_quantile(n - 1) * statistics.stdev(scores) / math.sqrt(n)
    return n, mean, mean - half, mean + half


def wilson(scores):
    n, mean, z = len(scores), sum(scores) / len(scores), statistics.NormalDist().inv_cdf(0.975)
    centre, half = mean + z**2 / (2 * n), z * math.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2))
    return n, mean, (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)


def board_summary(rows, n_candidates, t_quantile):
    means, failed, seen = cells(rows)
    for candidate in range(n_candidates):
        scores = list(means.get(candidate, {}).values())
        binary = scores and set(scores) <= {0.0, 1.0}
        n, *interval = wilson(scores) if binary else student(scores, t_quantile)
        yield n, len(failed[candidate]), len(seen[candidate]) - n, *interval


def board_paired(rows, first, second, t_quantile):
    means, _, _ = cells(rows)
    one, other = means.get(first, {}), means.get(second, {})
    return student([one[example] - other[example] for example in sorted(one.keys() & other.keys())], t_quantile)


def board_leader(rows, n_candidates):
    means, _, _ = cells(rows)
    scores = {of: math.fsum(means[of].values()) / len(means[of]) for of in range(n_candidates) if of in means}
    return min(scores, key=lambda of: (-scores[of], of), default=-1)


def board_front(rows, n_candidates):
    means = {of: by for of, by in cells(rows)[0].items() if of < n_candidates}
    best = defaultdict(lambda: -math.inf)
    for example, score in (cell for by in means.values() for cell in by.items()):
        best[example] = max(best[example], score)

    def dominates(one, other):
        as_good = all(example in one and one[example] >= score for example, score in other.items())
        return as_good and any(one[example] > score for example, score in other.items())

    for of, by in sorted(means.items()):
        if not any(dominates(other, by) for other in means.values()):
            yield of, sum(score == best[example] for example, score in by.items())


def draw(seed, purpose, step):
    state, mask = 0xCBF29CE484222325, 2**64 - 1
    for byte in f"{seed}/{purpose}/{step}".encode():
        state = (state ^ byte) * 0x100000001B3 & mask
    state = state + 0x9E3779B97F4A7C15 & mask
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
    state = (state ^ state >> 27) * 0x94D049BB133111EB & mask
    return state ^ state >> 31


def kept_steps(rows, seed):
    """Of each rollout's steps of one predictor, the one that stays; rows are (score, predictor, rollout, …)."""
    groups = defaultdict(list)
    for number, (_, predictor, rollout, *_) in rows:
        groups[rollout, predictor].append(number)
    for (rollout, predictor), steps in groups.items():
        drawn = draw(seed, f"traces/{rollout}", predictor)
        yield steps[-1] if len(steps) == 1 or drawn % 2 == 0 else steps[drawn // 2 % (len(steps) - 1)]


def pick_traces(rows, *, min_score, per_predictor, max_tokens, seed):
    good = [(number, row) for number, row in enumerate(rows) if min_score is None or row[0] >= min_score]
    kept, picked = set(kept_steps(good, seed)), {row[1]: [] for row in rows}
    for number, (_, predictor, _, tokens, text) in good:
        own = picked[predictor]
        fits = max_tokens is None or sum(rows[other][3] for other in own) + tokens <= max_tokens
        new = all(rows[other][4] != text for other in own)
        if number in kept and fits and new and len(own) < per_predictor:
            own.append(number)
    return [number for own in picked.values() for number in own]


def pick_varied(rows, sketches, *, near, per_predictor, max_tokens):
    """As `pick_traces`, of rows of one predictor that each have a rollout of their own: the next is the farthest from those given."""

    def far(number):
        return min(((sketches[number] ^ sketches[other]).bit_count() for other in picked), default=129)

    left, picked, texts = list(range(len(rows))), [], set()
    while left and len(picked) < per_predictor:
        number = max(left, key=lambda one: (far(one), rows[one][0], -one))
        left.remove(number)
        fits = max_tokens is None or sum(rows[other][3] for other in picked) + rows[number][3] <= max_tokens
        if fits and rows[number][4] not in texts and not (near and far(number) <= 7):
            picked.append(number)
            texts.add(rows[number][4])
    return picked


SPREAD, CHAIN, MASK = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B, 2**64 - 1


def word_hash(word):
    hashed, eights = len(word), len(word) // 8
    for place in range(eights + 1):
        part = word[8 * place : 8 * place + 8] if place < eights else word[8 * eights :]
        mixed = (hashed ^ (int.from_bytes(part.ljust(8, b"\0"), "little") | 0x2020202020202020)) * SPREAD & MASK
        hashed = (mixed << 29 | mixed >> 35) & MASK if place < eights else mixed
    return hashed


def pairs(named_texts):
    """The hashes of each two neighbouring words, the first behind the name of its text."""
    word = rb"[0-9A-Za-z\x80-\xdf]+|[\xe0-\xef]..|[\xf0-\xff]..."
    for name, text in named_texts:
        hashes = [name, *map(word_hash, re.findall(word, text.encode(), re.DOTALL))]
        yield from itertools.pairwise(hashes)


def sketch(*named_texts):
    """The 128 bits of texts as one number, each behind a name; None where they have no words."""
    least, mixes = {}, []
    for before, hashed in pairs(named_texts):
        mixed = ((before * CHAIN & MASK) ^ hashed) * SPREAD & MASK
        mixes.append((mixed ^ mixed >> 32) * SPREAD & MASK)
        least[mixes[-1] >> 57] = min(least.get(mixes[-1] >> 57, MASK), mixes[-1] >> 24 & 2**32 - 1)
    if len(mixes) < 32:
        halves = (sum(mixes) & MASK, (sum(mixes) << 32 | (sum(mixes) & MASK) >> 32) & MASK)
        low, high = ((half ^ half >> 29) * SPREAD & MASK for half in halves)
        return low | high << 64 if mixes else None
    return sum(borrowed_bit(least, place) << place for place in range(128))


def sketch_of_fields(fields):
    """Half of all fields' bits, and half of the shortest one's."""
    named = [(word_hash(name.encode()), text) for name, text in fields]
    shortest = min(named, key=lambda field: len(field[1].encode()))
    return sketch(*named) & MASK | sketch(shortest) >> 64 << 64


def sketch_of_places(texts):
    """As `sketch_of_fields`, of texts that are known by their place."""
    shortest = min(range(len(texts)), key=lambda place: len(texts[place].encode()))
    return sketch(*enumerate(texts)) & MASK | sketch((shortest, texts[shortest])) >> 64 << 64


def near_copies(bits):
    """For each sketch the place of the first of its group: all that a chain of sketches at most 7 bits apart joins."""
    first = list(range(len(bits)))
    for one, other in itertools.combinations(range(len(bits)), 2):
        if (bits[one] ^ bits[other]).bit_count() <= 7 and first[one] != first[other]:
            low, high = sorted((first[one], first[other]))
            first = [low if place == high else place for place in first]
    return first


def borrowed_bit(least, place):
    distance = next(distance for distance in range(128) if (place + distance) % 128 in least)
    value = least[(place + distance) % 128]
    return value & 1 if distance == 0 else ((value << 32 | distance) * SPREAD & MASK) >> 63


def rejects(rows, n_candidates, n_examples, budget):
    """Who is left in a race of successive rejects in which every cell was measured, and what comes next."""
    scores = defaultdict(dict)
    for candidate, example, score, _ in rows:
        scores[candidate][example] = score
    alive, weight = list(range(n_candidates)), 0.5 + sum(1 / k for k in range(2, n_candidates + 1))
    while len(alive) > 1:
        due = max(budget - n_candidates, 0) / weight / len(alive)
        if len(alive) == 2:
            due = max(due, max(budget - sum(len(scores[c]) for c in range(n_candidates) if c not in alive), 0) // 2)
        due = min(max(int(due), 1), n_examples)
        if any(len(scores[c]) < due for c in alive):
            return alive, due
        common = set.intersection(*(set(scores[c]) for c in alive))
        alive.remove(min(alive, key=lambda c: (math.fsum(scores[c][e] for e in common), -c)))
    return alive, 0
