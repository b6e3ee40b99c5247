"""GSM8K: grade-school mathematics in words, with the reasoning and the whole number that it comes to.

Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems", arXiv:2110.14168.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from burnish.datasets.dataset import Published, Rows, by_part
from burnish.engine.judge import computes_only
from burnish.errors import ConfigError
from burnish.values.example import Example
from burnish.values.held_out import TestSet

_ANSWER = "####"
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


class GSM8K(Published):
    """Fields ``question`` (input), ``gold_reasoning`` and ``answer``, a text such as ``"18"``.

    The published training split is cut in `train` and `dev`, three quarters and one; `test` is the published one.

    Args:
        path: A folder with ``train.jsonl`` and ``test.jsonl``, or the Parquet files; None loads it from Hugging Face
            (``openai/gsm8k``, with ``burnish[huggingface]``).
        seeds: Those of `Dataset`: ``train_seed, train_size, eval_seed, dev_size, test_size``.

    Raises:
        ConfigError: A part cannot be read, at its first use.
    """

    hub: ClassVar[tuple[str, ...]] = ("openai/gsm8k", "main")
    splits: ClassVar[Mapping[str, tuple[str, ...]]] = {"train": ("train",), "test": ("test",)}

    def example(self, row: Example) -> Example:
        """The published answer is the reasoning, four number signs, and the number."""
        if "question" not in row or "answer" not in row:
            raise ConfigError(f"A row of GSM8K has a question and an answer, and this one {', '.join(row.keys())}.")
        reasoning, mark, answer = str(row["answer"]).rpartition(_ANSWER)
        if not mark:
            raise ConfigError(
                f"A row of GSM8K has an answer that ends in '{_ANSWER} number', and not {row['answer']!r}."
            )
        return Example(question=row["question"], gold_reasoning=reasoning.strip(), answer=answer.strip()).with_inputs(
            "question"
        )

    def parts(self, name: str) -> Rows:
        """All rows of a part."""
        if name == "test":
            return self.rows("test")
        train, dev = self.cut(self.rows("train"))
        return train if name == "train" else dev


def parse_integer_answer(answer: Any, only_first_line: bool = True) -> int:
    """The last number of a text as a whole one, what stands behind its point cut off; 0 where there is none.

    Args:
        answer: A text or a number.
        only_first_line: Whether only the first line of the text is looked at.

    Example:
        >>> parse_integer_answer("So 3 + 4 = $1,234.50 in all."), parse_integer_answer("none")
        (1234, 0)
    """
    text = str(answer).strip()
    if only_first_line:
        text = text.partition("\n")[0]
    numbers = _NUMBER.findall(text)
    return int(numbers[-1].replace(",", "").partition(".")[0]) if numbers else 0


@computes_only
def gsm8k_metric(gold: Example, pred: Any, trace: Any = None) -> bool:
    """Whether the predicted ``answer`` comes to the same whole number as the labelled one."""
    return parse_integer_answer(gold.answer) == parse_integer_answer(pred.answer)


def load(**options: Any) -> dict[str, list[Example] | TestSet]:
    """The parts of `GSM8K` by name."""
    return by_part(GSM8K(**options))
