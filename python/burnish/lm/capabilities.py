"""What is known of a model before it is asked: window, price, and which parameters it takes.

Everything comes from the table of models that LiteLLM ships as a JSON file. The file is read as text,
without importing LiteLLM, and only the model's own row is parsed: 5 to 8 ms and 6 MB for the moment of
a model's first look-up, of which the answer alone is kept. Parsing the whole table would take 40 ms and
keep 10 MB; importing LiteLLM, some seconds and 160 MB.

A row counts only where it is the very model asked for: its name as given, or its name without a
provider that the row confirms. There is no likeness of names, since a wrong price is worse than none:
what the table does not list is `UNKNOWN`.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLE = "model_prices_and_context_window_backup.json"
# The table's explanation of itself, which looks like a row.
_SPECIMEN = "sample_spec"
# Providers whose rows LiteLLM files under the name of one of their interfaces.
_SAME_PROVIDER = {("bedrock", "bedrock_converse"), ("cohere", "cohere_chat")}
# Models of these providers run on one's own machine, where a price of 0 is the price.
_OWN_MACHINE = frozenset({"ollama", "ollama_chat", "lemonade"})
# OpenAI's reasoning models take no temperature while they reason; "gpt-5-chat" does not reason.
_REASONING = re.compile(r"(^|[/.:])(o[1-9]|gpt-[5-9](?!-chat))\b")
_OPENING = re.compile(r"\s*:\s*\{")
_ABOVE = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars a token.

    Attributes:
        prompt: Of a prompt token.
        completion: Of a completion token.
        cached_prompt: Of a prompt token that the provider had in its own cache.
        above: A number of prompt tokens, and the price of a whole call whose prompt is longer.
    """

    prompt: float
    completion: float
    cached_prompt: float
    above: tuple[int, Price] | None = None

    def of(self, prompt_tokens: int, completion_tokens: int, *, cached: int = 0) -> float:
        """Dollars of one call; `cached` is how many of the prompt's tokens the provider had cached.

        Example:
            >>> Price(2e-06, 8e-06, 1e-06).of(1000, 100, cached=500)
            0.0023
        """
        if self.above is not None and prompt_tokens > self.above[0]:
            return self.above[1].of(prompt_tokens, completion_tokens, cached=cached)
        fresh = prompt_tokens - cached
        return fresh * self.prompt + cached * self.cached_prompt + completion_tokens * self.completion


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can take and do.

    Attributes:
        context_window: Most tokens of a prompt; None where unknown.
        max_output: Most tokens of a reply; None where unknown.
        temperature: Whether it takes a temperature; True where nothing says otherwise.
        structured_output: Whether replies can be held to a JSON schema.
        tools: Whether it calls tools natively.
        price: What it costs; None where unknown, which is not the same as nothing.
    """

    context_window: int | None = None
    max_output: int | None = None
    temperature: bool = True
    structured_output: bool = False
    tools: bool = False
    price: Price | None = None


UNKNOWN = Capabilities()


@functools.cache
def capabilities(model: str) -> Capabilities:
    """What is known of a model by its name, `UNKNOWN` where the table does not list it.

    Example:
        >>> capabilities("openai/gpt-4o-mini").context_window
        128000
        >>> capabilities("openai/gpt-4o-minimal") == UNKNOWN
        True
    """
    found = _find(model)
    if found is None:
        return UNKNOWN
    name, row = found
    return Capabilities(
        context_window=_count(row, "max_input_tokens"),
        max_output=_count(row, "max_output_tokens"),
        temperature=_takes_temperature(name, row),
        structured_output=row.get("supports_response_schema") is True,
        tools=row.get("supports_function_calling") is True,
        price=_price(name, row),
    )


def _find(model: str) -> tuple[str, Mapping[str, Any]] | None:
    """The model's row, with the name it stands under."""
    folders = getattr(importlib.util.find_spec("litellm"), "submodule_search_locations", None) or ()
    path = next((place for folder in folders if (place := Path(folder, _TABLE)).is_file()), None)
    if path is None:
        return None
    table = path.read_bytes().decode()
    provider, _, rest = model.partition("/")
    for name in dict.fromkeys((model, _base_of_tuned(model))):
        row = _row(table, name)
        if row is not None and name != _SPECIMEN:
            return name, row
    for name in dict.fromkeys((rest, _base_of_tuned(rest))) if rest else ():
        row = _row(table, name)
        if row is not None and _is_of(provider, row["litellm_provider"]):
            return name, row
    return None


def _row(table: str, name: str) -> dict[str, Any] | None:
    """The object under this key. A quote within a text is escaped, so the key cannot be part of one."""
    key = json.dumps(name)
    found = table.find(key)
    while found >= 0:
        opening = _OPENING.match(table, found + len(key))
        if opening is not None:
            row: dict[str, Any] = json.JSONDecoder().raw_decode(table, opening.end() - 1)[0]
            # Objects within a row have names too, but no provider.
            if "litellm_provider" in row:
                return row
        found = table.find(key, found + len(key))
    return None


def _base_of_tuned(name: str) -> str:
    """``"ft:model"`` of OpenAI's name of a tuned model, ``"ft:model:organization::id"``, else the name."""
    return ":".join(name.split(":")[:2]) if name.startswith("ft:") else name


def _is_of(provider: str, listed: str) -> bool:
    """Whether a row's provider is the one asked for, or a part of it such as ``"vertex_ai-llama_models"``."""
    return listed == provider or listed.startswith(f"{provider}-") or (provider, listed) in _SAME_PROVIDER


def _takes_temperature(name: str, row: Mapping[str, Any]) -> bool:
    said = row.get("supports_sampling_params")
    if isinstance(said, bool):
        return said
    return _REASONING.search(name) is None or row.get("default_reasoning_effort") == "none"


def _price(name: str, row: Mapping[str, Any]) -> Price | None:
    """The row's price.

    The table also writes 0 where nobody has looked a price up, and for models whose machine is
    billed by the hour. So a 0 counts only where the model runs on one's own machine, or is free by name.
    """
    ending = ""
    price = _tier(row, ending)
    if price is None:
        return None
    free = row["litellm_provider"] in _OWN_MACHINE or name.endswith((":free", "-free"))
    says_nothing = price.completion == 0 and row.get("mode") != "embedding"
    if not free and (price.prompt == 0 or says_nothing):
        return None
    # Dearer from some length on; where there are several such lengths, each is nested in the one before.
    lengths = sorted({int(found[1]) for key in row if (found := _ABOVE.fullmatch(key))}, reverse=True)
    above: tuple[int, Price] | None = None
    for length in lengths:
        tier = _tier(row, f"_above_{length}k_tokens")
        if tier is not None:
            above = (length * 1000, Price(tier.prompt, tier.completion, tier.cached_prompt, above))
    return Price(price.prompt, price.completion, price.cached_prompt, above)


def _tier(row: Mapping[str, Any], ending: str) -> Price | None:
    prompt = row.get(f"input_cost_per_token{ending}")
    completion = row.get(f"output_cost_per_token{ending}", 0.0 if row.get("mode") == "embedding" else None)
    if prompt is None or completion is None:
        return None
    cached = row.get(f"cache_read_input_token_cost{ending}", prompt)
    return Price(float(prompt), float(completion), float(cached))


def _count(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    return int(value) if isinstance(value, int | float) and value > 0 else None
