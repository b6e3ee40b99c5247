"""What Burnish itself provides, registered as any plugin registers: everything by its address."""

from __future__ import annotations

from burnish.plugins.hookspecs import hookimpl


@hookimpl
def burnish_optimizers() -> dict[str, str]:
    """The recipes."""
    return {
        "LabeledFewShot": "burnish.optimizers.labeled_few_shot:LabeledFewShot",
        "BootstrapFewShot": "burnish.optimizers.bootstrap_few_shot:BootstrapFewShot",
        "BootstrapFewShotWithRandomSearch": "burnish.optimizers.random_search:BootstrapFewShotWithRandomSearch",
        "KNNFewShot": "burnish.optimizers.knn_few_shot:KNNFewShot",
        "COPRO": "burnish.optimizers.copro:COPRO",
        "MIPROv2": "burnish.optimizers.mipro:MIPROv2",
        "BootstrapRS": "burnish.optimizers.random_search:BootstrapRS",
    }


@hookimpl
def burnish_metrics() -> dict[str, str]:
    """Those of the text, and those that a model judges."""
    return {
        "answer_exact_match": "burnish.metrics.text:answer_exact_match",
        "answer_passage_match": "burnish.metrics.text:answer_passage_match",
        "EM": "burnish.metrics.text:answer_exact_match",
        "F1": "burnish.metrics.text:answer_f1",
        "HotPotF1": "burnish.metrics.text:answer_hotpot_f1",
        "SemanticF1": "burnish.metrics.semantic:SemanticF1",
        "CompleteAndGrounded": "burnish.metrics.semantic:CompleteAndGrounded",
    }


@hookimpl
def burnish_lm_backends() -> dict[str, str]:
    """The embedded model, OpenAI-compatible endpoints, and LiteLLM for all others."""
    return {
        "offline": "burnish.lm.backends.offline:create",
        "openai": "burnish.lm.backends.openai_compatible:create",
        "local": "burnish.lm.backends.openai_compatible:create",
        "openai_compatible": "burnish.lm.backends.openai_compatible:create",
        "litellm": "burnish.lm.backends.litellm:create",
    }


@hookimpl
def burnish_embedders() -> dict[str, str]:
    """The embedded one, OpenAI-compatible endpoints, and LiteLLM for all others."""
    return {
        "offline": "burnish.lm.backends.hashing:create",
        "openai": "burnish.lm.backends.openai_compatible:create",
        "local": "burnish.lm.backends.openai_compatible:create",
        "openai_compatible": "burnish.lm.backends.openai_compatible:create",
        "litellm": "burnish.lm.backends.litellm:create",
    }


@hookimpl
def burnish_searchers() -> dict[str, str]:
    """Searchers of a space; the surrogate needs the fewest program runs, see `benches/records/search.md`."""
    return {
        "random": "burnish.stages.search:RandomSearcher",
        "tpe": "burnish.stages.search:TPESearcher",
        "surrogate": "burnish.stages.search:SurrogateSearcher",
    }


@hookimpl
def burnish_adapters() -> dict[str, str]:
    """The prompt formats."""
    return {
        "chat": "burnish.adapters.chat:ChatAdapter",
        "json": "burnish.adapters.json:JSONAdapter",
        "xml": "burnish.adapters.xml:XMLAdapter",
        "two_step": "burnish.adapters.two_step:TwoStepAdapter",
    }


@hookimpl
def burnish_datasets() -> dict[str, str]:
    """The data that comes along, and that whose shape is known."""
    return {
        "support_tickets": "burnish.datasets.support_tickets:load",
        "colors": "burnish.datasets.colors:load",
        "gsm8k": "burnish.datasets.gsm8k:load",
        "hotpotqa": "burnish.datasets.hotpotqa:load",
    }
