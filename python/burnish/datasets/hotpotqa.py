"""HotPotQA: questions that take two articles of Wikipedia to answer.

Yang et al. 2018, "HotpotQA: A Dataset for Diverse, Explainable Multi-hop Question Answering", arXiv:1809.09600.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from burnish.datasets.dataset import Published, Rows, by_part
from burnish.errors import ConfigError
from burnish.values.example import Example
from burnish.values.held_out import TestSet

_DETAILS = ("dev_titles", "all", None)


class HotPotQA(Published):
    """Fields ``question`` (input) and ``answer``; `dev` and `test` have ``gold_titles`` too, the articles that hold the answer.

    The published test split has no answers. So `dev` is a quarter of the published training split, and `test` the published validation split.

    Args:
        path: A folder with the files of the splits, as on the data set's own page (``hotpot_train_v1.1.json``,
            ``hotpot_dev_fullwiki_v1.json``) or Parquet; None loads it from Hugging Face (``hotpotqa/hotpot_qa``, with
            ``burnish[huggingface]``).
        only_hard_examples: Whether only questions of the level "hard" are taken from the training split, as all of the validation split are.
        keep_details: ``"dev_titles"``; ``"all"`` keeps gold_titles, type, level and context everywhere; None none of them.
        unofficial_dev: False makes `dev` the published validation split, and leaves `test` empty.
        seeds: Those of `Dataset`: ``train_seed, train_size, eval_seed, dev_size, test_size``.

    Raises:
        ConfigError: A setting is none of these; a part cannot be read, at its first use.
    """

    hub: ClassVar[tuple[str, ...]] = ("hotpotqa/hotpot_qa", "fullwiki")
    splits: ClassVar[Mapping[str, tuple[str, ...]]] = {"train": ("train",), "validation": ("validation", "dev")}

    def __init__(
        self,
        path: str | Path | Mapping[str, str | Path] | None = None,
        *,
        only_hard_examples: bool = True,
        keep_details: str | bool | None = "dev_titles",
        unofficial_dev: bool = True,
        **seeds: Any,
    ) -> None:
        super().__init__(path, **seeds)
        kept = (
            {True: "all", False: None}.get(keep_details, keep_details)
            if isinstance(keep_details, bool)
            else keep_details
        )
        if kept not in _DETAILS:
            raise ConfigError(f"keep_details={keep_details!r}: give one of {', '.join(map(repr, _DETAILS))}.")
        self.only_hard_examples = only_hard_examples
        self.keep_details = kept
        self.unofficial_dev = unofficial_dev

    def example(self, row: Example) -> Example:
        """The published row with all details."""
        try:
            kept = {name: row[name] for name in ("question", "answer", "type", "level")}
            titles = _titles(row["supporting_facts"])
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"This is no row of HotPotQA as it is published ({error}): {str(row)[:200]}") from None
        details = {"gold_titles": titles, "context": row.get("context")}
        return Example({**kept, **details}).with_inputs("question")

    def parts(self, name: str) -> Rows:
        """All rows of a part."""
        if name == "train":
            return self._kept(self._hard()[0], titles=False)
        if self.unofficial_dev:
            return self._kept(self._hard()[1] if name == "dev" else self.rows("validation"), titles=True)
        return self._kept(self.rows("validation") if name == "dev" else [], titles=True)

    def _hard(self) -> tuple[list[Example], list[Example]]:
        rows = self.rows("train")
        if self.only_hard_examples:
            rows = [row for row in rows if row.level == "hard"]
        return self.cut(rows) if self.unofficial_dev else (rows, [])

    def _kept(self, rows: Rows, *, titles: bool) -> Rows:
        if self.keep_details == "all":
            return rows
        details = ["type", "level", "context"]
        if not (titles and self.keep_details == "dev_titles"):
            details.append("gold_titles")
        return [row.without(*details) for row in rows]


def _titles(facts: Any) -> list[str]:
    """The titles of the supporting facts, each once: pairs in the published JSON, two columns in Parquet."""
    titles = facts["title"] if isinstance(facts, Mapping) else [title for title, _ in facts]
    return list(dict.fromkeys(titles))


def load(**options: Any) -> dict[str, list[Example] | TestSet]:
    """The parts of `HotPotQA` by name."""
    return by_part(HotPotQA(**options))
