"""The embedder of ``sentence-transformers/…``: computes in this process, on the GPU where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from burnish import ConfigError, Embedded, LMRejected, PromptTooLong, Usage
from burnish_sentence_transformers.models import loaded, source_of

_PARAMETERS = frozenset({"device", "dimensions", "normalize", "prompt", "prompt_name"})


class SentenceTransformers:
    """Embeds for one model's name; `endpoint` has ``model, api_base, timeout, secrets``, of which the first counts.

    Raises:
        ConfigError: The name is of no form that is known.
    """

    waits = False

    def __init__(self, endpoint: Any) -> None:
        self.name: str = endpoint.model
        self._source = source_of(self.name)

    async def embed(self, texts: list[str], params: Mapping[str, Any]) -> Embedded:
        """The rows of the texts.

        Args:
            texts: What to embed.
            params: ``device``; ``prompt`` or ``prompt_name``, which stand before each text; ``dimensions``, of a model that
                was trained to be cut to fewer; ``normalize``, to length 1.

        Raises:
            ConfigError: There is no such parameter, or it does not fit the model.
            LMAccessDenied: The model cannot be loaded.
            PromptTooLong: A text has more tokens than the model reads; none is cut off.
            LMRejected: The model failed.
        """
        unknown = sorted(set(params) - _PARAMETERS)
        if unknown:
            raise ConfigError(f"{self.name} takes no {', '.join(unknown)}. It takes {', '.join(sorted(_PARAMETERS))}.")
        kept = loaded(self._source, params.get("device"))
        with kept.turn:
            return Embedded(self._rows(kept.model, texts, params), Usage())

    def _rows(self, model: Any, texts: list[str], params: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        prompt, dimensions = self._prompt(model, params), params.get("dimensions")
        self._refuse_long(model, [f"{prompt}{text}" for text in texts] if prompt else texts)
        try:
            rows = model.encode(
                texts,
                prompt=prompt or None,
                show_progress_bar=False,
                normalize_embeddings=bool(params.get("normalize", False)),
                truncate_dim=dimensions,
            )
        except RuntimeError as error:
            raise LMRejected(f"{self.name} failed: {error}", model=self.name) from error
        rows = np.asarray(rows, np.float32)
        if dimensions is not None and rows.shape[1] != dimensions:
            raise ConfigError(f"dimensions={dimensions!r}: the rows of {self.name} have {rows.shape[1]} numbers.")
        return rows

    def _prompt(self, model: Any, params: Mapping[str, Any]) -> str:
        name = params.get("prompt_name", model.default_prompt_name)
        if params.get("prompt") is not None:
            return str(params["prompt"])
        if name is not None and name not in model.prompts:
            raise ConfigError(
                f"{self.name} has no prompt {name!r}. It has {', '.join(sorted(model.prompts)) or 'none'}."
            )
        return "" if name is None else str(model.prompts[name])

    def _refuse_long(self, model: Any, texts: list[str]) -> None:
        most = model.max_seq_length
        if most is None or most == float("inf") or not texts:
            return
        # Counted as the model counts, which would drop what is over without a word.
        tokens = model.tokenizer(texts, truncation=False, padding=False, verbose=False)["input_ids"]
        longest = max(range(len(texts)), key=lambda place: len(tokens[place]))
        if len(tokens[longest]) > most:
            raise PromptTooLong(
                f"The text that begins {texts[longest][:60]!r} has {len(tokens[longest])} tokens, and {self.name} reads "
                f"{most}: cut it into passages. Nothing was cut off.",
                model=self.name,
            )
