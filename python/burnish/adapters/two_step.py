"""Two questions instead of one: the task in free form, then the fields out of what was said.

For models that reason better than they keep to a form. The second question goes to a model that is good at forms and
may be small. Each call of a predictor costs two LM calls; both are on its bill.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from burnish.adapters.base import Adapter, Ask
from burnish.adapters.chat import ChatAdapter
from burnish.adapters.content import content
from burnish.adapters.field_text import FieldText
from burnish.adapters.form import FormAdapter, texts_of
from burnish.adapters.history import turns
from burnish.errors import ConfigError, ReplyError
from burnish.lm.capabilities import Capabilities
from burnish.lm.request import Message, Output
from burnish.values.signature import InputField, Signature

if TYPE_CHECKING:
    from burnish.lm.lm import LM

# The second is for signatures with an output of the first name.
_GIVEN = ("text", "text_to_read")
_TAKE_OUT = """Take the output fields out of the text, as it states them.
Work nothing out anew, and add nothing that the text does not say."""


class TwoStepAdapter(FormAdapter):
    """Asks in free form, and has another model take the fields out of the reply.

    Args:
        extraction_model: Who takes them out; None is the model that was asked.
        extraction_adapter: In which form that one is asked; None is `ChatAdapter`.

    Raises:
        ConfigError: The model is none.

    Example:
        >>> adapter = TwoStepAdapter()
        >>> sums = Signature("question -> answer: int")
        >>> print(adapter.render(sums, {"question": "6 × 7?"})[0]["content"])
        question:
        6 × 7?
    """

    name = "two_step"

    def __init__(self, extraction_model: LM | None = None, *, extraction_adapter: Adapter | None = None) -> None:
        if extraction_model is not None and not hasattr(extraction_model, "complete"):
            raise ConfigError(
                f"TwoStepAdapter({extraction_model!r}) needs an LM: write TwoStepAdapter(burnish.LM('provider/name'))."
            )
        self.extraction_model = extraction_model
        self.extraction_adapter = ChatAdapter() if extraction_adapter is None else extraction_adapter

    def render(self, signature: type[Signature], inputs: Mapping[str, Any]) -> list[Message]:
        """The last user turn: the inputs, each under its name."""
        form = self.form(signature)
        texts = [before + field.show(inputs[field.name]) for field, before, _ in form.inputs if field.name in inputs]
        last: Message = {"role": "user", "content": content("\n\n".join(texts) or form.closing)}
        return [*turns(signature, inputs, self.format_demo), last]

    def parse(self, signature: type[Signature], reply: str) -> dict[str, Any]:
        """The outputs in a reply of the extraction model."""
        return self.extraction_adapter.parse(signature, reply)

    async def read(
        self, signature: type[Signature], output: Output, capabilities: Capabilities, ask: Ask
    ) -> dict[str, Any]:
        """The outputs in one completion, as the extraction model takes them out of it.

        Raises:
            ReplyError: That model's reply does not parse; the error carries the first model's reply.
            LMError: That model brought no reply.
        """
        if not output.text.strip():
            raise ReplyError("The reply is empty, so there is nothing to take the outputs out of.", reply=output.text)
        question, given = _extraction(signature)
        try:
            return await ask(self.extraction_adapter, question, {given: output.text}, model=self.extraction_model)
        except ReplyError as error:
            raise ReplyError(
                f"The outputs could not be taken out of the reply: {error} The reply was {output.text[:200]!r}.",
                reply=output.text,
                field=error.field,
            ) from error

    def around(self, name: str) -> tuple[str, str]:
        """The name."""
        return f"{name}:\n", ""

    def pattern(self, names: Collection[str]) -> str:
        """No form at all: only what has to be said."""
        return (
            "Think about the task and answer in your own words. Whatever way you write, your answer has to state "
            f"{', '.join(f'`{name}`' for name in names)} so that nobody can mistake it."
        )

    def closing(self, names: Collection[str]) -> str:
        """What has to be said."""
        return f"State {', '.join(f'`{name}`' for name in names)}."

    def written(self, fields: Mapping[str, FieldText], outputs: Mapping[str, Any]) -> str:
        """The outputs, each under its name."""
        return "\n\n".join(f"{name}:\n{text}" for name, text in texts_of(fields, outputs).items())


def _extraction(signature: type[Signature]) -> tuple[type[Signature], str]:
    """The second question, which has the same outputs and one text to take them out of; and the name of that input."""
    made: tuple[type[Signature], str] | None = signature.kept.get(_extraction)
    if made is None:
        given = next(name for name in _GIVEN if name not in signature.output_fields)
        question = signature
        for name in signature.input_fields:
            question = question.delete(name)
        question = question.append(given, InputField(desc="an answer in free form")).with_instructions(_TAKE_OUT)
        made = signature.kept[_extraction] = question, given
    return made
