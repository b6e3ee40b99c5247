"""Names of call parameters, so that a misspelt one is an error and not a wish that nobody reads.

Providers have parameters of their own, so an unknown name is let through unless it is all but a known one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from burnish.errors import ConfigError

# Those of the `LM` itself, of OpenAI's chat completions, and those that servers and other providers are known to take.
_KNOWN = frozenset(
    [
        "model",
        "temperature",
        "max_tokens",
        "cache",
        "num_retries",
        "timeout",
        "rpm",
        "tpm",
        "resend_after",
        "context_window",
        "prices",
        "backend",
        "api_base",
        "rollout_id",
        "api_key",
        "api_version",
        "api_type",
        "organization",
        "project",
        "extra_headers",
        "extra_body",
        "extra_query",
        "default_headers",
        "headers",
        "max_completion_tokens",
        "max_new_tokens",
        "max_output_tokens",
        "min_tokens",
        "top_p",
        "top_k",
        "top_a",
        "min_p",
        "typical_p",
        "n",
        "best_of",
        "stop",
        "stop_sequences",
        "stop_token_ids",
        "seed",
        "logprobs",
        "top_logprobs",
        "prompt_logprobs",
        "logit_bias",
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
        "length_penalty",
        "response_format",
        "guided_json",
        "guided_regex",
        "guided_choice",
        "guided_grammar",
        "grammar",
        "json_schema",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "functions",
        "function_call",
        "reasoning_effort",
        "reasoning",
        "thinking",
        "verbosity",
        "modalities",
        "audio",
        "prediction",
        "user",
        "metadata",
        "store",
        "service_tier",
        "stream",
        "stream_options",
        "web_search_options",
        "safety_settings",
        "num_ctx",
        "num_predict",
        "mirostat",
        "echo",
        "suffix",
        "prompt_cache_key",
        "safety_identifier",
        "ignore_eos",
        "skip_special_tokens",
        "chat_template_kwargs",
        "drop_params",
    ]
)
# What other libraries call it.
_ELSEWHERE = {"base_url": "api_base", "api_url": "api_base", "max_retries": "num_retries", "request_timeout": "timeout"}


def check_names(given: Iterable[str], *, known: frozenset[str] = _KNOWN, whose: str = "LM") -> None:
    """Nothing given is all but the name of something known.

    Args:
        given: The names.
        known: The names there are.
        whose: Whose they are, for the message.

    Raises:
        ConfigError: A name is misspelt, or another library's.
    """
    for name in given:
        if name in known:
            continue
        meant = _ELSEWHERE.get(name)
        if meant not in known:
            meant = next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.8)), None)
        if meant is not None:
            raise ConfigError(
                f"{whose}({name}=...) is unknown. Did you mean {meant}? What is the provider's own goes into "
                f"extra_body={{{name!r}: ...}}."
            )
