"""Random Unicode through the text metrics: the core, plain Python and DSPy must score alike.

    .venv/bin/python benches/python/text.py --unicode 1e6

A third of the texts is drawn from all characters that this Python's `unicodedata` knows as assigned, a third from those of them that
are no ideographs or Hangul syllables (which are most of all), a third from pieces that decide something: articles beside marks,
sigmas, the Turkish dotted i, ligatures, marks of several classes, every white space, control characters, and punctuation of several
widths. A reference shares pieces with its prediction, so that scores of all sizes come out. The draws are seeded.

Where the metrics differ by intent is stated in `burnish.metrics.text` and asserted as such: two texts without tokens agree (1.0),
where DSPy's F1, HotPotF1 and precision are 0. Left out, and counted, are texts with a capital sigma beside U+0295 or U+1171E, whose classes
Unicode changed after this Python's tables.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import random
import re
import string
import sys
import unicodedata

from burnish import _core

CHUNK = 20_000
RECLASSED = "ʕ\U0001171e"
ALL_OR_NOTHING = ("yes", "no", "noanswer")
KNOWN = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) not in {"Cn", "Cs", "Co"}]
NAMED_IN_BLOCKS = ("CJK UNIFIED", "HANGUL SYLLABLE", "TANGUT", "NUSHU", "KHITAN")
DIVERSE = [character for character in KNOWN if not unicodedata.name(character, "").startswith(NAMED_IN_BLOCKS)]
TRICKY = [
    *re.split(" ", "a an the The AN THE yes Yes no noanswer cat Cat red green 1815 a1 _a"),
    *re.split(" ", "Σ ΟΔΟΣ σς Σ. ΑΣ' İ I ı i̇ ﬁ ﬀ ǆ ß ẞ é ẹ ế Ǻ ΐ ᾂ 각 가 が ≠ ٢ ² ж 中 € © ʕ"),
    *"\u0301\u0323\u0327\u0345\u0338\u3099\u05b0\u0f71\u1e9b\u037e\u212a\u2126\U0001d15e\U0001f600\U0001171e",
    *(character for character in KNOWN if character.isspace()),
    *"\x00\x01\x1b\x7f\x80\x9f\u200b\u200d\u2060\ufeff\u00ad",
    *string.punctuation,
    *(chr(code) for code in (*range(0xFF01, 0xFF10), *range(0xFF1A, 0xFF21), *range(0x2010, 0x2028))),
]


def draw_pairs(draw, count):
    """Pairs of a prediction and a reference that shares pieces with it."""
    found = []
    for number in range(count):
        alphabet = (KNOWN, DIVERSE, TRICKY)[number % 3]
        pieces = draw.choices(alphabet, k=draw.randint(0, 12))
        # Words, so that tokens are of several characters, and articles stand beside all of them.
        pieces = [piece for one in pieces for piece in (one, draw.choice(("", "", "", " ", "a", "the", "Σ")))]
        other = list(pieces)
        for _ in range(draw.randint(0, 2)):
            draw.shuffle(other) if draw.random() < 0.3 else other.insert(0, draw.choice(TRICKY))
        found.append(("".join(pieces), "".join(other) + draw.choice(("", ".", " the", "!"))))
    return found


def left_out(text):
    """Whether newer tables may lower a sigma of this text otherwise."""
    return "Σ" in text and any(character in text for character in RECLASSED)


def plain(prediction, reference, shares, normalize):
    """Normal form, exact match, F1, HotPotF1, precision and recall, in plain Python."""
    normal, other = normalize(prediction), normalize(reference)
    precision, recall = shares(prediction, reference)
    f1 = 2 * precision * recall / (precision + recall) if precision else 0.0
    strict = normal != other and (normal in ALL_OR_NOTHING or other in ALL_OR_NOTHING)
    return normal, float(normal == other), f1, 0.0 if strict else f1, precision, recall


def of_the_core(chunk):
    """The same of all pairs at once."""
    said, references = [pair[0] for pair in chunk], [[pair[1]] for pair in chunk]
    scores = (_core.exact_match, _core.f1, _core.hotpot_f1, _core.precision, _core.recall)
    return zip(_core.normalize(said), *(score(said, references).tolist() for score in scores), strict=True)


def of_dspy(prediction, reference, metrics):
    """The same by DSPy, which has no recall."""
    return (
        metrics.normalize_text(prediction),
        float(metrics.EM(prediction, [reference])),
        float(metrics.F1(prediction, [reference])),
        float(metrics.HotPotF1(prediction, [reference])),
        float(metrics.precision_score(prediction, reference)),
    )


def compare(count):
    """Compare so many pairs, those that are left out aside, and say in words how many of what there were.

    Raises:
        AssertionError: Somebody scores a pair otherwise.
    """
    from text import plain_normalize, plain_shares

    metrics = None
    if importlib.util.find_spec("dspy") is not None:
        from dspy.evaluate import metrics
    draw = random.Random(0)
    compared = out = equal = partial = empty = 0
    while compared < count:
        chunk = draw_pairs(draw, CHUNK)
        kept = [pair for pair in chunk if not any(map(left_out, pair))]
        out += len(chunk) - len(kept)
        kept = kept[: count - compared]
        # DSPy prints a line for each pair without tokens.
        with contextlib.redirect_stdout(io.StringIO()):
            for pair, ours in zip(kept, of_the_core(kept), strict=True):
                assert ours == plain(*pair, plain_shares, plain_normalize), f"plain Python differs: {pair!a}: {ours}"
                nothing = ours[0] == "" and ours[1] == 1.0
                if metrics is not None:
                    expected = (*ours[:2], 0.0, 0.0, 0.0) if nothing else ours[:5]
                    assert expected == of_dspy(*pair, metrics), f"DSPy differs: {pair!a}: {ours}"
                empty += nothing
                equal += ours[1] == 1.0
                partial += 0.0 < ours[2] < 1.0
        compared += len(kept)
    peer = "plain Python and DSPy" if metrics is not None else "plain Python"
    told = (
        f"{compared:,} pairs compared with {peer}: 0 differences in normal form, exact match, F1, HotPotF1, precision and "
        f"recall (DSPy has no recall). {equal:,} pairs match exactly, {partial:,} have an F1 between 0 and 1, and {empty:,} are of two "
        "texts without tokens: 1.0 here and in plain Python, 0 by DSPy's F1, HotPotF1 and precision, as stated in `burnish.metrics.text`."
    )
    without = (
        f"{out:,} pairs more were left out: a capital sigma in one text with U+0295 or U+1171E, whose classes Unicode changed after "
        f"this Python's tables ({unicodedata.unidata_version})."
    )
    return [told, "", without]
