"""What is known of a model, held against LiteLLM's table itself and against LiteLLM's own arithmetic."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from burnish.lm.backends.litellm import _imported
from burnish.lm.capabilities import UNKNOWN, Capabilities, Price, capabilities


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    """The whole table, parsed."""
    spec = find_spec("litellm")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "model_prices_and_context_window_backup.json")
    rows: dict[str, Any] = json.loads(path.read_bytes())
    return rows


def test_a_row_becomes_what_it_says(table: dict[str, Any]) -> None:
    row = table["gpt-4o-mini"]
    assert capabilities("openai/gpt-4o-mini") == Capabilities(
        context_window=row["max_input_tokens"],
        max_output=row["max_output_tokens"],
        temperature=True,
        structured_output=True,
        tools=True,
        price=Price(
            row["input_cost_per_token"], row["output_cost_per_token"], row["cache_read_input_token_cost"]
        ),
    )  # fmt: skip


def test_every_row_is_found_under_its_name(table: dict[str, Any]) -> None:
    rows = [name for name, row in table.items() if "litellm_provider" in row and name != "sample_spec"]
    assert len(rows) > 1000
    for name in rows[::60]:
        window = table[name].get("max_input_tokens")
        assert capabilities(name).context_window == (window or None), name


@pytest.mark.parametrize(
    ("model", "row"),
    [
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("azure/gpt-4o", "azure/gpt-4o"),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("gemini/gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("vertex_ai/gemini-2.5-pro", "gemini-2.5-pro"),
        ("openai/ft:gpt-4o-mini-2024-07-18:somebody::a1b2", "ft:gpt-4o-mini-2024-07-18"),
        ("openai/text-embedding-3-small", "text-embedding-3-small"),
    ],
)
def test_a_name_finds_its_own_row(model: str, row: str, table: dict[str, Any]) -> None:
    known = capabilities(model)
    assert known.context_window == table[row]["max_input_tokens"]
    assert known.price is not None
    assert known.price.prompt == table[row]["input_cost_per_token"]


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o-mini-of-tomorrow",
        "gpt-4o-min",
        "local/gpt-4o-mini",
        "litellm_proxy/gpt-4o",
        "anthropic/gpt-4o",
        "openai/claude-sonnet-4-5",
        "offline/icl",
        "sample_spec",
        "metadata",
        "search_context_cost_per_query",
        'gpt-4o"',
        "openai/",
        "/",
        "",
    ],
)
def test_another_name_is_unknown_however_alike(model: str) -> None:
    assert capabilities(model) == UNKNOWN


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        ("openai/gpt-4o", True),
        ("openai/o1", False),
        ("openai/o3-mini", False),
        ("azure/o4-mini", False),
        ("openai/gpt-5", False),
        ("openai/gpt-5-mini-2025-08-07", False),
        ("azure/gpt-5-nano", False),
        ("openai/gpt-5-chat-latest", True),
        ("openai/gpt-5.1", True),  # does not reason unless asked to
        ("anthropic/claude-sonnet-4-5", True),
        ("anthropic/claude-opus-4-7", False),
        ("groq/openai/gpt-oss-120b", True),
    ],
)
def test_a_model_that_refuses_a_temperature_is_known(model: str, taken: bool) -> None:
    assert capabilities(model) != UNKNOWN
    assert capabilities(model).temperature is taken


def test_litellm_agrees_on_who_takes_a_temperature() -> None:
    litellm = _imported()

    for model in (
        "o1",
        "o3-mini",
        "gpt-5",
        "gpt-5-mini",
        "gpt-5-chat-latest",
        "gpt-5.1",
        "gpt-5.5",
        "gpt-4o",
        "gpt-4.1",
    ):
        try:
            litellm.get_optional_params(model=model, custom_llm_provider="openai", temperature=0.3)
            taken = True
        except litellm.UnsupportedParamsError:
            taken = False
        assert capabilities(f"openai/{model}").temperature is taken, model


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o-mini",
        "openai/gpt-5.4",
        "azure/gpt-4o",
        "anthropic/claude-sonnet-4-5",
        "gemini/gemini-2.5-pro",
        "groq/openai/gpt-oss-120b",
        "openai/text-embedding-3-small",
    ],
)
@pytest.mark.parametrize(("prompt", "cached"), [(1000, 0), (1000, 400), (300_000, 1000)])
def test_a_call_costs_what_litellm_says(model: str, prompt: int, cached: int) -> None:
    litellm = _imported()
    from litellm.types.utils import PromptTokensDetailsWrapper, Usage

    provider, _, name = model.partition("/")
    completion = 0 if "embedding" in model else 100
    theirs = litellm.cost_per_token(
        model=name if provider in ("openai", "anthropic") else model,
        custom_llm_provider=provider,
        call_type="completion" if completion else "embedding",
        usage_object=Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            prompt_tokens_details=PromptTokensDetailsWrapper(cached_tokens=cached),
        ),
    )
    price = capabilities(model).price
    assert price is not None
    assert price.of(prompt, completion, cached=cached) == pytest.approx(sum(theirs))


def test_a_long_prompt_makes_the_whole_call_dearer() -> None:
    price = Price(1.0, 2.0, 0.5, above=(100, Price(10.0, 20.0, 5.0, above=(200, Price(100.0, 200.0, 50.0)))))
    assert [price.of(prompt, 1, cached=10) for prompt in (100, 101, 200, 201)] == [97.0, 980.0, 1970.0, 19800.0]


def test_a_price_of_nothing_is_unknown_unless_the_model_is_free(table: dict[str, Any]) -> None:
    assert table["ollama/codellama"]["input_cost_per_token"] == 0
    assert capabilities("ollama/codellama").price == Price(0.0, 0.0, 0.0)
    assert table["gemini/gemini-exp-1206"]["input_cost_per_token"] == 0
    known = capabilities("gemini/gemini-exp-1206")
    assert (known.price, known.context_window) == (None, table["gemini/gemini-exp-1206"]["max_input_tokens"])


def test_a_look_at_the_table_imports_nothing_heavy() -> None:
    script = (
        "import sys; from burnish.lm.capabilities import capabilities\n"
        "assert capabilities('openai/gpt-4o-mini').context_window\n"
        "print([name for name in ('litellm', 'tiktoken', 'openai', 'httpx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
