"""The hooks of this plugin. They run at Burnish's first lookup, so they only name what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from burnish import hookimpl

if TYPE_CHECKING:
    from burnish_optuna.bootstrap import BootstrapFewShotWithOptuna as BootstrapFewShotWithOptuna

__all__ = ["BootstrapFewShotWithOptuna"]


@hookimpl
def burnish_optimizers() -> dict[str, str]:
    """The optimizer, under DSPy's name."""
    return {"BootstrapFewShotWithOptuna": "burnish_optuna.bootstrap:BootstrapFewShotWithOptuna"}


@hookimpl
def burnish_searchers() -> dict[str, str]:
    """Optuna's samplers that choose among named things by what a board can say."""
    return {
        "optuna-tpe": "burnish_optuna.searchers:TPE",
        "optuna-gp": "burnish_optuna.searchers:GP",
        "optuna-random": "burnish_optuna.searchers:Random",
    }


def __getattr__(name: str) -> Any:
    # The optimizer needs the whole of Burnish, which a listing of plugins need not wait for.
    if name == "BootstrapFewShotWithOptuna":
        from burnish_optuna.bootstrap import BootstrapFewShotWithOptuna

        return BootstrapFewShotWithOptuna
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
