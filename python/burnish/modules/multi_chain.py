"""`MultiChainComparison`: one answer out of several attempts at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from burnish.adapters.field_text import shown
from burnish.errors import ConfigError
from burnish.modules.module import Module
from burnish.modules.predict import Predict
from burnish.values.signature import InputField, OutputField, Signature, ensure_signature
from burnish.values.whole import check_whole

_REASONS = ("rationale", "reasoning")


class MultiChainComparison(Module):
    """Lets the model weigh M attempts against each other before it answers.

    Costs:
        One LM call.

    Args:
        signature: What the attempts answer: a `Signature` class or a text.
        M: How many attempts each call is given.
        temperature: Of the call, where the model takes one.
        config: Other call settings.

    Raises:
        ConfigError: M is no number of attempts.

    Example:
        >>> list(MultiChainComparison("question -> answer", M=2).predict.signature.fields)
        ['question', 'reasoning_attempt_1', 'reasoning_attempt_2', 'rationale', 'answer']
    """

    def __init__(
        self,
        signature: type[Signature] | str,
        M: int = 3,  # noqa: N803 - DSPy's name
        temperature: float = 0.7,
        **config: Any,
    ) -> None:
        check_whole(1, M=M)
        own = ensure_signature(signature)
        self.M = M
        self._outputs = tuple(own.output_fields)
        for number in range(1, M + 1):
            field = InputField(desc=f"attempt {number}: how it reasons, and what it comes to")
            own = own.append(f"reasoning_attempt_{number}", field)
        rationale = OutputField(desc="what the attempts get right and wrong, and what follows")
        self.predict = Predict(own.prepend("rationale", rationale), temperature=temperature, **config)

    async def aforward(self, completions: Sequence[Any], **inputs: Any) -> Any:
        """The answer after a comparison.

        Args:
            completions: M predictions or dicts with the signature's outputs, and with ``reasoning`` or ``rationale`` where
                there is one; or the `completions` of a prediction.
            inputs: The signature's inputs.

        Raises:
            ConfigError: There are more or fewer than M.
        """
        rows = [dict(one.items()) for one in completions]
        if len(rows) != self.M:
            raise ConfigError(f"MultiChainComparison(M={self.M}) compares {self.M} completions, and got {len(rows)}.")
        attempts = {f"reasoning_attempt_{number}": self._attempt(row) for number, row in enumerate(rows, 1)}
        return await self.predict.acall(**attempts, **inputs)

    def _attempt(self, row: dict[str, Any]) -> str:
        reasons = [shown(row[name]) for name in _REASONS if row.get(name) and name not in self._outputs]
        results = [f"{name}: {shown(row[name])}" for name in self._outputs if name in row]
        return "\n".join([*reasons[:1], *results])
