"""`ChainOfThought`: lets the model reason before it answers (Wei et al. 2022, arXiv:2201.11903)."""

from __future__ import annotations

from typing import Any

from burnish.modules.module import Module
from burnish.modules.predict import Predict
from burnish.values.prediction import Prediction
from burnish.values.signature import OutputField, Signature, ensure_signature


class ChainOfThought(Module):
    """A `Predict` with a field for the reasoning ahead of the outputs.

    Args:
        signature: A `Signature` class, or text such as ``"question -> answer"``.
        rationale_field: The field to use instead of ``reasoning: str``.
        rationale_field_type: Its type, where it is not `str`.
        config: Call settings such as ``temperature=0.7``.

    Example:
        >>> list(ChainOfThought("question -> answer").predict.signature.output_fields)
        ['reasoning', 'answer']
    """

    _begins_here = True

    def __init__(
        self,
        signature: type[Signature] | str,
        rationale_field: Any = None,
        rationale_field_type: type = str,
        **config: Any,
    ) -> None:
        if rationale_field is None:
            rationale_field = OutputField(desc="the steps that lead to the answer")
        extended = ensure_signature(signature).prepend("reasoning", rationale_field, rationale_field_type)
        self.predict = Predict(extended, **config)

    async def aforward(self, **inputs: Any) -> Prediction:
        """Ask; inputs and call options are those of `Predict`."""
        return await self.predict.aforward(**inputs)
