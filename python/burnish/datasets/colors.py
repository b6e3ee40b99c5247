"""Colors: the names of CSS's colours, for programs that make up another one. They come with the package."""

from __future__ import annotations

from typing import Any

from burnish.datasets.dataset import Dataset, Rows, by_part
from burnish.values.example import Example
from burnish.values.held_out import TestSet
from burnish.values.seed import draw

# The named colours of CSS Color Module Level 4, with a space between words, and of grey and gray the first.
_NAMES = """
alice blue, antique white, aqua, aquamarine, azure, beige, bisque, black, blanched almond, blue, blue violet, brown, burly wood,
cadet blue, chartreuse, chocolate, coral, cornflower blue, corn silk, crimson, cyan, dark blue, dark cyan, dark golden rod, dark grey,
dark green, dark khaki, dark magenta, dark olive green, dark orange, dark orchid, dark red, dark salmon, dark sea green,
dark slate blue, dark slate grey, dark turquoise, dark violet, deep pink, deep sky blue, dim grey, dodger blue, fire brick, floral white,
forest green, fuchsia, gainsboro, ghost white, gold, golden rod, grey, green, green yellow, honeydew, hot pink, indian red, indigo,
ivory, khaki, lavender, lavender blush, lawn green, lemon chiffon, light blue, light coral, light cyan, light golden rod yellow,
light grey, light green, light pink, light salmon, light sea green, light sky blue, light slate grey, light steel blue, light yellow,
lime, lime green, linen, magenta, maroon, medium aquamarine, medium blue, medium orchid, medium purple, medium sea green,
medium slate blue, medium spring green, medium turquoise, medium violet red, midnight blue, mint cream, misty rose, moccasin,
navajo white, navy, old lace, olive, olive drab, orange, orange red, orchid, pale golden rod, pale green, pale turquoise,
pale violet red, papaya whip, peach puff, peru, pink, plum, powder blue, purple, rebecca purple, red, rosy brown, royal blue,
saddle brown, salmon, sandy brown, sea green, sea shell, sienna, silver, sky blue, slate blue, slate grey, snow, spring green,
steel blue, tan, teal, thistle, tomato, turquoise, violet, wheat, white, white smoke, yellow, yellow green
"""
_SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}


class Colors(Dataset):
    """One field, ``color``, which is the input: ``"light sea green"``.

    Three fifths are `train`, a fifth each `dev` and `test`.

    Args:
        sort_by_suffix: Whether colours with the same last word stay in one part, so that whoever has seen "sea green" in train
            has not half seen "spring green" in dev. Without it they are dealt out one by one.
        seeds: Those of `Dataset`: ``train_seed, train_size, eval_seed, dev_size, test_size``.

    Example:
        >>> colors = Colors(dev_size=3)
        >>> len(colors.train), len(colors.dev), colors.test
        (85, 3, TestSet of 28 examples)
    """

    def __init__(self, sort_by_suffix: bool = True, **seeds: Any) -> None:
        super().__init__(**seeds)
        self.sort_by_suffix = sort_by_suffix

    def parts(self, name: str) -> Rows:
        """All colours of a part."""
        names = " ".join(_NAMES.split()).split(", ")
        groups: dict[str, list[str]] = {}
        for color in names:
            groups.setdefault(color.rpartition(" ")[2] if self.sort_by_suffix else color, []).append(color)
        dealt: dict[str, list[str]] = {part: [] for part in _SHARES}
        order = list(groups.values())
        draw(0, "colors").shuffle(order)
        # The large families first: those of one colour fill up what these leave.
        for group in sorted(order, key=len, reverse=True):
            behind = {part: share * len(names) - len(dealt[part]) for part, share in _SHARES.items()}
            dealt[max(behind, key=behind.__getitem__)].extend(group)
        return [Example(color=color).with_inputs("color") for color in dealt[name]]


def load(**options: Any) -> dict[str, list[Example] | TestSet]:
    """The parts of `Colors` by name."""
    return by_part(Colors(**options))
