"""What Burnish itself provides, registered as any plugin registers."""

from __future__ import annotations

from burnish.plugins.hookspecs import hookimpl
from burnish.plugins.lazy import Lazy


@hookimpl
def burnish_optimizers() -> dict[str, Lazy]:
    """The recipes."""
    return {
        "LabeledFewShot": Lazy("burnish.optimizers.labeled_few_shot:LabeledFewShot"),
        "BootstrapFewShot": Lazy("burnish.optimizers.bootstrap_few_shot:BootstrapFewShot"),
        "BootstrapFewShotWithRandomSearch": Lazy("burnish.optimizers.random_search:BootstrapFewShotWithRandomSearch"),
        "BootstrapRS": Lazy("burnish.optimizers.random_search:BootstrapRS"),
    }


@hookimpl
def burnish_metrics() -> dict[str, Lazy]:
    """The text metrics."""
    return {
        "answer_exact_match": Lazy("burnish.metrics.text:answer_exact_match"),
        "answer_passage_match": Lazy("burnish.metrics.text:answer_passage_match"),
    }


@hookimpl
def burnish_lm_backends() -> dict[str, Lazy]:
    """The embedded model, and LiteLLM for all hosted ones."""
    return {
        "offline": Lazy("burnish.lm.backends.offline:create"),
        "litellm": Lazy("burnish.lm.backends.litellm:create"),
    }


@hookimpl
def burnish_adapters() -> dict[str, Lazy]:
    """The prompt formats."""
    return {"chat": Lazy("burnish.adapters.chat:ChatAdapter")}


@hookimpl
def burnish_datasets() -> dict[str, Lazy]:
    """The data that comes along."""
    return {"support_tickets": Lazy("burnish.datasets.support_tickets:load")}
